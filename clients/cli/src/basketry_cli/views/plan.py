"""A plan before it trades: every leg with its check, and what it adds up to."""

from __future__ import annotations

from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from basketry_cli.views.mode import badge, mode
from basketry_cli.views.numbers import clock_time, few, money, number, percent

Json = dict[str, Any]
_ANY_WIDTH = 1000
"""Wider than any table of legs: what it would need is asked, not what the terminal has."""
_CHECKS = {
    "ok": ("ok", "green"),
    "hold": ("hold", "dim"),
    "excluded": ("excluded", "dim"),
    "too_small": ("too small", "yellow"),
    "too_large": ("too large", "yellow"),
    "no_price": ("no price", "red"),
    "not_trading": ("not trading", "red"),
    "delisted": ("delisted", "red"),
    "halted": ("halted", "red"),
    "over_limit": ("over a limit", "red"),
    "illiquid": ("illiquid", "yellow"),
    "residual": ("too small to sell", "yellow"),
}
_POLICIES = {
    "HOLD": "HOLD: what filled is kept, the rest is reported",
    "COMPLETE": "COMPLETE: tried again within the price band, for five minutes at most",
    "UNWIND": "UNWIND: if one fails, what was bought is sold again",
}
_VERBS = {
    "buy": "Buy {index} for up to {amount} {currency}",
    "close": "Sell {index} completely, for about {amount} {currency}",
    "invest": "Put {amount} {currency} more into {index}",
    "withdraw": "Take {amount} {currency} out of {index}",
    "rebalance": "Trade {index} back to its targets",
}


def plan_view(plan: Json) -> RenderableType:
    """Head, legs, totals and what to know before saying yes."""
    legs = [_Legs(plan)] if plan.get("legs") else []
    return Group(_head(plan), *legs, _totals(plan), *_remarks(plan))


def headline(plan: Json) -> str:
    """What the plan is for, in a sentence."""
    words = _VERBS.get(str(plan.get("kind")), "Trade {index}")
    if pays_out(plan):
        words = "Close {index}: it holds no coins, and its {amount} {currency} are paid out"
    currency = plan.get("currency", "USDT")
    return words.format(index=plan.get("index_id", ""), amount=money(plan.get("amount")), currency=currency)


def pays_out(plan: Json) -> bool:
    """Whether it closes a position that holds nothing but cash."""
    return plan.get("kind") == "close" and not plan.get("legs")


def is_blocked(plan: Json) -> bool:
    """Whether something would be traded if a halt, a limit or the market did not stand in its way."""
    if plan.get("kind") == "close" and plan.get("executable") is False:
        return True
    checks = {leg.get("check") for leg in plan.get("legs", [])}
    return "ok" not in checks and bool(checks & {"halted", "over_limit"})


def question(plan: Json) -> str:
    """What a person says yes to: how many orders, in which mode, about how much money."""
    orders = sum(leg.get("check") == "ok" for leg in plan.get("legs", []))
    total = number(plan.get("total_buy") or 0) + number(plan.get("total_sell") or 0) or plan.get("total_notional")
    fee, currency = money(plan.get("total_fee")), plan.get("currency", "USDT")
    if pays_out(plan):
        return f"Close the {mode(plan)} position and pay out {money(plan.get('amount'))} {currency}, without an order?"
    noun = "order" if orders == 1 else "orders"
    return f"Place {orders} {mode(plan)} {noun}, about {money(total)} {currency} and {fee} {currency} in fees?"


def _head(plan: Json) -> Text:
    return Text.assemble(badge(plan), " ", (headline(plan), "bold"), f"  plan {plan['plan_id']}")


class _Legs:
    """The table of legs; where the terminal is too narrow, with less of each rather than with a fee cut in the middle."""

    def __init__(self, plan: Json) -> None:
        self._plan = plan

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = _legs(self._plan)
        needed = Measurement.get(console, options.update(max_width=_ANY_WIDTH), whole).maximum
        yield whole if needed <= options.max_width else _legs(self._plan, narrow=True)


def _legs(plan: Json, *, narrow: bool = False) -> Table:
    """A line for each; a narrow one leaves out the slippage, which the totals tell, and the share of before."""
    sides = {leg.get("side") for leg in plan.get("legs", [])}
    both = len(sides) > 1
    side, slip = (("side",) if both else ()), (() if narrow else ("slip",))
    names = ("coin", *side, "check", "weight", "quantity", "price", "amount", *slip, "fee")
    table = Table(*names, box=None, pad_edge=False)
    for name, column in zip(names, table.columns, strict=True):
        column.justify = "left" if name in {"coin", "side", "check"} else "right"
        column.no_wrap = name not in ({"check", "fee"} if narrow else {"check"})
        column.min_width = 8 if name == "check" else None  # what matters most is the last to give way
    for leg in plan.get("legs", []):
        word, style = _CHECKS.get(str(leg.get("check")), (str(leg.get("check")), "yellow"))
        sent = leg.get("check") == "ok"
        table.add_row(
            str(leg["symbol"]),
            *((str(leg.get("side", "")),) if both else ()),
            Text.assemble((word, style), (_reason(leg), "dim")),
            _weight(leg, plan, narrow=narrow),
            str(leg["quantity"]) if sent else "–",
            str(leg["estimated_price"]),
            money(leg["notional"]) if sent else "–",
            *(() if narrow else (_slippage(leg),)),
            f"{few(leg['fee'])} {leg['fee_asset']}" if sent else "–",
        )
    return table


