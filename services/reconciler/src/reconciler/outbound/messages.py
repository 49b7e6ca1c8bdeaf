"""The reconciler's announcements as contracts: payload, user, entity, aggregate."""

from __future__ import annotations

from typing import Any, cast

from reconciler.domain.announcements import (
    Announcement,
    BreakTold,
    DeviationTold,
    HandoverTold,
    JobTold,
    PnlTold,
    ReturnTold,
    TickTold,
)
from reconciler.domain.valuation import CoinValue
from shared.contracts.fields import EventData
from shared.contracts.portfolio import (
    BreakFound,
    DeviationCleared,
    DeviationDetected,
    DriftItem,
    HoldingValue,
    PnlUpdated,
)
from shared.contracts.tasks import BookVenueRecord, ReconcileAccount, ReconcileAllPositions
from shared.runtime.outbox import Announcement as Message


def message_of(told: Announcement) -> Message:
    """The message of an announcement."""
    match told:
        case PnlTold():
            return _of_position(told, _pnl(told))
        case DeviationTold():
            return _of_position(told, _deviation(told))
        case ReturnTold():
            return _of_position(told, _return(told))
        case BreakTold():
            return _break(told)
        case HandoverTold():
            return _handover(told)
        case TickTold() | JobTold():
            return _task(told)


def _of_position(told: PnlTold | DeviationTold | ReturnTold, data: EventData) -> Message:
    book = told.book
    return Message(
        data=data,
        user_id=book.account.user_id,
        entity_id=book.position_id,
        aggregate_id=book.position_id,
        aggregate_version=told.version,
    )


def _pnl(told: PnlTold) -> PnlUpdated:
    book, value = told.book, told.valuation
    return PnlUpdated(
        position_id=book.position_id,
        user_id=book.account.user_id,
        account_id=book.account.account_id,
        environment=book.account.environment,
        at=value.at,
        value=value.value,
        cash=book.cash,
        cost=value.cost,
        realised=value.realised,
        unrealised=value.unrealised,
        pnl=value.pnl,
        fees=value.fees,
        holdings=[_holding(coin) for coin in value.coins],
        max_abs_drift=value.max_abs_drift,
        turnover=value.turnover,
        source=told.source.value,
        reconciled_at=told.reconciled_at,
    )


def _holding(coin: CoinValue) -> HoldingValue:
    return HoldingValue(
        symbol=coin.coin.symbol,
        asset=coin.coin.asset,
        quantity=coin.coin.quantity,
        cost=coin.coin.cost,
        mark=coin.mark.price,
        mark_stale=coin.mark.stale,
        value=coin.value,
        realised=coin.coin.realised,
        unrealised=coin.unrealised,
        weight=coin.weight,
        target_weight=coin.coin.target_weight,
        drift=coin.drift,
    )


def _deviation(told: DeviationTold) -> DeviationDetected:
    return DeviationDetected(
        position_id=told.book.position_id,
        user_id=told.book.account.user_id,
        account_id=told.book.account.account_id,
        at=told.at,
        items=[
            DriftItem(
                symbol=coin.coin.symbol,
                weight=coin.weight,
                target_weight=coin.coin.target_weight,
                drift=coin.drift,
            )
            for coin in told.coins
        ],
        absolute_threshold=told.band.absolute,
        relative_threshold=told.band.relative,
    )


def _return(told: ReturnTold) -> DeviationCleared:
    account = told.book.account
    return DeviationCleared(
        position_id=told.book.position_id, user_id=account.user_id, account_id=account.account_id, at=told.at
    )


def _break(told: BreakTold) -> Message:
    entry, finding = told.entry, told.entry.finding
    data = BreakFound(
        break_id=entry.break_id,
        user_id=entry.account.user_id,
        account_id=entry.account.account_id,
        position_id=finding.position_id,
        break_class=finding.break_class,
        status=entry.status,
        asset=finding.asset,
        ours=finding.ours,
        theirs=finding.theirs,
        difference=finding.difference,
        detail=finding.detail,
        at=entry.changed_at,
    )
    return Message(
        data=data,
        user_id=entry.account.user_id,
        entity_id=entry.account.account_id,
        aggregate_id=entry.break_id,
        aggregate_version=entry.version,
    )


def _handover(told: HandoverTold) -> Message:
    account, handover = told.account, told.handover
    data = BookVenueRecord(
        user_id=account.user_id,
        account_id=account.account_id,
        environment=account.environment,
        client_order_ids=list(handover.client_order_ids),
        exec_ids=list(handover.exec_ids),
        break_class=cast("Any", handover.break_class.value),
        flow_ids=[flow.flow_id for flow in handover.flows],
        assets=list(handover.assets),
        since=min((flow.at for flow in handover.flows), default=None),
    )
    return Message(
        data=data,
        user_id=account.user_id,
        entity_id=account.account_id,
        aggregate_id=account.account_id,
        aggregate_version=1,
        event_id=told.event_id,
    )


def _task(told: TickTold | JobTold) -> Message:
    if isinstance(told, TickTold):
        tick = ReconcileAllPositions(slot=told.slot)
        return Message(
            data=tick,
            user_id=None,
            entity_id=None,
            aggregate_id="tick",
            aggregate_version=1,
            event_id=told.event_id,
        )
    account = told.account
    data = ReconcileAccount(
        user_id=account.user_id,
        account_id=account.account_id,
        environment=account.environment,
        reason=told.reason,
        slot=told.slot,
    )
    # Nobody's row: jobs of many users are handed out in one transaction; the payload holds ids only.
    return Message(
        data=data,
        user_id=None,
        entity_id=account.account_id,
        aggregate_id=account.account_id,
        aggregate_version=1,
        event_id=told.event_id,
    )
