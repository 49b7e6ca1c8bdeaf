"""Who may be in an index: every coin gets a verdict, in order of market cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from market_data.domain.candidate import Candidate, Verdict
from market_data.domain.coin import BrokenRow, SourceCoin, SourceList
from market_data.domain.errors import TooFewConstituents
from market_data.domain.exclusion import excluded
from market_data.domain.identity import Candle, same_coin, timely
from market_data.domain.index_rules import IndexRules, Weighting
from market_data.domain.index_version import Composition, Constituent, Exclusion
from market_data.domain.membership import by_rules, pick
from market_data.domain.renames import Rename, Renames, rename_of
from market_data.domain.reviewed import ReviewedCoin, ReviewedTable
from market_data.domain.weighing import weigh
from shared.trading.instrument import Instrument

QUOTE = "USDT"
NO_RENAMES: Mapping[str, Rename] = MappingProxyType({})


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
    since = reviewed.known_since if reviewed else None
    return Candidate(coin=coin, instrument=instrument, rank=rank, known_since=since)


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


def compose(
    rules: IndexRules, verdicts: Sequence[Verdict], *, as_of: datetime, previous: Sequence[Constituent] = ()
) -> Composition:
    """Choose the members among proved coins and weigh them.

    Args:
        rules: What the index is.
        as_of: Moment of the composition, UTC.
        verdicts: Proved candidates and exclusions, largest market cap first.
        previous: The members until now: the buffer keeps them, and those that leave are told with the reason.

    Raises:
        TooFewConstituents: Fewer candidates than `rules.size`.
        InfeasibleCap, InfeasibleFloor: The rules contradict themselves.
    """
    judged = [by_rules(rules, verdict, at=as_of) for verdict in verdicts]
    ranked = [verdict for verdict in judged if isinstance(verdict, Candidate)]
    chosen = pick(rules, ranked, {one.source_id for one in previous})
    if len(chosen) < rules.size and (rules.weighting is not Weighting.FIXED or not chosen):
        reasons = sorted({item.reason for item in judged if not isinstance(item, Candidate)})
        raise TooFewConstituents(
            f"{rules.name} needs {rules.size} coins and only {len(chosen)} passed every check.",
            context={"index_id": rules.index_id, "reasons": reasons},
        )
    return Composition(
        rules=rules,
        constituents=weigh(rules, chosen),
        exclusions=tuple(excluded(rules, judged, chosen, previous)),
        as_of=as_of,
    )
