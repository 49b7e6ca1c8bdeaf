"""Answers about an account beside our orders: what others did there, and coins that are missing."""

from __future__ import annotations

from execution.application.read_books import ReadBooks
from execution.application.resolve_shortage import ResolveShortage
from execution.domain.shortage import ShortageAnswer
from execution.inbound.views import flow_view, shortage_view
from shared.contracts.execution import ShortageView
from shared.contracts.rpc import execution as questions
from shared.runtime.rpc import RpcRouter


def create_account_rpc(*, read_books: ReadBooks, resolve_shortage: ResolveShortage) -> RpcRouter:
    """The verbs about accounts."""
    router = RpcRouter()

    @router.answer(questions.LIST_FLOWS)
    async def flows(request: questions.ListFlows) -> questions.FlowList:
        before = None if request.before_at is None else (request.before_at, request.before_id or "")
        found = await read_books.flows(
            user_id=request.user_id, account_id=request.account_id, before=before, limit=request.limit
        )
        return questions.FlowList(items=[flow_view(flow) for flow in found])

    @router.answer(questions.LIST_SHORTAGES)
    async def shortages(request: questions.ListShortages) -> questions.ShortageList:
        found = await read_books.shortages(user_id=request.user_id, account_id=request.account_id)
        return questions.ShortageList(items=[shortage_view(*one) for one in found])

    @router.answer(questions.RESOLVE_SHORTAGE)
    async def resolve(request: questions.ResolveShortage) -> ShortageView:
        return shortage_view(
            *await resolve_shortage.execute(
                user_id=request.user_id,
                account_id=request.account_id,
                asset=request.asset,
                how=ShortageAnswer(request.how),
                shortage_id=request.shortage_id,
            )
        )

    return router