def _weight(leg: Json, plan: Json, *, narrow: bool) -> str:
    """The target; where the position stands already, what becomes of its share."""
    if leg.get("weight_before") is not None:
        if narrow:
            return f"→ {percent(leg.get('weight_after'))}"
        return f"{percent(leg['weight_before'])} → {percent(leg.get('weight_after'))}"
    if plan.get("kind") == "close":
        return "–"
    return percent(leg.get("effective_weight", leg.get("target_weight")))


def _slippage(leg: Json) -> str:
    """What it costs against the mid, in bps of its amount; an estimate by the best price is marked as one."""
    cost, amount = leg.get("slippage"), number(leg.get("notional"))
    if cost is None or not amount:
        return "–"
    mark = "" if leg.get("book_price") else "~"
    return f"{mark}{number(cost) / amount * 10_000:.1f} bp"


def _reason(leg: Json) -> str:
    """Why a leg is not sent, and what would change that."""
    if leg.get("check") == "ok":
        return ""
    if leg.get("required_amount"):
        return f": from {money(leg['required_amount'])}"
    if leg.get("check") == "illiquid" and leg.get("largest_amount"):
        return f": up to {money(leg['largest_amount'])}"
    if leg.get("check") == "illiquid" and leg.get("book_notional") is not None:
        return f": book takes {money(leg['book_notional'])}"
    words = str(leg.get("reason") or "").replace("_", " ")
    return f": {words}" if words and words != "trading halted" else ""  # the check says halted


def _totals(plan: Json) -> Table:
    currency = str(plan.get("currency", "USDT"))
    if is_blocked(plan) and plan.get("kind") != "close":
        return _grid([("traded", f"nothing; all {currency} stay as they are")])
    rows: list[tuple[str, str]] = []
    if pays_out(plan):
        rows = [("paid out", f"{money(plan.get('amount'))} {currency}"), ("then", "the position is closed")]
        return _grid([*rows, ("stands until", f"{clock_time(plan.get('expires_at'))} UTC")])
    both = {"buys": number(plan.get("total_buy")), "sells": number(plan.get("total_sell"))}
    if all(both.values()):
        rows += [(name, f"{money(total)} {currency}") for name, total in both.items()]
    else:
        rows += [("total", f"{money(plan.get('total_notional'))} {currency}")]
    if plan.get("slippage") is not None:
        rows += [("slippage", _total_slippage(plan, currency))]
    rows += [("fees", f"{money(plan.get('total_fee'))} {currency}, an estimate")]
    if plan.get("kind") == "close":
        rows += [("then", _then(plan, currency))]
    elif plan.get("kind") == "buy":
        unspent = number(plan.get("amount")) - number(plan.get("total_notional"))
        rows += [
            ("not spent", f"about {money(unspent)} {currency}, to pay worse prices with; what is left stays yours")
        ]
    else:
        rows += [("left as cash", f"{money(plan.get('cash_after'))} {currency}")]
    if number(plan.get("minimum_amount")):
        rows += [("minimum", f"{money(plan.get('minimum_amount'))} {currency}, so that no coin is left out")]
    if plan.get("drift_before") is not None:
        rows += [("drift", f"{percent(plan['drift_before'])} now, {percent(plan.get('drift_after'))} after")]
    rows += [("prices", f"at most {percent(plan.get('price_band'))} worse than now, or a leg is not filled")]
    rows += [("unfilled", _POLICIES.get(str(plan.get("policy")), _POLICIES["HOLD"]))]
    return _grid([*rows, ("stands until", f"{clock_time(plan.get('expires_at'))} UTC")])


def _then(plan: Json, currency: str) -> str:
    """What a close leaves; a coin that cannot be sold keeps its position open, with the cash that was its own."""
    if all(leg.get("check") in {"ok", "residual"} for leg in plan["legs"]):
        return "the position is closed, and its money is yours again"
    cash = number(plan.get("cash_after"))
    kept = f" and {money(cash)} {currency} of its own" if cash else ""
    return f"what is sold is yours; the position stays open with the rest{kept}"


def _grid(rows: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), value)
    return grid


def _total_slippage(plan: Json, currency: str) -> str:
    sent = [leg for leg in plan.get("legs", []) if leg.get("check") == "ok"]
    by = "order books" if all(leg.get("book_price") for leg in sent) else "order books that were seen"
    worst = f", at most {money(plan['slippage_max'])}" if plan.get("slippage_max") is not None else ""
    return f"{money(plan['slippage'])} {currency} against the mid by the {by}{worst}"


def _remarks(plan: Json) -> list[Text]:
    remarks = [Text(f"! {warning}", style="yellow") for warning in plan.get("warnings", [])]
    for change in plan.get("changes") or []:
        before = percent(change["before"]) if change.get("before") is not None else "not in it"
        after = percent(change["after"]) if change.get("after") is not None else "leaves"
        remarks.append(Text(f"~ {change['asset']}: {before} → {after}"))
    if is_blocked(plan) and plan.get("kind") == "close":
        words = (
            "Nothing can be sold now; the legs and remarks above say why. Its coins and its cash stay in the position."
        )
        remarks.append(Text(words, style="red"))
    elif is_blocked(plan):
        remarks.append(Text(f"Nothing can be traded now. {_way_out(plan)}", style="red"))
    elif plan.get("executable") is False:
        remarks.append(Text("Nothing to do: no leg is worth trading.", style="green"))
    return remarks


def _way_out(plan: Json) -> str:
    """Which command lets a plan trade that a halt or a limit keeps from trading."""
    checks = {leg.get("check") for leg in plan.get("legs", [])}
    ways = ["./basketry release lifts what you have halted yourself"] if "halted" in checks else []
    ways += ["./basketry limits shows your limits and what is used of them"] if "over_limit" in checks else []
    return "; ".join(ways) + "."
