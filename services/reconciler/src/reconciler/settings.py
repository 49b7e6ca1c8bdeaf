"""Settings of the reconciler, from the environment with the prefix `RECONCILER_`."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pydantic import Field

from reconciler.application.reconcile_account import Rules
from reconciler.domain.deviation import Band
from shared.runtime.settings import LinkSettings, ServiceSettings, VenueSettings, service_config


class Settings(ServiceSettings, VenueSettings, LinkSettings):
    """What the reconciler is told.

    Attributes:
        times_scale: Protocol times are divided by it; tests use 30.
        slot_s: Length of a slot; five minutes is `*/5`.
        debounce_s: From the first execution event to the comparison.
        quiet_s: Orders and matches younger than this are left alone.
        revalue_every_s: Pause between two re-valuations of the active positions.
        deviation_absolute: |drift| in fractions of the position.
        deviation_relative: |drift| as a fraction of the target.
        deviation_clear: A position is back below this fraction of its thresholds.
        database_pool: Connections to the database.
        venue_threads: Questions to one environment's venue at the same time.
    """

    model_config = service_config("RECONCILER_")

    times_scale: float = Field(default=1.0, ge=1, le=1000)
    slot_s: float = Field(default=300.0, gt=0)
    debounce_s: float = Field(default=2.0, gt=0)
    quiet_s: float = Field(default=10.0, ge=0)
    revalue_every_s: float = Field(default=2.0, gt=0)
    deviation_absolute: Decimal = Field(default=Decimal("0.05"), gt=0, lt=1)
    deviation_relative: Decimal = Field(default=Decimal("0.25"), gt=0)
    deviation_clear: Decimal = Field(default=Decimal("0.8"), gt=0, le=1)
    database_pool: int = Field(default=8, ge=2)
    venue_threads: int = Field(default=16, ge=1)

    def band(self) -> Band:
        """When a position counts as deviating."""
        return Band(absolute=self.deviation_absolute, relative=self.deviation_relative, clear_at=self.deviation_clear)

    def rules(self) -> Rules:
        """How accounts are compared."""
        return Rules(
            link_key=self.link_key_bytes(),
            band=self.band(),
            quiet=timedelta(seconds=self.quiet_s / self.times_scale),
        )
