"""Control paths of the market: feed, prices, halts, and virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.timeline import Timeline
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.control_bodies import names
from paper_exchange.inbound.exchange_http import Request
from shared.trading.money import parse_decimal, plain

FROZEN = "frozen"


class Line(Protocol):
    """The line to another venue that a mirror feed listens on."""

    connected: bool
    frames: int
    passed_over: int
    heard: set[str]


class ControlMarket:
    """What the operator and the tests may do to the market.

    Args:
        exchange: Whose market it is.
        timeline: Moves virtual time.
        events: Halts and resumes.
        feed: The name of what moves the prices when they are not frozen.
        line: Of a mirror feed.
    """

    def __init__(
        self, exchange: Exchange, timeline: Timeline, events: VenueEvents, *, feed: str, line: Line | None = None
    ) -> None:
        self._exchange = exchange
        self._events = events
        self._timeline = timeline
        self._feed = "simulated" if feed == FROZEN else feed
        self._line = line
        self.handlers: Mapping[tuple[str, str], Callable[[Request], Awaitable[object]]] = {
            ("POST", "feed"): self._set_feed,
            ("GET", "feed"): self._get_feed,
            ("POST", "clock"): self._advance,
            ("GET", "clock"): self._get_clock,
        }

    async def _set_feed(self, request: Request) -> object:
        body = request.json()
        market = self._exchange.market
        mode = body.get("mode")
        if mode not in (None, FROZEN, self._feed):
            raise request_error(f"mode must be {FROZEN} or {self._feed}")
        prices, depth = _amounts(body, "prices"), _amounts(body, "depth")
        halt, resume = names(body, "halt"), names(body, "resume")
        for symbol in (*prices, *depth, *halt, *resume):
            market.listing(symbol)
        market.frozen = mode == FROZEN if mode else market.frozen
        self._events.halt(halt)
        self._events.resume(resume)
        for symbol, price in prices.items():
            market.set_price(symbol, price)
        for symbol, amount in depth.items():
            market.set_depth(symbol, amount)
        self._exchange.matcher.match_resting()
        return await self._get_feed(request)

    async def _get_feed(self, _request: Request) -> object:
        market = self._exchange.market
        answer: dict[str, Any] = {
            "mode": FROZEN if market.frozen else self._feed,
            "halted": sorted(market.halted),
            "prices": {symbol: plain(market.walk.mid(symbol)) for symbol in market.listings},
        }
        if self._line is not None:
            line = self._line
            answer["mirror"] = {
                "connected": line.connected,
                "frames": line.frames,
                "passed_over": line.passed_over,
                "symbols": len(line.heard),
                "told_ms": self._exchange.market.ticked_ms,
            }
        return answer

    async def _advance(self, request: Request) -> object:
        body = request.json()
        numbers = {name: body.get(name, 0) for name in ("advance_ms", "step_ms")}
        if any(isinstance(value, bool) or not isinstance(value, int) or value < 0 for value in numbers.values()):
            raise request_error("advance_ms and step_ms must be whole numbers")
        steps = await self._timeline.run(numbers["advance_ms"], step_ms=numbers["step_ms"])
        self._exchange.note_prices()
        return {"now_ms": self._exchange.now_ms(), "steps": steps}

    async def _get_clock(self, _request: Request) -> object:
        return {"now_ms": self._exchange.now_ms(), "virtual": self._timeline.clock is not None}


def _amounts(body: Mapping[str, Any], name: str) -> dict[str, Decimal]:
    values = body.get(name) or {}
    if not isinstance(values, dict):
        raise request_error(f"{name} must be an object")
    amounts = {str(symbol): parse_decimal(str(value)) for symbol, value in values.items()}
    if any(amount <= 0 for amount in amounts.values()):
        raise request_error(f"{name} must be above zero")
    return amounts
