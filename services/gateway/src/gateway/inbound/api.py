"""The app: routes, their short spellings, and what stands before them."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from gateway.inbound import problems
from gateway.inbound.caller import CLIENT_HEADER
from gateway.inbound.description import describe
from gateway.inbound.door import BODY_LIMIT, Door
from gateway.inbound.http.account import account
from gateway.inbound.http.accounts import accounts
from gateway.inbound.http.activity import activity
from gateway.inbound.http.attention import attention
from gateway.inbound.http.docs import docs
from gateway.inbound.http.exports import exports
from gateway.inbound.http.guards import guards
from gateway.inbound.http.indices import indices
from gateway.inbound.http.key_pairs import key_pairs
from gateway.inbound.http.keys import keys
from gateway.inbound.http.performance import performance
from gateway.inbound.http.plans import plans
from gateway.inbound.http.positions import positions
from gateway.inbound.http.rebalancing import rebalancing
from gateway.inbound.http.stream import stream
from gateway.inbound.http.switches import switches
from gateway.inbound.http.system import system
from shared.trading.clock import Ids, SystemIds

SHORT = {
    "/register": "/api/account/register",
    "/login": "/api/account/login",
    "/me": "/api/me",
    "/exchange-keys": "/api/keys",
    "/exchange-keys/{key_id}": "/api/keys/{key_id}",
}
"""Shorter spellings that are answered as well; the same handlers."""
_EXPOSED = ["Location", "ETag", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Trace-Id"]


def create_app(*, origins: Iterable[str] = (), body_limit: int = BODY_LIMIT, ids: Ids | None = None) -> FastAPI:
    """The app without its desk: enough to describe it."""
    app = FastAPI(
        title="Basketry",
        version="1.0.0",
        summary="Buy, hold and sell a crypto index on your own Bybit account.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # the framework's pages load scripts from elsewhere, on the origin that holds the cookie
        redoc_url=None,
        redirect_slashes=False,
    )
    # The first that matches is taken: orders are in a hurry.
    for router in (positions, plans, account, key_pairs, keys, guards, indices, accounts, activity, stream, docs):
        app.include_router(router)
    for of_positions in (rebalancing, performance, exports):
        app.include_router(of_positions)
    for for_operators in (system, attention, switches):
        app.include_router(for_operators)
    app.include_router(_short_spellings())
    problems.install(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "Last-Event-ID",
            CLIENT_HEADER,
            "traceparent",
        ],
        expose_headers=_EXPOSED,
        max_age=600,
    )
    app.add_middleware(Door, ids=ids or SystemIds(), body_limit=body_limit)
    return app


def _short_spellings() -> APIRouter:
    router = APIRouter()
    routes = [*account.routes, *keys.routes]
    for short, path in SHORT.items():
        for route in routes:
            if isinstance(route, APIRoute) and route.path == path:
                router.add_api_route(
                    short,
                    route.endpoint,
                    methods=list(route.methods or ()),
                    status_code=route.status_code,
                    response_model=route.response_model,
                    dependencies=route.dependencies,
                    include_in_schema=False,
                )
    return router
