"""Exact decimals: parsing, plain text, and rounding whose direction is in its name."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal, InvalidOperation, localcontext

from shared.trading.errors import Invalid

ZERO = Decimal(0)
ONE = Decimal(1)
QUOTE_ASSET = "USDT"
"""What everything is bought with and told in: a position's own cash, of which its account must hold as much as of its
coins."""
MAX_DIGITS = 40
"""Digits that a parsed amount may have in all: PostgreSQL NUMERIC holds more, a typing mistake does not."""

EXACT = Context(prec=80, traps=[InvalidOperation])
"""Wide enough that sums and products of venue figures are exact (18 + 18 digits, thousands of terms)."""


class InvalidAmount(Invalid):
    """The text is not a finite decimal number of a sensible length."""

    code = "invalid_amount"
    title = "The amount is not a number we can work with"


class InvalidLotSize(Invalid):
    """A lot or tick size is zero or negative."""

    code = "invalid_lot_size"
    title = "A lot or tick size must be above zero"


def parse_decimal(text: str | int, *, max_digits: int = MAX_DIGITS) -> Decimal:
    """Read a decimal from text, refusing NaN, infinities, floats and absurd lengths.

    Args:
        text: Plain or exponent notation, in any unit.
        max_digits: Significant digits plus zeros that plain notation would need.

    Raises:
        InvalidAmount: not a finite number, or longer than `max_digits`.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise InvalidAmount(f'An amount is text such as "12.5", not {type(text).__name__}.')
    raw = str(text).strip()
    if len(raw) > max_digits + 8:
        raise InvalidAmount(f"The amount has more than {max_digits} digits.")
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise InvalidAmount(f'"{raw[:48]}" is not a number.') from None
    if not value.is_finite():
        raise InvalidAmount("The amount must be a finite number.")
    if len(raw) <= max_digits and "e" not in raw and "E" not in raw:
        return value  # plain already, and short: the writing out below is for exponents
    if len(plain(value).replace("-", "").replace(".", "")) > max_digits:
        raise InvalidAmount(f"The amount has more than {max_digits} digits.")
    return value


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros: `0.00001`, `12`, `-0.5`."""
    text = str(value)
    if "E" in text:  # asked for only then: it costs twice as much
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _to_step(value: Decimal, *, step: Decimal, rounding: str) -> Decimal:
    if step <= 0:
        raise InvalidLotSize(f"A step must be above zero, not {step}.")
    with localcontext(EXACT):
        return (value / step).to_integral_value(rounding=rounding) * step


def floor_to_lot(quantity: Decimal, *, lot_size: Decimal) -> Decimal:
    """Round a quantity down to whole lots, since rounding up could spend more than approved.

    Args:
        quantity: Base-asset units, zero or more.
        lot_size: Base-asset units in one lot, above zero; from the venue's instrument rules.

    Returns:
        Base-asset units: an exact multiple of `lot_size`, never above `quantity`.

    Raises:
        InvalidLotSize: `lot_size` is zero or negative.
    """
    return _to_step(quantity, step=lot_size, rounding=ROUND_FLOOR)


def ceil_to_lot(quantity: Decimal, *, lot_size: Decimal) -> Decimal:
    """Round a quantity up to whole lots: for minimums, where less would be refused.

    Raises:
        InvalidLotSize: `lot_size` is zero or negative.
    """
    return _to_step(quantity, step=lot_size, rounding=ROUND_CEILING)


def floor_to_tick(price: Decimal, *, tick_size: Decimal) -> Decimal:
    """Round a price (quote per base) down to the venue's tick.

    Raises:
        InvalidLotSize: `tick_size` is zero or negative.
    """
    return _to_step(price, step=tick_size, rounding=ROUND_FLOOR)


def ceil_to_tick(price: Decimal, *, tick_size: Decimal) -> Decimal:
    """Round a price (quote per base) up to the venue's tick.

    Raises:
        InvalidLotSize: `tick_size` is zero or negative.
    """
    return _to_step(price, step=tick_size, rounding=ROUND_CEILING)


def exact_product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply without losing a digit: price × quantity is the notional that moves, to the last digit."""
    with localcontext(EXACT):
        return left * right


def exact_sum(values: list[Decimal] | tuple[Decimal, ...]) -> Decimal:
    """Add without losing a digit."""
    with localcontext(EXACT):
        return sum(values, ZERO)


def truncate(value: Decimal, *, places: int) -> Decimal:
    """Cut towards zero to `places` decimals: how figures without a unit step (weights, ratios) are shown."""
    with localcontext(EXACT):
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)
