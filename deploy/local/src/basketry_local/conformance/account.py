"""What the key may do, how far the clocks are apart, and the venue's own limits."""

from __future__ import annotations

import time
from typing import Any

from basketry_local.conformance.desk import NotPossibleError
from basketry_local.conformance.findings import Finding
from basketry_local.conformance.probe import Probe
from shared.runtime.bybit.capabilities import CAPABILITIES
from shared.trading.status import VenueEnvironment

SKEW_MS = 500
"""Beyond that the product stops opening orders (fault 37)."""


async def key_finding(probe: Probe, environment: VenueEnvironment) -> Finding:
    """The key's rights.

    Raises:
        NotPossibleError: The venue refuses the key, it may not trade, or it may withdraw: then nothing is tried with it.
    """
    if not CAPABILITIES[environment].key_info:
        return _unasked()
    answer = await probe.get("/v5/user/query-api")
    if not answer.accepted:
        why = "does not answer" if answer.code is None else f"refuses the key ({answer.code})"
        raise NotPossibleError(f"the venue {why}: {answer.text}")
    rights = answer.result.get("permissions")
    named = (
        [f"{group}.{right}" for group, found in rights.items() for right in found] if isinstance(rights, dict) else []
    )
    if any(name.endswith(".Withdraw") for name in named):
        raise NotPossibleError("this key may withdraw funds: make one that can only trade spot")
    if "Spot.SpotTrade" not in named or answer.result.get("readOnly") != 0:
        raise NotPossibleError("this key may not trade spot")
    return Finding(
        name="key",
        question="Are a key's rights told as the product reads them?",
        assumed="Spot.SpotTrade is named, readOnly is 0, uta is 1",
        said=f"Rights: {', '.join(sorted(named))}; uta {answer.result.get('uta')}.",
        agrees=answer.result.get("uta") == 1,
        evidence=[_public_facts(answer.result)],
    )


async def clock_finding(probe: Probe) -> Finding:
    """How far our clock is from the venue's."""
    before = time.time()
    answer = await probe.public("/v5/market/time")
    after = time.time()
    if not answer.accepted:
        raise NotPossibleError(f"the venue tells no time: {answer.code} {answer.text}")
    venue_ms = int(str(answer.result.get("timeNano", "0"))) / 1_000_000
    skew_ms = (before + after) / 2 * 1000 - venue_ms
    return Finding(
        name="clock",
        question="How far is this machine's clock from the venue's?",
        assumed=f"within {SKEW_MS} ms",
        said=f"{skew_ms:+.0f} ms, at a round trip of {(after - before) * 1000:.0f} ms.",
        agrees=abs(skew_ms) <= SKEW_MS,
        evidence=[{"skew_ms": round(skew_ms), "round_trip_ms": round((after - before) * 1000)}],
    )


def limits_finding(headers: dict[str, str]) -> Finding:
    """The limit that a create answers with."""
    names = ("x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp")
    told = {name: headers[name] for name in names if name in headers}
    return Finding(
        name="rate_limit_headers",
        question="Does a create carry the venue's limit, and is it at least 20 a second?",
        assumed="X-Bapi-Limit 20 or more, with status and reset time",
        said=", ".join(f"{name} {value}" for name, value in told.items()) or "no such headers",
        agrees=len(told) == len(names) and told["x-bapi-limit"].isdigit() and int(told["x-bapi-limit"]) >= 20,
        evidence=[dict(told)],
    )


def _public_facts(result: dict[str, Any]) -> dict[str, Any]:
    """Nothing that names the key or its owner."""
    return {
        "kind": "rsa" if result.get("rsaPublicKey") else "hmac",
        "bound_to_addresses": result.get("ips") not in (["*"], [], None),
        "days_left": result.get("deadlineDay"),
        "master_account": result.get("isMaster"),
    }


def _unasked() -> Finding:
    return Finding(
        name="key",
        question="Are a key's rights told as the product reads them?",
        assumed="this environment does not tell them",
        said="Not asked: there is no such endpoint here.",
        agrees=None,
    )
