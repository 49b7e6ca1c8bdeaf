"""What the signer would let through when a plan is made: told in the plan, so that nobody learns it from a refused order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal, localcontext

from execution.domain.plan import Plan, PlanLine
from shared.trading.money import EXACT, ZERO, exact_sum, plain
from shared.trading.status import Side

CENT = Decimal("0.01")
BUYS_BLOCKED = "buys_blocked"
_PERIODS = {
    "hour": "an hour",
    "day": "a day",
    "total_hour": "all users in an hour",
    "total_day": "all users in a day",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One halt that stands; `symbol` None stops all, `everything` stops sales too."""

    symbol: str | None
    everything: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRoom:
    """Halts and limits of one account at this moment; amounts in quote units, of buys at their limit price.

    Attributes:
        room: What may still be bought, under the tightest of all sums; `room_limit` names it, `room_max` is its cap.
    """

    stops: Sequence[Stop]
    order_max: Decimal
    slippage_bps_max: Decimal
    room: Decimal
    room_limit: str
    room_max: Decimal

    def stop_of(self, symbol: str, side: Side) -> Stop | None:
        """The halt that stops a trade."""
        for stop in self.stops:
            if stop.symbol in {None, symbol} and (stop.everything or side is Side.BUY):
                return stop
        return None

    def halts_symbol(self, symbol: str) -> bool:
        """Whether this symbol, unlike others, may not be bought."""
        return any(stop.symbol == symbol for stop in self.stops)

    def guard(self, plan: Plan) -> Plan:
        """The plan with what would be refused marked `halted` or `over_limit`, and a sentence that says what works.

        A limit binds the whole plan: part of a basket is not what was asked for. Where buys are blocked, sells that
        should pay for them wait too.
        """
        lines = [self._stopped(line) for line in plan.legs]
        reason, sentence = self._over(lines)
        if reason is not None:
            lines = [_blocked(line, "over_limit", reason) if _buys(line) else line for line in lines]
        if any(_blocked_buy(line) for line in lines) and not any(_buys(line) for line in lines):
            check = "over_limit" if reason is not None else "halted"
            lines = [_blocked(line, check, BUYS_BLOCKED) if line.check == "ok" else line for line in lines]
        sentences = [*self._halted_sentences(lines), *([sentence] if sentence else [])]
        if lines == plan.legs:
            return plan
        sends = plan.executable and any(line.check == "ok" for line in lines)
        return replace(plan, legs=lines, warnings=[*plan.warnings, *sentences], executable=sends)

    def _stopped(self, line: PlanLine) -> PlanLine:
        if line.check == "not_trading" and line.side is Side.BUY and self.halts_symbol(line.symbol):
            return replace(line, check="halted", reason="trading_halted")
        if line.check != "ok" or self.stop_of(line.symbol, line.side) is None:
            return line
        return _blocked(line, "halted", "trading_halted")

    def _over(self, lines: Sequence[PlanLine]) -> tuple[str | None, str | None]:
        """The limit that the buys would pass, and what would work."""
        buys = [line for line in lines if _buys(line)]
        if not buys:
            return None, None
        largest = max(buys, key=lambda line: line.max_notional)
        total = exact_sum([line.max_notional for line in buys])
        if largest.max_notional > self.order_max:
            works = _share(total, self.order_max, largest.max_notional)
            return "order_limit", (
                f"{largest.symbol} is over the limit of {plain(self.order_max)} USDT per coin (one order); "
                f"buying for at most {plain(works)} USDT works."
            )
        if total > self.room:
            return f"{self.room_limit}_limit", (
                f"The plan is over the limit of {plain(self.room_max)} USDT for {_PERIODS[self.room_limit]}, "
                f"of which {plain(self.room)} is left: at most that works now."
            )
        for line in buys:
            if line.limit_price > _beyond(line.estimated_price, self.slippage_bps_max):
                return "slippage_limit", (
                    f"The price limit of {line.symbol} is more than {plain(self.slippage_bps_max)} bps above its price."
                )
        return None, None

    def _halted_sentences(self, lines: Sequence[PlanLine]) -> list[str]:
        found: dict[str, None] = {}
        for line in lines:
            stop = self.stop_of(line.symbol, line.side)
            if line.check == "halted" and stop is not None:
                what = "Trading" if stop.everything else "Buying"
                found[f"{what}{f' {stop.symbol}' if stop.symbol else ''} is halted: {stop.reason or 'by you'}"] = None
        return list(found)


def _buys(line: PlanLine) -> bool:
    return line.check == "ok" and line.side is Side.BUY


def _blocked_buy(line: PlanLine) -> bool:
    return line.check in {"halted", "over_limit"} and line.side is Side.BUY


def _blocked(line: PlanLine, check: str, reason: str) -> PlanLine:
    return replace(line, check=check, reason=reason, quantity=ZERO, fee=ZERO)


def _share(total: Decimal, most: Decimal, largest: Decimal) -> Decimal:
    with localcontext(EXACT):
        return (total * most / largest).quantize(CENT, rounding=ROUND_FLOOR)


def _beyond(price: Decimal, bps: Decimal) -> Decimal:
    with localcontext(EXACT):
        return price * (1 + bps / 10_000)
