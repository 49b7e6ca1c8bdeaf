"""The paper exchange's settings, read once from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set, with the prefix PAPER_EXCHANGE_.

    Attributes:
        data_folder: Folder of the journal.
        seed: Of the simulated feed and of the jitter; the same seed and the same ticks give the same prices.
        feed: `simulated` moves, `frozen` stands still until told otherwise, `replay` walks through recorded candles,
            `mirror` follows another Bybit host.
        gaps_per_day: How many sudden gaps a pair of the simulated feed has a day, on average.
        replay_file: Candle file of the replay feed: CSV with symbol, start_ms, open, high, low, close.
        replay_loop: Begin again after its last candle.
        mirror_url: Public spot stream of the host to follow.
        mirror_symbols: What to follow, with commas between; empty: every listed pair.
        clock: `real`, or `virtual`: time stands still until `POST /paper/v1/clock` moves it.
        clock_start_ms: Where virtual time begins, epoch milliseconds; 0: with the recording, or 2026-01-01.
        tick_ms: Time between two prices.
        admin_token: What the control paths ask for, on loopback too; empty: they answer loopback alone.
        latency_ms: Round trip added to every private call.
        stream_latency_ms: One way added to every private frame.
        match_delay_ms: From acknowledgement to matching.
        snapshot_file: A journal taken from another venue, with which an empty data folder begins.
        inner_price_band: Whether a limit order beyond the inner ratio around the mid is refused, as Bybit does by its
            formula, or only one beyond the outer ratio.
        ip_requests: REST requests of one address within 5 seconds; 0 means no limit. Bybit's is 600.
        ip_limit_loopback: Whether the limit holds on loopback too, where every client of a machine has one address.
        ip_ban_s: How long an address that sent more is answered 403.
        cache_after_records: So many records take a second to read: then the state is written down beside the journal.
        prices_every_s: How often prices are written to the journal.
    """

    model_config = SettingsConfigDict(env_prefix="PAPER_EXCHANGE_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    http_port: int = Field(default=8090, ge=0, le=65535)
    coingecko_port: int = Field(default=8091, ge=0, le=65535)
    data_folder: Path = Path("var/paper-exchange")
    seed: int = 1
    feed: Literal["simulated", "frozen", "replay", "mirror"] = "simulated"
    gaps_per_day: float = Field(default=0.03, ge=0, le=1_000)
    replay_file: Path | None = None
    replay_loop: bool = False
    mirror_url: str = "wss://stream.bybit.com/v5/public/spot"
    mirror_symbols: str = ""
    clock: Literal["real", "virtual"] = "real"
    clock_start_ms: int = Field(default=0, ge=0)
    tick_ms: int = Field(default=500, ge=20, le=60_000)
    admin_token: SecretStr = SecretStr("")
    latency_ms: int = Field(default=0, ge=0, le=60_000)
    stream_latency_ms: int = Field(default=0, ge=0, le=60_000)
    match_delay_ms: int = Field(default=2, ge=0, le=60_000)
    snapshot_file: Path | None = None
    inner_price_band: bool = True
    ip_requests: int = Field(default=600, ge=0)
    ip_limit_loopback: bool = False
    ip_ban_s: float = Field(default=600.0, gt=0)
    cache_after_records: int = Field(default=10_000, ge=1)
    prices_every_s: float = Field(default=60.0, ge=0.1)
    log_level: str = "INFO"
    log_json: bool = True
