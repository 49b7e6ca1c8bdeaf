"""Consumers: what execution, reconciler, keys, auth and market-data said, brought into the picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

from gateway.application.paint_picture import PaintPicture
from gateway.application.ports import Message
from gateway.domain.account_break import AccountBreak
from gateway.domain.account_flow import Movement, movements_sentence, shortage_sentence
from gateway.domain.activity import rebalance_sentence
from gateway.domain.position import Deviation, Fill, Leg, Position, Release, Valuation
from shared.contracts import account, execution, market, portfolio, rebalancing
from shared.contracts.envelope import Envelope
from shared.contracts.topology import (
    GATEWAY_ACCOUNT,
    GATEWAY_EXECUTION,
    GATEWAY_MARKET,
    GATEWAY_PORTFOLIO,
    ConsumerSpec,
)
from shared.runtime.events import EventRouter
from shared.trading.money import plain


class IndexKeeper(Protocol):
    """Keeps published index versions."""

    async def keep(self, consumer: str, message_id: UUID, index: market.IndexVersionView) -> None:
        """Keep a newer version."""
        ...


Note = Callable[[Envelope[Any], str, UUID], Awaitable[None]]


def execution_router(paint: PaintPicture) -> EventRouter:
    """Positions, legs, fills and incidents."""
    router = EventRouter(GATEWAY_EXECUTION)

    async def position(event: Envelope[Any]) -> None:
        view: execution.PositionView = event.data.position
        await paint.position(_message(GATEWAY_EXECUTION, event, view.user_id), _position(view), _legs(view.legs))

    for model in (
        execution.PositionExecuting,
        execution.PositionActive,
        execution.PositionFailed,
        execution.PositionRebalancing,
        execution.PositionClosing,
        execution.PositionClosed,
    ):
        router.on(model)(position)

    @router.on(execution.LegsUpdated)
    async def legs(event: Envelope[execution.LegsUpdated]) -> None:
        message = _message(GATEWAY_EXECUTION, event, event.data.user_id)
        await paint.legs(message, _legs(event.data.legs))

    @router.on(execution.LegFilled)
    async def filled(event: Envelope[execution.LegFilled]) -> None:
        message = _message(GATEWAY_EXECUTION, event, event.data.user_id)
        [leg] = _legs([event.data.leg])
        await paint.filled(message, leg)

    @router.on(execution.FillsBooked)
    async def fills(event: Envelope[execution.FillsBooked]) -> None:
        said = event.data
        message = _message(GATEWAY_EXECUTION, event, said.user_id)
        await paint.fills(message, [_fill(said.account_id, fill) for fill in said.fills])

    @router.on(execution.CoinsReleased)
    async def released(event: Envelope[execution.CoinsReleased]) -> None:
        said = event.data
        message = _message(GATEWAY_EXECUTION, event, said.user_id)
        await paint.releases(message, [Release(position_id=said.position_id, **dict(one)) for one in said.releases])

    @router.on(execution.AccountFlowsBooked)
    async def flows(event: Envelope[execution.AccountFlowsBooked]) -> None:
        said = event.data
        fields = {"kind", "venue_type", "asset", "amount", "price", "counter_asset"}
        movements = [Movement(**flow.model_dump(include=fields)) for flow in said.flows]
        message = _message(GATEWAY_EXECUTION, event, said.user_id)
        await paint.note(message, movements_sentence(movements), account_id=said.account_id)

    @router.on(execution.ShortageChanged)
    async def shortage(event: Envelope[execution.ShortageChanged]) -> None:
        said = event.data.shortage
        message = _message(GATEWAY_EXECUTION, event, event.data.user_id)
        sentence = shortage_sentence(said.asset, said.quantity, said.state, said.how)
        await paint.note(message, sentence, account_id=said.account_id)

    @router.on(execution.IncidentRaised)
    async def incident(event: Envelope[execution.IncidentRaised]) -> None:
        said = event.data
        message = _message(GATEWAY_EXECUTION, event, said.user_id)
        await paint.note(message, said.detail, position_id=said.position_id, account_id=said.account_id)

    return router


def portfolio_router(paint: PaintPicture) -> EventRouter:
    """Values, drift and breaks."""
    router = EventRouter(GATEWAY_PORTFOLIO)

    @router.on(portfolio.PnlUpdated)
    async def pnl(event: Envelope[portfolio.PnlUpdated]) -> None:
        said = event.data
        facts = said.model_dump(exclude={"account_id", "environment", "holdings"})
        holdings = [one.model_dump(mode="json") for one in said.holdings]
        valuation = Valuation(**facts, holdings=holdings, version=event.aggregate_version)
        await paint.valuation(_message(GATEWAY_PORTFOLIO, event, said.user_id), valuation)

    @router.on(portfolio.DeviationDetected)
    async def detected(event: Envelope[portfolio.DeviationDetected]) -> None:
        items = [one.model_dump(mode="json") for one in event.data.items]
        await _deviation(event, items, active=True)

    @router.on(portfolio.DeviationCleared)
    async def cleared(event: Envelope[portfolio.DeviationCleared]) -> None:
        await _deviation(event, [], active=False)

    async def _deviation(
        event: Envelope[portfolio.DeviationDetected] | Envelope[portfolio.DeviationCleared],
        items: list[dict[str, Any]],
        *,
        active: bool,
    ) -> None:
        said = event.data
        deviation = Deviation(
            position_id=said.position_id,
            user_id=said.user_id,
            active=active,
            items=items,
            at=said.at,
            version=event.aggregate_version,
        )
        await paint.deviation(_message(GATEWAY_PORTFOLIO, event, said.user_id), deviation, said.account_id)

    @router.on(portfolio.BreakFound)
    async def found(event: Envelope[portfolio.BreakFound]) -> None:
        said = event.data
        message = _message(GATEWAY_PORTFOLIO, event, said.user_id)
        await paint.broken(message, _break(event), _break_sentence(said), position_id=said.position_id)

    _rebalances(router, paint)
    return router


def _rebalances(router: EventRouter, paint: PaintPicture) -> None:
    """Our own words about rebalancing: they come back like everybody's, and make a line in the feed."""

    async def told(event: Envelope[Any]) -> None:
        said: rebalancing.RebalanceNews = event.data
        message = _message(GATEWAY_PORTFOLIO, event, said.user_id)
        sentence = rebalance_sentence(event.type, said.trigger, said.reason)
        await paint.note(message, sentence, position_id=said.position_id, account_id=said.account_id)

    for model in (
        rebalancing.RebalanceSuggested,
        rebalancing.RebalanceStarted,
        rebalancing.RebalanceBlocked,
        rebalancing.RebalanceWithdrawn,
    ):
        router.on(model)(told)


