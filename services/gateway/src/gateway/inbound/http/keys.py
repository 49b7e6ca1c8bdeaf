"""A user's venue keys; `key_id` is the `account_id` of plans and positions. No answer ever holds a secret."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field, SecretStr, model_validator

from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.models import Amount, Ask, Page
from gateway.inbound.problems import declared
from shared.contracts.account import KeyView
from shared.contracts.rpc import keys as questions
from shared.trading.errors import Invalid
from shared.trading.money import plain
from shared.trading.status import VenueEnvironment

keys = APIRouter(tags=["keys"])
Counted = Depends(by_user("keys"))
LONGEST_SECRET = 4096
ACCEPTS_EXPIRY = "Live trading only: the user knows that a key without bound addresses expires after 90 days and works from anywhere."


class AddKeyAsk(Ask):
    """A trade-only key; its rights are checked at the venue before it is stored."""

    label: str = Field(min_length=1, max_length=80)
    environment: VenueEnvironment
    api_key: SecretStr = Field(min_length=1, max_length=256)
    api_secret: SecretStr = Field(min_length=1, max_length=LONGEST_SECRET)
    accepts_expiry: bool = Field(default=False, description=ACCEPTS_EXPIRY)


class PlayMoney(Ask):
    """Play money by coin; USDT is the only one."""

    usdt: Amount = Field(alias="USDT")


class PaperAccountAsk(Ask):
    """An account with play money on the paper exchange; `balance` and `balances` are two spellings, send either."""

    label: str = Field(default="Paper account", min_length=1, max_length=80)
    balance: Amount | None = Field(default=None, description="USDT; a default amount when left out.")
    balances: PlayMoney | None = Field(default=None, description="Another spelling of `balance`.")

    @model_validator(mode="after")
    def _one_balance(self) -> Self:
        if self.balance is not None and self.balances is not None:
            raise ValueError("Send either balance or balances.")
        return self

    @property
    def usdt(self) -> tuple[Decimal | None, str]:
        """What was asked for, None when nothing was, and where in the body."""
        if self.balances is not None:
            return self.balances.usdt, "#/balances/USDT"
        return self.balance, "#/balance"


class KeyAnswer(KeyView):
    """A stored key; plans and positions name it `account_id`."""

    account_id: UUID


def key_answer(key: KeyView) -> KeyAnswer:
    """A key as its owner sees it."""
    return KeyAnswer(**key.model_dump(), account_id=key.key_id)


class TooMuchPlayMoney(Invalid):
    """Play money has a ceiling, so that numbers stay believable."""

    code = "paper_balance_too_large"
    title = "That is too much play money"


@keys.get("/api/keys", operation_id="keys_list", responses=declared(401))
async def list_keys(user: User, desk: AtDesk) -> Page[KeyAnswer]:
    """All keys of the user, newest first."""
    found = await desk.ask.ask(questions.LIST, questions.OwnKeys(user_id=user.user_id))
    return Page[KeyAnswer](items=[key_answer(key) for key in found.items])


@keys.post(
    "/api/keys",
    operation_id="keys_add",
    status_code=201,
    responses=declared(400, 401, 403, 409, 504),
    dependencies=[Counted],
)
async def add_key(body: AddKeyAsk, user: User, desk: AtDesk, response: Response) -> KeyAnswer:
    """Store a key after checking it against the venue."""
    key = await desk.ask.ask(
        questions.ADD,
        questions.AddKey(
            user_id=user.user_id,
            label=body.label,
            environment=body.environment,
            api_key=body.api_key,
            api_secret=body.api_secret,
            accepts_expiry=body.accepts_expiry,
        ),
    )
    response.headers["location"] = f"/api/keys/{key.key_id}"
    return key_answer(key)


@keys.get("/api/keys/{key_id}", operation_id="keys_get", responses=declared(401, 404))
async def get_key(key_id: UUID, user: User, desk: AtDesk) -> KeyAnswer:
    """One key."""
    return key_answer(await desk.ask.ask(questions.DESCRIBE, questions.KeyRef(user_id=user.user_id, key_id=key_id)))


@keys.post(
    "/api/keys/{key_id}/check",
    operation_id="keys_check",
    responses=declared(401, 403, 404, 504),
    dependencies=[Counted],
)
async def check_key(key_id: UUID, user: User, desk: AtDesk) -> KeyAnswer:
    """Check a key's rights against the venue again."""
    return key_answer(await desk.ask.ask(questions.CHECK, questions.KeyRef(user_id=user.user_id, key_id=key_id)))


@keys.delete("/api/keys/{key_id}", operation_id="keys_delete", status_code=204, responses=declared(401, 404, 409, 504))
async def delete_key(key_id: UUID, user: User, desk: AtDesk) -> Response:
    """Destroy a stored key; what it holds at the venue stays there."""
    await desk.ask.ask(questions.DELETE, questions.KeyRef(user_id=user.user_id, key_id=key_id))
    return Response(status_code=204)


@keys.post(
    "/api/paper-accounts",
    operation_id="paper_accounts_open",
    status_code=201,
    responses=declared(400, 401, 504),
    dependencies=[Counted],
)
async def open_paper_account(
    user: User, desk: AtDesk, response: Response, body: Annotated[PaperAccountAsk | None, Field()] = None
) -> KeyAnswer:
    """Open an account with play money and store its key: nobody needs a venue to try."""
    ask = body or PaperAccountAsk()
    asked, pointer = ask.usdt
    balance = asked or desk.paper_balance
    if balance > desk.paper_balance_max:
        raise TooMuchPlayMoney(
            f"A paper account holds at most {plain(desk.paper_balance_max)} USDT.",
            context={"pointer": pointer, "maximum": plain(desk.paper_balance_max)},
        )
    key = await desk.ask.ask(
        questions.OPEN_PAPER_ACCOUNT,
        questions.OpenPaperAccount(user_id=user.user_id, label=ask.label, balances={"USDT": balance}),
    )
    response.headers["location"] = f"/api/keys/{key.key_id}"
    return key_answer(key)
