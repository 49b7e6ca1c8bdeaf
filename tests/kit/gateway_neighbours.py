"""The gateway's neighbours as stand-ins that answer on the real bus."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import SecretStr

from kit.gateway_builders import a_key, a_plan, an_index
from kit.gateway_mint import TokenMint
from shared.contracts.account import UserView
from shared.contracts.fields import Contract
from shared.contracts.market import IndexVersionView
from shared.contracts.problem import Problem
from shared.contracts.rpc import auth, books, keys, market_data, plans, reconciler
from shared.contracts.rpc.verb import Empty, RpcVerb
from shared.trading.errors import Invalid, NotFound, PlatformError

Answer = Callable[[Any], Contract]


class Neighbours:
    """The other services: each verb has an answer, which a test may replace; questions are counted."""

    def __init__(self, mint: TokenMint) -> None:
        self.mint = mint
        self.asked: list[str] = []
        self.answers: dict[str, Answer] = {}
        self.verbs: dict[str, RpcVerb[Any, Any]] = {}
        self._plain_answers()

    def answer(self, verb: RpcVerb[Any, Any], answer: Answer) -> None:
        self.verbs[verb.subject] = verb
        self.answers[verb.subject] = answer

    def count(self, verb: RpcVerb[Any, Any]) -> int:
        return self.asked.count(verb.subject)

    async def listen(self, client: Client, service: str) -> None:
        await client.subscribe(f"rpc.{service}.v1.>", queue=service, cb=self._reply)
        await client.flush()

    async def _reply(self, message: Msg) -> None:
        self.asked.append(message.subject)
        verb = self.verbs[message.subject]
        try:
            answered = self.answers[message.subject](verb.request.model_validate_json(message.data))
            reply: Contract = await answered if inspect.isawaitable(answered) else answered
        except PlatformError as error:
            await self._problem(message, error)
            return
        await message.respond(reply.model_dump_json().encode())

    @staticmethod
    async def _problem(message: Msg, error: PlatformError) -> None:
        body = Problem.of(error).model_dump_json().encode()
        await message._client.publish(message.reply, body, headers={"problem": error.family})

    def _plain_answers(self) -> None:
        now = datetime.now(UTC)

        def user(user_id: UUID, email: str = "ada@example.com") -> UserView:
            return UserView(user_id=user_id, email=email, role="user", created_at=now, risk_accepted_at=now)

        def pair(email: str) -> auth.TokenPair:
            user_id = uuid4()
            return auth.TokenPair(
                access_token=SecretStr(self.mint.token(user_id)),
                expires_in_s=600,
                refresh_token=SecretStr("refresh-1"),
                refresh_expires_at=now + timedelta(days=30),
                user=user(user_id, email),
            )

        self.answer(auth.JWKS, lambda _: auth.Jwks(keys=[self.mint.key.as_dict(private=False)]))
        self.answer(auth.ME, lambda ask: user(ask.user_id))
        self.answer(auth.REGISTER, lambda ask: user(uuid4(), ask.email))
        self.answer(auth.LOGIN, lambda ask: pair(ask.email))
        self.answer(auth.REFRESH, lambda _: pair("ada@example.com"))
        self.answer(auth.LOGOUT, lambda _: Empty())
        self.answer(keys.LIST, lambda ask: keys.KeyList(items=[a_key(ask.user_id)]))
        self.answer(keys.ADD, lambda ask: a_key(ask.user_id, label=ask.label, environment=ask.environment))
        self.answer(keys.CHECK, lambda ask: a_key(ask.user_id))
        self.answer(keys.DESCRIBE, lambda ask: a_key(ask.user_id))
        self.answer(keys.DELETE, lambda _: Empty())
        self.answer(keys.OPEN_PAPER_ACCOUNT, lambda ask: a_key(ask.user_id, label=ask.label))
        self.answer(market_data.LIST_INDICES, lambda _: market_data.IndexList(items=[an_index()]))
        self.answer(market_data.GET_INDEX, self._index)
        self.answer(plans.MAKE_PLAN, self._buy_plan)
        self.answer(
            plans.MAKE_CLOSE_PLAN,
            lambda ask: a_plan(ask.user_id, kind="close", position_id=ask.position_id),
        )
        self.answer(
            plans.MAKE_RUN_PLAN,
            lambda ask: a_plan(
                ask.user_id,
                kind=ask.kind,
                position_id=ask.position_id,
                amount=ask.amount or Decimal(0),
                options=ask.options,
                position_version=2,
            ),
        )
        self.answer(books.GET_POSITION, self._no_position)
        self.answer(reconciler.GET_PERFORMANCE, self._no_performance)
        self.answer(reconciler.GET_PORTFOLIO, lambda _: reconciler.Portfolio(environments=[]))

    @staticmethod
    def _no_position(_: books.PositionRef) -> books.PositionDetail:
        raise NotFound("There is no such position.", code="position_not_found")

    @staticmethod
    def _no_performance(_: reconciler.GetPerformance) -> reconciler.Performance:
        raise NotFound("There is no such position.", code="position_not_found")

    @staticmethod
    def _index(ask: market_data.GetIndex) -> IndexVersionView:
        if ask.index_id != "top-10":
            raise NotFound("There is no index of that name.", code="unknown_index")
        return an_index(ask.version or 1)

    @staticmethod
    def _buy_plan(ask: plans.MakePlan) -> plans.PlanView:
        if ask.index_id != "top-10":
            raise NotFound("There is no index of that name.", code="unknown_index", context={"pointer": "#/index"})
        if ask.amount < Decimal("57.3"):
            raise Invalid(
                "The smallest amount that works is 57.3 USDT.",
                code="amount_too_small",
                context={"pointer": "#/amount", "minimum_amount": "57.3"},
            )
        if ask.amount > Decimal(10_000):
            raise Invalid(
                "The account has 10000 USDT.",
                code="insufficient_balance",
                context={"pointer": "#/amount", "available": "10000"},
            )
        return a_plan(ask.user_id, amount=ask.amount, account_id=ask.account_id)
