"""The client order id: ours, decodable, checked with a key, never a sequence.

Layout, 35 of the venue's 36 characters: prefix 2 · position 16 · run 8 · leg 2 · attempt 3 · check 4.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from shared.trading.errors import Invalid
from shared.trading.status import VenueEnvironment

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, lower case: inside the venue's `[A-Za-z0-9_-]` and hard to misread."""
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_LETTERS = frozenset(ALPHABET)
POSITION_BITS = 80
RUN_BITS = 40
LENGTH = 35
_PREFIX = {
    VenueEnvironment.MAINNET: "bm",
    VenueEnvironment.TESTNET: "bt",
    VenueEnvironment.DEMO: "bd",
    VenueEnvironment.PAPER: "bp",
}
_ENVIRONMENT = {prefix: environment for environment, prefix in _PREFIX.items()}


class InvalidLinkId(Invalid):
    """The text is not a client order id of ours."""

    code = "invalid_link_id"
    title = "Not a client order id of ours"


def position_tail(position: UUID) -> int:
    """The last 80 bits of a position id: random, unique by constraint, and the position part of the link id."""
    return position.int & ((1 << POSITION_BITS) - 1)


def run_tail(plan: UUID) -> int:
    """The last 40 bits of a plan id: a run carries its plan's id, and is unique within the position by constraint."""
    return plan.int & ((1 << RUN_BITS) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkId:
    """What a client order id says.

    Attributes:
        position: Last 80 bits of the position id.
        run: Last 40 bits of the plan id.
        leg: Number of the leg in its run, 0 to 1023.
        attempt: Number of the attempt for the leg, 0 to 32767.
    """

    environment: VenueEnvironment
    position: int
    run: int
    leg: int
    attempt: int

    def encode(self, key: bytes) -> str:
        """Write the id with its keyed check, so that a look-alike typed by somebody else is never adopted."""
        if not (0 <= self.leg < 1024 and 0 <= self.attempt < 32768):
            raise InvalidLinkId(f"Leg {self.leg} or attempt {self.attempt} does not fit a link id.")
        body = (
            _PREFIX[self.environment]
            + _base32(self.position, 16)
            + _base32(self.run, 8)
            + _base32(self.leg, 2)
            + _base32(self.attempt, 3)
        )
        return body + _check(body, key)

    @classmethod
    def decode(cls, text: str, key: bytes) -> LinkId:
        """Read an id.

        Raises:
            InvalidLinkId: wrong length, alphabet, prefix or check.
        """
        body, check = text[:-4], text[-4:]
        if len(text) != LENGTH or body[:2] not in _ENVIRONMENT or not _LETTERS.issuperset(text[2:]):
            raise InvalidLinkId("The client order id is not in our format.")
        if not hmac.compare_digest(check, _check(body, key)):
            raise InvalidLinkId("The client order id carries a wrong check.")
        return cls(
            environment=_ENVIRONMENT[body[:2]],
            position=_number(body[2:18]),
            run=_number(body[18:26]),
            leg=_number(body[26:28]),
            attempt=_number(body[28:31]),
        )


def is_ours(text: str, key: bytes) -> bool:
    """Whether a client order id was made by this deployment."""
    try:
        LinkId.decode(text, key)
    except InvalidLinkId:
        return False
    return True


def _base32(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 32)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _number(text: str) -> int:
    number = 0
    for letter in text:
        number = number * 32 + _VALUES[letter]
    return number


def _check(body: str, key: bytes) -> str:
    digest = hmac.new(key, body.encode(), sha256).digest()
    return _base32(int.from_bytes(digest[:4], "big") >> 12, 4)
