"""Signing up and in; auth decides, the door counts attempts."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, SecretStr, ValidationError

from gateway.inbound.caller import User, address, by_address
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.http.models import Answer, Ask
from gateway.inbound.problems import MalformedJson, declared
from shared.contracts.account import UserView
from shared.contracts.fields import Moment
from shared.contracts.rpc import auth

account = APIRouter(tags=["account"])
LONGEST_PASSWORD = 1024


class RegisterAsk(Ask):
    """Sign up; the risk notice must be accepted."""

    email: str = Field(min_length=3, max_length=254)
    password: SecretStr = Field(min_length=1, max_length=LONGEST_PASSWORD)
    risk_accepted: bool = False


class LoginAsk(Ask):
    """Sign in with JSON; `username` is the form's word for the e-mail address."""

    email: str = Field(min_length=3, max_length=254)
    password: SecretStr = Field(min_length=1, max_length=LONGEST_PASSWORD)


class RefreshAsk(Ask):
    """The refresh token of the last answer; it works once."""

    refresh_token: SecretStr = Field(min_length=1, max_length=LONGEST_PASSWORD)


class TokensAnswer(Answer):
    """An access token and the refresh token that follows it."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str
    refresh_expires_at: Moment
    user: UserView


@account.post(
    "/api/account/register",
    operation_id="account_register",
    status_code=201,
    responses=declared(400, 409, 504),
    dependencies=[Depends(by_address("register_address"))],
)
async def register(body: RegisterAsk, desk: AtDesk) -> UserView:
    """Create a user; then sign in with `account_login`."""
    return await desk.ask.ask(
        auth.REGISTER, auth.Register(email=body.email, password=body.password, risk_accepted=body.risk_accepted)
    )


_JSON_OR_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/LoginAsk"}},
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["username", "password"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "password"},
                        "username": {"type": "string"},
                        "password": {"type": "string", "format": "password"},
                    },
                }
            },
        },
    }
}


@account.post(
    "/api/account/login",
    operation_id="account_login",
    responses=declared(400, 401, 504),
    dependencies=[Depends(by_address("sign_in_address"))],
    openapi_extra=_JSON_OR_FORM,
)
async def login(request: Request, desk: AtDesk) -> TokensAnswer:
    """Sign in with the OAuth 2 password form (`username`, `password`) or with JSON (`email`, `password`)."""
    body = await _login_body(request)
    # With the address in the name a stranger's guesses never keep the owner out.
    who = f"{body.email.strip().lower()} {address(request)}"
    request.state.standing = await desk.limits.hit("sign_in_account", who)
    return _tokens(await desk.ask.ask(auth.LOGIN, auth.Login(email=body.email, password=body.password)))


@account.post("/api/account/refresh", operation_id="account_refresh", responses=declared(400, 401, 504))
async def refresh(
    body: RefreshAsk, desk: AtDesk, _counted: Annotated[None, Depends(by_address("sign_in_address"))]
) -> TokensAnswer:
    """Trade the refresh token for a new pair; using one twice ends the whole session."""
    return _tokens(await desk.ask.ask(auth.REFRESH, auth.Refresh(refresh_token=body.refresh_token)))


@account.post("/api/account/logout", operation_id="account_logout", status_code=204, responses=declared(400, 401, 504))
async def logout(
    body: RefreshAsk, desk: AtDesk, _counted: Annotated[None, Depends(by_address("sign_in_address"))]
) -> Response:
    """End the session of this refresh token."""
    await desk.ask.ask(auth.LOGOUT, auth.Refresh(refresh_token=body.refresh_token))
    return Response(status_code=204)


@account.get("/api/me", operation_id="me_get", responses=declared(401))
async def me(user: User, desk: AtDesk) -> UserView:
    """The user of the access token."""
    return await _me(user, desk)


async def _me(user: User, desk: Desk) -> UserView:
    return await desk.ask.ask(auth.ME, auth.UserRef(user_id=user.user_id))


async def _login_body(request: Request) -> LoginAsk:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields: Any
    if kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        async with request.form(max_files=0, max_fields=16) as form:
            fields = {"email": form.get("username", ""), "password": form.get("password", "")}
    else:
        try:
            fields = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise MalformedJson("Send the password form, or JSON with email and password.") from None
    try:
        return LoginAsk.model_validate(fields)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_input=False)]
        raise RequestValidationError(faults) from None


def _tokens(pair: auth.TokenPair) -> TokensAnswer:
    return TokensAnswer(
        access_token=pair.access_token.get_secret_value(),
        token_type=pair.token_type,
        expires_in=pair.expires_in_s,
        refresh_token=pair.refresh_token.get_secret_value(),
        refresh_expires_at=pair.refresh_expires_at,
        user=pair.user,
    )
