"""An account with play money: nobody needs a real venue to try Basketry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from keys.application.add_key import AddKey, NewKey
from keys.application.ports import PaperDesk
from keys.domain.stored_key import StoredKey
from shared.trading.errors import Invalid
from shared.trading.status import VenueEnvironment

COINS_MAX = 20
_COIN = re.compile(r"[A-Z0-9]{1,20}\Z")


class OpenPaperAccount:
    """Opens an account on the paper exchange and stores its key the way any key is stored."""

    def __init__(self, *, desk: PaperDesk, add_key: AddKey) -> None:
        self._desk = desk
        self._add_key = add_key

    async def __call__(self, user_id: UUID, label: str, balances: Mapping[str, Decimal]) -> StoredKey:
        """Open it.

        Args:
            user_id: Whose account it becomes.
            label: What the user calls it.
            balances: Play money by coin, in that coin's units.

        Raises:
            Invalid: No balances, too many, odd coins, or amounts below zero.
            VenueAway: The paper exchange does not answer.
        """
        sensible = all(_COIN.match(coin) and amount >= 0 for coin, amount in balances.items())
        if not 1 <= len(balances) <= COINS_MAX or not sensible:
            raise Invalid(
                f"Give 1 to {COINS_MAX} balances by coin, such as USDT, none below zero.", code="invalid_balances"
            )
        credentials = await self._desk.open_account(balances)
        return await self._add_key(
            NewKey(user_id=user_id, label=label, environment=VenueEnvironment.PAPER, credentials=credentials)
        )
