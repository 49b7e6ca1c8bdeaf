"""Questions to other services, before the bus is there to carry them."""

from __future__ import annotations

from typing import Protocol, TypeVar

from shared.contracts.fields import Contract
from shared.contracts.rpc.verb import RpcVerb
from shared.trading.errors import Unavailable

Request = TypeVar("Request", bound=Contract)
Answer = TypeVar("Answer", bound=Contract)


class Asker(Protocol):
    """Asks other services."""

    async def ask(self, verb: RpcVerb[Request, Answer], request: Request, *, timeout_s: float | None = None) -> Answer:
        """Ask and wait for the answer."""
        ...


class LateAsker:
    """An asker that is named once the process has one."""

    def __init__(self) -> None:
        self._asker: Asker | None = None

    def become(self, asker: Asker) -> None:
        """From now on, ask through this one."""
        self._asker = asker

    async def ask(self, verb: RpcVerb[Request, Answer], request: Request, *, timeout_s: float | None = None) -> Answer:
        """Ask and wait for the answer.

        Raises:
            Unavailable: the process has not started yet.
        """
        if self._asker is None:
            raise Unavailable("The process is still starting; nothing was done.", code="starting")
        return await self._asker.ask(verb, request, timeout_s=timeout_s)
