"""Breaks and progress as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from reconciler.domain.announcements import Break
from reconciler.domain.books import Account
from reconciler.domain.findings import Finding
from reconciler.domain.tracking import AccountProgress
from reconciler.outbound.postgres.tables import account_progress, venue_break

NEWEST = 2000
"""Breaks of an account that a comparison looks at: the newest; notes older than these are past every history window."""


async def load_breaks(session: AsyncSession, account: Account) -> list[Break]:
    """The account's breaks, newest first."""
    query = (
        sa.select(venue_break)
        .where(venue_break.c.account_id == account.account_id)
        .order_by(venue_break.c.status != "open", venue_break.c.changed_at.desc())
        .limit(NEWEST)
    )
    return [_break(row, account) for row in (await session.execute(query)).mappings()]


async def save_breaks(session: AsyncSession, entries: Iterable[Break]) -> None:
    """Keep new and changed breaks."""
    for entry in entries:
        row = insert(venue_break).values(break_id=entry.break_id, **_values(entry))
        changing = {
            name: row.excluded[name]
            for name in ("status", "position_id", "ours", "theirs", "detail", "opened_at", "changed_at", "version")
        }
        await session.execute(row.on_conflict_do_update(index_elements=[venue_break.c.break_id], set_=changing))


async def load_progress(session: AsyncSession, account: Account) -> AccountProgress:
    """How far the account was compared."""
    query = sa.select(account_progress).where(account_progress.c.account_id == account.account_id)
    row = (await session.execute(query)).mappings().first()
    return (
        AccountProgress(read_until_ms=row["read_until_ms"], compared_at=row["compared_at"])
        if row
        else AccountProgress()
    )


async def save_progress(session: AsyncSession, account: Account, progress: AccountProgress) -> None:
    """Keep how far the account was compared."""
    figures = {"read_until_ms": progress.read_until_ms, "compared_at": progress.compared_at}
    row = insert(account_progress).values(account_id=account.account_id, user_id=account.user_id, **figures)
    await session.execute(row.on_conflict_do_update(index_elements=[account_progress.c.account_id], set_=figures))


def _values(entry: Break) -> dict[str, Any]:
    finding = entry.finding
    return {
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


def _break(row: Any, account: Account) -> Break:
    finding = Finding(
        break_class=row["break_class"],
        scope=row["scope"],
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
