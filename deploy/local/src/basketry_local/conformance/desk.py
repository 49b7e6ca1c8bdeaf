"""One instrument, tiny orders, a purse that cannot be overdrawn, and everything sold again at the end."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from basketry_local.conformance.probe import Answer, Probe
from shared.runtime.bybit.public_rows import InstrumentRow, PriceLimitRow, TickerRow
from shared.trading.errors import Invalid
from shared.trading.money import parse_decimal, plain
from shared.trading.status import VenueEnvironment

TAKING = Decimal("1.005")
"""Of the best ask: inside the venue's narrowest band (1 % for the largest coins), and takes what is there."""
RESTING = Decimal("0.97")
"""Of the best bid: far enough to rest, near enough to be allowed."""
BEYOND = Decimal("1.02")
"""Of the venue's own limit."""
WORTH = Decimal("1.6")
"""Times the venue's minimum: what is bought can be sold again."""
CLOSED = {"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"}
FINAL_WITHIN_S = 30.0


class BudgetSpentError(Exception):
    """The next order could spend more than the user allowed."""


class NotPossibleError(Exception):
    """The venue does not let us begin: no such symbol, no price, no answer."""


@dataclass(slots=True)
class Purse:
    """What orders that may fill can cost in all, in quote units; sells put nothing back."""

    limit: Decimal
    spent: Decimal = Decimal(0)

    def spend(self, notional: Decimal) -> None:
        """Count an order before it is sent.

        Raises:
            BudgetSpentError: It would pass the limit; nothing was counted.
        """
        if self.spent + notional > self.limit:
            raise BudgetSpentError(f"{plain(self.spent)} of {plain(self.limit)} is spent; the next order is too much.")
        self.spent += notional


