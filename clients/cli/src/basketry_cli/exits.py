"""How a command ended, for scripts."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses; 2 is the shell's own for wrong usage, 130 for Ctrl-C."""

    OK = 0
    REFUSED = 1
    """The platform said no, or the user did; nothing was ordered."""
    USAGE = 2
    SIGN_IN = 3
    """There is no session, or it is over."""
    AWAY = 4
    """The gateway or what stands behind it does not answer now; nothing was ordered."""
    INCOMPLETE = 5
    """It was traded, but not every leg, or nothing of it."""
    UNKNOWN = 6
    """An order was sent and no answer came: it may have been taken."""
    INTERRUPTED = 130
