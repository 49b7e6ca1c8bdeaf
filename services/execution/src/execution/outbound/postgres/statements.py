"""What execution asks its tables, compiled once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID, insert

from execution.application.book_ports import Reservation
from execution.domain.account_flow import AccountFlow
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.hand_settlement import HandSettlement
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.position import Position, PositionHolding, Run
from execution.domain.shortage import AnswerRecord, Share, Shortage
from execution.outbound.postgres import ledger_tables as ledger
from execution.outbound.postgres import order_tables as orders
from execution.outbound.postgres import tables
from shared.runtime.bundle import Removal
from shared.runtime.inbox import first_delivery_statement
from shared.runtime.keeper import Keeper
from shared.runtime.statement import Finder, Statement
from shared.trading.status import TERMINAL_ATTEMPTS

_ID = UUID(as_uuid=True)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _is(column: sa.Column[object], name: str | None = None) -> sa.ColumnElement[bool]:
    """Equal to the argument named like the column."""
    return column == sa.bindparam(name or column.key, type_=column.type)


def _among(column: sa.Column[object], name: str, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[bool]:
    """Equal to one of the argument's values."""
    return column == sa.func.any(sa.bindparam(name, type_=ARRAY(kind)))


LOCK = Statement(sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"))
FIRST_DELIVERY = first_delivery_statement(tables.inbox)

_DESK = tables.desk
# Shared lock: the lease cannot change hands before this transaction ends.
FENCE = Statement(sa.select(_DESK.c.fence).where(_is(_DESK.c.account_id)).with_for_update(read=True))
REST_DESK = Statement(
    sa.update(_DESK).where(_DESK.c.account_id == sa.bindparam("account", type_=_ID)).values(work=False)
)


def _want_desk() -> Statement:
    given = ("account_id", "user_id", "environment", "trades", "watch_until")
    account, user, environment, trades, watch = (
        sa.bindparam(name, type_=_DESK.c["work" if name == "trades" else name].type) for name in given
    )
    row = insert(_DESK).values(
        account_id=account,
        user_id=user,
        environment=environment,
        work=trades,
        traded=trades,
        watch_until=watch,
        fence=0,
        leased_until=_EPOCH,
    )
    return Statement(
        row.on_conflict_do_update(
            index_elements=[_DESK.c.account_id],
            set_={
                "work": sa.or_(_DESK.c.work, row.excluded.work),
                "traded": sa.or_(_DESK.c.traded, row.excluded.traded),
                "watch_until": sa.func.greatest(_DESK.c.watch_until, row.excluded.watch_until),
            },
        )
    )


WANT_DESK = _want_desk()

_PLAN = orders.plan
PLAN = Statement(sa.select(_PLAN.c.body).where(_is(_PLAN.c.plan_id)))
ADD_PLAN = Statement(sa.insert(_PLAN).values({c.key: sa.bindparam(c.key, type_=c.type) for c in _PLAN.c}).inline())

POSITION = Finder(Position, orders.position, _is(orders.position.c.position_id))
POSITIONS_OF = Finder(
    Position, orders.position, _is(orders.position.c.account_id), order=[orders.position.c.position_id]
)
POSITIONS = Keeper(Position, orders.position, key="position_id", extra=["tail"])

_RUN = orders.run
RUN = Finder(Run, _RUN, _is(_RUN.c.run_id))
TRADING_RUNS = Finder(
    Run, _RUN, _is(_RUN.c.account_id), _RUN.c.state == sa.literal_column("'trading'"), order=[_RUN.c.accepted_at]
)
RUNS = Keeper(Run, _RUN, key="run_id", extra=["tail"])

_LEG = orders.leg
LEGS_OF_RUN = Finder(Leg, _LEG, _is(_LEG.c.run_id), order=[_LEG.c.number])
LEGS_OF_POSITION = Finder(
    Leg,
    _LEG,
    _is(_LEG.c.position_id),
    order=[_RUN.c.accepted_at, _LEG.c.number],
    source=_LEG.join(_RUN, _RUN.c.run_id == _LEG.c.run_id),
)
LEGS_AMONG = Finder(Leg, _LEG, _among(_LEG.c.leg_id, "leg_ids", _ID))
LEGS = Keeper(Leg, _LEG, key="leg_id")

_ATTEMPT = orders.attempt
ATTEMPTS_BY_LINK = Finder(Attempt, _ATTEMPT, _among(_ATTEMPT.c.link_id, "link_ids", sa.Text()))
OPEN_ATTEMPTS = Finder(
    Attempt,
    _ATTEMPT,
    _is(_ATTEMPT.c.account_id),
    # In the words of the partial index, which a list of parameters would not find.
    sa.text(f"state not in ({', '.join(repr(state.value) for state in sorted(TERMINAL_ATTEMPTS))})"),  # type: ignore[arg-type]
    order=[_ATTEMPT.c.intent_at, _ATTEMPT.c.link_id],
)
ATTEMPTS = Keeper(Attempt, _ATTEMPT, key="attempt_id")

_HOLDING = orders.holding
HOLDINGS_AMONG = Finder(
    PositionHolding, _HOLDING, _among(_HOLDING.c.position_id, "position_ids", _ID), order=[_HOLDING.c.asset]
)
HOLDINGS = Keeper(PositionHolding, _HOLDING)

_RESERVATION = orders.reservation


def _spoken_for() -> Statement:
    """What positions have put aside or own, whichever is more: an order that fills turns the one into the other."""
    position = orders.position
    aside = (
        sa.select(_RESERVATION.c.position_id, sa.func.sum(_RESERVATION.c.amount).label("amount"))
        .where(_is(_RESERVATION.c.account_id), _is(_RESERVATION.c.asset))
        .group_by(_RESERVATION.c.position_id)
        .subquery()
    )
    own = position.c.contributed - position.c.withdrawn + position.c.proceeds - position.c.invested
    return Statement(
        sa.select(sa.func.sum(sa.func.greatest(own, sa.func.coalesce(aside.c.amount, sa.literal_column("0")))))
        .select_from(position.outerjoin(aside, aside.c.position_id == position.c.position_id))
        .where(_is(position.c.account_id))
    )


SPOKEN_FOR = _spoken_for()
RESERVATIONS_OF_RUN = Finder(Reservation, _RESERVATION, _is(_RESERVATION.c.run_id))
RESERVATIONS_OF_POSITION = Finder(Reservation, _RESERVATION, _is(_RESERVATION.c.position_id))
RESERVATIONS = Keeper(Reservation, _RESERVATION)
RELEASE = Removal(_RESERVATION.c.holder_id)

_FILL = ledger.fill
KNOWN_FILLS = Statement(
    sa.select(_FILL.c.exec_id).where(_is(_FILL.c.account_id), _among(_FILL.c.exec_id, "exec_ids", sa.Text()))
)
FILLS_OF_POSITION = Finder(Fill, _FILL, _is(_FILL.c.position_id), order=[_FILL.c.at, _FILL.c.exec_id])
FIRST_FILL_AT = Statement(sa.select(sa.func.min(_FILL.c.at)).where(_is(_FILL.c.account_id)))
FILLS = Keeper(Fill, _FILL)
LINES = Keeper(JournalLine, ledger.journal)

_FLOW = ledger.account_flow
KNOWN_FLOWS = Statement(
    sa.select(_FLOW.c.flow_id).where(_is(_FLOW.c.account_id), _among(_FLOW.c.flow_id, "flow_ids", sa.Text()))
)
FLOWS_OF_ACCOUNT = Finder(
    AccountFlow,
    _FLOW,
    _is(_FLOW.c.account_id),
    sa.tuple_(_FLOW.c.at, _FLOW.c.flow_id)
    < sa.tuple_(sa.bindparam("before_at", type_=_FLOW.c.at.type), sa.bindparam("before_id", type_=sa.Text())),
    order=[_FLOW.c.at.desc(), _FLOW.c.flow_id.desc()],
    limit=sa.bindparam("most", type_=sa.Integer()),
)
FLOWS = Keeper(AccountFlow, _FLOW)

_SHORTAGE, _SHARE = ledger.shortage, ledger.shortage_share
_UNRESOLVED = _SHORTAGE.c.state != sa.literal_column("'resolved'")
_SHARES_WITH_THEIRS = _SHARE.join(_SHORTAGE, _SHORTAGE.c.shortage_id == _SHARE.c.shortage_id)
OPEN_SHORTAGE = Finder(Shortage, _SHORTAGE, _is(_SHORTAGE.c.account_id), _is(_SHORTAGE.c.asset), _UNRESOLVED)
SHORTAGES_OF = Finder(
    Shortage, _SHORTAGE, _is(_SHORTAGE.c.account_id), _is(_SHORTAGE.c.asset), order=[_SHORTAGE.c.found_at.desc()]
)
UNRESOLVED_SHORTAGES = Finder(Shortage, _SHORTAGE, _is(_SHORTAGE.c.account_id), _UNRESOLVED, order=[_SHORTAGE.c.asset])
SHORTAGES = Keeper(Shortage, _SHORTAGE)
SHARES_OF = Finder(Share, _SHARE, _is(_SHARE.c.shortage_id))
UNRESOLVED_SHARES = Finder(
    Share, _SHARE, _is(_SHARE.c.account_id), _UNRESOLVED, order=[_SHARE.c.asset], source=_SHARES_WITH_THEIRS
)
SHARES = Keeper(Share, _SHARE)
NO_SHARES = Removal(_SHARE.c.shortage_id)
ANSWERS = Keeper(AnswerRecord, ledger.shortage_answer)
HAND_SETTLEMENTS = Keeper(HandSettlement, ledger.hand_settlement)
