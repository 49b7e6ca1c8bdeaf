"""Answers to other services' questions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from execution.application.make_close_plan import MakeClosePlan
from execution.application.make_plan import MakePlan
from execution.application.make_run_plan import MakeRunPlan
from execution.application.ports import DeskRegister
from execution.application.read_books import AccountPage, ReadBooks
from execution.application.settle_by_hand import SettleByHand
from execution.domain.position import Position, PositionHolding, RunKind
from execution.inbound.views import fill_view, options_of, plan_view, position_view
from shared.contracts.rpc import books, execution, plans
from shared.runtime.rpc import RpcRouter
from shared.trading.errors import NotFound
from shared.trading.money import ZERO

ACCOUNTS_MAX = 500


def create_rpc(
    *,
    make_plan: MakePlan,
    make_close_plan: MakeClosePlan,
    make_run_plan: MakeRunPlan,
    read_books: ReadBooks,
    register: DeskRegister,
    settle_by_hand: SettleByHand,
) -> RpcRouter:
    """All verbs about plans, books and orders."""
    router = RpcRouter()
    _plan_answers(router, make_plan, make_close_plan, make_run_plan)
    _position_answers(router, read_books)
    _book_answers(router, read_books, register)
    _order_answers(router, settle_by_hand)
    return router


def _plan_answers(
    router: RpcRouter, make_plan: MakePlan, make_close_plan: MakeClosePlan, make_run_plan: MakeRunPlan
) -> None:
    @router.answer(plans.MAKE_PLAN)
    async def plan(request: plans.MakePlan) -> plans.PlanView:
        made = await make_plan.execute(
            user_id=request.user_id,
            account_id=request.account_id,
            index_id=request.index_id,
            amount=request.amount,
            policy=request.policy,
        )
        return plan_view(made)

    @router.answer(plans.MAKE_CLOSE_PLAN)
    async def close_plan(request: plans.MakeClosePlan) -> plans.PlanView:
        made = await make_close_plan.execute(
            user_id=request.user_id, position_id=request.position_id, policy=request.policy
        )
        return plan_view(made)

    @router.answer(plans.MAKE_RUN_PLAN)
    async def run_plan(request: plans.MakeRunPlan) -> plans.PlanView:
        made = await make_run_plan.execute(
            user_id=request.user_id,
            position_id=request.position_id,
            kind=RunKind(request.kind),
            amount=request.amount,
            options=options_of(request.options),
            policy=request.policy,
        )
        return plan_view(made)


def _position_answers(router: RpcRouter, read_books: ReadBooks) -> None:
    @router.answer(books.GET_POSITION)
    async def position(request: books.PositionRef) -> books.PositionDetail:
        page = await read_books.position(user_id=request.user_id, position_id=request.position_id)
        return books.PositionDetail(
            position=position_view(page.position, page.legs), fills=[fill_view(fill) for fill in page.fills]
        )


def _book_answers(router: RpcRouter, read_books: ReadBooks, register: DeskRegister) -> None:
    @router.answer(books.LIST_ACCOUNTS)
    async def accounts(request: books.ListAccounts) -> books.AccountList:
        limit = min(max(request.limit, 1), ACCOUNTS_MAX)
        found = await register.accounts(after=request.after, limit=limit)
        return books.AccountList(
            items=[
                books.AccountRef(user_id=row.user_id, account_id=row.account_id, environment=row.environment)
                for row in found
            ]
        )

    @router.answer(books.GET_BOOKS)
    async def account(request: books.GetBooks) -> books.Books:
        page = await read_books.account(user_id=request.user_id, account_id=request.account_id)
        return _books(request, page)

    @router.answer(books.MISSING_EXECUTIONS)
    async def missing(request: books.KnownExecutions) -> books.MissingExecutions:
        owner = {"user_id": request.user_id, "account_id": request.account_id}
        return books.MissingExecutions(
            exec_ids=await read_books.missing(**owner, exec_ids=request.exec_ids),
            flow_ids=await read_books.missing_flows(**owner, flow_ids=request.flow_ids),
        )


def _order_answers(router: RpcRouter, settle_by_hand: SettleByHand) -> None:
    @router.answer(execution.SETTLE_ORDER)
    async def settle(request: execution.SettleOrder) -> execution.SettledOrder:
        settled = await settle_by_hand.execute(
            user_id=request.user_id,
            client_order_id=request.client_order_id,
            operator_id=request.operator_id,
            evidence=request.evidence,
        )
        return execution.SettledOrder(
            client_order_id=settled.link_id,
            user_id=settled.user_id,
            account_id=settled.account_id,
            position_id=settled.position_id,
            symbol=settled.symbol,
            state=settled.state.value,
            filled_quantity=settled.filled_quantity,
            settled_at=settled.updated_at,
        )


def _books(request: books.GetBooks, page: AccountPage) -> books.Books:
    if page.environment is None:
        raise NotFound("There are no books of this account.", code="account_not_found")
    by_position: dict[UUID, list[PositionHolding]] = {}
    for holding in page.holdings:
        by_position.setdefault(holding.position_id, []).append(holding)
    return books.Books(
        user_id=request.user_id,
        account_id=request.account_id,
        environment=page.environment,
        positions=[_position(row, by_position.get(row.position_id, [])) for row in page.positions],
        open_orders=[
            books.OpenOrder(
                client_order_id=row.link_id,
                position_id=row.position_id,
                symbol=row.symbol,
                state=row.state.value,
                since=row.intent_at,
            )
            for row in page.open_attempts
        ],
        first_trade_at=page.first_fill_at,
        shortages=[
            books.BookedShortage(asset=shortage.asset, quantity=shortage.quantity) for shortage, _ in page.shortages
        ],
    )


def _position(position: Position, holdings: Sequence[PositionHolding]) -> books.BookedPosition:
    return books.BookedPosition(
        position_id=position.position_id,
        status=position.status,
        index_id=position.index_id,
        version=position.version,
        invested=position.invested,
        proceeds=position.proceeds,
        fees=position.fees,
        contributed=position.contributed,
        withdrawn=position.withdrawn,
        cash=position.cash,
        holdings=[
            books.BookedHolding(
                asset=row.asset,
                symbol=row.symbol,
                quantity=row.quantity,
                cost=row.cost,
                realised=row.realised,
                target_weight=row.target_weight,
            )
            for row in holdings
            if row.quantity or row.realised or row.target_weight > ZERO
        ],
        traded_at=position.traded_at,
    )
