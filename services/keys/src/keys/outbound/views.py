"""A stored key as others may see it: never a secret, never more of the key than its hint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from keys.application.ports import ChangeKind
from keys.domain.stored_key import KeyStatus, StoredKey
from shared.contracts.account import KeyAdded, KeyChecked, KeyDeleted, KeySuspended, KeyView
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
