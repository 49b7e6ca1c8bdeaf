"""Orders, executions, balances and log rows with Bybit's field names; amounts are text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from paper_exchange.domain.account import Account, ApiKey, Holding, LogEntry
from paper_exchange.domain.exact import add, mul, sub
from paper_exchange.domain.order import Execution, Order
from shared.trading.money import ZERO, plain

Shape = dict[str, Any]
_ORDER_CONSTANTS: Shape = {
    "parentOrderLinkId": "",
    "blockTradeId": "",
    "isLeverage": "0",
    "positionIdx": 0,
    "createType": "",
    "stopOrderType": "",
    "orderIv": "",
    "triggerPrice": "0",
    "takeProfit": "0",
    "stopLoss": "0",
    "tpslMode": "",
    "ocoTriggerBy": "",
    "tpLimitPrice": "0",
    "slLimitPrice": "0",
    "tpTriggerBy": "",
    "slTriggerBy": "",
    "triggerDirection": 0,
    "triggerBy": "",
    "lastPriceOnCreated": "",
    "reduceOnly": False,
    "closeOnTrigger": False,
    "placeType": "",
    "smpType": "None",
    "smpGroup": 0,
    "smpOrderId": "",
    "extraFees": "",
    "rpiTakerAccess": False,
    "rpiMatchedQty": "0",
}
_EXECUTION_CONSTANTS: Shape = {
    "createType": "",
    "stopOrderType": "",
    "execType": "Trade",
    "markPrice": "",
    "indexPrice": "",
    "underlyingPrice": "",
    "tradeIv": "",
    "markIv": "",
    "blockTradeId": "",
    "closedSize": "",
    "extraFees": "",
}
_COIN_CONSTANTS: Shape = {
    "spotHedgingQty": "0",
    "borrowAmount": "0",
    "accruedInterest": "0",
    "totalOrderIM": "0",
    "totalPositionIM": "0",
    "totalPositionMM": "0",
    "unrealisedPnl": "0",
    "bonus": "0",
    "marginCollateral": True,
    "collateralSwitch": True,
    "spotBorrow": "0",
    "colRes": "0",
    "availableToWithdraw": "",
    "availableToBorrow": "",
    "free": "",
}


def order_shape(order: Order) -> Shape:
    """An order as realtime, history and the ledger show it."""
    return {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "symbol": order.symbol,
        "price": plain(order.price),
        "qty": plain(order.quantity),
        "side": order.side,
        "orderStatus": order.status,
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "avgPrice": plain(order.average_price) if order.filled_quantity else "",
        "leavesQty": plain(order.leaves_quantity),
        "leavesValue": plain(order.leaves_value),
        "cumExecQty": plain(order.filled_quantity),
        "cumExecValue": plain(order.filled_value),
        "cumExecFee": plain(order.fee),
        "cumFeeDetail": {order.fee_coin: plain(order.fee)} if order.fee_coin else {},
        "timeInForce": order.time_in_force,
        "orderType": order.order_type,
        "marketUnit": order.market_unit,
        "slippageToleranceType": order.slippage_type or "UNKNOWN",
        "slippageTolerance": order.slippage,
        "basePrice": plain(order.price_on_created),
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
        **_ORDER_CONSTANTS,
    }


def order_frame(order: Order) -> Shape:
    """An order as the private stream shows it."""
    return {"category": "spot", **order_shape(order), "closedPnl": "0", "feeCurrency": order.fee_coin}


def execution_shape(execution: Execution) -> Shape:
    """An execution as execution/list and the ledger show it."""
    return {
        "symbol": execution.symbol,
        "orderId": execution.order_id,
        "orderLinkId": execution.link_id,
        "side": execution.side,
        "orderPrice": plain(execution.order_price),
        "orderQty": plain(execution.order_quantity),
        "leavesQty": plain(execution.leaves_quantity),
        "orderType": execution.order_type,
        "execFee": plain(execution.fee),
        "execId": execution.exec_id,
        "execPrice": plain(execution.price),
        "execQty": plain(execution.quantity),
        "execValue": plain(execution.value),
        "execTime": str(execution.at_ms),
        "feeCurrency": execution.fee_coin,
        "isMaker": execution.is_maker,
        "feeRate": plain(execution.fee_rate),
        "seq": execution.seq,
        **_EXECUTION_CONSTANTS,
    }


def execution_frame(execution: Execution) -> Shape:
    """An execution as the private stream shows it."""
    return {"category": "spot", **execution_shape(execution), "execPnl": "0", "isLeverage": "0", "marketUnit": ""}


def fast_execution_frame(execution: Execution) -> Shape:
    """An execution as the fast stream shows it: few fields, and a maker's link id is left out."""
    return {
        "category": "spot",
        "symbol": execution.symbol,
        "execId": execution.exec_id,
        "execPrice": plain(execution.price),
        "execQty": plain(execution.quantity),
        "orderId": execution.order_id,
        "isMaker": execution.is_maker,
        "orderLinkId": "" if execution.is_maker else execution.link_id,
        "side": execution.side,
        "execTime": str(execution.at_ms),
        "seq": execution.seq,
    }


