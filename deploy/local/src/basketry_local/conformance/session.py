"""One run: all questions in turn, within the budget, and everything sold again whatever happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from basketry_local.conformance import account, batches, fees, link_ids, reply_classes, visibility
from basketry_local.conformance.credentials import TestKey
from basketry_local.conformance.desk import BudgetSpentError, ConformanceDesk, NotPossibleError, open_desk
from basketry_local.conformance.findings import Finding
from basketry_local.conformance.memory import Memory
from basketry_local.conformance.probe import Probe
from shared.runtime.bybit.capabilities import CAPABILITIES
from shared.runtime.settings import VenueHost
from shared.trading.money import plain
from shared.trading.status import VenueEnvironment

LAG_ROUNDS = 2
"""Buys to measure visibility with, beside the one for the other questions."""


@dataclass(slots=True, kw_only=True)
class Session:
    """What a run is told, and what it found so far.

    Attributes:
        tell: Shows progress to the person who waits.
        left: What was bought and not sold again: less than a lot, as a rule.
    """

    environment: VenueEnvironment
    host: VenueHost
    key: TestKey
    symbol: str
    budget: Decimal
    memory: Memory
    tell: Callable[[str], None]
    findings: list[Finding] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    spent: Decimal = Decimal(0)
    left: str = "nothing"

    async def run(self) -> None:
        """Ask everything; what cannot be asked is noted, and the rest is asked all the same.

        Raises:
            NotPossibleError: It could not even begin: key, clock or pair.
        """
        probe = Probe(self.host.rest, self.key)
        try:
            self.findings.append(await account.key_finding(probe, self.environment))
            self.findings.append(await account.clock_finding(probe))
            desk = await open_desk(self.environment, probe, symbol=self.symbol, budget=self.budget)
            try:
                await self._trade(desk)
            finally:
                self.spent = desk.purse.spent
                await self._step("sale", self._sold(desk))
        finally:
            await probe.close()

    async def _trade(self, desk: ConformanceDesk) -> None:
        await self._step("buy", self._bought(desk))
        await self._step("link ids", self._ids(desk))
        await self._step("old link ids", self._old_ids(desk))
        await self._step("visibility", self._lags(desk))
        await self._step("reply classes", self._classes(desk))
        await self._step("batch", self._batch(desk))

    async def _step(self, name: str, step: Awaitable[None]) -> None:
        self.tell(name)
        try:
            await step
        except (BudgetSpentError, NotPossibleError) as trouble:
            self.troubles.append(f"{name}: {trouble}")

    async def _bought(self, desk: ConformanceDesk) -> None:
        before = await fees.balances(desk)
        link_id, rows = await desk.buy()
        self.memory.keep(link_ids.remembered(link_id, "filled"))
        self.findings.append(fees.fee_finding(desk, "Buy", rows))
        self.findings.append(fees.balance_finding(desk, before, await fees.balances(desk), rows))
        self.findings.append(await link_ids.after_a_fill(desk, link_id))

    async def _ids(self, desk: ConformanceDesk) -> None:
        finding, ended = await link_ids.after_a_cancel(desk)
        self.memory.keep(link_ids.remembered(ended, "ended without a match"))
        self.findings.append(finding)
        resting, cancelling, cancelled = await link_ids.while_it_rests(desk)
        self.memory.keep(link_ids.remembered(cancelled, "cancelled"))
        self.findings += [resting, cancelling]

    async def _old_ids(self, desk: ConformanceDesk) -> None:
        self.findings += await link_ids.after_a_day(desk, self.memory, datetime.now(UTC))

    async def _lags(self, desk: ConformanceDesk) -> None:
        async with visibility.listening(self.host.private_stream, self.key) as ear:
            if ear is None:
                self.troubles.append("visibility: the private stream did not come up")
            self.findings.append(await visibility.lags(desk, ear, rounds=LAG_ROUNDS))

    async def _classes(self, desk: ConformanceDesk) -> None:
        self.findings += await reply_classes.reply_classes(desk)

    async def _batch(self, desk: ConformanceDesk) -> None:
        answer = await desk.create(await desk.far_buy())
        self.findings.append(account.limits_finding(answer.headers))
        can = CAPABILITIES[self.environment].spot_batch
        self.findings.append(await batches.batch_finding(desk) if can else batches.not_asked())

    async def _sold(self, desk: ConformanceDesk) -> None:
        sold = await desk.sell_all()
        if sold is not None:
            self.findings.append(fees.fee_finding(desk, "Sell", sold[1]))
        self.left = f"{plain(desk.bought)} {desk.rules.base_coin}"
        if await desk.sellable():
            self.troubles.append(f"sale: {self.left} of what was bought could not be sold again")
