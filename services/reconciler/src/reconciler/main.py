"""Entry point: `python -m reconciler.main`."""

from __future__ import annotations

from fastapi import FastAPI

from reconciler.settings import Settings
from reconciler.wiring import build
from shared.runtime.process import serve


def create_api(settings: Settings) -> FastAPI:
    """The service with its health endpoints."""
    return build(settings).api()


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    serve(create_api(settings), settings)


if __name__ == "__main__":
    main()
