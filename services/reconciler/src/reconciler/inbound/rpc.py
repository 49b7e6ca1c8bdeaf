"""Answers to other services' questions: what positions came to."""

from __future__ import annotations

from reconciler.application.read_results import ReadResults
from reconciler.domain.performance import PositionResults
from shared.contracts.rpc import reconciler as questions
from shared.runtime.rpc import RpcRouter

FLOWS_MOST = 500


def create_rpc(results: ReadResults) -> RpcRouter:
    """All verbs of the reconciler."""
    router = RpcRouter()

    @router.answer(questions.GET_PERFORMANCE)
    async def performance(request: questions.GetPerformance) -> questions.Performance:
        return _performance(
            await results.position(user_id=request.user_id, position_id=request.position_id, since=request.since)
        )

    @router.answer(questions.GET_PORTFOLIO)
    async def portfolio(request: questions.GetPortfolio) -> questions.Portfolio:
        found = await results.portfolio(user_id=request.user_id, since=request.since)
        return questions.Portfolio(
            environments=[questions.EnvironmentPortfolio.model_validate(one, from_attributes=True) for one in found]
        )

    return router


def _performance(found: PositionResults) -> questions.Performance:
    tracked = found.kept.tracked
    book, valuation = tracked.book, found.kept.valuation
    return questions.Performance(
        position_id=book.position_id,
        environment=book.account.environment,
        status=book.status,
        at=valuation.at if valuation else tracked.priced_at,
        totals=questions.TotalsView.model_validate(found.totals, from_attributes=True),
        gain=found.gain,
        returns=questions.ReturnsView.model_validate(found.returns, from_attributes=True),
        benchmarks=questions.BenchmarksView.model_validate(found.benchmarks, from_attributes=True),
        drift=found.drift,
        contributions=[
            questions.ContributionView.model_validate(one, from_attributes=True) for one in found.contributions
        ],
        flows=[questions.FlowView.model_validate(one, from_attributes=True) for one in found.kept.flows[-FLOWS_MOST:]],
        points=[questions.PerformancePoint.model_validate(one, from_attributes=True) for one in found.points],
    )
