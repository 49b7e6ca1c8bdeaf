"""The picture that events paint: the newest version of each noun wins, whatever the order of arrival."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gateway.application.ports import Message, Strokes
from gateway.domain.account_break import AccountBreak
from gateway.domain.activity import ActivityEntry
from gateway.domain.position import Deviation, Fill, Leg, Position, Release, Valuation
from gateway.outbound.postgres.tables import (
    account_breaks,
    activity,
    inbox,
    position_deviations,
    position_fills,
    position_legs,
    position_releases,
    position_values,
    synthetic_positions,
)
from gateway.outbound.together import Together
from shared.runtime.database import Database
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit

Painting = tuple[Message, Strokes]


def _first(table: sa.Table, noun: type, *extra: str) -> Statement:
    """Insert a noun; one that is there stays."""
    names = [*(field.name for field in fields(noun)), *extra]
    values = {name: sa.bindparam(name, type_=table.c[name].type) for name in names}
    return Statement(insert(table).values(values).on_conflict_do_nothing())


def _newer(table: sa.Table, noun: type, *extra: str, fixed: frozenset[str] = frozenset()) -> Statement:
    """Insert a noun, or take its newer version; columns of `fixed` stay as they are."""
    names = [*(field.name for field in fields(noun)), *extra]
    statement = insert(table).values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})
    stay = {"user_id", *fixed, *(column.name for column in table.primary_key)}
    changed = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: statement.excluded[name] for name in names if name not in stay},
        where=table.c.version < statement.excluded.version,
    )
    return Statement(changed)


# Made once; any number of rows is one round trip.
_POSITION = _newer(synthetic_positions, Position, fixed=frozenset({"plan_id", "created_at"}))
"""Plan and moment were said at acceptance; events do not change them."""
_LEG = _newer(position_legs, Leg, "user_id")
_FILL = _first(position_fills, Fill, "user_id")
_RELEASE = _first(position_releases, Release, "user_id")
_VALUE = _newer(position_values, Valuation)
_DEVIATION = _newer(position_deviations, Deviation)
_BREAK = _newer(account_breaks, AccountBreak)
_ACTIVITY = _first(activity, ActivityEntry)
_NEW = Statement(
    insert(inbox)
    .from_select(
        ["consumer", "message_id"],
        sa.select(
            sa.func.unnest(sa.bindparam("consumers", type_=sa.ARRAY(sa.Text))),
            sa.func.unnest(sa.bindparam("messages", type_=sa.ARRAY(sa.Uuid))),
        ),
    )
    .on_conflict_do_nothing()
    .returning(inbox.c.consumer, inbox.c.message_id)
)


async def paint(unit: Unit, user_id: UUID, strokes: Iterable[Strokes]) -> None:
    """Bring the picture up to date, one statement for each kind of noun.

    Rows are written in the same order everywhere, so that replicas do not wait for each other in a circle.
    """
    told = list(strokes)
    await _write(unit, _POSITION, [one for stroke in told for one in stroke.positions], "position_id")
    await _write(unit, _LEG, [one for stroke in told for one in stroke.legs], "leg_id", user_id=user_id)
    await _write(unit, _FILL, [one for stroke in told for one in stroke.fills], "exec_id", user_id=user_id)
    await _write(unit, _RELEASE, [one for stroke in told for one in stroke.releases], "entry", user_id=user_id)
    await _write(unit, _VALUE, [one for stroke in told for one in stroke.valuations], "position_id")
    await _write(unit, _DEVIATION, [one for stroke in told for one in stroke.deviations], "position_id")
    await _write(unit, _BREAK, [one for stroke in told for one in stroke.breaks], "break_id")
    await _write(unit, _ACTIVITY, [one for stroke in told for one in stroke.activity], "event_id")


class PostgresPictures:
    """Paints messages of a user that come together in one transaction, with their inbox rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together: Together[Painting] = Together(self._paint)

    async def paint(self, message: Message, strokes: Strokes) -> None:
        """Returns when it is committed, or was before."""
        await self._together.do(message.user_id, (message, strokes))

    async def _paint(self, user_id: UUID, paintings: Sequence[Painting]) -> None:
        keys = sorted({(message.consumer, message.event_id) for message, _ in paintings})
        async with self._database.unit(user_id) as unit:
            noted = await _NEW.rows(unit, consumers=[one for one, _ in keys], messages=[one for _, one in keys])
            fresh = {(row["consumer"], row["message_id"]) for row in noted}
            await paint(
                unit,
                user_id,
                [strokes for message, strokes in paintings if (message.consumer, message.event_id) in fresh],
            )


async def _write(unit: Unit, statement: Statement, nouns: Sequence[object], key: str, **extra: UUID) -> None:
    if not nouns:
        return
    names = [field.name for field in fields(nouns[0])]  # type: ignore[arg-type]
    ordered = sorted(nouns, key=lambda noun: str(getattr(noun, key)))
    await statement.run_many(unit, [{name: getattr(noun, name) for name in names} | extra for noun in ordered])
