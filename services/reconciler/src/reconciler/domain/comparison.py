"""Compares books and venue: classifies every difference, invents nothing, touches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from reconciler.domain.announcements import Break
from reconciler.domain.balances import coins_to_look_at, compare_balances
from reconciler.domain.books import AccountBooks, OpenOrder
from reconciler.domain.causes import causes_of
from reconciler.domain.findings import Comparison, Finding, Flow, Handover, Scope
from reconciler.domain.foreign_flows import class_of, coins_of, flows_of, handover_of
from reconciler.domain.listing import not_traded
from reconciler.domain.venue import NoView, VenueExecution, VenueOrder, VenueView
from shared.trading.errors import Invalid
from shared.trading.link_id import LinkId, position_tail
from shared.trading.money import QUOTE_ASSET
from shared.trading.status import AttemptState, BreakClass

ATTENTION_PATIENCE = timedelta(minutes=10)
"""An order that waits for a person for longer keeps only its own coin from being compared, not the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What a comparison needs besides the two sides.

    Attributes:
        link_key: Tells our client order ids from look-alikes.
        quiet: Orders and matches younger than this are left alone: their news may be under way.
        missing: Of the venue's matches with our ids, those that are not in our books.
        unbooked: Of everything else that moved coins, what is not in our books.
        lots: Smallest step of quantity by symbol, base units.
        listing: Every listed symbol and whether it trades; empty when nobody knows.
        known: Breaks of the account, of which the notes may explain what is missing.
        agreed_at: When each coin was last there in full.
    """

    now: datetime
    link_key: bytes
    quiet: timedelta
    missing: frozenset[str]
    unbooked: frozenset[str] = frozenset()
    lots: Mapping[str, Decimal]
    listing: Mapping[str, bool] = field(default_factory=dict)
    known: Sequence[Break] = ()
    agreed_at: Mapping[str, datetime] = field(default_factory=dict)


def compare(books: AccountBooks, view: VenueView, lens: Lens) -> Comparison:
    """Every difference between our books and the venue's, classified."""
    ours = [row for row in view.executions if _decoded(row.client_order_id, books, lens) is not None]
    missing = _missing_executions(books, ours, lens)
    orders = [*_orders_without_row(books, view, lens), *_stale_orders(books, view, lens)]
    looked_at = {Scope.KEY, Scope.WINDOW, Scope.EXECUTIONS, Scope.ORDERS, Scope.NOTES}
    notes = _notes(books, view, lens)
    halted: list[Finding] = []
    if lens.listing:
        looked_at.add(Scope.LISTING)
        halted = not_traded(books, lens.listing)
    balances: list[Finding] = []
    short: tuple[Handover, ...] = ()
    agreed = frozenset[str]()
    passed_over = _coins_in_doubt(books, lens)
    if not missing and _is_quiet(books, ours, lens):
        looked_at.add(Scope.BALANCES)
        causes = causes_of(lens.known, notes, lens.agreed_at)
        compared = compare_balances(books, view, lots=lens.lots, causes=causes)
        balances = [finding for finding in compared if finding.asset not in passed_over]
        short = _balance_handovers(books, balances, passed_over)
        agreed = _in_full(books, balances, passed_over)
    findings = (*missing, *orders, *notes, *halted, *balances)
    return Comparison(
        findings=findings,
        looked_at=frozenset(looked_at),
        handovers=(*_handovers(findings, ours), *_flow_handovers(books, view, lens), *short),
        passed_over=passed_over,
        agreed=agreed,
    )


def without_view(no_view: NoView) -> Comparison:
    """What is known when the venue could not be read: D11 when the key is blind, D12 when a history has a hole."""
    blind = no_view.kind == "blind"
    finding = Finding(
        break_class=BreakClass.D11 if blind else BreakClass.D12,
        scope=Scope.KEY if blind else Scope.WINDOW,
        subject="key" if blind else "history",
        detail=no_view.detail,
    )
    # A gap proves that the key works; a blind key proves nothing.
    return Comparison(findings=(finding,), looked_at=frozenset({Scope.KEY} if blind else {Scope.KEY, Scope.WINDOW}))


def our_exec_ids(books: AccountBooks, view: VenueView, link_key: bytes) -> list[str]:
    """The venue's matches that carry a client order id of ours, oldest first."""
    return [row.exec_id for row in view.executions if _link(row.client_order_id, books, link_key) is not None]


def others_flows(books: AccountBooks, view: VenueView, link_key: bytes) -> list[Flow]:
    """What moved coins and was not ours, oldest first."""
    trades = [row for row in view.executions if _link(row.client_order_id, books, link_key) is None]
    return flows_of(trades, view.lines)


def _link(text: str, books: AccountBooks, key: bytes) -> LinkId | None:
    try:
        link = LinkId.decode(text, key)
    except Invalid:
        return None
    return link if link.environment is books.account.environment else None


def _decoded(text: str, books: AccountBooks, lens: Lens) -> LinkId | None:
    return _link(text, books, lens.link_key)


def _position_of(text: str, books: AccountBooks, lens: Lens) -> UUID | None:
    link = _decoded(text, books, lens)
    tails = {position_tail(position.position_id): position.position_id for position in books.positions}
    return tails.get(link.position) if link else None


