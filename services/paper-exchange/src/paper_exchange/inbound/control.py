"""Control paths for paper mode and tests: accounts, ledger, faults, feed; admin token, or loopback where none is set."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from paper_exchange.application.accounts import Accounts, KeyTerms
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Fault, Faults
from paper_exchange.application.milestones import EVENTS
from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.refusal import Refused, Unreadable, request_error
from paper_exchange.inbound.control_bodies import read_balances, read_terms
from paper_exchange.inbound.control_market import ControlMarket
from paper_exchange.inbound.control_state import ControlState
from paper_exchange.inbound.control_venue import ControlVenue
from paper_exchange.inbound.exchange_http import Reply, Request, json_reply
from paper_exchange.inbound.fault_body import read_fault
from paper_exchange.inbound.open_sockets import OpenSockets
from paper_exchange.inbound.paging import number
from paper_exchange.inbound.public_door import PublicDoor
from paper_exchange.inbound.shapes import execution_shape, log_shape, order_shape
from paper_exchange.inbound.streams import Streams
from shared.trading.money import InvalidAmount, parse_decimal, plain

PREFIX = "/paper/v1/"
LOOPBACK = frozenset({"127.0.0.1", "::1", ""})
OWN_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})
"""What a request from loopback may call us; any other name would be a web page's, that points here."""
MAX_WAIT_MS = 60_000

Handler = Callable[[Request], Awaitable[object]]


