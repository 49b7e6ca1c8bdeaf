"""Signing up with an address that has an account already, whichever way the gateway says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from kit.small_gateway import served
from kit.terminal import said

PASSWORD = "violet lantern 93 orbits"
TAKEN = {"code": "email_taken", "title": "Taken", "detail": "Sign in with this address, or use another one."}
INVALID = {"code": "credentials_invalid", "title": "No", "detail": "The address or the password is wrong."}


def a_gateway(register: JSONResponse, login: JSONResponse) -> tuple[FastAPI, list[str]]:
    app, asked = FastAPI(), list[str]()

    @app.post("/api/account/register")
    async def signing_up(body: dict[str, Any]) -> JSONResponse:
        asked.append(f"register {body['email']}")
        return register

    @app.post("/api/account/login")
    async def signing_in(body: dict[str, Any]) -> JSONResponse:
        asked.append(f"login {body['email']}")
        return login

    return app, asked


SIGN_UP = ("login", "--email", "ada@example.org", "--register", "--accept-risk")
SESSION = {"access_token": "access", "refresh_token": "refresh"}


@pytest.mark.parametrize(
    ("register", "login", "asked"),
    [
        pytest.param((TAKEN, 409), (SESSION, 200), ["register"], id="it refuses the address"),
        pytest.param(({"user_id": "7"}, 201), (INVALID, 401), ["register", "login"], id="it tells nobody who is there"),
    ],
)
async def test_a_taken_address_is_named_as_that_with_the_way_in_and_leaves_no_session(
    tmp_path: Path, register: tuple[Any, int], login: tuple[Any, int], asked: list[str]
) -> None:
    app, heard = a_gateway(JSONResponse(*register), JSONResponse(*login))
    session = tmp_path / "session.json"
    async with served(app) as url:
        home = {"BASKETRY_SESSION": str(session), "BASKETRY_GATEWAY": url, "BASKETRY_PASSWORD": PASSWORD}
        for_people = await asyncio.to_thread(said, home, *SIGN_UP)
        for_programs = await asyncio.to_thread(said, home, *SIGN_UP, "--json")
    assert heard == [f"{one} ada@example.org" for one in asked] * 2
    assert "sign in instead: ./basketry login" in " ".join(for_people.stderr.split())
    told = json.loads(for_programs.stderr)
    assert (told["code"], for_people.returncode) == ("email_taken", for_programs.returncode)
    assert for_people.returncode != 0
    assert (for_people.stdout, for_programs.stdout) == ("", "")
    assert PASSWORD not in for_people.stderr + for_programs.stderr
    assert not session.exists()


async def test_a_wrong_password_of_somebody_who_signs_in_is_no_taken_address(tmp_path: Path) -> None:
    app, heard = a_gateway(JSONResponse({"user_id": "7"}, 201), JSONResponse(INVALID, 401))
    async with served(app) as url:
        home = {
            "BASKETRY_SESSION": str(tmp_path / "session.json"),
            "BASKETRY_GATEWAY": url,
            "BASKETRY_PASSWORD": PASSWORD,
        }
        told = await asyncio.to_thread(said, home, "login", "--email", "ada@example.org", "--json")
    assert heard == ["login ada@example.org"]
    assert (told.returncode, json.loads(told.stderr)["code"]) == (3, "credentials_invalid")