def _missing_executions(books: AccountBooks, ours: list[VenueExecution], lens: Lens) -> list[Finding]:
    """D1, or D2 when not even the position is known."""
    findings = []
    for row in ours:
        if row.exec_id not in lens.missing or lens.now - row.at < lens.quiet:
            continue
        position_id = _position_of(row.client_order_id, books, lens)
        known = position_id is not None
        findings.append(
            Finding(
                break_class=BreakClass.D1 if known else BreakClass.D2,
                scope=Scope.EXECUTIONS,
                subject=row.exec_id,
                position_id=position_id,
                asset=row.symbol,
                ours=Decimal(0),
                theirs=row.quantity,
                detail=f"The venue has a match of our order {row.client_order_id} that our books lack.",
            )
        )
    return findings


def _orders_without_row(books: AccountBooks, view: VenueView, lens: Lens) -> list[Finding]:
    """D2: the venue has an order of ours open that our books do not hold for open."""
    known = {order.client_order_id for order in books.open_orders}
    return [
        Finding(
            break_class=BreakClass.D2,
            scope=Scope.ORDERS,
            subject=row.client_order_id,
            position_id=_position_of(row.client_order_id, books, lens),
            asset=row.symbol,
            detail="The venue has an open order of ours that our books do not know.",
        )
        for row in view.open_orders
        if row.client_order_id not in known
        and lens.now - row.at >= lens.quiet
        and _decoded(row.client_order_id, books, lens) is not None
    ]


def _stale_orders(books: AccountBooks, view: VenueView, lens: Lens) -> list[Finding]:
    """D3: the order is finished at the venue, our books still wait for it."""
    found: dict[str, VenueOrder] = {row.client_order_id: row for row in view.looked_up if row.final}
    return [
        Finding(
            break_class=BreakClass.D3,
            scope=Scope.ORDERS,
            subject=order.client_order_id,
            position_id=order.position_id,
            asset=order.symbol,
            detail=f"Our books say {order.state}, the venue says {found[order.client_order_id].status}.",
        )
        for order in books.open_orders
        if order.client_order_id in found
        and lens.now - order.since >= lens.quiet
        and lens.now - found[order.client_order_id].at >= lens.quiet
    ]


def _notes(books: AccountBooks, view: VenueView, lens: Lens) -> list[Finding]:
    """D4, D5, D9 and D13: what others did with coins that positions hold; told, and on the user's own coins first."""
    held = {coin.asset for position in books.positions for coin in position.claims}
    notes = [
        Finding(
            break_class=BreakClass.D4,
            scope=Scope.NOTES,
            subject=subject,
            asset=asset,
            ours=Decimal(0),
            theirs=change,
            detail=f"A trade by hand: {row.side} {row.quantity} {row.symbol} at {row.price}.",
            expected=True,
        )
        for row in view.executions
        if _decoded(row.client_order_id, books, lens) is None
        for subject, asset, change in coins_of(row)
        if asset in held
    ]
    notes += [
        Finding(
            break_class=class_of(line.type),
            scope=Scope.NOTES,
            subject=line.id,
            asset=line.asset,
            ours=Decimal(0),
            theirs=line.change,
            detail=f"{line.type} of {line.change} {line.asset} on the account.",
            expected=True,
        )
        for line in view.lines
        if line.asset in held and line.change
    ]
    return notes


def _in_full(books: AccountBooks, balances: list[Finding], passed_over: frozenset[str]) -> frozenset[str]:
    short = {finding.asset for finding in balances if not finding.expected}
    return frozenset(coin.asset for book in books.positions for coin in book.claims) - short - passed_over


def _left_to_people(order: OpenOrder, lens: Lens) -> bool:
    return order.state == AttemptState.NEEDS_ATTENTION.value and lens.now - order.since >= ATTENTION_PATIENCE


def _coins_in_doubt(books: AccountBooks, lens: Lens) -> frozenset[str]:
    """Coins of which an order may or may not have moved some: nothing is concluded about them."""
    coins = {coin.symbol: coin.asset for position in books.positions for coin in position.coins}
    symbols = {order.symbol for order in books.open_orders if _left_to_people(order, lens)}
    doubted = frozenset(coins[symbol] for symbol in symbols if symbol in coins)
    return doubted | {QUOTE_ASSET} if symbols else doubted


def _is_quiet(books: AccountBooks, ours: list[VenueExecution], lens: Lens) -> bool:
    """Nothing of ours moved lately, so that both sides speak of the same moment."""
    settled_since = lens.now - lens.quiet
    return (
        all(_left_to_people(order, lens) for order in books.open_orders)
        and all(position.traded_at <= settled_since for position in books.positions)
        and all(row.at <= settled_since for row in ours)
    )


def _flow_handovers(books: AccountBooks, view: VenueView, lens: Lens) -> list[Handover]:
    found = handover_of(others_flows(books, view, lens.link_key), lens.unbooked) if lens.unbooked else None
    return [] if found is None else [found]


def _balance_handovers(
    books: AccountBooks, balances: list[Finding], passed_over: frozenset[str]
) -> tuple[Handover, ...]:
    coins = {asset: kind for asset, kind in coins_to_look_at(books, balances).items() if asset not in passed_over}
    if not coins:
        return ()
    return (Handover(break_class=next(iter(coins.values())), assets=tuple(coins)),)


def _handovers(findings: tuple[Finding, ...], ours: list[VenueExecution]) -> tuple[Handover, ...]:
    link_of = {row.exec_id: row.client_order_id for row in ours}
    handovers = []
    for kind in (BreakClass.D1, BreakClass.D2, BreakClass.D3):
        subjects = [finding.subject for finding in findings if finding.break_class is kind]
        exec_ids = tuple(subject for subject in subjects if subject in link_of)
        orders = {link_of.get(subject, subject) for subject in subjects}
        if subjects:
            handovers.append(Handover(break_class=kind, client_order_ids=tuple(sorted(orders)), exec_ids=exec_ids))
    return tuple(handovers)
