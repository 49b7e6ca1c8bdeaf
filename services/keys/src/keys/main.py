"""Entry points of keys: `python -m keys.main`."""

from __future__ import annotations

from fastapi import FastAPI

from keys.settings import Settings
from keys.wiring import make_process
from shared.runtime.process import serve


def create_api(settings: Settings | None = None) -> FastAPI:
    """The service with its health; everything else comes over the bus."""
    return make_process(settings or Settings()).api()


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    serve(create_api(settings), settings)


if __name__ == "__main__":
    main()
