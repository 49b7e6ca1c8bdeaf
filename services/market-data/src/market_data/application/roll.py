"""Every coin's verdict at one moment; identities are proved only as far as an index asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from market_data.domain.candidate import Candidate, Verdict
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Composition, Constituent
from market_data.domain.membership import by_rules, contenders
from market_data.domain.selection import compose

Prove = Callable[[Verdict], Awaitable[Verdict]]


class Roll:
    """One pull of market caps, screened.

    Args:
        screened: Verdicts that needed no price, largest market cap first.
        prove: Judges a candidate by the venue's candle; told every verdict once, so that it can be noted.
        at: When the caps were pulled, UTC.
    """

    def __init__(self, screened: Sequence[Verdict], prove: Prove, *, at: datetime) -> None:
        self.at = at
        self._verdicts = list(screened)
        self._prove = prove
        self._proved: set[int] = set()

    async def composition(self, rules: IndexRules, *, previous: Sequence[Constituent] = ()) -> Composition:
        """What the rules make of these coins.

        Args:
            rules: What the index is.
            previous: The members until now.

        Raises:
            VenueUnavailable: A price is missing; ask again.
            TooFewConstituents: Not enough coins passed every check.
            InfeasibleCap, InfeasibleFloor: The rules contradict themselves.
        """
        members = {one.source_id for one in previous}
        while True:
            ranked = [one for one in self._judged(rules) if isinstance(one, Candidate)]
            if not await self._prove_all({one.source_id for one in contenders(rules, ranked, members)}):
                return compose(rules, self._verdicts, as_of=self.at, previous=previous)

    def _judged(self, rules: IndexRules) -> list[Verdict]:
        return [by_rules(rules, verdict, at=self.at) for verdict in self._verdicts]

    async def _prove_all(self, wanted: set[str]) -> int:
        """Prove these, and note whatever stands above them; answers how many were still unproved."""
        last = max((place for place, one in enumerate(self._verdicts) if one.source_id in wanted), default=-1)
        fresh = 0
        for place, verdict in enumerate(self._verdicts[: last + 1]):
            candidate = isinstance(verdict, Candidate)
            if place in self._proved or (candidate and verdict.source_id not in wanted):
                continue
            self._verdicts[place] = await self._prove(verdict)
            self._proved.add(place)
            fresh += candidate
        return fresh
