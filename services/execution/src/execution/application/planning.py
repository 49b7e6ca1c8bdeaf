"""What making any plan needs: the account, its free money, a desk that warms up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import structlog

from execution.application.book_ports import Books, Work
from execution.application.check_balances import CheckBalances
from execution.application.ports import Account, Accounts, Bell, Market, OrderVenue
from execution.application.purse import Purse
from execution.domain.basket import Bands
from execution.domain.book_look import look_at_books
from execution.domain.errors import AccountSuspended, InsufficientBalance
from execution.domain.plan import Plan
from execution.domain.position import RunKind
from execution.domain.shortage import AT_REST_FOR
from execution.domain.sizing import SizingRules
from execution.domain.trading_room import TradingRoom
from shared.trading.clock import Clock, Ids
from shared.trading.depth import Depth
from shared.trading.errors import PlatformError
from shared.trading.money import QUOTE_ASSET, ZERO, plain
from shared.trading.status import VenueEnvironment

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """Thresholds of plans, from the settings.

    Attributes:
        fee_rate: Estimate of the taker fee, a fraction of the notional.
        liquid_share: Share of a buying leg that the order book must hold within the leg's limit, a fraction.
        valid_for: How long a plan may be executed.
        watch_for: How long the account's private stream stays open after a plan, in case it is executed.
    """

    sizing: SizingRules = field(default_factory=SizingRules)
    bands: Bands = field(default_factory=Bands)
    fee_rate: Decimal = Decimal("0.001")
    liquid_share: Decimal = Decimal("0.5")
    valid_for: timedelta = timedelta(seconds=60)
    watch_for: timedelta = timedelta(minutes=5)


class PlanRoom:
    """The doors that planning goes through.

    Args:
        purse: The account's; whoever trades the plan need not ask again.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        market: Market,
        venue: OrderVenue,
        books: Books,
        bell: Bell,
        clock: Clock,
        ids: Ids,
        rules: PlanRules,
        purse: Callable[[Account], Purse],
    ) -> None:
        self.market = market
        self.books = books
        self.clock = clock
        self.ids = ids
        self.rules = rules
        self._accounts = accounts
        self._bell = bell
        self._purse = purse
        self._balances = CheckBalances(books=books, venue=venue, clock=clock, ids=ids)

    async def account(self, *, user_id: UUID, account_id: UUID) -> Account:
        """The account, if it may trade.

        Raises:
            AccountNotFound: none such, or somebody else's.
            AccountSuspended: its key may not trade.
        """
        standing = await self._accounts.describe(user_id=user_id, account_id=account_id)
        if not standing.active or standing.read_only:
            why = standing.reason or ("the key is read-only" if standing.read_only else "the key is suspended")
            raise AccountSuspended(f"This account may not trade now: {why}. Your coins are untouched.")
        return standing.account

    async def free_money(self, account: Account) -> Decimal:
        """Quote units that a new run could spend: the venue's spendable balance minus what runs have put aside."""
        spendable = await self._purse(account).fresh()
        async with self.books.work(account.user_id) as work:
            reserved = await work.spoken_for(account.account_id, QUOTE_ASSET)
        return max(spendable - reserved, ZERO)

    async def missing_changed(self, account: Account, assets: Collection[str]) -> bool:
        """Look whether the account still has the coins that a plan may sell, before it sells another position's.

        Returns:
            Whether what is known to be missing has changed: what a position may sell must be read again.

        Raises:
            Unavailable: the venue is away.
        """
        return await self._balances.execute(account, assets, at_rest_for=AT_REST_FOR)

    async def trading_room(self, account: Account) -> TradingRoom:
        """What the signer would let through now."""
        return await self._accounts.room(account)

    async def order_books(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Depth]:
        """The order books that are told in time: they make an estimate better, so no plan waits for them or fails."""
        try:
            return await self.market.depth(environment, symbols)
        except PlatformError as error:
            log.warning("order_books_not_seen", environment=environment.value, code=error.code)
            return {}

    async def keep(
        self, account: Account, plan: Plan, depths: Mapping[str, Depth], room: TradingRoom | None = None
    ) -> Plan:
        """Store a plan and warm the account's desk up, so that its stream is open when the order comes.

        Args:
            account: Whose plan it is.
            plan: As it was drafted.
            depths: The order books that were seen, by symbol.
            room: What the signer would let through, where it was asked already.

        Returns:
            The plan as it is stored: with what the signer would refuse marked and explained.
        """
        guards = room or await self.trading_room(account)
        plan = guards.guard(look_at_books(plan, depths, least=self.rules.liquid_share))
        if plan.kind is RunKind.CLOSE:
            plan = plan.with_proceeds()
        async with self.books.work(plan.user_id) as work:
            await work.add_plan(plan)
            await self._watch(work, account)
        self._bell.ring([account.account_id])
        return plan

    async def keep_unsent(self, plan: Plan) -> Plan:
        """Store a plan that sends nothing to the venue: no desk and no key is wanted for it.

        Raises:
            ValueError: it has legs.
        """
        if plan.legs:
            raise ValueError("a plan with legs is looked at and guarded before it is stored")
        async with self.books.work(plan.user_id) as work:
            await work.add_plan(plan)
        return plan

    async def _watch(self, work: Work, account: Account) -> None:
        await work.want_desk(account, trades=False, watch_until=self.clock.now() + self.rules.watch_for)


def afford(amount: Decimal, available: Decimal, environment: VenueEnvironment) -> None:
    """Check that the account's free money covers a plan.

    Raises:
        InsufficientBalance: it does not; the sentence says what to do.
    """
    if amount <= available:
        return
    if environment is VenueEnvironment.PAPER:
        hint = " Choose a smaller amount, or open another paper account with more play money."
    elif available <= ZERO:
        hint = " Move USDT from Funding to Unified Trading at Bybit first."
    else:
        hint = " Choose a smaller amount, or move more USDT to Unified Trading."
    raise InsufficientBalance(
        f"The account can spend {plain(available)} USDT, the plan needs {plain(amount)} USDT.{hint}",
        context={"available": plain(available), "required": plain(amount), "environment": environment.value},
    )
