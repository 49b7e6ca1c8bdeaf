"""Separate eyes: what execution's journal says against the venue's own ledger, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from execution.domain.journal import LedgerAccount
from kit.town import LINK_KEY, Customer, Town
from shared.trading.clock import epoch_ms
from shared.trading.errors import Invalid
from shared.trading.link_id import LinkId

ZERO = Decimal(0)
INSIDE = frozenset({LedgerAccount.POSITION, LedgerAccount.UNASSIGNED})
BEFORE_OUR_FIRST = timedelta(minutes=1)
"""From so long before our first match there on, whatever happens on an account is booked."""


def books_equal_the_venue(town: Town, customer: Customer) -> None:
    """Σ positions + own coins = balances, coin by coin; every entry sums to zero; nobody holds less than nothing."""
    account_id = customer.account.account_id
    lines = [line for line in town.books_house.everything("journal") if line.account_id == account_id]
    fills = [fill.at for fill in town.books_house.everything("fills") if fill.account_id == account_id]
    if not fills:
        return
    booked: dict[str, Decimal] = defaultdict(lambda: ZERO)
    positions: dict[Any, Decimal] = defaultdict(lambda: ZERO)
    entries: dict[Any, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        entries[line.source, line.asset] += line.amount
        if line.ledger in INSIDE:
            booked[line.asset] += line.amount
        if line.ledger is LedgerAccount.POSITION:
            positions[line.position_id, line.asset] += line.amount
    assert not {entry: amount for entry, amount in entries.items() if amount}, "an entry does not sum to zero"
    moved = _moved_since(town, customer, _begun(town, customer, min(fills)))
    assert _nonzero(booked) == _nonzero(moved), (town.clock.now(), customer.uid)
    _positions_agree(town, customer, positions)


def _begun(town: Town, customer: Customer, first_fill: datetime) -> datetime:
    """An account that was compared before its first match has been booked from then on."""
    flows = town.books_house.everything("account_flows")
    booked: list[datetime] = [flow.at for flow in flows if flow.account_id == customer.account.account_id]
    return min([first_fill - BEFORE_OUR_FIRST, *booked])


def _moved_since(town: Town, customer: Customer, begun: datetime) -> dict[str, Decimal]:
    """What the venue's own log says that came and went since the books began; its balances must agree with itself."""
    moved: dict[str, Decimal] = defaultdict(lambda: ZERO)
    whole: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in town.venue.account(customer.uid).log:
        whole[entry.coin] += entry.change
        if entry.at_ms >= epoch_ms(begun):
            moved[entry.coin] += entry.change
    assert _nonzero(whole) == town.venue.balances(customer.uid)
    return moved


def _positions_agree(town: Town, customer: Customer, ledger: dict[Any, Decimal]) -> None:
    account_id = customer.account.account_id
    held: dict[Any, Decimal] = {}
    for row in town.books_house.everything("holdings"):
        if row.account_id == account_id:
            assert row.quantity >= ZERO, row
            held[row.position_id, row.asset] = row.quantity
    for position in town.books_house.everything("positions"):
        if position.account_id == account_id:
            held[position.position_id, "USDT"] = position.cash
    assert _nonzero(held) == _nonzero(ledger), (town.clock.now(), customer.uid)


def nobody_sold_what_was_not_theirs(town: Town, customer: Customer) -> int:
    """By the venue's matches alone: at every moment each position had bought what it sold; the number of its sales."""
    theirs: dict[tuple[int, str], Decimal] = defaultdict(lambda: ZERO)
    sales = 0
    for match in town.venue.account(customer.uid).executions:
        try:
            position = LinkId.decode(match.link_id, LINK_KEY).position
        except Invalid:
            continue  # by the customer's own hand
        coin = match.symbol.removesuffix("USDT")
        if match.side == "Buy":
            theirs[position, coin] += match.quantity - (match.fee if match.fee_coin == coin else ZERO)
        else:
            sales += 1
            theirs[position, coin] -= match.quantity
        assert theirs[position, coin] >= ZERO, match
    return sales


def _nonzero(amounts: dict[Any, Decimal]) -> dict[Any, Decimal]:
    return {key: amount for key, amount in amounts.items() if amount}
