"""Halts and limits as the signer reads them, and sums that grow only within their caps: no round trip of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from keys.domain.guards import Reservation, Spent, StoredGuards, first_slots
from keys.domain.halts import Extent, Halt
from keys.domain.limits import OwnLimits, PlatformLimits
from keys.outbound.postgres.rows import json_of
from shared.trading.status import VenueEnvironment

Row = Mapping[str, Any]
OWN = ("order_max", "hour_max", "day_max", "slippage_bps_max", "price_age_s_max")
PLATFORMS = (*OWN, "total_hour_max", "total_day_max")


class Driver(Protocol):
    """As much of an asyncpg connection as is used here."""

    async def fetch(self, query: str, *values: Any) -> list[Row]:
        """All rows of a question."""
        ...


COLUMNS = ", ".join(
    ["s.halts", *(f"u.{name} as own_{name}" for name in OWN), *(f"p.{name} as all_{name}" for name in PLATFORMS)]
)
"""Beside a key's own columns; what no row says is null."""
JOINS = """
    left join keys.user_limits u on u.user_id = k.user_id and u.environment = k.environment
    left join keys.platform_limits p on p.environment = k.environment
    left join lateral (
        select jsonb_agg(to_jsonb(h)) as halts from keys.halts h
        where h.released_at is null and (h.user_id is null or h.user_id = k.user_id)
          and (h.environment is null or h.environment = k.environment)
    ) s on true
"""
"""To a key `k`. Standing halts have an index of their own, which is empty on most days."""

# A conflict locks the newest version of the row, whatever this statement's snapshot shows, and its sum is taken from
# that one: two signatures never see the same room. Rows are taken in the order of the caps, so nobody waits in a circle.
_RESERVE = """
    held as (
        insert into keys.spending as s (environment, scope, slots, amounts)
        select {environment}, c.scope, array[{slot}::bigint], array[{amount}::numeric]
        from unnest({scopes}::text[]) with ordinality as c (scope, n) order by c.n
        on conflict (environment, scope) do update
        set (slots, amounts) = (
            select array_agg(w.slot order by w.slot), array_agg(w.amount order by w.slot)
            from (
                select v.slot, sum(v.amount) as amount
                from (
                    select t.slot, t.amount from unnest(s.slots, s.amounts) as t (slot, amount)
                    where t.slot >= {day_from}
                    union all select {slot}, {amount}
                ) v group by v.slot
            ) w
        )
        where (
            select coalesce(sum(t.amount) filter (where t.slot >= {hour_from}), 0) + {amount} <= c.hour_max
               and coalesce(sum(t.amount), 0) + {amount} <= c.day_max
            from unnest({scopes}::text[], {hours}::numeric[], {days}::numeric[]) as c (scope, hour_max, day_max)
            left join unnest(s.slots, s.amounts) as t (slot, amount) on t.slot >= {day_from}
            where c.scope = s.scope
            group by c.hour_max, c.day_max
        )
        returning s.scope
    )
    select array(select scope from held)
"""
_READ = """
    select scope, coalesce(sum(t.amount) filter (where t.slot >= $3), 0) as hour, coalesce(sum(t.amount), 0) as day
    from keys.spending s left join unnest(s.slots, s.amounts) as t (slot, amount) on t.slot >= $4
    where s.environment = $1 and s.scope = any($2::text[]) group by scope
"""


def reserve_statement(first: int) -> str:
    """The part `held` and the end of a statement, whose parameters begin with the number `first`."""
    names = ("environment", "slot", "amount", "hour_from", "day_from", "scopes", "hours", "days")
    return _RESERVE.format(**{name: f"${first + place}" for place, name in enumerate(names)})


def reserve_values(reservation: Reservation) -> list[Any]:
    """Its parameters."""
    return [
        reservation.environment.value,
        reservation.slot,
        reservation.amount,
        *first_slots(reservation.slot),
        [cap.scope for cap in reservation.caps],
        [cap.hour_max for cap in reservation.caps],
        [cap.day_max for cap in reservation.caps],
    ]


async def full_of(driver: Driver, reservation: Reservation, held: Sequence[str]) -> Spent | None:
    """The first sum without room; its figures are read only for the one who is refused."""
    full = [cap.scope for cap in reservation.caps if cap.scope not in held]
    if not full:
        return None
    found = await read_spent(driver, reservation.environment, full[:1], slot=reservation.slot)
    return found.get(full[0], Spent(scope=full[0]))


async def read_spent(
    driver: Driver, environment: VenueEnvironment, scopes: Sequence[str], *, slot: int
) -> dict[str, Spent]:
    """What sums hold now, by scope; one that holds nothing is left out."""
    rows = await driver.fetch(_READ, environment.value, list(scopes), *first_slots(slot))
    return {row["scope"]: Spent(scope=row["scope"], hour=row["hour"], day=row["day"]) for row in rows}


def stored_guards(row: Row) -> StoredGuards:
    """The guards in a row of a key that was read with `COLUMNS` and `JOINS`."""
    own = {name: row[f"own_{name}"] for name in OWN}
    platform = {name: row[f"all_{name}"] for name in PLATFORMS}
    return StoredGuards(
        halts=tuple(halt_of(one) for one in json_of(row["halts"]) or ()),
        own=OwnLimits(**own),
        platform=None if platform["order_max"] is None else PlatformLimits(**platform),
    )


def halt_of(row: Row) -> Halt:
    """The halt of a row, or of its JSON."""
    environment = row["environment"]
    return Halt(
        halt_id=_uuid(row["halt_id"]),
        user_id=None if row["user_id"] is None else _uuid(row["user_id"]),
        symbol=row["symbol"],
        environment=None if environment is None else VenueEnvironment(environment),
        extent=Extent(row["extent"]),
        reason=row["reason"],
        by_operator=row["by_operator"],
        raised_by=_uuid(row["raised_by"]),
        raised_at=_moment(row["raised_at"]),
        released_by=None if row["released_by"] is None else _uuid(row["released_by"]),
        released_at=None if row["released_at"] is None else _moment(row["released_at"]),
        release_reason=row["release_reason"],
    )


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
