"""Every question of the platform, for the provisioner's permissions."""

from __future__ import annotations

from typing import Any

from shared.contracts.rpc import auth, books, execution, guards, keys, market_data, plans, reconciler, signing
from shared.contracts.rpc.verb import RpcVerb

VERBS: tuple[RpcVerb[Any, Any], ...] = (
    *auth.VERBS,
    *keys.VERBS,
    *signing.VERBS,
    *guards.VERBS,
    *market_data.VERBS,
    *plans.VERBS,
    *books.VERBS,
    *execution.VERBS,
    *reconciler.VERBS,
)


def asked_by(service: str) -> tuple[RpcVerb[Any, Any], ...]:
    """The questions that a service may ask."""
    return tuple(verb for verb in VERBS if service in verb.callers)


def answered_by(service: str) -> tuple[RpcVerb[Any, Any], ...]:
    """The questions that a service answers."""
    return tuple(verb for verb in VERBS if verb.service == service)
