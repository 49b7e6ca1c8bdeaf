"""Settings of market-data, from the environment with the prefix `MARKET_DATA_`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PostgresDsn, Secret, SecretStr

from shared.runtime.settings import ServiceSettings, VenueSettings, service_config


class Settings(ServiceSettings, VenueSettings):
    """What market-data is told.

    Attributes:
        users_dsn: The login role's, of the database that holds users' own indices.
        users_relay_dsn: The relay's role on that database.
        coingecko_url: Where market caps come from, `…/api/v3/`.
        coingecko_demo_key: Optional key of CoinGecko's demo plan.
        reviewed_table: The operator's own id ↔ symbol table; unset takes the shipped one.
        renamed_table: The operator's own table of renamed coins; unset takes the shipped one.
        quotes_every_s: Pause between two looks at all tickers.
        instruments_every_s: Pause between two looks at the instruments.
        limits_every_s: Pause between two looks at the price limits of what indices hold; older than 30 s they are
            not told.
        indices_every_s: Pause between two looks whether an index is due for a new version.
        levels_every_s: Pause between two looks whether a level's point is due: every 5 minutes, and with a new version.
    """

    model_config = service_config("MARKET_DATA_")

    users_dsn: Secret[PostgresDsn] | None = None
    users_relay_dsn: Secret[PostgresDsn] | None = None
    coingecko_url: str = "https://api.coingecko.com/api/v3/"
    coingecko_demo_key: SecretStr = SecretStr("")
    reviewed_table: Path | None = None
    renamed_table: Path | None = None
    quotes_every_s: float = Field(default=1.0, gt=0)
    instruments_every_s: float = Field(default=180.0, gt=0)
    limits_every_s: float = Field(default=10.0, gt=0)
    indices_every_s: float = Field(default=30.0, gt=0)
    levels_every_s: float = Field(default=10.0, gt=0)