def log_shape(entry: LogEntry) -> Shape:
    """A row of the transaction log: `change` = `cashFlow` − `fee`; a spot trade has a row per coin."""
    execution = entry.execution
    return {
        "id": entry.entry_id,
        "symbol": execution.symbol if execution else "",
        "category": "spot" if execution else "",
        "side": execution.side if execution else "None",
        "transactionTime": str(entry.at_ms),
        "type": entry.kind,
        "transSubType": "",
        "qty": plain(entry.cash_flow),
        "size": "",
        "currency": entry.coin,
        "tradePrice": plain(execution.price) if execution else "",
        "funding": "",
        "fee": plain(entry.fee),
        "cashFlow": plain(entry.cash_flow),
        "change": plain(entry.change),
        "cashBalance": plain(entry.balance),
        "feeRate": plain(execution.fee_rate) if execution else "",
        "bonusChange": "",
        "tradeId": execution.exec_id if execution else "",
        "orderId": execution.order_id if execution else "",
        "orderLinkId": execution.link_id if execution else "",
        "extraFees": "",
    }


def coin_shape(coin: str, holding: Holding, price: Decimal, *, fees: Decimal) -> Shape:
    """A coin of the wallet; `fees` are the base-coin fees paid in it, which Bybit shows as realised loss."""
    return {
        "coin": coin,
        "equity": plain(holding.wallet),
        "usdValue": plain(mul(holding.wallet, price)),
        "walletBalance": plain(holding.wallet),
        "locked": plain(holding.locked),
        "cumRealisedPnl": plain(sub(ZERO, fees)),
        **_COIN_CONSTANTS,
    }


def wallet_shape(
    account: Account, prices: Mapping[str, Decimal], *, coins: tuple[str, ...] | None = None, named: bool = False
) -> Shape:
    """An account's wallet.

    Args:
        account: Whose.
        prices: USD per coin.
        coins: Only these coins; the totals are of all.
        named: Show coins asked for by name even when they are zero.
    """
    total = free = ZERO
    for coin, holding in account.holdings.items():
        price = prices.get(coin, ZERO)
        total = add(total, mul(holding.wallet, price))
        free = add(free, mul(holding.free, price))
    shown = coins if coins is not None else tuple(account.holdings)
    rows = [
        coin_shape(coin, holding, prices.get(coin, ZERO), fees=account.fees.get(coin, ZERO))
        for coin in shown
        if (holding := account.holdings.get(coin, Holding())).wallet or holding.locked or named
    ]
    return {
        "totalEquity": plain(total),
        "accountIMRate": "0",
        "accountIMRateByMp": "0",
        "totalMarginBalance": plain(total),
        "totalInitialMargin": "0",
        "totalInitialMarginByMp": "0",
        "accountType": "UNIFIED",
        "totalAvailableBalance": plain(free),
        "accountMMRate": "0",
        "accountMMRateByMp": "0",
        "totalPerpUPL": "0",
        "totalWalletBalance": plain(total),
        "accountLTV": "0",
        "totalMaintenanceMargin": "0",
        "totalMaintenanceMarginByMp": "0",
        "coin": rows,
    }


PERMISSION_GROUPS = (
    "ContractTrade",
    "Spot",
    "Wallet",
    "Options",
    "Derivatives",
    "CopyTrading",
    "BlockTrade",
    "Exchange",
    "NFT",
    "Affiliate",
    "Earn",
    "FiatP2P",
    "FiatConvertBroker",
    "FiatGlobalPay",
    "FiatBitPay",
    "FiatBybitPay",
    "BitCard",
    "ByXPost",
)


def key_shape(key: ApiKey, *, now_ms: int, iso: str, expires_iso: str) -> Shape:
    """What a key may do, as user/query-api shows it; the secret is never shown."""
    days = (key.expires_ms - now_ms) // 86_400_000 if key.expires_ms else 0
    return {
        "id": key.key_id,
        "note": key.note,
        "apiKey": key.api_key,
        "readOnly": 1 if key.read_only else 0,
        "secret": "",
        "permissions": {
            group: list(key.permissions.get(group, ())) for group in (*PERMISSION_GROUPS, *key.permissions)
        },
        "ips": list(key.ips),
        "type": 1,
        "deadlineDay": days,
        "expiredAt": expires_iso,
        "createdAt": iso,
        "unified": 0,
        "uta": 1,
        "userID": int(key.uid),
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": key.rsa_public_key,
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }
