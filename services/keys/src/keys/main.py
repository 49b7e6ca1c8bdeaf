"""Entry points of keys: `python -m keys.main`, and `python -m keys.main verify-audit [KEY_ID]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from uuid import UUID

from fastapi import FastAPI

from keys.settings import Settings
from keys.wiring import check_audit, make_process
from shared.runtime.process import serve
from shared.trading.errors import PlatformError

USAGE = "usage: python -m keys.main [verify-audit [KEY_ID]]"


def create_api(settings: Settings | None = None) -> FastAPI:
    """The service with its health; everything else comes over the bus."""
    return make_process(settings or Settings()).api()


def main(arguments: Sequence[str] = ()) -> None:
    """Run until told to stop, or carry out one command."""
    match list(arguments):
        case []:
            settings = Settings()
            serve(create_api(settings), settings)
        case ["verify-audit"]:
            _verify(None)
        case ["verify-audit", key_id]:
            _verify(_id(key_id))
        case _:
            sys.exit(USAGE)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        sys.exit(f"not a key's id: {text}")


def _verify(key_id: UUID | None) -> None:
    """A line for each chain: key, records, seal of the last one. Ends with 1 when a chain is broken."""
    settings = Settings()
    try:
        chains = asyncio.run(check_audit(settings, key_id))
    except PlatformError as error:
        sys.exit(f"{error.code}: {error.detail}")
    for chain in chains:
        sys.stdout.write(f"{chain.key_id} {chain.records} {chain.fault or chain.head.hex()}\n")
    if any(chain.fault for chain in chains):
        sys.exit("audit_broken")


if __name__ == "__main__":
    main(sys.argv[1:])
