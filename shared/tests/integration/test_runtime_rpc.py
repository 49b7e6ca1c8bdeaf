"""Questions between services over the real bus, each with its own rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from basketry_local.testing.bus import Bus
from shared.contracts.fields import Contract, DecimalText, SecretText
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.correlation import correlated, current_correlation
from shared.runtime.process import Process
from shared.runtime.rpc import RpcRouter, is_connected
from shared.runtime.settings import ServiceSettings
from shared.testing import eventually
from shared.trading.errors import Conflict, OutcomeUnknown, PlatformError, Throttled, Unavailable

pytestmark = pytest.mark.integration


class Question(Contract):
    """Whatever."""

    say: str
    amount: DecimalText = Decimal("1E+2")
    whisper: SecretText = SecretStr("")


class Echo(Contract):
    """The same again."""

    said: str
    hidden: SecretText = SecretStr("")
    correlation: UUID | None = None


# Real subjects of the topology with models of our own: the server's permissions are the product's.
ASK: RpcVerb[Question, Echo] = RpcVerb("execution", "make_plan", Question, Echo, ("gateway",), timeout_s=20.0)
ACT: RpcVerb[Question, Echo] = RpcVerb("execution", "get_books", Question, Echo, ("reconciler",), acts=True)


async def answer(question: Question) -> Echo:
    match question.say:
        case "conflict":
            raise Conflict("too late", code="plan_expired", context={"plan": "7"})
        case "throttled":
            raise Throttled(retry_after_s=0.25)
        case "broken":
            raise ZeroDivisionError
        case "slow":
            await asyncio.sleep(0.5)
    return Echo(said=question.say, hidden=question.whisper, correlation=current_correlation())


@asynccontextmanager
async def serving(bus: Bus, by: Callable[[Question], Awaitable[Echo]] = answer) -> AsyncIterator[Process]:
    router = RpcRouter()
    router.answer(ASK)(by)
    process = Process("execution", settings(bus, "execution"), rpc=[router])
    async with process.running():
        yield process


def settings(bus: Bus, service: str) -> ServiceSettings:
    return ServiceSettings(nats_url=bus.url, nats_seed=bus.seed(service), log_level="ERROR")


@pytest.fixture
async def asker(bus: Bus) -> AsyncIterator[Process]:
    process = Process("gateway", settings(bus, "gateway"))
    async with process.running():
        yield process


async def test_an_answer_comes_back_typed_with_the_correlation(bus: Bus, asker: Process) -> None:
    correlation = uuid4()
    async with serving(bus):
        with correlated(correlation):
            reply = await asker.ask.ask(ASK, Question(say="hello"))
    assert reply == Echo(said="hello", correlation=correlation)


@pytest.mark.parametrize(
    ("say", "family", "code"),
    [
        ("conflict", "conflict", "plan_expired"),
        ("throttled", "throttled", "throttled"),
        ("broken", "internal", "internal_error"),
    ],
)
async def test_an_error_keeps_its_family(bus: Bus, asker: Process, say: str, family: str, code: str) -> None:
    async with serving(bus):
        with pytest.raises(PlatformError) as caught:
            await asker.ask.ask(ASK, Question(say=say))
    assert (caught.value.family, caught.value.code) == (family, code)
    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after_s == 0.25


async def test_a_malformed_question_is_invalid_not_a_time_out(bus: Bus, asker: Process) -> None:
    class Other(Contract):
        other: int

    verb: RpcVerb[Other, Echo] = RpcVerb("execution", "make_plan", Other, Echo, ("gateway",))
    async with serving(bus):
        with pytest.raises(PlatformError) as caught:
            await asker.ask.ask(verb, Other(other=1))
    assert caught.value.code == "malformed_request"


async def test_a_secret_arrives_whole_and_shows_nowhere_else(bus: Bus, asker: Process) -> None:
    async with serving(bus):
        reply = await asker.ask.ask(ASK, Question(say="hello", whisper=SecretStr("hush")))
    assert reply.hidden.get_secret_value() == "hush"
    assert "hush" not in repr(reply)


async def test_nobody_listening_is_unavailable_at_once(asker: Process) -> None:
    with pytest.raises(Unavailable, match="does not listen") as caught:  # the bus says so, not the time of an answer
        await asker.ask.ask(ASK, Question(say="hello"))
    assert caught.value.code == "execution_unavailable"


async def test_silence_is_unavailable_for_a_question_and_unknown_for_a_deed(bus: Bus, asker: Process) -> None:
    deed: RpcVerb[Question, Echo] = RpcVerb("execution", "make_plan", Question, Echo, ("gateway",), acts=True)
    async with serving(bus):
        with pytest.raises(Unavailable):
            await asker.ask.ask(ASK, Question(say="slow"), timeout_s=0.1)
        with pytest.raises(OutcomeUnknown):
            await asker.ask.ask(deed, Question(say="slow"), timeout_s=0.1)


async def test_slow_answers_do_not_hold_up_the_others(bus: Bus, asker: Process) -> None:
    together = asyncio.Barrier(10)

    async def after_all_have_come(question: Question) -> Echo:
        await together.wait()  # one after another, none would ever be answered
        return Echo(said=question.say)

    async with serving(bus, by=after_all_have_come):
        await asyncio.gather(*(asker.ask.ask(ASK, Question(say="slow")) for _ in range(together.parties)))


async def test_a_question_waits_for_a_bus_that_restarts(bus: Bus, asker: Process) -> None:
    async with serving(bus):
        bus.server.kill()
        await eventually(lambda: not is_connected(asker.broker))
        bus.server.start()
        said: list[str] = []

        async def asked() -> bool:
            try:
                said.append((await asker.ask.ask(ASK, Question(say="again"))).said)
            except Unavailable:
                return False
            return True

        await eventually(asked, timeout_s=60)
    assert said == ["again"]


async def test_what_is_not_allowed_ends_as_unavailable_and_makes_unready(bus: Bus, asker: Process) -> None:
    with pytest.raises(OutcomeUnknown):
        await asker.ask.ask(ACT, Question(say="x"), timeout_s=0.3)

    async def refusal_is_told() -> bool:
        return "permission" in (await asker.health.faults()).get("bus", "")

    await eventually(refusal_is_told)
