"""The calls about a user's accounts: their keys, what moved there, what is missing, what happened."""

from __future__ import annotations

from basketry_cli.calls import Calls, Json, items_of


class AccountCalls(Calls):
    """What of the API is about accounts."""

    async def open_paper_account(self, label: str = "Play money", *, balance: str = "") -> Json:
        """An account on the paper exchange with play money (USDT, as text); its key is stored."""
        return await self._call(
            "POST", "/api/paper-accounts", {"label": label} | ({"balance": balance} if balance else {})
        )

    async def keys(self) -> list[Json]:
        """The stored venue keys: each is an account to trade on."""
        return items_of(await self._call("GET", "/api/keys"))

    async def add_key(self, body: Json) -> Json:
        """Store a trade-only key: `label`, `environment`, `api_key`, `api_secret`, `accepts_expiry`."""
        return await self._call("POST", "/api/keys", body)

    async def check_key(self, key_id: str) -> Json:
        """What the venue says of a key's rights now."""
        return await self._call("POST", f"/api/keys/{key_id}/check")

    async def delete_key(self, key_id: str) -> None:
        """Destroy a stored key; what it holds at the venue stays there."""
        await self._call("DELETE", f"/api/keys/{key_id}")

    async def activity(self, most: int) -> list[Json]:
        """What happened, newest first."""
        return await self._pages("/api/activity", most)

    async def flows(self, account_id: str, most: int) -> list[Json]:
        """Coins that moved at an account without an order of ours, newest first."""
        return await self._pages(f"/api/accounts/{account_id}/flows", most)

    async def shortages(self, account_id: str) -> list[Json]:
        """Coins that positions hold and the account does not."""
        return items_of(await self._call("GET", f"/api/accounts/{account_id}/shortages"))

    async def resolve_shortage(self, shortage: Json, how: str) -> Json:
        """Say what happened to the missing coins: `sold`, `withdrawn` or `will_return`; twice is once."""
        path = f"/api/accounts/{shortage['account_id']}/shortages/{shortage['asset']}/resolve"
        return await self._call("POST", path, {"how": how, "shortage_id": shortage["shortage_id"]})
