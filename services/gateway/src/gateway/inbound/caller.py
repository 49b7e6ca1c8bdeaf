"""Who asks, and how often they may: the first dependencies of every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.requests import HTTPConnection

from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.tokens import Principal, TokenInvalid
from shared.trading.errors import Denied, Invalid

COOKIE = "__Host-basketry_access"
CLIENT_HEADER = "x-basketry-client"
LONGEST_KEY = 200
_SAFE = {"GET", "HEAD", "OPTIONS"}


class CrossSiteRefused(Denied):
    """A write with the cookie came from another site, or could have."""

    code = "cross_site_refused"
    title = "This request did not come from our own pages"


class NotAnAdmin(Denied):
    """Only operators may see this."""

    code = "admin_only"
    title = "Only operators may see this"


class KeyMissing(Invalid):
    """Orders need a key, so that a repeated request never buys twice."""

    code = "idempotency_key_missing"
    title = "The header Idempotency-Key is missing"


class KeyInvalid(Invalid):
    """The key is not short printable text."""

    code = "idempotency_key_invalid"
    title = "The Idempotency-Key cannot be used"


def address(connection: HTTPConnection) -> str:
    """Where a request comes from; behind a proxy, what the server was told to trust."""
    return connection.client.host if connection.client else "unknown"


def bearer_token(connection: HTTPConnection) -> str:
    """What stands behind `Authorization: Bearer`, or nothing."""
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


async def known_caller(token: str, connection: HTTPConnection, desk: Desk) -> Principal:
    """Who a token speaks for; counted against the user, or the address if it speaks for nobody.

    Raises:
        TokenInvalid: there is no valid token.
        TooMany: the user asks too often.
    """
    if not token:
        connection.state.standing = await desk.limits.hit("address", address(connection))
        raise TokenInvalid("This needs an access token: sign in first.", code="token_missing")
    try:
        principal = await desk.tokens.verify(token)
    except TokenInvalid:
        connection.state.standing = await desk.limits.hit("address", address(connection))
        raise
    connection.state.standing = await desk.limits.hit("user", str(principal.user_id))
    return principal


async def signed_in(request: Request, desk: AtDesk) -> Principal:
    """Who the access token speaks for: Bearer, or the cookie of our own pages.

    Raises:
        TokenInvalid: there is no valid token.
        CrossSiteRefused: a write with the cookie without an allowed Origin and our own header.
        TooMany: the user asks too often.
    """
    token = bearer_token(request)
    if not token:
        token = request.cookies.get(COOKIE, "")
        if token and request.method not in _SAFE:
            _must_be_ours(request, desk)
    return await known_caller(token, request, desk)


def _must_be_ours(request: Request, desk: AtDesk) -> None:
    if request.headers.get("origin") not in desk.origins or CLIENT_HEADER not in request.headers:
        raise CrossSiteRefused("Writes with the cookie need an allowed Origin and the header X-Basketry-Client.")


User = Annotated[Principal, Depends(signed_in)]


async def _operator(user: User) -> Principal:
    if user.role != "admin":
        raise NotAnAdmin("This is for operators.")
    return user


Operator = Annotated[Principal, Depends(_operator)]


def by_address(limit: str) -> Callable[[Request, AtDesk], Awaitable[None]]:
    """Count the request against its address."""

    async def count(request: Request, desk: AtDesk) -> None:
        request.state.standing = await desk.limits.hit(limit, address(request))

    return count


def by_user(limit: str) -> Callable[[Request, AtDesk, Principal], Awaitable[None]]:
    """Count the request against its user, beside the general limit."""

    async def count(request: Request, desk: AtDesk, user: User) -> None:
        request.state.standing = await desk.limits.hit(limit, str(user.user_id))

    return count


async def _idempotency_key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Required. Yours, fresh for each order, at most 200 printable characters; the first answer stands for 30 days.",
        ),
    ] = None,
) -> str:
    if not key:
        raise KeyMissing(
            "Send an Idempotency-Key: with it a repeated request gets the first answer instead of a second order."
        )
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise KeyInvalid(f"An Idempotency-Key has at most {LONGEST_KEY} printable ASCII characters.")
    return key


IdempotencyKey = Annotated[str, Depends(_idempotency_key)]
