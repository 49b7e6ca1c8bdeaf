"""Rows about perpetuals that REST and the socket show alike."""

from __future__ import annotations

from decimal import Decimal

from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.contract import Contract
from paper_exchange.domain.exact import add, mul, sub
from shared.trading.money import ONE, floor_to_lot, floor_to_tick, plain


def price_row(market: LinearMarket, contract: Contract, candle: Candle) -> list[str]:
    """Start, open, high, low, close."""
    return [str(candle.start_ms), *(plain(market.price(contract, fine)) for fine in candle.prices())]


def candle_row(market: LinearMarket, contract: Contract, candle: Candle, minutes: int) -> list[str]:
    """Start, open, high, low, close, volume, turnover."""
    row = price_row(market, contract, candle)
    turnover = mul(market.depth(contract), Decimal(minutes))
    volume = floor_to_lot(turnover / Decimal(row[4]), lot_size=contract.lot_size)
    return [*row, plain(volume), plain(turnover)]


def price_limits(market: LinearMarket, contract: Contract) -> dict[str, str]:
    """The prices at which orders would be moved to the band: the mark price and the inner ratio."""
    mark = market.price(contract, market.mark_fine(contract))
    high, low = (mul(mark, factor) for factor in (add(ONE, contract.ratio_x), sub(ONE, contract.ratio_x)))
    tick = contract.tick_size
    return {"symbol": contract.symbol, "buyLmt": plain(floor_to_tick(high, tick_size=tick)),
            "sellLmt": plain(floor_to_tick(low, tick_size=tick))}  # fmt: skip
