"""Ports on the loopback interface."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def hold_port(port: int) -> socket.socket | None:
    """Keep a port from every other process; close it just before the server that is meant to have it starts.

    None where the system would not give it exclusively (connections of an earlier server are still fading away).
    """
    hold = socket.socket()
    try:
        hold.bind((LOOPBACK, port))
    except OSError:
        hold.close()
        return None
    return hold
