"""`./basketry conformance`: what only the real venue can answer, asked with the user's own testnet key."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from basketry_local.conformance.credentials import NoKeyError, TestKey
from basketry_local.conformance.desk import NotPossibleError
from basketry_local.conformance.memory import Memory, MemoryBrokenError
from basketry_local.conformance.report import agrees, write
from basketry_local.conformance.session import Session
from shared.runtime.settings import VenueHost
from shared.trading.errors import Invalid
from shared.trading.money import parse_decimal, plain
from shared.trading.status import VenueEnvironment

AGREES, DISAGREES, NOT_RUN = 0, 1, 2
DEFAULT_PAPER = "http://127.0.0.1:8090"


class RefusedError(Exception):
    """The command as given cannot run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed."""

    environment: str
    url: str | None
    symbol: str
    budget: str
    folder: Path
    yes: bool


def run(options: Options, environment: Mapping[str, str] = os.environ) -> int:
    """Exit status 0 when the venue agrees with the product, 1 when it does not, 2 when nothing was asked."""
    console = Console(stderr=True)
    try:
        session = _session(options, environment, console)
        _consent(session, console, yes=options.yes)
        asyncio.run(session.run())
    except (RefusedError, NoKeyError, NotPossibleError, MemoryBrokenError) as refusal:
        console.print(f"[red]not run:[/] {refusal}")
        return NOT_RUN
    as_json, as_text = write(session, options.folder, at=datetime.now(UTC))
    for finding in session.findings:
        colour = {True: "green", False: "red", None: "yellow"}[finding.agrees]
        console.print(f"[{colour}]{finding.name}[/]: {finding.said}", highlight=False, soft_wrap=True)
    for trouble in session.troubles:
        console.print(f"[red]trouble:[/] {trouble}", highlight=False)
    console.print(f"report: {as_text} and {as_json.name}")
    return AGREES if agrees(session) else DISAGREES


def _session(options: Options, environment: Mapping[str, str], console: Console) -> Session:
    venue, host = where(options.environment, options.url)
    try:
        budget = parse_decimal(options.budget)
    except Invalid as error:
        raise RefusedError(error.detail) from None
    if budget <= 0:
        raise RefusedError("The budget must be above zero.")
    key = TestKey.of(environment)
    return Session(
        environment=venue,
        host=host,
        key=key,
        symbol=options.symbol.upper(),
        budget=budget,
        memory=Memory.at(options.folder / f"conformance-{venue}-{key.fingerprint}.memory.json"),
        tell=lambda step: console.print(f"[dim]{step} …[/]"),
    )


def where(environment: str, url: str | None) -> tuple[VenueEnvironment, VenueHost]:
    """The venue to ask: testnet or demo at Bybit's own addresses, or a paper exchange at `url`.

    Raises:
        RefusedError: Live trading, an unknown environment, or an address for one of Bybit's.
    """
    names = [name.value for name in VenueEnvironment if name is not VenueEnvironment.MAINNET]
    if environment not in names:
        raise RefusedError(f"--environment is one of {', '.join(names)}; questions are never asked with real money.")
    venue = VenueEnvironment(environment)
    if venue is not VenueEnvironment.PAPER:
        if url is not None:
            raise RefusedError("--url is for the paper exchange; a key of Bybit's goes to Bybit's own address only.")
        return venue, VenueHost.of_site(venue, "global")
    rest = (url or DEFAULT_PAPER).rstrip("/")
    if not rest.startswith(("http://", "https://")):
        raise RefusedError("--url begins with http:// or https://")
    stream = "ws" + rest.removeprefix("http")
    return venue, VenueHost(rest=rest, private_stream=f"{stream}/v5/private", public_stream=f"{stream}/v5/public/spot")


def _consent(session: Session, console: Console, *, yes: bool) -> None:
    console.print(
        f"{session.environment} at {session.host.rest}, key {session.key.hint}, {session.symbol}: a few tiny orders, "
        f"bought and sold again, worth at most {plain(session.budget)} in all; some wrong calls on purpose.",
        soft_wrap=True,
    )
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusedError("Nobody is there to ask; --yes says that these orders may be placed.")
    if console.input("Place these orders? Type yes: ").strip().lower() != "yes":
        raise RefusedError("nothing was sent.")
