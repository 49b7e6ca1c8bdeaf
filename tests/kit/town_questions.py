"""Questions between services in memory: the routers' own answers, through JSON as on the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from shared.contracts.fields import Contract
from shared.contracts.problem import Problem
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.rpc import MAX_REPLY_BYTES, Answer, RpcRouter
from shared.trading.errors import PlatformError

Request = TypeVar("Request", bound=Contract)
Reply = TypeVar("Reply", bound=Contract)
HOP_S = 0.002


class MemoryQuestions:
    """Asks whoever answers.

    Attributes:
        before: What is done before a verb is answered, such as the beat that keeps quotes young.
    """

    def __init__(self) -> None:
        self.routers: list[RpcRouter] = []
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}

    async def ask(self, verb: RpcVerb[Request, Reply], request: Request, *, timeout_s: float | None = None) -> Reply:
        """The answer, read from its own JSON.

        Raises:
            PlatformError: The answering service's error.
        """
        del timeout_s
        await asyncio.sleep(HOP_S)
        answer = self._answer(verb.subject)
        if verb.subject in self.before:
            await self.before[verb.subject]()
        try:
            reply = await answer(verb.request.model_validate_json(request.model_dump_json()))
        except PlatformError as error:
            raise Problem.model_validate_json(Problem.of(error).model_dump_json()).to_error() from None
        body = reply.model_dump_json()
        assert len(body) <= MAX_REPLY_BYTES, f"{verb.subject} answers {len(body)} bytes"
        return verb.reply.model_validate_json(body)

    def _answer(self, subject: str) -> Answer[Any, Any]:
        for router in self.routers:
            entry = router._answers.get(subject)
            if entry is not None:
                return entry[1]
        raise LookupError(f"nobody answers {subject}")
