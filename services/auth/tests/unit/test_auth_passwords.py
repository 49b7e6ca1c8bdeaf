from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import bcrypt
import pytest

from auth.domain.errors import Busy
from auth.outbound.passwords import Argon2Passwords


@pytest.fixture
async def passwords() -> AsyncIterator[Argon2Passwords]:
    made = Argon2Passwords(threads=2, queue=2)
    yield made
    await made.close()


async def test_new_passwords_are_argon2id_with_the_promised_cost(passwords: Argon2Passwords) -> None:
    stored = await passwords.hash("correct horse battery staple")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await passwords.verify("correct horse battery staple", stored)).matches
    assert not (await passwords.verify("correct horse battery stapl", stored)).matches


async def test_a_bcrypt_hash_is_accepted_and_upgraded(passwords: Argon2Passwords) -> None:
    stored = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    good = await passwords.verify("correct horse", stored)
    assert good.matches
    assert good.upgraded_hash is not None
    assert good.upgraded_hash.startswith("$argon2id$")
    assert (await passwords.verify("correct horse", good.upgraded_hash)).upgraded_hash is None
    assert not (await passwords.verify("wrong horse", stored)).matches
    assert not (await passwords.verify("x" * 100, stored)).matches
    assert not (await passwords.verify("nul\x00byte", stored)).matches


async def test_an_unknown_address_takes_as_long_and_never_matches(passwords: Argon2Passwords) -> None:
    stored = await passwords.hash("correct horse battery staple")

    # Measured in processor time: the machine may be busy with other things.
    async def fastest(of: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            assert not (
                await passwords.verify("an address that nobody has registered" if of is None else "no", of)
            ).matches
            times.append(time.process_time() - began)
        return min(times)

    known, unknown = await fastest(stored), await fastest(None)
    assert 0.4 < unknown / known < 2.5


async def test_a_full_queue_refuses_at_once(passwords: Argon2Passwords) -> None:
    results = await asyncio.gather(*(passwords.hash(f"password {n}") for n in range(10)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Busy)]
    assert len(refused) == 6
    assert all(isinstance(result, str | Busy) for result in results)
    assert (await passwords.hash("once there is room again")).startswith("$argon2id$")
