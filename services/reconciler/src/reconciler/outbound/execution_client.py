"""Asks execution about our books."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from reconciler.domain.books import Account, AccountBooks, HeldCoin, OpenOrder, PositionBook
from reconciler.outbound.questions import Questions
from shared.contracts.rpc import books as contract

MANY = 500
"""Exec ids in one question."""


class RpcBookKeeper:
    """Our books, from execution.

    Args:
        ask: Where to ask.
    """

    def __init__(self, ask: Questions) -> None:
        self._ask = ask

    async def accounts(self, *, after: UUID | None, limit: int) -> Sequence[Account]:
        """Accounts with something to compare, by id."""
        reply = await self._ask.ask(contract.LIST_ACCOUNTS, contract.ListAccounts(after=after, limit=limit))
        return [
            Account(user_id=item.user_id, account_id=item.account_id, environment=item.environment)
            for item in reply.items
        ]

    async def books(self, account: Account) -> AccountBooks:
        """Everything our books say about an account."""
        request = contract.GetBooks(user_id=account.user_id, account_id=account.account_id)
        reply = await self._ask.ask(contract.GET_BOOKS, request)
        return AccountBooks(
            account=account,
            positions=tuple(_position(account, item) for item in reply.positions),
            open_orders=tuple(OpenOrder(**item.model_dump()) for item in reply.open_orders),
            first_trade_at=reply.first_trade_at,
            shortages={item.asset: item.quantity for item in reply.shortages},
        )

    async def missing(
        self, account: Account, exec_ids: Sequence[str], flow_ids: Sequence[str] = ()
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Those of our matches, and of the flows that were not ours, that are not in our books."""
        missing: set[str] = set()
        unbooked: set[str] = set()
        for start in range(0, max(len(exec_ids), len(flow_ids)), MANY):
            request = contract.KnownExecutions(
                user_id=account.user_id,
                account_id=account.account_id,
                exec_ids=list(exec_ids[start : start + MANY]),
                flow_ids=list(flow_ids[start : start + MANY]),
            )
            reply = await self._ask.ask(contract.MISSING_EXECUTIONS, request)
            missing.update(reply.exec_ids)
            unbooked.update(reply.flow_ids)
        return frozenset(missing), frozenset(unbooked)


def _position(account: Account, item: contract.BookedPosition) -> PositionBook:
    return PositionBook(
        account=account,
        position_id=item.position_id,
        status=item.status,
        index_id=item.index_id,
        invested=item.invested,
        proceeds=item.proceeds,
        fees=item.fees,
        cash=item.cash,
        withdrawn=item.withdrawn,
        coins=tuple(sorted((HeldCoin(**coin.model_dump()) for coin in item.holdings), key=lambda coin: coin.asset)),
        traded_at=item.traded_at,
    )
