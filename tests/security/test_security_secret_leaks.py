"""After a journey a key's secret is nowhere but in its ciphertext; a planted one is found."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import httpx
import pytest
from kit.stage import Customer, Stage

from basketry_cli.problems import ApiProblem
from basketry_local.keyring import POSTGRES_ADMIN
from basketry_local.servers.binaries import postgres_programs
from basketry_local.servers.postgres import ADMIN

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(180)]


def forms(secret: str) -> dict[str, bytes]:
    """How a secret may look when it leaks: raw, hex, and base64 at each of the three alignments."""
    raw = secret.encode()
    found = {"raw": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        found[f"base64+{shift}"] = text[4 if shift else 0 : -4]
    return found


def leaks(folder: Path, secret: str) -> list[str]:
    """Files below a folder in which the secret stands in any form."""
    contents = {path: content_of(path) for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    needles = forms(secret).items()
    return [f"{path}: {form}" for path, content in contents.items() for form, needle in needles if needle in content]


def content_of(path: Path) -> bytes:
    """Of a running server's file: some are gone between the look into their folder and the look into them."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


async def stored_key(stage: Stage, customer: Customer) -> tuple[str, list[bytes]]:
    """A key of our own making, stored through the API; its secret and every HTTP body that came back."""
    terms = {"balances": {"USDT": "5000"}}
    account = (await stage.venue.post("/paper/v1/accounts", json=terms)).json()
    async with httpx.AsyncClient(base_url=stage.platform.gateway_url, trust_env=False) as http:
        http.headers["Authorization"] = f"Bearer {customer.client.tokens.access}" if customer.client.tokens else ""
        key = {"label": "mine", "environment": "paper"}
        pairs = (account["api_secret"], account["api_secret"][::-1])
        asks = [{**key, "api_key": account["api_key"], "api_secret": secret} for secret in pairs]
        asks.append({**asks[0], "colour": "red"})
        bodies = [(await http.post("/api/keys", json=ask)).content for ask in asks]
        bodies.append((await http.get("/api/keys")).content)
        bodies.append((await http.get("/api/activity")).content)
    return account["api_secret"], bodies


def dumped(stage: Stage, target: Path) -> None:
    """Every row of `user_data`, as a backup would hold it."""
    password = stage.platform.keyring.password(POSTGRES_ADMIN).get_secret_value()
    dsn = stage.platform.postgres.dsn("user_data", ADMIN, password)
    environment = {**os.environ, "PGPASSWORD": password}
    command = [str(postgres_programs(None) / "pg_dump"), "--dbname", dsn, "--file", str(target)]
    subprocess.run(command, check=True, env=environment, timeout=60)


async def test_a_secret_leaves_no_trace_but_its_ciphertext(stage: Stage, tmp_path: Path) -> None:
    customer = await stage.customer()
    secret, bodies = await stored_key(stage, customer)
    with pytest.raises(ApiProblem):
        await customer.client._call("POST", "/api/keys", {"api_secret": secret})
    await customer.settled(await customer.buys("top-5", "300"))
    dumped(stage, tmp_path / "user_data.sql")
    folder = stage.platform.folder
    assert (tmp_path / "user_data.sql").stat().st_size > 20_000
    assert leaks(tmp_path, secret) == []
    assert leaks(folder.logs, secret) == []
    assert leaks(folder.nats, secret) == []
    assert leaks(stage.platform.postgres.data, secret) == []
    for needle in forms(secret).values():
        assert all(needle not in body for body in bodies)


async def test_a_planted_secret_is_found(stage: Stage) -> None:
    customer = await stage.customer()
    secret, _ = await stored_key(stage, customer)
    log = stage.platform.folder.logs / "planted.log"
    for form, needle in forms(secret).items():
        log.write_bytes(b"before " + needle + b" after")
        assert any(form in leak for leak in leaks(stage.platform.folder.logs, secret)), form
    log.unlink()
