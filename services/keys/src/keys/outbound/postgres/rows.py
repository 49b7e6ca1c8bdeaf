"""Between rows and stored keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from keys.domain.stored_key import KeyFacts, KeyKind, KeyStatus, Sealed, StoredKey
from shared.trading.status import VenueEnvironment


def values_of(key: StoredKey) -> dict[str, Any]:
    """The columns of `venue_keys`."""
    sealed = key.sealed
    return {
        "key_id": key.key_id,
        "user_id": key.user_id,
        "label": key.label,
        "environment": key.environment.value,
        "account_hash": key.account_hash,
        "hint": key.hint,
        "venue_uid": key.facts.venue_uid,
        "permissions": key.facts.permissions,
        "permissions_known": key.facts.permissions_known,
        "read_only": key.facts.read_only,
        "ips": list(key.facts.ips),
        "master": key.facts.master,
        "expires_at": key.facts.expires_at,
        "status": key.status.value,
        "status_reason": key.status_reason,
        "warnings": list(key.warnings),
        "created_at": key.created_at,
        "checked_at": key.checked_at,
        "generation": key.generation,
        "version": key.version,
        "kek_version": sealed.kek_version if sealed else None,
        "wrapped_data_key": sealed.wrapped if sealed else None,
        "sealed_api_key": sealed.api_key if sealed else None,
        "sealed_api_secret": sealed.api_secret if sealed else None,
        "kind": (sealed.kind if sealed else KeyKind.HMAC).value,
    }


def key_of(row: Mapping[str, Any]) -> StoredKey:
    """The key of a row; `last_used_at` where the query asked for it."""
    return StoredKey(
        key_id=row["key_id"],
        user_id=row["user_id"],
        label=row["label"],
        environment=VenueEnvironment(row["environment"]),
        account_hash=row["account_hash"],
        hint=row["hint"],
        facts=_facts_of(row),
        status=KeyStatus(row["status"]),
        status_reason=row["status_reason"],
        warnings=tuple(row["warnings"]),
        created_at=row["created_at"],
        checked_at=row["checked_at"],
        generation=row["generation"],
        version=row["version"],
        sealed=_sealed_of(row),
        last_used_at=row.get("last_used_at"),
    )


def json_of(value: Any) -> Any:
    """A JSON column: the toolkit decodes it, the bare driver hands its text over."""
    return json.loads(value) if isinstance(value, str) else value


def _facts_of(row: Mapping[str, Any]) -> KeyFacts:
    return KeyFacts(
        venue_uid=row["venue_uid"],
        permissions=json_of(row["permissions"]),
        permissions_known=row["permissions_known"],
        read_only=row["read_only"],
        ips=tuple(row["ips"]),
        expires_at=row["expires_at"],
        master=row["master"],
    )


def _sealed_of(row: Mapping[str, Any]) -> Sealed | None:
    if row["wrapped_data_key"] is None:
        return None
    return Sealed(
        kek_version=row["kek_version"],
        wrapped=row["wrapped_data_key"],
        api_key=row["sealed_api_key"],
        api_secret=row["sealed_api_secret"],
        kind=KeyKind(row["kind"]),
    )
