"""Wrong calls on purpose: is each refused with a code that the product reads as it should?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from basketry_local.conformance import fees
from basketry_local.conformance.desk import ConformanceDesk, figure, fresh_link_id
from basketry_local.conformance.findings import Finding
from basketry_local.conformance.probe import Answer, Spoiled
from shared.runtime.bybit.classification import ReplyClass
from shared.trading.money import plain

_R = ReplyClass.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One mistake.

    Attributes:
        change: Fields of an order that is otherwise fine and too low to fill; None takes a field away.
        spoiled: What is wrong with the call around it.
    """

    name: str
    expected: ReplyClass
    change: dict[str, Any] = field(default_factory=dict)
    spoiled: Spoiled = field(default_factory=Spoiled)


async def reply_classes(desk: ConformanceDesk) -> list[Finding]:
    """Every mistake once; each refused order is looked for afterwards."""
    body = await desk.far_buy()
    rich = await _unaffordable(desk, figure(body["price"]))
    mistakes = [*_mistakes(desk, body), Wrong(name="balance", expected=_R, change={"qty": plain(rich)})]
    findings = [await _asked(desk, {**body, "orderLinkId": fresh_link_id()}, wrong) for wrong in mistakes]
    beyond = await desk.beyond_limit_buy()
    if beyond is not None:
        findings.append(await _asked(desk, beyond, Wrong(name="price_beyond_limit", expected=_R)))
    findings.append(await _cancel(desk, fresh_link_id(), "cancel_of_nothing"))
    if desk.filled:
        findings.append(await _cancel(desk, desk.filled[0], "cancel_of_a_filled_order"))
    return findings


def _mistakes(desk: ConformanceDesk, body: dict[str, Any]) -> Iterator[Wrong]:
    lots = desk.rules.lot_size_filter
    price, tick = figure(body["price"]), desk.rules.price_filter.tick_size
    yield Wrong(name="unknown_symbol", expected=_R, change={"symbol": "NOSUCHCOINUSDT"})
    yield Wrong(name="unknown_side", expected=_R, change={"side": "Hold"})
    yield Wrong(name="unknown_order_type", expected=_R, change={"orderType": "Guess"})
    yield Wrong(name="unknown_time_in_force", expected=_R, change={"timeInForce": "XYZ"})
    yield Wrong(name="quantity_missing", expected=_R, change={"qty": None})
    yield Wrong(name="quantity_no_number", expected=_R, change={"qty": "many"})
    yield Wrong(
        name="quantity_decimals", expected=_R, change={"qty": plain(figure(body["qty"]) + lots.base_precision / 10)}
    )
    yield Wrong(name="price_decimals", expected=_R, change={"price": plain(price + tick / 10)})
    yield Wrong(
        name="value_below_minimum", expected=_R, change={"qty": plain(max(lots.base_precision, lots.min_order_qty))}
    )
    yield Wrong(name="link_id_too_long", expected=_R, change={"orderLinkId": "x" * 64})
    if lots.max_limit_order_qty:
        yield Wrong(name="quantity_too_large", expected=_R, change={"qty": plain(lots.max_limit_order_qty * 10)})
    yield Wrong(name="clock_behind", expected=_R, spoiled=Spoiled(clock_ms=-20_000))
    yield Wrong(name="clock_ahead", expected=_R, spoiled=Spoiled(clock_ms=5_000))
    yield Wrong(name="wrong_signature", expected=_R, spoiled=Spoiled(signature=True))
    yield Wrong(name="unknown_key", expected=ReplyClass.BLIND, spoiled=Spoiled(api_key="unknownKey12345678"))


async def _unaffordable(desk: ConformanceDesk, price: Decimal) -> Decimal:
    """Base units worth twice what the account holds."""
    held = (await fees.balances(desk)).get(desk.rules.quote_coin, Decimal(0))
    lot = desk.rules.lot_size_filter.base_precision
    return ((2 * held + 100) / price / lot).to_integral_value() * lot


async def _asked(desk: ConformanceDesk, body: dict[str, Any], wrong: Wrong) -> Finding:
    body = {name: value for name, value in {**body, **wrong.change}.items() if value is not None}
    answer = await desk.probe.post("/v5/order/create", body, spoiled=wrong.spoiled)
    link_id = str(body["orderLinkId"])
    there = len(link_id) <= 36 and await desk.order(link_id) is not None
    if answer.accepted or there:
        await desk.follow(link_id)  # what it bought against all expectation is sold again with the rest
    return _finding(f"reply_{wrong.name}", answer, wrong.expected, there=there)


async def _cancel(desk: ConformanceDesk, link_id: str, name: str) -> Finding:
    return _finding(f"reply_{name}", await desk.cancel(link_id), ReplyClass.NOT_OPEN, there=False)


def _finding(name: str, answer: Answer, expected: ReplyClass, *, there: bool) -> Finding:
    harmless = answer.reply_class is ReplyClass.UNKNOWN and not there
    return Finding(
        name=name,
        question=f"{name.removeprefix('reply_').replace('_', ' ')}: which code, and is there an order afterwards?",
        assumed=f"class {expected.value}, no order",
        said=f"{answer.code} {answer.text} (HTTP {answer.http_status}): {answer.reply_class.value}"
        + (", and the order EXISTS" if there else "")
        + (": slower than needed, but safe" if harmless else ""),
        # A code that the table calls unknown costs a question, not money: only the opposite is wrong.
        agrees=not there and answer.reply_class in {expected, ReplyClass.UNKNOWN},
        evidence=[{**answer.told(), "order_exists": there, "as_expected": answer.reply_class is expected}],
    )
