"""What happened on a venue account beside our orders, in a sentence a person understands."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.trading.flow import FlowKind
from shared.trading.money import plain

_WORDS = {
    FlowKind.INTEREST: "interest",
    FlowKind.CONVERSION: "a conversion",
    FlowKind.AIRDROP: "an airdrop or bonus",
    FlowKind.EARN: "a savings product",
    FlowKind.LOAN: "a loan",
    FlowKind.DERIVATIVES: "contracts",
    FlowKind.FORCED: "the venue's own action",
}
_ENDS = {
    "returned": "{coins} are back.",
    "covered": (
        "{coins} are not missing any more: your positions have traded or ended since, and the account holds enough for "
        "what is theirs now."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Signed units of a coin; `price` of a trade in quote per base."""

    kind: FlowKind
    venue_type: str
    asset: str
    amount: Decimal
    price: Decimal | None = None
    counter_asset: str | None = None


def shortage_sentence(asset: str, quantity: Decimal, state: str, how: str | None) -> str:
    """Where missing coins stand."""
    coins = f"{plain(quantity)} {asset}"
    if state == "resolved":
        return _ENDS.get(str(how), "{coins} left the positions' books: {how}.").format(coins=coins, how=how)
    if state == "waiting":
        return f"{coins} of your positions are missing on the account; you said that they will return."
    return (
        f"{coins} of your positions are missing on the account. Say whether they were sold, withdrawn or will return."
    )


def movements_sentence(movements: list[Movement]) -> str:
    """The first of some movements, and how many came with it."""
    more = f" Another {len(movements) - 1} came with it." if len(movements) > 1 else ""
    return f"{_sentence(movements[0])}{more}"


def _sentence(moved: Movement) -> str:
    coins = f"{plain(abs(moved.amount))} {moved.asset}"
    came_in = moved.amount > 0
    if moved.kind is FlowKind.TRADE:
        price = f" at {plain(moved.price)} {moved.counter_asset}" if moved.price is not None else ""
        return f"You {'bought' if came_in else 'sold'} {coins} by hand{price}: these are your own coins."
    if moved.kind in {FlowKind.TRANSFER_IN, FlowKind.TRANSFER_OUT}:
        return f"{coins} {'came into' if came_in else 'left'} the account."
    why = _WORDS.get(moved.kind, moved.venue_type)
    return f"{coins} {'came in' if came_in else 'went out'} by {why}."
