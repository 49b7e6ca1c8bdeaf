"""What each environment of the venue can do (Bybit docs: demo trading, read 2026-07-24)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One environment.

    Attributes:
        spot_batch: `create-batch` takes spot orders; otherwise orders go one by one.
        key_info: `user/query-api` answers.
        fee_rate: `account/fee-rate` answers.
        order_socket: Orders may be sent over a socket.
        connections_interval_s: Seconds between two new sockets from one address (500 per 5 minutes).
    """

    spot_batch: bool = True
    key_info: bool = True
    fee_rate: bool = True
    order_socket: bool = True
    connections_interval_s: float = 0.6


CAPABILITIES: dict[VenueEnvironment, Capabilities] = {
    VenueEnvironment.MAINNET: Capabilities(),
    VenueEnvironment.TESTNET: Capabilities(),
    VenueEnvironment.DEMO: Capabilities(spot_batch=False, key_info=False, fee_rate=False, order_socket=False),
    VenueEnvironment.PAPER: Capabilities(order_socket=False, connections_interval_s=0.0),
}
SPOT_BATCH_MAX = 10
"""Orders in one spot batch (Bybit docs: batch-place)."""
