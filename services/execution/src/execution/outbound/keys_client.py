"""Accounts and signatures, asked of keys; no secret ever comes here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from execution.application.ports import Account, AccountStanding
from execution.domain.attempt import Attempt
from execution.domain.errors import AccountNotFound
from execution.domain.trading_room import Stop, TradingRoom
from execution.outbound.late import Asker
from shared.contracts.rpc import guards, keys, signing
from shared.contracts.rpc.keys import KeyRef
from shared.contracts.rpc.signing import Lane, Signature, SignRequest, StreamLogin
from shared.trading.errors import NotFound, Unavailable

CREATE = "/v5/order/create"
"""Path of one opening order, and the beginning of a batch's."""


class KeysClient:
    """The port `Accounts`, and logins of private streams."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def describe(self, *, user_id: UUID, account_id: UUID) -> AccountStanding:
        """The account as its custodian knows it.

        Raises:
            AccountNotFound: none such, or somebody else's.
        """
        try:
            view = await self._asker.ask(keys.DESCRIBE, KeyRef(user_id=user_id, key_id=account_id))
        except NotFound:
            raise AccountNotFound from None
        return AccountStanding(
            account=Account(user_id=view.user_id, account_id=view.key_id, environment=view.environment),
            active=view.status == "active",
            read_only=view.read_only,
            reason=view.status_reason,
        )

    async def room(self, account: Account) -> TradingRoom:
        """What keys would sign now."""
        room = await self._asker.ask(guards.CHECK_LIMITS, KeyRef(user_id=account.user_id, key_id=account.account_id))
        return TradingRoom(
            stops=[Stop(symbol=one.symbol, everything=one.extent == "all", reason=one.reason) for one in room.halts],
            order_max=room.order_max,
            slippage_bps_max=room.slippage_bps_max,
            room=room.room,
            room_limit=room.room_limit,
            room_max=room.room_max,
        )

    async def login(self, account: Account) -> StreamLogin:
        """Arguments of a stream's `auth`; valid for a second."""
        return await self._asker.ask(signing.SIGN_STREAM, KeyRef(user_id=account.user_id, key_id=account.account_id))


class AccountSigner:
    """Signs exact bytes for one account (`Signer` of the venue's client)."""

    def __init__(self, asker: Asker, account: Account) -> None:
        self._asker = asker
        self._account = account
        self._send_before: dict[str, datetime] = {}

    @contextmanager
    def bounded(self, attempts: Sequence[Attempt]) -> Iterator[None]:
        """While inside, these orders may be signed, each until its bound."""
        links = {attempt.link_id: attempt.send_before for attempt in attempts}
        self._send_before |= links
        try:
            yield
        finally:
            for link in links:
                self._send_before.pop(link, None)

    def _not_after(self, path: str, payload: str) -> datetime | None:
        if not path.startswith(CREATE):
            return None
        bounds = [bound for link, bound in self._send_before.items() if f'"{link}"' in payload]
        if not bounds:
            raise Unavailable("Nobody waits for this order any more; nothing was sent.", code="call_abandoned")
        return min(bounds)

    async def sign(self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: Lane) -> Signature:
        """The signature, or when to ask again: the venue's client does, within a bound.

        Among the reasons is `ceilings_pending`: for some milliseconds after an order keys has not read it yet.
        """
        request = SignRequest.model_validate(
            {
                "user_id": self._account.user_id,
                "key_id": self._account.account_id,
                "method": method,
                "path": path,
                "payload": payload,
                "recv_window_ms": recv_window_ms,
                "lane": lane,
                "not_after": self._not_after(path, payload),
            }
        )
        return await self._asker.ask(signing.SIGN, request)
