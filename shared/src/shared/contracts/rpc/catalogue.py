"""Every question of the platform, for the provisioner's permissions."""

from __future__ import annotations

from typing import Any

from shared.contracts.rpc import auth, execution, keys, market_data, reconciler
from shared.contracts.rpc.verb import RpcVerb

VERBS: tuple[RpcVerb[Any, Any], ...] = (
    *auth.VERBS,
    *keys.VERBS,
    *market_data.VERBS,
    *execution.VERBS,
    *reconciler.VERBS,
)


def asked_by(service: str) -> tuple[RpcVerb[Any, Any], ...]:
    """The questions that a service may ask."""
    return tuple(verb for verb in VERBS if service in verb.callers)


def answered_by(service: str) -> tuple[RpcVerb[Any, Any], ...]:
    """The questions that a service answers."""
    return tuple(verb for verb in VERBS if verb.service == service)
