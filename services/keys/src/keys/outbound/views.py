"""A stored key as others may see it: never a secret, never more of the key than its hint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from keys.application.book_ports import ChangeKind
from keys.domain.halts import Halt
from keys.domain.stored_key import KeyStatus, StoredKey
from shared.contracts.account import (
    HaltView,
    KeyAdded,
    KeyChecked,
    KeyDeleted,
    KeySuspended,
    KeyView,
    TradingHalted,
    TradingResumed,
)
from shared.contracts.fields import EventData
from shared.trading.clock import Clock


def view_of(key: StoredKey, now: datetime) -> KeyView:
    """What the owner sees."""
    return KeyView(
        key_id=key.key_id,
        user_id=key.user_id,
        label=key.label,
        environment=key.environment,
        venue_uid=key.facts.venue_uid,
        hint=key.hint,
        permissions=key.facts.permissions,
        read_only=key.facts.read_only,
        ips=list(key.facts.ips),
        days_left=key.days_left(now),
        expires_at=key.facts.expires_at,
        status="active" if key.status is KeyStatus.ACTIVE else "suspended",
        status_reason=key.status_reason,
        warnings=list(key.warnings),
        created_at=key.created_at,
        checked_at=key.checked_at,
        last_used_at=key.last_used_at,
    )


def announcements(clock: Clock) -> Callable[[ChangeKind, StoredKey], EventData]:
    """Makes the event that tells of a change."""

    def announce(kind: ChangeKind, key: StoredKey) -> EventData:
        if kind is ChangeKind.DELETED:
            return KeyDeleted(user_id=key.user_id, key_id=key.key_id, environment=key.environment)
        view = view_of(key, clock.now())
        if kind is ChangeKind.ADDED:
            return KeyAdded(key=view)
        return KeySuspended(key=view) if kind is ChangeKind.SUSPENDED else KeyChecked(key=view)

    return announce


def halt_view(halt: Halt) -> HaltView:
    """What those who are stopped see: never which operator it was."""
    return HaltView(
        halt_id=halt.halt_id,
        scope=halt.scope.value,
        user_id=halt.user_id,
        symbol=halt.symbol,
        environment=halt.environment,
        extent=halt.extent.value,
        reason=halt.reason,
        by_operator=halt.by_operator,
        raised_at=halt.raised_at,
        released_at=halt.released_at,
        release_reason=halt.release_reason,
    )


def halt_announcement(halt: Halt) -> EventData:
    """The event that tells of a halt or its release."""
    view = halt_view(halt)
    return TradingHalted(halt=view) if halt.released_at is None else TradingResumed(halt=view)
