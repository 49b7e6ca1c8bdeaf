"""What the gateway is told by its environment, `GATEWAY_…`."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from shared.runtime.settings import ServiceSettings, service_config
from shared.trading.status import VenueEnvironment


class Settings(ServiceSettings):
    """Read once, in `main.py`.

    Attributes:
        http_port: The public door.
        default_environment: Whose indices are shown when nobody says.
        cors_origins: Exact origins of our own pages, as JSON; also those that may write with the cookie.
        limits: Overrides of rate limits, such as `{"trade": "10/second"}`.
        token_issuer: `iss` that access tokens must have: auth's.
        token_audience: `aud` that they must have.
        signing_s: For how long after acceptance an order may still be signed.
        price_tolerance: A plan is refused when a price has moved by more than this fraction since it was made.
        sweep_margin_s: A position of which execution says nothing is asked after this long beyond `signing_s`.
        sweep_s: How often such positions are looked for.
        rebalance_s: How often a position that is suggested for, or rebalanced by itself, is looked at; once a second at most.
        rebalance_pause_s: Before it is looked at again when it was due and nothing could be done.
        body_limit: Bytes of a request's body at most.
        database_pool: Connections, half of them kept open.
        paper_balance: USDT of a paper account when nobody says; `paper_balance_max` at most.
    """

    model_config = service_config("GATEWAY_")

    http_port: int = Field(default=8080, ge=0, le=65535)
    default_environment: VenueEnvironment = VenueEnvironment.PAPER
    cors_origins: list[str] = Field(default_factory=lambda: ["http://localhost:3000"])
    limits: dict[str, str] = Field(default_factory=dict)
    token_issuer: str = "urn:basketry:auth"  # noqa: S105 - a name, not a secret
    token_audience: str = "basketry"  # noqa: S105 - a name, not a secret
    signing_s: float = Field(default=600.0, gt=0)
    price_tolerance: Decimal = Field(default=Decimal("0.005"), gt=0, lt=1)
    sweep_margin_s: float = Field(default=60.0, ge=0)
    sweep_s: float = Field(default=30.0, gt=0)
    rebalance_s: float = Field(default=10.0, gt=0)
    rebalance_pause_s: float = Field(default=300.0, gt=0)
    body_limit: int = Field(default=64 * 1024, gt=0)
    database_pool: int = Field(default=16, ge=2, le=100)
    paper_balance: Decimal = Decimal(10_000)
    paper_balance_max: Decimal = Decimal(1_000_000)
