"""Connecting a venue account without pasting a secret: our key pair, whose public half the user registers there."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field, SecretStr

from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.keys import ACCEPTS_EXPIRY, KeyAnswer, key_answer
from gateway.inbound.http.models import Answer, Ask, Page
from gateway.inbound.problems import declared
from shared.contracts.fields import Moment
from shared.contracts.rpc import keys as questions
from shared.trading.status import VenueEnvironment

key_pairs = APIRouter(tags=["keys"])
Counted = Depends(by_user("keys"))


class MakePairAsk(Ask):
    """What the key will be called, and where it will trade."""

    label: str = Field(min_length=1, max_length=80)
    environment: VenueEnvironment


class CompletePairAsk(Ask):
    """The key id that the venue gave to the registered public key; it is no secret, and there is none to send."""

    api_key: SecretStr = Field(min_length=1, max_length=256)
    accepts_expiry: bool = Field(default=False, description=ACCEPTS_EXPIRY)


class PairAnswer(Answer):
    """A pair that waits; its private half never leaves custody."""

    pair_id: UUID
    label: str
    environment: VenueEnvironment
    public_key: str = Field(description="PEM: register this at the venue as a self-generated (RSA) API key.")
    created_at: Moment
    expires_at: Moment = Field(description="Then the pair is destroyed.")


@key_pairs.post(
    "/api/keys/pairs",
    operation_id="key_pairs_make",
    status_code=201,
    responses=declared(400, 401, 409, 504),
    dependencies=[Counted],
)
async def make_pair(body: MakePairAsk, user: User, desk: AtDesk) -> PairAnswer:
    """Make a key pair; register its public half at the venue with the right to trade spot, and nothing else."""
    pair = await desk.ask.ask(
        questions.MAKE_PAIR,
        questions.MakePair(user_id=user.user_id, label=body.label, environment=body.environment),
    )
    return PairAnswer.model_validate(pair)


@key_pairs.get("/api/keys/pairs", operation_id="key_pairs_list", responses=declared(401))
async def list_pairs(user: User, desk: AtDesk) -> Page[PairAnswer]:
    """Pairs that wait, newest first."""
    found = await desk.ask.ask(questions.LIST_PAIRS, questions.OwnKeys(user_id=user.user_id))
    return Page[PairAnswer](items=[PairAnswer.model_validate(pair) for pair in found.items])


@key_pairs.post(
    "/api/keys/pairs/{pair_id}/complete",
    operation_id="key_pairs_complete",
    status_code=201,
    responses=declared(400, 401, 403, 404, 409, 504),
    dependencies=[Counted],
)
async def complete_pair(
    pair_id: UUID, body: CompletePairAsk, user: User, desk: AtDesk, response: Response
) -> KeyAnswer:
    """Check the key at the venue and store it; a refused key leaves the pair waiting."""
    key = await desk.ask.ask(
        questions.COMPLETE_PAIR,
        questions.CompletePair(
            user_id=user.user_id, pair_id=pair_id, api_key=body.api_key, accepts_expiry=body.accepts_expiry
        ),
    )
    response.headers["location"] = f"/api/keys/{key.key_id}"
    return key_answer(key)
