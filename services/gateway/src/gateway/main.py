"""Entry point: `python -m gateway.main`."""

from __future__ import annotations

from fastapi import FastAPI

from gateway.settings import Settings
from gateway.wiring import Gateway
from shared.runtime.process import serve


def create_api(settings: Settings | None = None) -> FastAPI:
    """The public door, wired from the environment."""
    known = settings or Settings()
    return Gateway(known).app(known)


def main() -> None:
    """Serve until told to end."""
    settings = Settings()
    serve(create_api(settings), settings)


if __name__ == "__main__":
    main()
