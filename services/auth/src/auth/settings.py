"""Settings of auth, from the environment with the prefix `AUTH_`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.runtime.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    """What auth is told.

    Attributes:
        signing_key_file: The root of all its keys, readable by its owner alone; never made by the service, because a
            lost one has to be noticed.
        token_issuer: `iss` of access tokens.
        token_audience: `aud` of access tokens.
        access_lifetime_s: Seconds that an access token lives, ten minutes at most.
        password_threads: Passwords hashed at the same time, 19 MiB each.
        password_queue: Passwords that may wait for a thread.
    """

    model_config = service_config("AUTH_")

    signing_key_file: Path
    token_issuer: str = "urn:basketry:auth"  # noqa: S105 - a name
    token_audience: str = "basketry"  # noqa: S105 - a name
    access_lifetime_s: int = Field(default=600, ge=10, le=600)
    password_threads: int = Field(default=2, ge=1, le=32)
    password_queue: int = Field(default=64, ge=0, le=1024)
