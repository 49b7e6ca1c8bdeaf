"""Who may be in an index: every coin gets a verdict, in order of market cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from market_data.domain.coin import BrokenRow, SourceCoin, SourceList
from market_data.domain.errors import TooFewConstituents
from market_data.domain.identity import Candle, same_coin, timely
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Composition, Constituent, Exclusion
from market_data.domain.renames import Rename, Renames, rename_of
from market_data.domain.reviewed import ReviewedCoin, ReviewedTable
from shared.trading.instrument import Instrument
from shared.trading.weights import capped_weights

QUOTE = "USDT"
NO_RENAMES: Mapping[str, Rename] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A coin that may be in an index once its identity is proved."""

    coin: SourceCoin
    instrument: Instrument
    rank: int

    def exclusion(self, reason: str) -> Exclusion:
        """The exclusion that takes its place."""
        return Exclusion(asset=self.instrument.base, source_id=self.coin.source_id, rank=self.rank, reason=reason)


Verdict = Candidate | Exclusion


def screen(
    listing: SourceList,
    *,
    table: ReviewedTable,
    instruments: Mapping[str, Instrument],
    now: datetime,
    renames: Renames = NO_RENAMES,
) -> list[Verdict]:
    """Judge every coin by what is known without asking for a price.

    Args:
        listing: One pull of the source.
        table: The reviewed rows.
        instruments: The venue's spot pairs by symbol.
        now: UTC; a price is compared only while it is young.
        renames: Coins that go by another name now; they are out, whatever still trades under the old one.

    Returns:
        One verdict per row of the source, largest market cap first; broken rows stand where the source had them.
    """
    by_cap = sorted(listing.coins, key=lambda coin: (-coin.market_cap, coin.source_id))
    verdicts: list[Verdict] = [
        _judge(coin, rank=rank, table=table, instruments=instruments, now=now, renames=renames)
        for rank, coin in enumerate(by_cap, start=1)
    ]
    for row in sorted(listing.broken, key=lambda row: row.place):
        verdicts.insert(min(row.place - 1, len(verdicts)), _broken(row))
    return verdicts


def _broken(row: BrokenRow) -> Exclusion:
    return Exclusion(asset=row.symbol, source_id=row.source_id, rank=row.place, reason="source_row_invalid")


def _judge(
    coin: SourceCoin,
    *,
    rank: int,
    table: ReviewedTable,
    instruments: Mapping[str, Instrument],
    now: datetime,
    renames: Renames,
) -> Verdict:
    reviewed = table.get(coin.source_id)
    instrument = instruments.get(reviewed.base + QUOTE) if reviewed else None
    reason = _kind(coin, reviewed) or _doubt(coin, reviewed, renames) or _market(instrument, coin, now)
    if reason or instrument is None:
        return Exclusion(asset=coin.symbol, source_id=coin.source_id, rank=rank, reason=reason or "not_listed")
    return Candidate(coin=coin, instrument=instrument, rank=rank)


def _kind(coin: SourceCoin, reviewed: ReviewedCoin | None) -> str | None:
    """Out for what it is: the review's word first, then the source's."""
    if reviewed is not None and reviewed.excluded_as:
        return f"category:{reviewed.excluded_as}"
    return f"category:{min(coin.categories)}" if coin.categories else None


def _doubt(coin: SourceCoin, reviewed: ReviewedCoin | None, renames: Renames) -> str | None:
    """Out because nobody vouches for which coin of the venue it is."""
    if reviewed is None:
        return "not_in_table"
    if (moved := rename_of(coin, reviewed, renames)) is not None:
        return moved.reason
    if not reviewed.base:
        return "not_listed"
    return None if reviewed.names(coin) else "identity_mismatch"


def _market(instrument: Instrument | None, coin: SourceCoin, now: datetime) -> str | None:
    """Out because it cannot be bought, or its price cannot be compared."""
    if instrument is None or instrument.symbol != instrument.base + QUOTE:
        return "not_listed"
    if not instrument.trading:
        return "not_trading"
    return None if timely(coin, now) else "source_price_stale"


def prove(candidate: Candidate, candle: Candle | None) -> Verdict:
    """Judge a candidate by the venue's candle of the minute in which the source took its price."""
    if candle is None:
        return candidate.exclusion("identity_unproved")
    if not same_coin(candidate.coin, candle):
        return candidate.exclusion("identity_mismatch")
    return candidate


def compose(rules: IndexRules, verdicts: Sequence[Verdict], *, as_of: datetime) -> Composition:
    """Take the largest proved coins and weigh them.

    Args:
        rules: What the index is.
        as_of: Moment of the composition, UTC.
        verdicts: Proved candidates and exclusions, largest market cap first.

    Raises:
        TooFewConstituents: Fewer candidates than `rules.size`.
        InfeasibleCap: The rules contradict themselves.
    """
    chosen: list[Candidate] = []
    excluded: list[Exclusion] = []
    for verdict in verdicts:
        if len(chosen) == rules.size:
            break
        if isinstance(verdict, Candidate):
            chosen.append(verdict)
        else:
            excluded.append(verdict)
    if len(chosen) < rules.size:
        raise TooFewConstituents(
            f"{rules.name} needs {rules.size} coins and only {len(chosen)} passed every check.",
            context={"index_id": rules.index_id, "reasons": sorted({item.reason for item in excluded})},
        )
    return Composition(rules=rules, constituents=_weigh(rules, chosen), exclusions=tuple(excluded), as_of=as_of)


def _weigh(rules: IndexRules, chosen: Sequence[Candidate]) -> tuple[Constituent, ...]:
    caps = {item.instrument.symbol: item.coin.market_cap for item in chosen}
    weights = capped_weights(caps, cap=rules.weight_cap)
    return tuple(
        Constituent(
            asset=item.instrument.base,
            symbol=item.instrument.symbol,
            source_id=item.coin.source_id,
            name=item.coin.name,
            market_cap=item.coin.market_cap,
            price=item.coin.price,
            weight=weights[item.instrument.symbol],
            rank=item.rank,
        )
        for item in chosen
    )
