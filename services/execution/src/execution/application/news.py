"""What the venue said and nobody has booked yet: facts that come close together share one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from execution.domain.venue_facts import FINAL, Fact, OrderFact, ReplyFact, ReplyKind, Standing

AT_ONCE = 200
LINGER_S = 0.04
"""No news wait longer than this for others."""
GATHER_S = 0.025
"""Frames of the batches of one basket come this close together: two commits and their news cost more than this wait."""
AWAITED_S = 5.0
"""An order that is not known to be over by then is the resolver's, who books without us: nobody waits for its frames."""


class News:
    """Facts of one account, in the order of their arrival."""

    def __init__(self) -> None:
        self._facts: asyncio.Queue[Fact] = asyncio.Queue()
        self._awaited: dict[str, float] = {}

    def hear(self, facts: Sequence[Fact]) -> None:
        """Something was said."""
        for fact in facts:
            self._facts.put_nowait(fact)

    def expect(self, link_ids: Collection[str]) -> None:
        """Orders are being sent: until each is known to be over, more will be said soon."""
        until = asyncio.get_running_loop().time() + AWAITED_S
        self._awaited |= dict.fromkeys(link_ids, until)

    async def collect(self) -> list[Fact]:
        """The news at hand, at least one.

        Acknowledgements alone wait for the fills behind them; nothing waits once every order sent is known to be over.
        """
        facts = [await self._facts.get()]
        loop = asyncio.get_running_loop()
        patience_ends = loop.time() + LINGER_S
        while len(facts) < AT_ONCE:
            self._strike_off(facts, loop.time())
            rest_s = max(patience_ends - loop.time(), 0.0)
            pause_s = rest_s if _only_acknowledged(facts) else min(rest_s, GATHER_S)
            try:
                async with asyncio.timeout(pause_s if self._awaited else 0.0):
                    facts.append(await self._facts.get())
            except TimeoutError:
                break
        return facts

    def _strike_off(self, facts: Sequence[Fact], now: float) -> None:
        over = {fact.link_id for fact in facts if _ends(fact)}
        self._awaited = {link: until for link, until in self._awaited.items() if link not in over and now < until}


def _ends(fact: Fact) -> bool:
    if isinstance(fact, ReplyFact):
        return fact.reply.kind is ReplyKind.REFUSED
    return isinstance(fact, OrderFact) and fact.standing in FINAL


def _only_acknowledged(facts: Sequence[Fact]) -> bool:
    return all(_acknowledges(fact) for fact in facts)


def _acknowledges(fact: Fact) -> bool:
    if isinstance(fact, ReplyFact):
        return fact.reply.kind is ReplyKind.ACCEPTED
    return isinstance(fact, OrderFact) and fact.standing is Standing.OPEN
