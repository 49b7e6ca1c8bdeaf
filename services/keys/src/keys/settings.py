"""Settings of keys, from the environment: `KEYS_…`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from keys.domain.egress import PER_SLOT
from keys.domain.limits import DEFAULT_LIMITS, PlatformLimits
from shared.runtime.settings import LinkSettings, ServiceSettings, VenueSettings, service_config
from shared.trading.status import VenueEnvironment


class LimitSettings(BaseModel):
    """Limits of one environment; what is left out stays as it is. Amounts in quote units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_max: Decimal | None = None
    hour_max: Decimal | None = None
    day_max: Decimal | None = None
    slippage_bps_max: Decimal | None = None
    price_age_s_max: Decimal | None = None
    total_hour_max: Decimal | None = None
    total_day_max: Decimal | None = None


class Settings(ServiceSettings, VenueSettings, LinkSettings):
    """What keys is told.

    Attributes:
        kek_file: The key-encryption keys, mode 0600; never made by the service itself.
        paper_control_url: Where accounts with play money are opened.
        paper_admin_token: Where the paper exchange asks for one.
        egress_per_second: Private requests per second of all replicas behind one address: 70 % of the venue's limit.
        limits: By environment, what is to differ from the default limits until an operator writes others.
    """

    model_config: ClassVar[SettingsConfigDict] = service_config("KEYS_")

    kek_file: Path
    paper_control_url: str | None = None
    paper_admin_token: SecretStr | None = None
    egress_per_second: int = Field(default=PER_SLOT, ge=10, le=PER_SLOT)
    limits: dict[VenueEnvironment, LimitSettings] = Field(default_factory=dict)

    def platform_limits(self) -> dict[VenueEnvironment, PlatformLimits]:
        """The limits of every environment.

        Raises:
            LimitsRefused: One is not above zero.
        """
        found = {}
        for environment, default in DEFAULT_LIMITS.items():
            told = self.limits.get(environment, LimitSettings()).model_dump(exclude_none=True)
            found[environment] = replace(default, **told)
            found[environment].check()
        return found
