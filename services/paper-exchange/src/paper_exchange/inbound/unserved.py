"""Bybit's paths that this venue knows but does not act on: what each answers and why, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paper_exchange.domain.refusal import PERMISSION_DENIED

NO_RIGHT = PERMISSION_DENIED
UNIFIED_ONLY = (100028, "The API cannot be accessed by unified account users.")
NO_MMP = (110065, "MMP hasn't yet been enabled for your account. Please contact your BD manager.")
NO_DEBT = (182102, "Failed repayment, there are no liabilities in the current currency")
NO_BORROWING = (176039, "Borrowing, current operation is not allowed")

DERIVATIVES = "keys of this venue have no right ContractTrade"
SUB_ACCOUNTS = "keys of this venue have no right to manage sub-accounts"
OWN_KEYS = "keys are changed through the control paths"
SETTINGS = "keys of this venue may not change the account's settings; the defaults hold"
AFFILIATES = "keys of this venue have no right Affiliate"
MAKERS = "market maker protection is for approved makers"
CASH = "a cash account: nothing is borrowed"
NOTHING_KEPT = "nothing of it exists here: the list is empty, as for an account or a market without any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """One path.

    Attributes:
        code: Return code; 0 with a `result`.
        reason: Why nothing more is done, for the table of conformance.
        result: What is answered with code 0.
    """

    method: str
    path: str
    reason: str
    code: int = 0
    message: str = "OK"
    result: dict[str, Any] | None = None
    public: bool = False


def _refused(reason: str, answer: tuple[int, str], *paths: str, method: str = "POST") -> list[Unserved]:
    code, message = answer
    return [Unserved(method=method, path=path, reason=reason, code=code, message=message) for path in paths]


def _empty(path: str, result: dict[str, Any], *, public: bool = False) -> Unserved:
    return Unserved(method="GET", path=path, reason=NOTHING_KEPT, result=result, public=public)


UNSERVED: tuple[Unserved, ...] = (
    *_refused(
        DERIVATIVES,
        NO_RIGHT,
        "/v5/order/pre-check",
        "/v5/order/disconnected-cancel-all",
        "/v5/position/set-leverage",
        "/v5/position/switch-isolated",
        "/v5/position/set-tpsl-mode",
        "/v5/position/switch-mode",
        "/v5/position/set-risk-limit",
        "/v5/position/trading-stop",
        "/v5/position/set-auto-add-margin",
        "/v5/position/add-margin",
        "/v5/position/move-positions",
        "/v5/position/confirm-pending-mmr",
    ),
    *_refused(DERIVATIVES, NO_RIGHT, "/v5/position/move-history", method="GET"),
    *_refused(MAKERS, NO_MMP, "/v5/account/mmp-modify", "/v5/account/mmp-reset"),
    *_refused(MAKERS, NO_MMP, "/v5/account/mmp-state", method="GET"),
    *_refused("the account is unified already", UNIFIED_ONLY, "/v5/account/upgrade-to-uta"),
    *_refused("only classic accounts have it", UNIFIED_ONLY, "/v5/account/contract-transaction-log", method="GET"),
    *_refused(CASH, NO_DEBT, "/v5/account/quick-repayment", "/v5/account/repay", "/v5/account/no-convert-repay"),
    *_refused(CASH, NO_BORROWING, "/v5/account/borrow"),
    *_refused(
        SETTINGS,
        NO_RIGHT,
        "/v5/account/set-collateral-switch",
        "/v5/account/set-collateral-switch-batch",
        "/v5/account/set-hedging-mode",
        "/v5/account/set-limit-px-action",
        "/v5/account/set-delta-mode",
        "/v5/user/agreement",
    ),
    *_refused(
        SUB_ACCOUNTS,
        NO_RIGHT,
        "/v5/user/create-sub-member",
        "/v5/user/create-sub-api",
        "/v5/user/frozen-sub-member",
        "/v5/user/update-sub-api",
        "/v5/user/delete-sub-api",
        "/v5/user/del-submember",
    ),
    *_refused(
        SUB_ACCOUNTS,
        NO_RIGHT,
        "/v5/user/query-sub-members",
        "/v5/user/submembers",
        "/v5/user/sub-apikeys",
        "/v5/user/escrow_sub_members",
        method="GET",
    ),
    *_refused(OWN_KEYS, NO_RIGHT, "/v5/user/update-api", "/v5/user/delete-api"),
    *_refused(
        AFFILIATES,
        NO_RIGHT,
        "/v5/user/aff-customer-info",
        "/v5/user/invitation/referrals",
        "/v5/affiliate/aff-user-list",
        "/v5/affiliate/affiliate-sub-list",
        method="GET",
    ),
    _empty("/v5/account/borrow-history", {"nextPageCursor": "", "list": []}),
    _empty("/v5/account/query-dcp-info", {"dcpInfos": []}),
    _empty("/v5/account/smp-group", {"smpGroup": 0}),
    _empty("/v5/account/user-setting-config", {"lpaSpot": False, "lpaPerp": False, "deltaEnable": False}),
    _empty("/v5/asset/coin-greeks", {"list": []}),
    _empty("/v5/market/historical-volatility", {"category": "option", "list": []}, public=True),
    _empty("/v5/market/insurance", {"updatedTime": "0", "list": []}, public=True),
    _empty("/v5/market/delivery-price", {"category": "option", "nextPageCursor": "", "list": []}, public=True),
    _empty("/v5/market/new-delivery-price", {"category": "option", "list": []}, public=True),
    _empty("/v5/market/account-ratio", {"list": [], "nextPageCursor": ""}, public=True),
    _empty(
        "/v5/market/index-price-components",
        {"indexName": "", "lastPrice": "", "updateTime": "", "components": []},
        public=True,
    ),
    _empty("/v5/market/adlAlert", {"updatedTime": "0", "list": []}, public=True),
    _empty("/v5/market/fee-group-info", {"list": []}, public=True),
)
"""`/v5/order/pre-check` and the derivatives paths answer 10005 because of the key, as Bybit does before anything else."""
