"""Answers about identities; passwords and tokens are unwrapped here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from auth.application.ports import Accounts
from auth.application.refresh import Refresh
from auth.application.register import Register
from auth.application.sign_in import SignIn, Tokens
from auth.application.sign_out import SignOut
from auth.domain.errors import UserUnknown
from auth.domain.user import User
from shared.contracts.account import UserView
from shared.contracts.rpc import auth as verbs
from shared.contracts.rpc.verb import Empty
from shared.runtime.logging import get_logger
from shared.runtime.rpc import RpcRouter
from shared.trading.identifiers import UserId

log = get_logger(__name__)


def create_rpc(
    *,
    register: Register,
    sign_in: SignIn,
    refresh: Refresh,
    sign_out: SignOut,
    accounts: Accounts,
    jwks: Callable[[], list[dict[str, Any]]],
) -> RpcRouter:
    """The service's answers.

    Args:
        register: Use case.
        sign_in: Use case.
        refresh: Use case.
        sign_out: Use case.
        accounts: For plain reads.
        jwks: The public keys.
    """
    router = RpcRouter()

    @router.answer(verbs.REGISTER)
    async def on_register(request: verbs.Register) -> UserView:
        user = await register(
            email=request.email, password=request.password.get_secret_value(), risk_accepted=request.risk_accepted
        )
        log.info("user_registered", user_id=str(user.user_id), role=user.role)
        return user_view(user)

    @router.answer(verbs.LOGIN)
    async def on_login(request: verbs.Login) -> verbs.TokenPair:
        tokens = await sign_in(email=request.email, password=request.password.get_secret_value())
        log.info("user_signed_in", user_id=str(tokens.user.user_id))
        return token_pair(tokens)

    @router.answer(verbs.REFRESH)
    async def on_refresh(request: verbs.Refresh) -> verbs.TokenPair:
        return token_pair(await refresh(request.refresh_token.get_secret_value()))

    @router.answer(verbs.LOGOUT)
    async def on_logout(request: verbs.Refresh) -> Empty:
        await sign_out(request.refresh_token.get_secret_value())
        return Empty()

    @router.answer(verbs.ME)
    async def on_me(request: verbs.UserRef) -> UserView:
        user = await accounts.user(UserId(request.user_id))
        if user is None:
            raise UserUnknown
        return user_view(user)

    @router.answer(verbs.JWKS)
    async def on_jwks(_request: Empty) -> verbs.Jwks:
        return verbs.Jwks(keys=jwks())

    return router


def user_view(user: User) -> UserView:
    """The published form of a user."""
    return UserView(
        user_id=user.user_id,
        email=user.email,
        role=user.role.value,
        created_at=user.created_at,
        risk_accepted_at=user.risk_accepted_at,
    )


def token_pair(tokens: Tokens) -> verbs.TokenPair:
    """The published form of tokens."""
    return verbs.TokenPair(
        access_token=SecretStr(tokens.access),
        expires_in_s=tokens.access_lifetime_s,
        refresh_token=SecretStr(tokens.refresh),
        refresh_expires_at=tokens.refresh_expires_at,
        user=user_view(tokens.user),
    )
