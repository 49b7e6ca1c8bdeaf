"""The amount that a person wants to invest."""

from __future__ import annotations

from decimal import Decimal

from shared.trading.money import ZERO, InvalidAmount, exact_product, plain, truncate

LARGEST = Decimal(10) ** 12
PLACES = 8


def cash_part(amount: Decimal, share: Decimal) -> Decimal:
    """The part of an amount (quote units) that stays cash when an index keeps `share` of it, cut to eight decimals."""
    return truncate(exact_product(amount, share), places=PLACES)


def checked_amount(amount: Decimal) -> Decimal:
    """An amount in quote units that a plan can be made for.

    Raises:
        InvalidAmount: not finite, not above zero, above 10^12, or more than eight decimals.
    """
    if not amount.is_finite():
        raise InvalidAmount("The amount must be a finite number.")
    if amount <= ZERO:
        raise InvalidAmount("The amount must be above zero.")
    if amount > LARGEST:
        raise InvalidAmount(f"The amount must not exceed {plain(LARGEST)}.")
    if amount != round(amount, PLACES):
        raise InvalidAmount(f"The amount may have at most {PLACES} decimals.")
    return amount
