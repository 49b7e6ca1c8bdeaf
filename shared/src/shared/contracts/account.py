"""Events and views of auth and keys: never a secret, never more of a key than its hint."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.contracts.fields import Contract, EventData, Moment
from shared.trading.status import VenueEnvironment


class UserView(Contract):
    """A user as their own client sees them."""

    user_id: UUID
    email: str
    role: Literal["user", "admin"]
    created_at: Moment
    risk_accepted_at: Moment | None = None


class KeyView(Contract):
    """A stored venue key as its owner sees it; `key_id` is the API's `account_id`."""

    key_id: UUID
    user_id: UUID
    label: str
    environment: VenueEnvironment
    venue_uid: str
    """The venue's user id: limits and ledgers belong to it."""
    hint: str
    """`first4…last4` of the api key, never of the secret."""
    permissions: dict[str, list[str]]
    read_only: bool
    ips: list[str]
    """Bound addresses; empty when the key works from anywhere."""
    days_left: int | None = None
    """Days until the venue expires it; null when it does not."""
    expires_at: Moment | None = None
    status: Literal["active", "suspended"]
    status_reason: str | None = None
    warnings: list[str]
    created_at: Moment
    checked_at: Moment
    last_used_at: Moment | None = None


class HaltView(Contract):
    """One throw of the kill switch, as those see it whom it stops."""

    halt_id: UUID
    scope: Literal["platform", "user", "symbol"]
    user_id: UUID | None = None
    """Whose trading; null for everybody's."""
    symbol: str | None = None
    """Null for all."""
    environment: VenueEnvironment | None = None
    """Null for everywhere."""
    extent: Literal["opening", "all"]
    """`opening`: nothing is bought, selling goes on."""
    reason: str
    by_operator: bool
    """Only an operator can release it then."""
    raised_at: Moment
    released_at: Moment | None = None
    release_reason: str | None = None


class UserRegistered(EventData):
    """Somebody signed up; ids only."""

    user_id: UUID
    role: Literal["user", "admin"]


class KeyAdded(EventData):
    """A key was stored."""

    key: KeyView


class KeyChecked(EventData):
    """A key was checked against the venue again."""

    key: KeyView


class KeySuspended(EventData):
    """A key may no longer trade: it gained a forbidden right, expired, or was revoked."""

    key: KeyView


class KeyDeleted(EventData):
    """A key's wrapped data key was destroyed."""

    user_id: UUID
    key_id: UUID
    environment: VenueEnvironment


class TradingHalted(EventData):
    """The kill switch was thrown: from now on the signer refuses what it stops."""

    halt: HaltView


class TradingResumed(EventData):
    """It was released."""

    halt: HaltView
