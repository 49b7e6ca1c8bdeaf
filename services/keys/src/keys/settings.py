"""Settings of keys, from the environment: `KEYS_…`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from keys.domain.egress import PER_SLOT
from shared.runtime.settings import LinkSettings, ServiceSettings, VenueSettings, service_config


class Settings(ServiceSettings, VenueSettings, LinkSettings):
    """What keys is told.

    Attributes:
        kek_file: The key-encryption keys, mode 0600; never made by the service itself.
        paper_control_url: Where accounts with play money are opened.
        paper_admin_token: Where the paper exchange asks for one.
        egress_per_second: Private requests per second of all replicas behind one address: 70 % of the venue's limit.
    """

    model_config: ClassVar[SettingsConfigDict] = service_config("KEYS_")

    kek_file: Path
    paper_control_url: str | None = None
    paper_admin_token: SecretStr | None = None
    egress_per_second: int = Field(default=PER_SLOT, ge=10, le=PER_SLOT)
