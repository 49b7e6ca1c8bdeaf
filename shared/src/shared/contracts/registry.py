"""Every published event: its subject, owner and consumers. Schemas, topology tests and documents are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.contracts import account, execution, market, orders, portfolio, rebalancing, tasks
from shared.contracts.fields import EventData


@dataclass(frozen=True, slots=True)
class EventSpec:
    """What is promised about one event.

    Attributes:
        name: Snake-case event name, the third token of its subject.
        owner: The only service that publishes it.
    """

    model: type[EventData]
    domain: str
    name: str
    owner: str
    version: int = 1

    @property
    def type(self) -> str:
        """The envelope's `type`."""
        return f"{self.domain}.{self.name}"

    def subject(self, *, user: UUID | None, entity: UUID | str | None) -> str:
        """Where one such event is published; `_` where there is no user or entity."""
        return f"{self.domain}.v{self.version}.{self.name}.{user or '_'}.{entity or '_'}"


EVENTS: tuple[EventSpec, ...] = (
    EventSpec(orders.PlaceBasketOrder, "orders", "place_basket_order", "gateway"),
    EventSpec(orders.ClosePosition, "orders", "close_position", "gateway"),
    EventSpec(orders.ExecutePlan, "orders", "execute_plan", "gateway"),
    EventSpec(execution.PositionExecuting, "execution", "position_executing", "execution"),
    EventSpec(execution.PositionActive, "execution", "position_active", "execution"),
    EventSpec(execution.PositionFailed, "execution", "position_failed", "execution"),
    EventSpec(execution.PositionRebalancing, "execution", "position_rebalancing", "execution"),
    EventSpec(execution.PositionClosing, "execution", "position_closing", "execution"),
    EventSpec(execution.PositionClosed, "execution", "position_closed", "execution"),
    EventSpec(execution.LegsUpdated, "execution", "legs_updated", "execution"),
    EventSpec(execution.LegFilled, "execution", "leg_filled", "execution"),
    EventSpec(execution.FillsBooked, "execution", "fills_booked", "execution"),
    EventSpec(execution.CoinsReleased, "execution", "coins_released", "execution"),
    EventSpec(execution.AccountFlowsBooked, "execution", "account_flows_booked", "execution"),
    EventSpec(execution.ShortageChanged, "execution", "shortage_changed", "execution"),
    EventSpec(execution.IncidentRaised, "execution", "incident_raised", "execution"),
    EventSpec(portfolio.PnlUpdated, "portfolio", "pnl_updated", "reconciler"),
    EventSpec(portfolio.DeviationDetected, "portfolio", "deviation_detected", "reconciler"),
    EventSpec(portfolio.DeviationCleared, "portfolio", "deviation_cleared", "reconciler"),
    EventSpec(portfolio.BreakFound, "portfolio", "break_found", "reconciler"),
    EventSpec(rebalancing.RebalanceSuggested, "portfolio", "rebalance_suggested", "gateway"),
    EventSpec(rebalancing.RebalanceStarted, "portfolio", "rebalance_started", "gateway"),
    EventSpec(rebalancing.RebalanceBlocked, "portfolio", "rebalance_blocked", "gateway"),
    EventSpec(rebalancing.RebalanceWithdrawn, "portfolio", "rebalance_withdrawn", "gateway"),
    EventSpec(market.IndexVersionPublished, "market", "index_version_published", "market_data"),
    EventSpec(account.UserRegistered, "account", "user_registered", "auth"),
    EventSpec(account.KeyAdded, "account", "key_added", "keys"),
    EventSpec(account.KeyChecked, "account", "key_checked", "keys"),
    EventSpec(account.KeySuspended, "account", "key_suspended", "keys"),
    EventSpec(account.KeyDeleted, "account", "key_deleted", "keys"),
    EventSpec(account.TradingHalted, "account", "trading_halted", "keys"),
    EventSpec(account.TradingResumed, "account", "trading_resumed", "keys"),
    EventSpec(tasks.ReconcileAllPositions, "tasks", "reconcile_all_positions", "reconciler"),
    EventSpec(tasks.ReconcileAccount, "tasks", "reconcile_account", "reconciler"),
    EventSpec(tasks.BookVenueRecord, "tasks", "book_venue_record", "reconciler"),
)

BY_MODEL: dict[type[EventData], EventSpec] = {spec.model: spec for spec in EVENTS}
