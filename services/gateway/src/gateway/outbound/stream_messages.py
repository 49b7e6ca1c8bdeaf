"""Fetches a stored message by its sequence, for dead letters that the server only names."""

from __future__ import annotations

from nats.js.errors import NotFoundError

from gateway.outbound.feed import AWAY, FeedConnection
from shared.trading.errors import Unavailable


class StreamMessages:
    """Messages of any stream whose consumers can give up."""

    def __init__(self, connection: FeedConnection) -> None:
        self._connection = connection

    async def find(self, stream: str, sequence: int) -> tuple[str, dict[str, str], bytes] | None:
        """Subject, headers and body; None when the stream has it no more.

        Raises:
            Unavailable: the bus is away.
        """
        try:
            js = await self._connection.jetstream()
            found = await js.get_msg(stream, sequence)
        except NotFoundError:
            return None
        except AWAY as error:
            raise Unavailable("The bus is away.", code="bus_unavailable") from error
        return found.subject or "", dict(found.headers or {}), found.data or b""
