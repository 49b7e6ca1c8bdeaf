"""What moves coins on a venue account beside our own orders: kinds, ids, and the two coins of a pair."""

from __future__ import annotations

from enum import StrEnum


class FlowKind(StrEnum):
    """What a movement on a venue account was."""

    TRADE = "trade"
    """The user traded by hand."""
    TRANSFER_IN = "transfer_in"
    """A deposit, or a transfer from another wallet of the user."""
    TRANSFER_OUT = "transfer_out"
    """A withdrawal, or a transfer to another wallet."""
    INTEREST = "interest"
    CONVERSION = "conversion"
    AIRDROP = "airdrop"
    """Airdrops, bonuses and refunds: what the venue gives."""
    EARN = "earn"
    """Into or out of a savings product."""
    LOAN = "loan"
    DERIVATIVES = "derivatives"
    """Settlements, funding and fees of contracts."""
    FORCED = "forced"
    """The venue acted by itself: liquidation, deleveraging, automatic repayment or conversion."""
    OTHER = "other"


_WORDS: tuple[tuple[str, FlowKind], ...] = (
    # The first word that the venue's type contains decides, so special ones stand before general ones.
    ("LIQUIDATION", FlowKind.FORCED),
    ("ADL", FlowKind.FORCED),
    ("AUTO_", FlowKind.FORCED),
    ("SPOT_REPAYMENT", FlowKind.FORCED),
    ("LOAN", FlowKind.LOAN),
    ("BORROW", FlowKind.LOAN),
    ("REPAYMENT", FlowKind.LOAN),
    ("BONUS", FlowKind.AIRDROP),
    ("AIRDROP", FlowKind.AIRDROP),
    ("REFUND", FlowKind.AIRDROP),
    ("INTEREST", FlowKind.INTEREST),
    ("CURRENCY_BUY", FlowKind.CONVERSION),
    ("CURRENCY_SELL", FlowKind.CONVERSION),
    ("CONVERT", FlowKind.CONVERSION),
    ("STAKING", FlowKind.EARN),
    ("SUBSCRIPTION", FlowKind.EARN),
    ("REDEMPTION", FlowKind.EARN),
    ("SETTLEMENT", FlowKind.DERIVATIVES),
    ("DELIVERY", FlowKind.DERIVATIVES),
    ("TRADE", FlowKind.DERIVATIVES),
    ("TRANSFER_IN", FlowKind.TRANSFER_IN),
    ("DEPOSIT", FlowKind.TRANSFER_IN),
    ("TRANSFER_OUT", FlowKind.TRANSFER_OUT),
    ("WITHDRAW", FlowKind.TRANSFER_OUT),
)
_QUOTES = (
    "USDT",
    "USDC",
    "USDE",
    "USD1",
    "USDR",
    "RLUSD",
    "EUR",
    "BRL",
    "PLN",
    "TRY",
    "DAI",
    "BRZ",
    "BTC",
    "ETH",
    "SOL",
    "MNT",
)
_TRADE, _LINE = "trade:", "log:"


def flow_kind(venue_type: str) -> FlowKind:
    """The kind of a line of the transaction log, whose spot trades are told by executions (Bybit docs: enum, type)."""
    return next((kind for word, kind in _WORDS if word in venue_type), FlowKind.OTHER)


def trade_flow(exec_id: str) -> str:
    """The flow of a match that was not ours; unique per account."""
    return f"{_TRADE}{exec_id}"


def line_flow(line_id: str) -> str:
    """The flow of a line of the transaction log; unique per account."""
    return f"{_LINE}{line_id}"


def is_trade_flow(flow_id: str) -> bool:
    """Whether a flow comes from a match."""
    return flow_id.startswith(_TRADE)


def pair_of(symbol: str) -> tuple[str, str] | None:
    """Base and quote coin of a spot symbol, by the quote coins that the venue has; None for another one."""
    quote = next((quote for quote in _QUOTES if symbol.endswith(quote) and len(symbol) > len(quote)), None)
    return None if quote is None else (symbol.removesuffix(quote), quote)
