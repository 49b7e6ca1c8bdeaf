"""How other services are asked."""

from __future__ import annotations

from typing import Protocol, TypeVar

from shared.contracts.fields import Contract
from shared.contracts.rpc.verb import RpcVerb

Request = TypeVar("Request", bound=Contract)
Reply = TypeVar("Reply", bound=Contract)


class Questions(Protocol):
    """Asks a verb and waits for the typed answer; `shared.runtime.rpc.RpcClient` is one."""

    async def ask(self, verb: RpcVerb[Request, Reply], request: Request) -> Reply:
        """The answer.

        Raises:
            PlatformError: The answering service's error, or Unavailable.
        """
        ...
