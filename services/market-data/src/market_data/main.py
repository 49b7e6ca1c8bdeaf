"""Entry point: `python -m market_data.main`."""

from __future__ import annotations

from fastapi import FastAPI
from shared.runtime.process import serve

from market_data.settings import Settings
from market_data.wiring import build
from shared.runtime.logging import configure_logging


def create_api(settings: Settings) -> FastAPI:
    """The service with its health endpoints."""
    return build(settings).api()


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    configure_logging("market_data", level=settings.log_level, json=settings.log_json)
    serve(create_api(settings), settings)


if __name__ == "__main__":
    main()
