"""An event as clients see it, before it is written for a wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event of the live feed.

    Args:
        name: Such as `leg_filled`, `hello`, `reconnect`.
        data: JSON text.
        id: Where to resume after it; None for what cannot be resumed.
    """

    name: str
    data: str
    id: str | None = None
    _spelled: dict[Callable[[LiveEvent], bytes], bytes] = field(default_factory=dict, repr=False, compare=False)

    def spelled(self, spelling: Callable[[LiveEvent], bytes]) -> bytes:
        """As a wire carries it; made once, however many clients of that wire get it."""
        found = self._spelled.get(spelling)
        if found is None:
            found = self._spelled[spelling] = spelling(self)
        return found
