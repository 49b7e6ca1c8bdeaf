"""What a reply code of the venue means for the call that got it: one table, each row with its source.

A code that is not listed is UNKNOWN: the order may exist (safety, section 5). The table is to be confirmed on testnet.
"""

from __future__ import annotations

from enum import StrEnum


class ReplyClass(StrEnum):
    """What is certain after a reply."""

    ACCEPTED = "accepted"
    """The venue took the call; for orders only an acknowledgement, never a fill."""
    REFUSED = "refused"
    """Certainly nothing was done."""
    BLIND = "blind"
    """Certainly nothing was done, and nothing will be: this key does not work here any more (drift D11)."""
    RATE_LIMITED = "rate_limited"
    """Certainly nothing was done; the same call may be sent again after the reset time."""
    DUPLICATE = "duplicate"
    """An order with this client id exists already: query it and adopt it."""
    NOT_OPEN = "not_open"
    """There is no open order to cancel: finished, or never there. Query to learn which."""
    UNKNOWN = "unknown"
    """It may have been done: query, never send again blindly."""


_R, _B, _D, _N, _U = (
    ReplyClass.REFUSED,
    ReplyClass.BLIND,
    ReplyClass.DUPLICATE,
    ReplyClass.NOT_OPEN,
    ReplyClass.UNKNOWN,
)

# Sources: S = safety.md section 5, reply classes; E = Bybit's public error list (docs/v5/error, read 2026-07-24);
# A = bybit-v5.md sections 2 and 9, where recorded texts stand beside the codes.
TABLE: dict[int, tuple[ReplyClass, str]] = {
    0: (ReplyClass.ACCEPTED, "E: success"),
    # the key, the clock, the signature
    10002: (_R, "S, E: timestamp outside the receive window"),
    10003: (_B, "S, E: key invalid or of another environment"),
    10004: (_R, "S, E: wrong signature"),
    10005: (_B, "S, E: permission denied"),
    10010: (_B, "S, E: address not bound to the key"),
    33004: (_B, "S (D11), E: key expired (derivatives)"),
    -2015: (_B, "A, E: key expired (spot)"),
    # too fast
    10006: (ReplyClass.RATE_LIMITED, "S, E: too many visits of this UID"),
    # parameters: checked before the order book sees anything
    10001: (_R, "S (parameter codes), E: parameter error"),
    10029: (_R, "S, E: symbol not on the key's list"),
    170105: (_R, "S (parameter codes), E: a parameter is empty"),
    170115: (_R, "S (parameter codes), E: time in force"),
    170116: (_R, "S (parameter codes), E: order type"),
    170117: (_R, "S (parameter codes), E: side"),
    170121: (_R, "S (parameter codes), E: unknown symbol"),
    170130: (_R, "S (parameter codes), E: invalid parameter"),
    170134: (_R, "S (parameter codes), E: price decimals"),
    170137: (_R, "S (parameter codes), E: quantity decimals"),
    170148: (_R, "S (parameter codes), E: quote amount decimals"),
    110003: (_R, "S (parameter codes), E: price out of range (derivatives)"),
    # price limits
    170132: (_R, "A 6.7, E: price too high"),
    170133: (_R, "A 6.7, E: price too low"),
    170193: (_R, "A 6.7, E: buy price above the limit"),
    170194: (_R, "A 6.7, E: sell price below the limit"),
    170371: (_R, "A 6.7, E: price below the band"),
    170372: (_R, "A 6.7, E: price above the band"),
    # size
    170136: (_R, "S (minimum size), E: quantity below the minimum"),
    170140: (_R, "S (minimum size), E: value below the minimum"),
    110094: (_R, "S (minimum size), E: notional below the minimum (derivatives)"),
    170124: (_R, "A 9 (too large), E"),
    170228: (_R, "A 9 (too large), E"),
    170229: (_R, "A 9 (too large), E"),
    170341: (_R, "A 9 (too large), E"),
    170381: (_R, "A 9 (too large), E"),
    170382: (_R, "A 9 (too large), E"),
    # balance
    170131: (_R, "S (insufficient balance), E"),
    170033: (_R, "S (insufficient balance), E"),
    110004: (_R, "S (insufficient balance), E"),
    110007: (_R, "S (insufficient balance), E"),
    110012: (_R, "S (insufficient balance), E"),
    110045: (_R, "S (insufficient balance), E"),
    # the market is shut, or not for this account
    170151: (_R, "A 9 (market not open), E"),
    170157: (_R, "A 9 (market not open), E"),
    170209: (_R, "A 9 (region), E"),
    170810: (_R, "A 9 (too many open orders), E"),
    # the client id is known: the order is there
    110072: (_D, "S, E: duplicate client id (derivatives)"),
    170141: (_D, "S, E: duplicate client id (spot)"),
    # cancelling what is not open
    110001: (_N, "A 6.2, E: order does not exist"),
    110008: (_N, "A 6.2, E: completed or cancelled"),
    110010: (_N, "A 6.2, E: cancelled"),
    170139: (_N, "A 6.2, E: filled"),
    170142: (_N, "A 6.2, E: cancelled"),
    170143: (_N, "A 9, E: not on the book"),
    170190: (_N, "A 9, E: cancel finished"),
    170213: (_N, "A 6.2, E: order does not exist"),
    # named because people expect them to be refusals: they are not
    10000: (_U, "S: server time-out"),
    10014: (_U, "S: duplicate request"),
    10016: (_U, "S: server error"),
    10429: (_U, "S: system protection"),
    170007: (_U, "A 9: backend time-out"),
    170032: (_U, "A 9: network error"),
    170146: (_U, "S: creation time-out"),
    170147: (_U, "A 9: cancel time-out"),
    170149: (_U, "S: create failed, reason unstated"),
    170210: (_U, "default: new order rejected, not confirmed on testnet"),
}


def classify(code: int) -> ReplyClass:
    """The class of a reply code; UNKNOWN when the table does not list it."""
    return TABLE.get(code, (ReplyClass.UNKNOWN, ""))[0]
