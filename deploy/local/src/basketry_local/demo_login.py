"""An account that a person who just started Basketry can sign in with."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from pydantic import SecretStr

EMAIL = "demo@basketry.example"


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """What to type at the sign-in form."""

    email: str
    password: SecretStr


async def ensure_demo_login(gateway_url: str, password: SecretStr) -> DemoLogin:
    """Register the demo account through the public API, unless an earlier run has."""
    body = {"email": EMAIL, "password": password.get_secret_value(), "risk_accepted": True}
    async with httpx.AsyncClient(base_url=gateway_url, trust_env=False, timeout=10) as client:
        answer = await client.post("/api/account/register", json=body)
    if answer.status_code != httpx.codes.CONFLICT:
        answer.raise_for_status()
    return DemoLogin(email=EMAIL, password=password)