def account_router(paint: PaintPicture) -> EventRouter:
    """Users and keys: lines in the feed."""
    router = EventRouter(GATEWAY_ACCOUNT)

    async def note(event: Envelope[Any], sentence: str, user_id: UUID, account_id: UUID | None = None) -> None:
        await paint.note(_message(GATEWAY_ACCOUNT, event, user_id), sentence, account_id=account_id)

    @router.on(account.UserRegistered)
    async def registered(event: Envelope[account.UserRegistered]) -> None:
        await note(event, "Welcome to Basketry.", event.data.user_id)

    @router.on(account.KeyAdded)
    async def added(event: Envelope[account.KeyAdded]) -> None:
        key = event.data.key
        await note(event, f"The key “{key.label}” ({key.environment}) was added.", key.user_id, key.key_id)

    @router.on(account.KeyChecked)
    async def checked(event: Envelope[account.KeyChecked]) -> None:
        key = event.data.key
        await note(event, f"The key “{key.label}” was checked at the venue.", key.user_id, key.key_id)

    @router.on(account.KeySuspended)
    async def suspended(event: Envelope[account.KeySuspended]) -> None:
        key = event.data.key
        why = key.status_reason or "it may no longer trade"
        await note(event, f"The key “{key.label}” is suspended: {why}.", key.user_id, key.key_id)

    @router.on(account.KeyDeleted)
    async def deleted(event: Envelope[account.KeyDeleted]) -> None:
        await note(event, "A key was deleted.", event.data.user_id, event.data.key_id)

    _switch(router, note)
    return router


def _switch(router: EventRouter, note: Note) -> None:
    """The kill switch: what stops one user is a line in their feed; what stops everybody shows in the stream alone."""

    async def switched(event: Envelope[Any], begins: str) -> None:
        halt: account.HaltView = event.data.halt
        what = "trading" if halt.extent == "all" else "buying"
        why = halt.reason if halt.released_at is None else halt.release_reason
        if halt.user_id is not None:
            sentence = f"{begins}: {what}{f' of {halt.symbol}' if halt.symbol else ''}"
            await note(event, f"{sentence} ({why})." if why else f"{sentence}.", halt.user_id)

    @router.on(account.TradingHalted)
    async def halted(event: Envelope[account.TradingHalted]) -> None:
        await switched(event, "Stopped by the kill switch")

    @router.on(account.TradingResumed)
    async def resumed(event: Envelope[account.TradingResumed]) -> None:
        await switched(event, "Open again")


def market_router(indices: IndexKeeper) -> EventRouter:
    """Versions of built-in indices; those of users' own are nobody else's business and are asked for by name."""
    router = EventRouter(GATEWAY_MARKET)

    @router.on(market.IndexVersionPublished)
    async def published(event: Envelope[market.IndexVersionPublished]) -> None:
        if event.data.index.owner == "built_in":
            await indices.keep(GATEWAY_MARKET.name, event.id, event.data.index)

    return router


def _message(consumer: ConsumerSpec, event: Envelope[Any], user_id: UUID) -> Message:
    return Message(consumer=consumer.name, event_id=event.id, user_id=user_id, type=event.type, at=event.time)


def _fill(account_id: UUID, view: execution.FillView) -> Fill:
    return Fill(account_id=account_id, **view.model_dump(exclude={"fee_value", "fee_value_stale"}))


def _position(view: execution.PositionView) -> Position:
    return Position(
        **view.model_dump(exclude={"legs"}),
        # A run carries its plan's id, so the opening run names the plan.
        plan_id=view.run_id if view.run_kind == "buy" else None,
    )


def _legs(views: Sequence[execution.LegView]) -> list[Leg]:
    return [Leg(**dict(view)) for view in views]


def _break(event: Envelope[portfolio.BreakFound]) -> AccountBreak:
    said = event.data
    return AccountBreak(
        break_id=said.break_id,
        user_id=said.user_id,
        account_id=said.account_id,
        break_class=said.break_class.value,
        status=said.status,
        at=said.at,
        version=event.aggregate_version,
    )


def _break_sentence(said: portfolio.BreakFound) -> str:
    if said.status == "resolved":
        return f"Books and venue agree again about {said.asset or 'an order'}."
    amount = f" by {plain(said.difference)} {said.asset}" if said.difference is not None and said.asset else ""
    return f"Books and venue differ{amount}: {said.detail}"