@dataclass(slots=True)
class ConformanceDesk:
    """Makes, places and follows orders.

    Attributes:
        bought: Base units that our buys brought, after fees; sold at the end.
    """

    environment: VenueEnvironment
    probe: Probe
    purse: Purse
    rules: InstrumentRow
    bought: Decimal = Decimal(0)
    filled: list[str] = field(default_factory=list)
    """Link ids of our filled buys."""

    @property
    def symbol(self) -> str:
        """The pair that all questions are asked with."""
        return self.rules.symbol

    async def ticker(self) -> TickerRow:
        """Best prices now.

        Raises:
            NotPossibleError: No two-sided price.
        """
        answer = await self.probe.public("/v5/market/tickers", category="spot", symbol=self.symbol)
        if not answer.rows:
            raise NotPossibleError(f"no ticker of {self.symbol}: {answer.text}")
        row = TickerRow.model_validate(answer.rows[0])
        if not (row.bid and row.ask):
            raise NotPossibleError(f"{self.symbol} has no two-sided price now")
        return row

    async def taking_buy(self) -> dict[str, Any]:
        """An order that fills at once, counted in the purse.

        Raises:
            BudgetSpentError, NotPossibleError: Nothing was sent.
        """
        ticker, limit = await self.ticker(), await self.price_limit()
        price = self._tick(min(ticker.ask * TAKING, limit.highest_buy or ticker.ask * TAKING))
        if price < ticker.ask:
            raise NotPossibleError(f"the best ask {ticker.ask} lies beyond the venue's own limit {limit.highest_buy}")
        return self.spending(self._body("Buy", self._lots(self._worth(price) / price, up=True), price, "IOC"))

    async def beyond_limit_buy(self) -> dict[str, Any] | None:
        """An order two per cent above what the venue says it takes; None where it tells no limit."""
        highest = (await self.price_limit()).highest_buy
        if not highest:
            return None
        price = self._tick(highest * BEYOND)
        return self.spending(self._body("Buy", self._lots(self._worth(price) / price, up=True), price, "IOC"))

    def spending(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same body, counted in the purse: it may fill.

        Raises:
            BudgetSpentError: It would pass the limit.
        """
        self.purse.spend(figure(body["qty"]) * figure(body["price"]))
        return body

    async def price_limit(self) -> PriceLimitRow:
        """Beyond which prices the venue refuses orders now.

        Raises:
            NotPossibleError: No answer.
        """
        answer = await self.probe.public("/v5/market/price-limit", category="spot", symbol=self.symbol)
        if not answer.accepted:
            raise NotPossibleError(f"no price limit of {self.symbol}: {answer.code} {answer.text}")
        return PriceLimitRow.model_validate(answer.result)

    async def far_buy(self, time_in_force: str = "IOC") -> dict[str, Any]:
        """An order too low to fill: as IOC it ends cancelled, as GTC it rests."""
        price = self._tick((await self.ticker()).bid * RESTING)
        return self._body("Buy", self._lots(self._worth(price) / price, up=True), price, time_in_force)

    async def create(self, body: dict[str, Any]) -> Answer:
        """Place one order."""
        return await self.probe.post("/v5/order/create", body)

    async def cancel(self, link_id: str) -> Answer:
        """Cancel one order."""
        body = {"category": "spot", "symbol": self.symbol, "orderLinkId": link_id}
        return await self.probe.post("/v5/order/cancel", body)

    async def order(self, link_id: str) -> dict[str, Any] | None:
        """The order in the live view, else in the history."""
        for path in ("/v5/order/realtime", "/v5/order/history"):
            answer = await self.probe.get(path, category="spot", orderLinkId=link_id)
            if answer.rows:
                return answer.rows[0]
        return None

    async def finished(self, link_id: str) -> dict[str, Any]:
        """The order in its final state.

        Raises:
            NotPossibleError: It does not end within half a minute.
        """
        until = time.monotonic() + FINAL_WITHIN_S
        while time.monotonic() < until:
            found = await self.order(link_id)
            if found is not None and found.get("orderStatus") in CLOSED:
                return found
            await asyncio.sleep(0.1)
        raise NotPossibleError(f"order {link_id} did not end in {FINAL_WITHIN_S:.0f} s")

    async def executions(self, link_id: str, quantity: Decimal) -> list[dict[str, Any]]:
        """The matches of an order, once they add up to its filled quantity.

        Raises:
            NotPossibleError: They do not within half a minute.
        """
        until = time.monotonic() + FINAL_WITHIN_S
        while time.monotonic() < until:
            rows = (await self.probe.get("/v5/execution/list", category="spot", orderLinkId=link_id)).rows
            if sum((figure(row.get("execQty")) for row in rows), Decimal(0)) == quantity:
                return rows
            await asyncio.sleep(0.1)
        raise NotPossibleError(f"the matches of {link_id} do not add up to what it filled")

    async def buy(self) -> tuple[str, list[dict[str, Any]]]:
        """Buy once and follow it to its matches; the coins are remembered.

        Raises:
            BudgetSpentError, NotPossibleError: Not bought, or not to be followed.
        """
        body = await self.taking_buy()
        answer = await self.create(body)
        if not answer.accepted:
            raise NotPossibleError(f"a plain buy was not taken: {answer.code} {answer.text}")
        return str(body["orderLinkId"]), await self.follow(str(body["orderLinkId"]))

    async def follow(self, link_id: str) -> list[dict[str, Any]]:
        """The matches of a buy that was taken; what it brought is remembered for the sale at the end.

        Raises:
            NotPossibleError: It does not end in time.
        """
        order = await self.finished(link_id)
        quantity = figure(order.get("cumExecQty"))
        rows = await self.executions(link_id, quantity)
        base_fees = sum((figure(row.get("execFee")) for row in rows if self._in_base(row)), Decimal(0))
        self.bought += quantity - base_fees
        if quantity:
            self.filled.append(link_id)
        return rows

    async def sellable(self) -> bool:
        """Whether what our buys brought is worth the venue's minimum; less is dust and stays."""
        worth = self._lots(self.bought, up=False) * (await self.ticker()).bid / TAKING
        return worth >= self.rules.lot_size_filter.min_order_amt

    async def sell_all(self) -> tuple[str, list[dict[str, Any]]] | None:
        """Sell what our buys brought, never more; None when it is worth less than the venue's minimum.

        Raises:
            NotPossibleError: Not taken, or not to be followed.
        """
        price = self._tick((await self.ticker()).bid / TAKING)
        quantity = self._lots(self.bought, up=False)
        if quantity * price < self.rules.lot_size_filter.min_order_amt or not quantity:
            return None
        body = self._body("Sell", quantity, price, "IOC")
        answer = await self.create(body)
        if not answer.accepted:
            raise NotPossibleError(f"the sale was not taken: {answer.code} {answer.text}")
        order = await self.finished(str(body["orderLinkId"]))
        self.bought -= figure(order.get("cumExecQty"))
        return str(body["orderLinkId"]), await self.executions(
            str(body["orderLinkId"]), figure(order.get("cumExecQty"))
        )

    def _in_base(self, row: dict[str, Any]) -> bool:
        return row.get("feeCurrency") == self.rules.base_coin

    def _worth(self, price: Decimal) -> Decimal:
        lots = self.rules.lot_size_filter
        return max(lots.min_order_amt, lots.min_order_qty * price, lots.base_precision * price) * WORTH

    def _tick(self, price: Decimal) -> Decimal:
        tick = self.rules.price_filter.tick_size
        return (price / tick).to_integral_value(ROUND_FLOOR) * tick

    def _lots(self, quantity: Decimal, *, up: bool) -> Decimal:
        lot = self.rules.lot_size_filter.base_precision
        return (quantity / lot).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * lot

    def _body(self, side: str, quantity: Decimal, price: Decimal, time_in_force: str) -> dict[str, Any]:
        return {
            "category": "spot",
            "symbol": self.symbol,
            "side": side,
            "orderType": "Limit",
            "qty": plain(quantity),
            "price": plain(price),
            "timeInForce": time_in_force,
            "orderLinkId": fresh_link_id(),
        }


def fresh_link_id() -> str:
    """Not one of the product's ids: a running Basketry never takes these orders for its own."""
    return f"conformance-{secrets.token_hex(8)}"


def figure(value: Any) -> Decimal:
    """A figure of the venue's; its empty text reads as zero.

    Raises:
        NotPossibleError: It is no figure.
    """
    try:
        return parse_decimal(value) if value else Decimal(0)
    except Invalid as error:
        raise NotPossibleError(f"the venue shows {value!r} for a figure") from error


async def open_desk(environment: VenueEnvironment, probe: Probe, *, symbol: str, budget: Decimal) -> ConformanceDesk:
    """A desk for one pair.

    Raises:
        NotPossibleError: The venue does not list it, or does not answer.
    """
    answer = await probe.public("/v5/market/instruments-info", category="spot", symbol=symbol)
    rows = [InstrumentRow.model_validate(row) for row in answer.rows if row.get("symbol") == symbol]
    if not rows:
        raise NotPossibleError(f"{symbol} is not listed here: {answer.code} {answer.text}")
    return ConformanceDesk(environment=environment, probe=probe, purse=Purse(budget), rules=rows[0])
