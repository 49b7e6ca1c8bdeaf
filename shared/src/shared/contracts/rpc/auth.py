"""Questions to auth."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from shared.contracts.account import UserView
from shared.contracts.fields import Contract, Moment, SecretText
from shared.contracts.rpc.verb import Empty, RpcVerb


class Register(Contract):
    """Sign up with a password; `risk_accepted` must be true."""

    email: str
    password: SecretText
    risk_accepted: bool


class Login(Contract):
    """Sign in with a password."""

    email: str
    password: SecretText


class Refresh(Contract):
    """Trade a refresh token for a new pair; each works once."""

    refresh_token: SecretText


class UserRef(Contract):
    """A user."""

    user_id: UUID


class TokenPair(Contract):
    """An access token and the refresh token that follows it."""

    access_token: SecretText
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, no token
    expires_in_s: int
    refresh_token: SecretText
    refresh_expires_at: Moment
    user: UserView


class Jwks(Contract):
    """Public keys, RFC 7517."""

    keys: list[dict[str, Any]]


REGISTER = RpcVerb("auth", "register", Register, UserView, callers=("gateway",), acts=True)
LOGIN = RpcVerb("auth", "login", Login, TokenPair, callers=("gateway",), acts=True)
REFRESH = RpcVerb("auth", "refresh", Refresh, TokenPair, callers=("gateway",), acts=True)
LOGOUT = RpcVerb("auth", "logout", Refresh, Empty, callers=("gateway",), acts=True)
ME = RpcVerb("auth", "me", UserRef, UserView, callers=("gateway",))
JWKS = RpcVerb("auth", "jwks", Empty, Jwks, callers=("gateway",))
VERBS = (REGISTER, LOGIN, REFRESH, LOGOUT, ME, JWKS)
