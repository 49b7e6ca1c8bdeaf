"""Builds the price feed that the settings ask for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paper_exchange.application.ports import PriceFeed
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_board import PriceBoard
from paper_exchange.domain.price_mirror import PriceMirror
from paper_exchange.domain.price_replay import PriceReplay
from paper_exchange.domain.price_walk import PriceWalk
from paper_exchange.outbound.candle_file import CandleFileWrong, load_candles
from paper_exchange.outbound.mirror_link import MirrorLink

VIRTUAL_START_MS = 1_767_225_600_000
"""Where virtual time begins when nobody says: 2026-01-01 UTC, so that the same seed gives the same day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChoice:
    """What moves the prices.

    Attributes:
        kind: `simulated`, `frozen`, `replay` or `mirror`.
        seed: Of the walk.
        gaps_per_day: Of a pair, on average, in the walk.
        replay_file: A candle file (`candle_file.py`).
        replay_loop: Begin again after its last candle.
        mirror_url: The other host's public spot stream.
        mirror_symbols: What to ask it for; nothing means every listed pair.
    """

    kind: str
    seed: int = 1
    gaps_per_day: float = 0.0
    replay_file: Path | None = None
    replay_loop: bool = False
    mirror_url: str = ""
    mirror_symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltFeed:
    """The feed, the line to another venue where it needs one, and when its record begins (epoch milliseconds)."""

    prices: PriceFeed
    link: MirrorLink | None = None
    first_ms: int = VIRTUAL_START_MS


def build_feed(choice: FeedChoice, listings: Sequence[Listing], *, start_ms: int = 0) -> BuiltFeed:
    """Build a feed.

    Args:
        choice: Which.
        listings: What is listed.
        start_ms: The venue's time at which a replay begins; 0: where its record does.

    Raises:
        CandleFileWrong: no file is named for a replay, or it cannot be replayed.
    """
    if choice.kind == "replay":
        return _replay(choice, listings, start_ms)
    if choice.kind == "mirror":
        mirror = PriceMirror(listings)
        symbols = choice.mirror_symbols or tuple(listing.symbol for listing in listings)
        return BuiltFeed(mirror, MirrorLink(choice.mirror_url, mirror, symbols))
    rng = random.Random(choice.seed)  # noqa: S311 - a simulated market, not a secret
    return BuiltFeed(PriceWalk(listings, rng, gaps_per_day=choice.gaps_per_day))


def _replay(choice: FeedChoice, listings: Sequence[Listing], start_ms: int) -> BuiltFeed:
    if choice.replay_file is None:
        raise CandleFileWrong("The replay feed needs PAPER_EXCHANGE_REPLAY_FILE.")
    recording = load_candles(choice.replay_file, PriceBoard(listings))
    prices = PriceReplay(
        listings,
        recording.candles,
        length_ms=recording.length_ms,
        start_ms=start_ms or recording.first_ms,
        loop=choice.replay_loop,
    )
    return BuiltFeed(prices, None, recording.first_ms)
