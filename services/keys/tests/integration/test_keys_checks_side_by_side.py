"""Two checks of one key at the same time: what the slower one saw earlier does not undo a suspension."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from keys.application.check_key import CheckKey
from keys.domain.endpoints import Caller
from keys.domain.errors import KeyCanWithdraw
from keys.domain.stored_key import Credentials, KeyFacts, StoredKey
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration


class Venue:
    """Says what it knows at the moment of the question; the answer arrives after `meanwhile`."""

    def __init__(self, facts: KeyFacts | KeyCanWithdraw, meanwhile: Callable[[], Awaitable[Any]] | None = None) -> None:
        self._facts = facts
        self._meanwhile = meanwhile

    async def describe(self, environment: VenueEnvironment, credentials: Credentials) -> KeyFacts:
        if self._meanwhile is not None:
            await self._meanwhile()
        if isinstance(self._facts, KeyCanWithdraw):
            raise self._facts
        return self._facts

    def check_open(self, environment: VenueEnvironment) -> None:
        """Every environment is open."""


@pytest.mark.parametrize("slower_sees_it", [False, True])
async def test_a_key_that_may_withdraw_stays_suspended_whichever_check_is_slower(
    desk: Any, slower_sees_it: bool
) -> None:
    key: StoredKey = await desk.add(desk.paper.open())
    known = desk.cases.check
    danger = KeyCanWithdraw(context={"permission": "Wallet.Withdraw"})
    early, late = (danger, key.facts) if slower_sees_it else (key.facts, danger)

    def check(venue: Venue) -> CheckKey:
        return CheckKey(book=known._book, vault=known._vault, venue=venue, clock=desk.clock)

    async def quicker() -> None:
        await check(Venue(late))(desk.user, key.key_id, actor=Caller.KEYS)

    found = await check(Venue(early, quicker))(desk.user, key.key_id, actor=Caller.GATEWAY)
    stored = await desk.cases.read.one(desk.user, key.key_id)
    assert (found.status, stored.status) == ("suspended", "suspended")
    assert stored.status_reason == "key_can_withdraw:Wallet.Withdraw"
