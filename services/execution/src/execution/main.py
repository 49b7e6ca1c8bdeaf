"""Entry point: `python -m execution.main`."""

from __future__ import annotations

from fastapi import FastAPI

from execution.settings import Settings
from execution.wiring import build
from shared.runtime.process import serve


def create_api(settings: Settings) -> FastAPI:
    """The service with its health endpoints."""
    return build(settings).api()


def main() -> None:
    """Run until told to stop."""
    settings = Settings()  # from the environment
    serve(create_api(settings), settings)


if __name__ == "__main__":
    main()
