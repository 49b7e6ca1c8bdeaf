"""Entry points: `python -m auth.main`, and `python -m auth.main grant-admin EMAIL`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from fastapi import FastAPI

from auth.settings import Settings
from auth.wiring import build, make_admin
from shared.runtime.process import serve
from shared.trading.errors import PlatformError

USAGE = "usage: python -m auth.main [grant-admin EMAIL]"


def create_api(settings: Settings) -> FastAPI:
    """The service with its health endpoints."""
    return build(settings).api()


def main(arguments: Sequence[str] = ()) -> None:
    """Run until told to stop, or carry out one command."""
    match list(arguments):
        case []:
            settings = Settings()
            serve(create_api(settings), settings)
        case ["grant-admin", email]:
            _grant(email)
        case _:
            sys.exit(USAGE)


def _grant(email: str) -> None:
    settings = Settings()
    try:
        user = asyncio.run(make_admin(settings, email))
    except PlatformError as error:
        sys.exit(f"{error.code}: {error.detail}")
    sys.stdout.write(f"{user.email} is an admin from the next sign-in or refresh on.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
