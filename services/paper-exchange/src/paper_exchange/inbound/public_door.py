"""Every public socket of the venue, by its path."""

from __future__ import annotations

from collections.abc import Iterable

from paper_exchange.inbound.public_streams import PublicStreams


class PublicDoor:
    """What concerns all public sockets alike.

    Args:
        streams: One for each path.
    """

    def __init__(self, streams: Iterable[PublicStreams]) -> None:
        self.by_path = {one.path: one for one in streams}

    def tick(self) -> None:
        """Tell everybody the new prices."""
        for one in self.by_path.values():
            one.tick()

    def strike(self) -> None:
        """Let a half-open fault take hold of the connections that are there, or let go of them."""
        for one in self.by_path.values():
            one.strike()

    def cut(self) -> int:
        """Reset every connection; how many."""
        return sum(one.cut() for one in self.by_path.values())
