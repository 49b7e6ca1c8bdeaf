"""Funding rates of perpetuals: made from the pair and the moment, so that history never changes and needs no memory."""

from __future__ import annotations

import zlib
from decimal import Decimal

from paper_exchange.domain.contract import Contract

MINUTE_MS = 60_000
USUAL_RATE = 10_000
"""0.01 % a period, in hundred-millionths: what Bybit charges when price and index agree."""
SWING = 8_000


def funding_rate(contract: Contract, *, at_ms: int) -> Decimal:
    """The rate paid at a funding moment, a fraction of the position's value with eight decimals."""
    turn = zlib.crc32(f"{contract.symbol}:{at_ms}".encode()) % (2 * SWING + 1) - SWING
    return Decimal(USUAL_RATE + turn).scaleb(-8)


def next_funding_ms(contract: Contract, *, now_ms: int) -> int:
    """The next funding moment, epoch milliseconds; moments are whole intervals since the epoch."""
    length = contract.funding_minutes * MINUTE_MS
    return now_ms - now_ms % length + length