class Control:
    """What only the operator and the tests may ask."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        accounts: Accounts,
        faults: Faults,
        streams: Streams,
        public: PublicDoor,
        market: ControlMarket,
        sockets: OpenSockets,
        paths: Collection[str],
        state: ControlState,
        events: ControlVenue,
        admin_token: str,
        bind_host: str,
    ) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._faults = faults
        self._streams = streams
        self._public = public
        self._sockets = sockets
        self._paths = paths
        self._admin_token = admin_token
        self._own_names = OWN_NAMES | {bind_host.lower()}
        self._handlers: Mapping[tuple[str, str], Handler] = {
            ("POST", "accounts"): self._open_account,
            ("GET", "accounts"): self._list_accounts,
            ("POST", "keys"): self._issue_key,
            ("DELETE", "keys"): self._revoke_key,
            ("POST", "deposits"): self._transfer,
            ("GET", "ledger"): self._ledger,
            ("GET", "orders/count"): self._count,
            ("GET", "wait"): self._wait,
            ("POST", "faults"): self._add_fault,
            ("GET", "faults"): self._list_faults,
            ("DELETE", "faults"): self._heal,
            ("POST", "streams/cut"): self._cut_streams,
            **market.handlers,
            **state.handlers,
            **events.handlers,
        }

    async def answer(self, request: Request) -> Reply:
        """Serve one control call; errors are plain JSON with a sentence."""
        if not self._allowed(request):
            return json_reply({"error": "Control paths want the header X-Admin-Token; without one set, loopback."}, 403)
        handler = self._handlers.get((request.method, request.path.removeprefix(PREFIX)))
        if handler is None:
            return json_reply({"error": "No such control path."}, 404)
        try:
            result = await handler(request)
        except Refused as error:
            status = 400 if isinstance(error, Unreadable) else 422
            return json_reply({"error": error.ret_msg, "code": error.ret_code}, status)
        except InvalidAmount as error:
            return json_reply({"error": error.detail}, 422)
        await self._exchange.journal.durable(self._exchange.journal.position)
        return result if isinstance(result, Reply) else json_reply(result)

    def _allowed(self, request: Request) -> bool:
        """Who may ask; a web page never may, wherever its browser runs and whatever name it gave this address."""
        if request.header(b"origin"):
            return False
        token = request.header(b"x-admin-token")
        if self._admin_token:
            return hmac.compare_digest(token.encode(), self._admin_token.encode())
        forwarded = request.header(b"x-forwarded-for") or request.header(b"forwarded")
        named = _host_name(request.header(b"host")) in self._own_names
        return request.address in LOOPBACK and named and not forwarded and not token

    async def _open_account(self, request: Request) -> object:
        body = request.json()
        return self._key_answer(self._accounts.open(read_balances(body), read_terms(body, KeyTerms(), self._now())))

    async def _issue_key(self, request: Request) -> object:
        body = request.json()
        replaced = self._accounts.key(str(body["api_key"])) if body.get("api_key") else None
        terms = _terms_of(replaced) if replaced else KeyTerms()
        uid = replaced.uid if replaced else str(body.get("uid", ""))
        key = self._accounts.issue_key(uid, read_terms(body, terms, self._now()), replaces=replaced)
        return {"uid": key.uid, "api_key": key.api_key} if replaced else self._key_answer(key)

    async def _revoke_key(self, request: Request) -> object:
        self._accounts.revoke_key(request.params.get("api_key", ""))
        return {"revoked": True}

    @staticmethod
    def _key_answer(key: ApiKey) -> dict[str, str]:
        return {"uid": key.uid, "api_key": key.api_key, "api_secret": key.api_secret}

    async def _list_accounts(self, _request: Request) -> object:
        return {"accounts": [{"uid": uid} for uid in self._exchange.ledger.accounts]}

    async def _transfer(self, request: Request) -> object:
        body = request.json()
        amount = parse_decimal(str(body.get("amount", "")))
        coin = str(body.get("coin") or "USDT")
        return {"id": self._accounts.transfer(str(body.get("uid", "")), coin, amount)}

    async def _ledger(self, request: Request) -> object:
        account = self._exchange.account(request.params.get("uid", ""))
        balances = [
            {"coin": coin, "walletBalance": plain(holding.wallet), "locked": plain(holding.locked)}
            for coin, holding in account.holdings.items()
        ]
        return {
            "uid": account.uid,
            "orders": [order_shape(order) for order in account.orders.values()],
            "executions": [execution_shape(item) for item in account.executions],
            "balances": balances,
            "transaction_log": [log_shape(entry) for entry in account.log],
        }

    async def _count(self, request: Request) -> object:
        account = self._exchange.account(request.params.get("uid", ""))
        return {
            "orders": len(account.orders),
            "open": len(account.open_orders),
            "executions": len(account.executions),
            "since_start": self._exchange.milestones.counts(account.uid),
        }

    async def _wait(self, request: Request) -> object:
        uid, event = request.params.get("uid", ""), request.params.get("event", "order_received")
        if event not in EVENTS:
            raise request_error(f"event must be one of {', '.join(EVENTS)}")
        count = number(request, "n", 1, highest=1_000_000)
        timeout = number(request, "timeout_ms", 10_000, highest=MAX_WAIT_MS)
        reached = await self._exchange.milestones.wait(uid, event, count, timeout_s=timeout / 1000)
        return {"reached": reached, "counts": self._exchange.milestones.counts(uid)}

    async def _add_fault(self, request: Request) -> object:
        fault = self._faults.add(read_fault(request.json(), self._paths))
        self._strike()
        return _fault_answer(fault)

    def _strike(self) -> None:
        """Half-open connections die, or are let go, at once; what is shut is cut."""
        self._sockets.strike()
        self._streams.strike()
        self._public.strike()

    async def _list_faults(self, _request: Request) -> object:
        return {"faults": [_fault_answer(fault) for fault in self._faults.all()]}

    async def _heal(self, request: Request) -> object:
        wanted = number(request, "id", 0, lowest=0, highest=10**9)
        healed = self._faults.remove(wanted or None)
        self._strike()
        return {"healed": healed}

    async def _cut_streams(self, request: Request) -> object:
        body = request.json()
        if body.get("public"):
            return {"cut": self._public.cut()}
        return {"cut": await self._streams.cut(str(body.get("uid", "")))}

    def _now(self) -> int:
        return self._exchange.now_ms()


def _host_name(header: str) -> str:
    """The name in a `Host` header, lower case, without port and brackets; nothing where it is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _terms_of(key: ApiKey) -> KeyTerms:
    return KeyTerms(
        permissions=key.permissions,
        read_only=key.read_only,
        ips=key.ips,
        environment=key.environment,
        note=key.note,
        expires_ms=key.expires_ms,
        rsa_public_key=key.rsa_public_key,
    )


def _fault_answer(fault: Fault) -> dict[str, Any]:
    fields = dataclasses.asdict(fault)
    return {"id": fields.pop("fault_id"), **fields}
