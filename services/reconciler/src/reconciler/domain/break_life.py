"""The life of breaks: found, changed, resolved, found again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from reconciler.domain.announcements import Break
from reconciler.domain.books import Account
from reconciler.domain.findings import Comparison, Finding, Scope
from shared.trading.status import BreakClass

Key = tuple[BreakClass, str]


def advance(
    known: Iterable[Break], comparison: Comparison, *, account: Account, now: datetime, new_id: Callable[[], UUID]
) -> list[Break]:
    """The breaks that begin, change or end by a comparison; what stays as it was is not among them."""
    before = {_key(entry.finding): entry for entry in known}
    found = {_key(finding): finding for finding in comparison.findings}
    changed = [_next(before.get(key), finding, account, now, new_id) for key, finding in found.items()]
    ended = [
        replace(entry, status="resolved", version=entry.version + 1, changed_at=now)
        for key, entry in before.items()
        if key not in found and entry.status != "resolved" and _ends(entry, comparison)
    ]
    return [entry for entry in changed if entry is not None] + ended


def _ends(entry: Break, comparison: Comparison) -> bool:
    scope, asset = entry.finding.scope, entry.finding.asset
    if scope is Scope.BALANCES and asset in comparison.passed_over:
        return False
    return scope is not Scope.NOTES and scope in comparison.looked_at


def _next(
    entry: Break | None, finding: Finding, account: Account, now: datetime, new_id: Callable[[], UUID]
) -> Break | None:
    if entry is None:
        return Break(
            break_id=new_id(),
            account=account,
            finding=finding,
            status=finding.status,
            version=1,
            opened_at=now,
            changed_at=now,
        )
    same = entry.status == finding.status and entry.finding.difference == finding.difference
    if same or finding.scope is Scope.NOTES:
        return None
    again = entry.status == "resolved"
    return replace(
        entry,
        finding=finding,
        status=finding.status,
        version=entry.version + 1,
        opened_at=now if again else entry.opened_at,
        changed_at=now,
    )


def _key(finding: Finding) -> Key:
    return finding.break_class, finding.subject
