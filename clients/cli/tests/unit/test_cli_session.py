"""Sign-ins of several gateways, and commands that run side by side."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import httpx
import pytest

from basketry_cli.advice import advice_on
from basketry_cli.exits import Exit
from basketry_cli.gateway import Tokens
from basketry_cli.problems import ApiProblem, OrderUnanswered, Wish
from basketry_cli.session_file import SessionClient, SessionFile

HOME, AWAY = "http://127.0.0.1:1", "https://basketry.example"


@pytest.fixture
def file(tmp_path: Path) -> SessionFile:
    return SessionFile(tmp_path / "config" / "session.json")


class Auth:
    """Trades each refresh token once; a second use would end the sign-in."""

    def __init__(self) -> None:
        self.valid = "refresh-1"
        self.traded = 0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        given = json.loads(request.content)["refresh_token"]
        await asyncio.sleep(0.05)
        if given != self.valid:
            return httpx.Response(401, json={"code": "token_reused", "detail": "Sign in again."})
        self.traded += 1
        self.valid = f"refresh-{self.traded + 1}"
        return httpx.Response(200, json={"access_token": f"access-{self.traded + 1}", "refresh_token": self.valid})


def a_client(file: SessionFile, auth: Auth) -> SessionClient:
    client = SessionClient(HOME, file)
    client._http = httpx.AsyncClient(base_url=HOME, transport=httpx.MockTransport(auth.answer))
    return client


def test_the_file_is_its_owners_alone_and_keeps_gateways_apart(file: SessionFile, tmp_path: Path) -> None:
    file.keep(HOME, Tokens("a", "b"), current=True)
    file.keep(AWAY, Tokens("c", "d"))
    path = tmp_path / "config" / "session.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert file.gateway == HOME
    assert (file.tokens(HOME), file.tokens(AWAY)) == (Tokens("a", "b"), Tokens("c", "d"))
    assert file.tokens("https://evil.example") is None
    assert list(path.parent.glob("*.new")) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"url": "x"}', '{"sessions": {"x": {}}}', '{"sessions": []}', "null"]
)
def test_a_file_that_is_not_ours_counts_as_nothing(file: SessionFile, tmp_path: Path, content: str) -> None:
    path = tmp_path / "config" / "session.json"
    path.parent.mkdir()
    path.write_text(content)
    assert (file.gateway, file.tokens(HOME)) == (None, None)
    file.keep(HOME, Tokens("a", "b"))
    assert file.tokens(HOME) == Tokens("a", "b")


async def test_commands_side_by_side_trade_a_refresh_token_once(file: SessionFile) -> None:
    file.keep(HOME, Tokens("access-1", "refresh-1"), current=True)
    auth = Auth()
    clients = [a_client(file, auth) for _ in range(4)]
    found = await asyncio.gather(*(client.refresh() for client in clients))
    assert found == [Tokens("access-2", "refresh-2")] * 4
    assert auth.traded == 1
    assert file.tokens(HOME) == Tokens("access-2", "refresh-2")
    for client in clients:
        await client._http.aclose()


def test_every_error_says_what_it_means_for_money_and_what_to_do() -> None:
    told = advice_on(
        ApiProblem(422, {"code": "amount_too_small", "context": {"minimum_amount": "57.3"}, "detail": "x"})
    )
    assert told is not None
    assert (told.exit_code, "57.30 USDT" in told.do, "nothing was ordered" in told.means) == (Exit.REFUSED, True, True)
    statuses = {401: Exit.SIGN_IN, 404: Exit.REFUSED, 409: Exit.REFUSED, 429: Exit.AWAY, 500: Exit.AWAY, 503: Exit.AWAY}
    for status, expected in statuses.items():
        advice = advice_on(ApiProblem(status, {}))
        assert advice is not None
        assert advice.exit_code is expected
        assert advice.means
        assert advice.do
    lost = advice_on(OrderUnanswered("key-1", "plan-1", "timed out"))
    assert lost is not None
    assert (lost.exit_code, "never twice" in lost.means) == (Exit.UNKNOWN, True)
    assert "execute plan-1 --key key-1" in lost.do
    gone = advice_on(httpx.ConnectError("refused"))
    assert gone is not None
    assert gone.exit_code is Exit.AWAY
    wish = advice_on(Wish("what?"))
    assert wish is not None
    assert wish.exit_code is Exit.USAGE
    assert advice_on(ValueError("a mistake of ours")) is None
