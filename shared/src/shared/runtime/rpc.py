"""Questions between services: typed both ways, errors keep their family, silence is never read as "not done"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import nats.errors
from faststream.exceptions import IncorrectState
from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from pydantic import ValidationError

from shared.contracts.fields import Contract
from shared.contracts.problem import Problem
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.bus import every, whole
from shared.runtime.correlation import CORRELATION, correlated, current_correlation
from shared.runtime.logging import get_logger
from shared.trading.clock import Ids, SystemIds
from shared.trading.errors import Invalid, OutcomeUnknown, PlatformError, Unavailable

log = get_logger(__name__)

Request = TypeVar("Request", bound=Contract)
Reply = TypeVar("Reply", bound=Contract)
Answer = Callable[[Request], Awaitable[Reply]]

PROBLEM = "problem"
"""Header of a reply that is a `Problem`; its value is the family."""
MAX_REPLY_BYTES = 1_000_000
WORKERS = 32
"""Questions of one verb answered at the same time by one process."""


class RpcRouter:
    """The questions that a service answers."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[RpcVerb[Any, Any], Answer[Any, Any]]] = {}

    def answer(self, verb: RpcVerb[Request, Reply]) -> Callable[[Answer[Request, Reply]], Answer[Request, Reply]]:
        """Register the handler of a verb."""

        def register(handler: Answer[Request, Reply]) -> Answer[Request, Reply]:
            if verb.subject in self._answers:
                raise ValueError(f"{verb.subject} already has an answer")
            self._answers[verb.subject] = (verb, handler)
            return handler

        return register

    def attach(self, broker: NatsBroker, *, service: str) -> None:
        """Listen on a broker; replicas share the questions as one queue group."""
        for subject, (verb, handler) in self._answers.items():
            subscriber = broker.subscriber(subject, queue=service, decoder=whole, max_workers=WORKERS)
            subscriber(_Responder(verb, handler).respond, filter=every)


class _Responder:
    def __init__(self, verb: RpcVerb[Any, Any], handler: Answer[Any, Any]) -> None:
        self._verb = verb
        self._handler = handler

    async def respond(self, message: NatsMessage) -> NatsResponse:
        """Always answers: a handler that raises without a reply would look like a time-out to the caller."""
        correlation = _uuid(message.headers.get(CORRELATION)) or SystemIds().uuid()
        with correlated(correlation, verb=self._verb.subject):
            try:
                return await self._reply(message.raw_message.data)
            except PlatformError as error:
                log.info("question_refused", family=error.family, code=error.code)
                return _problem(error)
            except Exception:
                log.exception("question_failed")
                return _problem(PlatformError())

    async def _reply(self, body: bytes) -> NatsResponse:
        try:
            request = self._verb.request.model_validate_json(body)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            raise Invalid("The question is malformed.", code="malformed_request", context={"faults": faults}) from None
        reply = await self._handler(request)
        text = reply.model_dump_json().encode()
        if len(text) > MAX_REPLY_BYTES:
            raise PlatformError(f"The answer has {len(text)} bytes.", code="reply_too_large")
        return NatsResponse(text)


class RpcClient:
    """Asks other services.

    Args:
        broker: Of this process.
    """

    def __init__(self, broker: NatsBroker, *, ids: Ids | None = None) -> None:
        self._broker = broker
        self._ids = ids or SystemIds()

    async def ask(self, verb: RpcVerb[Request, Reply], request: Request, *, timeout_s: float | None = None) -> Reply:
        """Ask and wait for the answer.

        Args:
            verb: From the catalogue of contracts.
            request: The question.
            timeout_s: Patience in seconds; the verb's own by default.

        Raises:
            PlatformError: The answering service's error, of the same family and code.
            Unavailable: Nobody listens, the bus is away, or a question without side effects timed out.
            OutcomeUnknown: A verb that acts timed out: ask what became of it, do not send it again.
        """
        patience = timeout_s or verb.timeout_s
        await self._connected(verb, patience / 2)
        correlation = str(current_correlation() or self._ids.uuid())
        try:
            answer = await self._broker.request(
                request.model_dump_json().encode(),
                verb.subject,
                timeout=patience,
                headers={CORRELATION: correlation},
                correlation_id=correlation,
            )
        except nats.errors.NoRespondersError:
            raise _away(verb, "does not listen") from None
        except (nats.errors.TimeoutError, TimeoutError):
            raise _silent(verb, patience) from None
        except (nats.errors.Error, IncorrectState) as error:
            raise _away(verb, f"cannot be asked: {type(error).__name__}") from error
        body, headers = answer.raw_message.data, answer.headers
        if headers.get(PROBLEM):
            raise Problem.model_validate_json(body).to_error()
        return verb.reply.model_validate_json(body)

    async def _connected(self, verb: RpcVerb[Any, Any], patience_s: float) -> None:
        """A question put while the bus is away would be sent later, to nobody's use: wait for the bus a moment."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_s
        while not is_connected(self._broker):
            if loop.time() >= deadline:
                raise _away(verb, "cannot be asked: the bus is away")
            await asyncio.sleep(0.02)


def is_connected(broker: NatsBroker) -> bool:
    """Whether the broker's connection stands at this moment."""
    client = broker._connection  # noqa: SLF001 - the broker has only a ping, which waits
    return client is not None and client.is_connected


def _problem(error: PlatformError) -> NatsResponse:
    return NatsResponse(Problem.of(error).model_dump_json().encode(), headers={PROBLEM: error.family})


def _away(verb: RpcVerb[Any, Any], why: str) -> Unavailable:
    return Unavailable(f"The service {verb.service} {why}; nothing was done.", code=f"{verb.service}_unavailable")


def _silent(verb: RpcVerb[Any, Any], patience_s: float) -> PlatformError:
    facts: Mapping[str, Any] = {"verb": verb.subject, "timeout_s": patience_s}
    if verb.acts:
        return OutcomeUnknown(f"The service {verb.service} has not answered; it may still act.", context=facts)
    return Unavailable(
        f"The service {verb.service} has not answered in {patience_s} s.",
        code=f"{verb.service}_unavailable",
        context=facts,
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
