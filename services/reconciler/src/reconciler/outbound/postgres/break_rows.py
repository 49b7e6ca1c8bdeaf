"""Breaks and progress as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from reconciler.domain.announcements import Break
from reconciler.domain.books import Account
from reconciler.domain.findings import Finding, Scope
from reconciler.domain.tracking import AccountProgress
from reconciler.outbound.postgres.tables import ID, account_progress, venue_break
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit
from shared.trading.status import BreakClass

NEWEST = 2000
"""Breaks of an account that a comparison looks at: the newest; notes older than these are past every history window."""

_CHANGING = ("status", "position_id", "ours", "theirs", "detail", "opened_at", "changed_at", "version")
_FIXED = ("break_id", "user_id", "account_id", "environment", "break_class", "scope", "subject", "asset")


def _save_break() -> Statement:
    names = (*_FIXED, *_CHANGING)
    row = insert(venue_break).values({name: sa.bindparam(name, type_=venue_break.c[name].type) for name in names})
    changes = {name: row.excluded[name] for name in _CHANGING}
    return Statement(row.on_conflict_do_update(index_elements=[venue_break.c.break_id], set_=changes))


def _save_progress() -> Statement:
    columns = account_progress.c
    names = ("account_id", "user_id", "read_until_ms", "compared_at", "agreed_at")
    row = insert(account_progress).values({name: sa.bindparam(name, type_=columns[name].type) for name in names})
    changes = {name: row.excluded[name] for name in names[2:]}
    return Statement(row.on_conflict_do_update(index_elements=[columns.account_id], set_=changes))


_ACCOUNT = sa.bindparam("account", type_=ID)
_BREAKS = Statement(
    sa.select(venue_break)
    .where(venue_break.c.account_id == _ACCOUNT)
    .order_by(venue_break.c.status != "open", venue_break.c.changed_at.desc())
    .limit(NEWEST)
)
_PROGRESS = Statement(sa.select(account_progress).where(account_progress.c.account_id == _ACCOUNT))
_SAVE_BREAK = _save_break()
_SAVE_PROGRESS = _save_progress()


async def load_breaks(unit: Unit, account: Account) -> list[Break]:
    """The account's breaks, newest first."""
    return [_break(row, account) for row in await _BREAKS.rows(unit, account=account.account_id)]


async def save_breaks(unit: Unit, entries: Iterable[Break]) -> None:
    """Keep new and changed breaks."""
    await _SAVE_BREAK.run_many(unit, [_values(entry) for entry in entries])


async def load_progress(unit: Unit, account: Account) -> AccountProgress:
    """How far the account was compared."""
    for row in await _PROGRESS.rows(unit, account=account.account_id):
        agreed = {asset: datetime.fromisoformat(at) for asset, at in json.loads(row["agreed_at"]).items()}
        return AccountProgress(read_until_ms=row["read_until_ms"], compared_at=row["compared_at"], agreed_at=agreed)
    return AccountProgress()


async def save_progress(unit: Unit, account: Account, progress: AccountProgress) -> None:
    """Keep how far the account was compared."""
    await _SAVE_PROGRESS.run(
        unit,
        account_id=account.account_id,
        user_id=account.user_id,
        read_until_ms=progress.read_until_ms,
        compared_at=progress.compared_at,
        agreed_at={asset: at.isoformat() for asset, at in progress.agreed_at.items()},
    )


def _values(entry: Break) -> dict[str, Any]:
    finding = entry.finding
    return {
        "break_id": entry.break_id,
        "user_id": entry.account.user_id,
        "account_id": entry.account.account_id,
        "environment": entry.account.environment,
        "break_class": finding.break_class,
        "scope": finding.scope,
        "subject": finding.subject,
        "status": entry.status,
        "position_id": finding.position_id,
        "asset": finding.asset,
        "ours": finding.ours,
        "theirs": finding.theirs,
        "detail": finding.detail,
        "opened_at": entry.opened_at,
        "changed_at": entry.changed_at,
        "version": entry.version,
    }


def _break(row: Mapping[str, Any], account: Account) -> Break:
    finding = Finding(
        break_class=BreakClass(row["break_class"]),
        scope=Scope(row["scope"]),
        subject=row["subject"],
        detail=row["detail"],
        position_id=row["position_id"],
        asset=row["asset"],
        ours=row["ours"],
        theirs=row["theirs"],
        expected=row["status"] == "expected",
    )
    return Break(
        break_id=row["break_id"],
        account=account,
        finding=finding,
        status=row["status"],
        version=row["version"],
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
    )
