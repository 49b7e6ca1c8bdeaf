"""Key pairs that wait, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from keys.domain.key_pair import KeyPair, SealedPrivateKey
from keys.outbound.postgres.tables import key_pairs
from shared.trading.status import VenueEnvironment


async def put(session: AsyncSession, pair: KeyPair) -> None:
    """Store a pair."""
    await session.execute(
        sa.insert(key_pairs).values(
            pair_id=pair.pair_id,
            user_id=pair.user_id,
            label=pair.label,
            environment=pair.environment.value,
            public_key=pair.public_key,
            created_at=pair.created_at,
            expires_at=pair.expires_at,
            kek_version=pair.sealed.kek_version,
            wrapped_data_key=pair.sealed.wrapped,
            sealed_private_key=pair.sealed.private_key,
        )
    )


async def read(session: AsyncSession, pair_id: UUID) -> KeyPair | None:
    """One pair of the session's user."""
    query = sa.select(key_pairs).where(key_pairs.c.pair_id == pair_id)
    row = (await session.execute(query)).mappings().first()
    return None if row is None else _pair(dict(row))


async def read_all(session: AsyncSession) -> Sequence[KeyPair]:
    """The user's pairs, newest first."""
    query = sa.select(key_pairs).order_by(key_pairs.c.created_at.desc(), key_pairs.c.pair_id)
    return [_pair(dict(row)) for row in (await session.execute(query)).mappings()]


async def drop(session: AsyncSession, pair_ids: Sequence[UUID]) -> None:
    """Destroy pairs."""
    if pair_ids:
        await session.execute(sa.delete(key_pairs).where(key_pairs.c.pair_id.in_(pair_ids)))


def _pair(row: Mapping[str, Any]) -> KeyPair:
    return KeyPair(
        pair_id=row["pair_id"],
        user_id=row["user_id"],
        label=row["label"],
        environment=VenueEnvironment(row["environment"]),
        public_key=row["public_key"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        sealed=SealedPrivateKey(
            kek_version=row["kek_version"], wrapped=row["wrapped_data_key"], private_key=row["sealed_private_key"]
        ),
    )
