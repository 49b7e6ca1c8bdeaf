"""A stolen or shuffled database opens nothing, and no secret slips out in text."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from keys.domain.binding import Binding
from keys.domain.errors import RecordTampered
from keys.domain.key_pair import pair_binding
from keys.domain.secret import Secret
from keys.domain.signing import rest_headers, stream_signature
from keys.domain.stored_key import Credentials, KeyKind, Sealed, hint_of
from keys.outbound.kek_file import KekFileInvalid, read_kek_file
from keys.outbound.signatures import RsaPairs, VenueSignatures
from keys.outbound.vault import EnvelopeVault
from shared.testing import FakeClock
from shared.trading.status import VenueEnvironment

CANARY = "canary-SECRET-0123456789abcdef0123456789"
API_KEY = "KEYabcdefgh0123WXYZ"


def credentials() -> Credentials:
    return Credentials(api_key=Secret.of_text(API_KEY), api_secret=Secret.of_text(CANARY))


def a_binding(*, user: int = 1, key: int = 2, generation: int = 1, environment: str = "paper") -> Binding:
    return Binding(
        environment=VenueEnvironment(environment), user_id=UUID(int=user), key_id=UUID(int=key), generation=generation
    )


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    path = tmp_path / "kek"
    path.write_text("ab" * 32)
    path.chmod(0o600)
    return path


@pytest.fixture
def vault(kek_file: Path) -> EnvelopeVault:
    return EnvelopeVault(read_kek_file(kek_file), FakeClock())


async def test_what_was_sealed_opens_again_and_looks_like_nothing_at_rest(vault: EnvelopeVault) -> None:
    sealed = await vault.seal(a_binding(), credentials())
    opened = await vault.open(a_binding(), sealed)
    assert opened.api_secret.reveal_text() == CANARY
    stored = sealed.api_key + sealed.api_secret + sealed.wrapped
    assert CANARY.encode() not in stored
    assert API_KEY.encode() not in stored


@pytest.mark.parametrize(
    "other", [a_binding(user=9), a_binding(key=9), a_binding(generation=2), a_binding(environment="mainnet")]
)
async def test_a_record_moved_to_another_row_user_environment_or_generation_does_not_open(
    vault: EnvelopeVault, other: Binding
) -> None:
    sealed = await vault.seal(a_binding(), credentials())
    with pytest.raises(RecordTampered):
        await vault.open(other, sealed)


async def test_swapped_fields_and_flipped_bits_do_not_open_even_while_the_data_key_is_cached(
    vault: EnvelopeVault,
) -> None:
    sealed = await vault.seal(a_binding(), credentials())
    await vault.open(a_binding(), sealed)
    foreign = await vault.seal(a_binding(key=9), credentials())
    flipped = sealed.api_secret[:-1] + bytes([sealed.api_secret[-1] ^ 1])
    for bad in (
        replace(sealed, api_secret=sealed.api_key),
        replace(sealed, api_secret=flipped),
        replace(sealed, api_secret=b""),
        replace(sealed, api_secret=foreign.api_secret),
        foreign,
        replace(sealed, wrapped=foreign.wrapped),
        replace(sealed, kek_version=7, wrapped=sealed.wrapped + b"x"),
    ):
        with pytest.raises(RecordTampered):
            await vault.open(a_binding(), bad)


async def test_an_older_kek_still_opens_what_it_wrapped_after_a_rotation(kek_file: Path, tmp_path: Path) -> None:
    old = await EnvelopeVault(read_kek_file(kek_file), FakeClock()).seal(a_binding(), credentials())
    rotated = tmp_path / "rotated"
    rotated.write_text(json.dumps({"current": 2, "keys": {"1": "ab" * 32, "2": "cd" * 32}, "lookup": "ab" * 32}))
    rotated.chmod(0o600)
    vault = EnvelopeVault(read_kek_file(rotated), FakeClock())
    assert (await vault.open(a_binding(), old)).api_secret.reveal_text() == CANARY
    assert (await vault.seal(a_binding(), credentials())).kek_version == 2
    assert read_kek_file(rotated).derived("x") == read_kek_file(kek_file).derived("x")


async def test_a_data_key_is_held_for_a_minute_at_most(kek_file: Path) -> None:
    class CountingKeks:
        def __init__(self) -> None:
            self.inner, self.unwrapped = read_kek_file(kek_file), 0

        async def wrap(self, data_key: bytes, aad: bytes) -> tuple[int, bytes]:
            return await self.inner.wrap(data_key, aad)

        async def unwrap(self, version: int, wrapped: bytes, aad: bytes) -> bytes:
            self.unwrapped += 1
            return await self.inner.unwrap(version, wrapped, aad)

    clock, keks = FakeClock(), CountingKeks()
    vault = EnvelopeVault(keks, clock)
    sealed: Sealed = await vault.seal(a_binding(), credentials())
    for _ in range(3):
        await vault.open(a_binding(), sealed)
    assert keks.unwrapped == 1
    clock.advance(61)
    await vault.open(a_binding(), sealed)
    vault.forget(a_binding().key_id)
    await vault.open(a_binding(), sealed)
    assert keks.unwrapped == 3


@pytest.mark.parametrize(
    "content", ["", "zz" * 32, "ab" * 31, "{}", json.dumps({"current": 3, "keys": {"1": "ab" * 32}})]
)
def test_a_bad_key_file_stops_the_start_without_showing_itself(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kek"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KekFileInvalid) as refusal:
        read_kek_file(path)
    assert "abab" not in str(refusal.value)


def test_a_key_file_that_others_can_read_stops_the_start(kek_file: Path) -> None:
    kek_file.chmod(0o640)
    with pytest.raises(KekFileInvalid, match="0600"):
        read_kek_file(kek_file)
    with pytest.raises(KekFileInvalid):
        read_kek_file(kek_file.parent / "missing")


def test_a_secret_has_no_readable_text_form() -> None:
    pair = credentials()
    for text in (
        repr(pair),
        str(pair),
        f"{pair.api_secret}",
        f"{pair.api_secret:>50}",
        repr([pair.api_secret]),
        str({"k": pair}),
    ):
        assert CANARY not in text
        assert API_KEY not in text
    with pytest.raises(TypeError):
        pickle.dumps(pair.api_secret)
    with pytest.raises(TypeError):
        copy.copy(pair.api_secret)
    assert pair.api_secret == Secret.of_text(CANARY)
    assert pair.api_secret != Secret.of_text("other")


async def test_an_integrity_failure_tells_nothing_of_what_it_failed_on(vault: EnvelopeVault) -> None:
    sealed = await vault.seal(a_binding(), credentials())
    with pytest.raises(RecordTampered) as failure:
        await vault.open(a_binding(user=9), sealed)
    told = "".join(traceback.format_exception(failure.value)) + repr(failure.value.context)
    assert CANARY not in told
    assert failure.value.__suppress_context__


def test_the_hint_shows_four_and_four_and_never_a_short_key() -> None:
    assert hint_of(API_KEY) == "KEYa…WXYZ"
    assert hint_of("abcdefgh") == "ab…gh"
    assert hint_of("abc") == "…"


def test_signatures_are_those_of_the_venues_recipe() -> None:
    # Computed with `printf %s '1700000000000KEYabcdefgh0123WXYZ5000category=spot' | openssl dgst -sha256 -hmac SECRET`.
    headers = rest_headers(
        credentials(), VenueSignatures(), payload="category=spot", timestamp_ms=1700000000000, recv_window_ms=5000
    )
    assert headers["X-BAPI-API-KEY"] == API_KEY
    assert headers["X-BAPI-SIGN"] == "c9426126ec706d939f792065c8ecddba0f01b2701993e16888ca0853baec6494"
    assert (
        stream_signature(credentials(), VenueSignatures(), expires_ms=1700000001000)
        == "51decd8f041259d713228908c51fbfabe4c7143749b3be3786b91f44753eae75"
    )


async def an_rsa_key() -> tuple[str, Credentials]:
    pair = await RsaPairs().make()
    return pair.public_key, Credentials(api_key=Secret.of_text(API_KEY), api_secret=pair.private_key, kind=KeyKind.RSA)


async def test_an_rsa_key_signs_the_same_text_in_base64_and_anybody_can_check_it() -> None:
    public_key, pair = await an_rsa_key()
    signature = VenueSignatures().of(pair, "GET/realtime1700000001000")
    public = load_pem_public_key(public_key.encode())
    assert isinstance(public, RSAPublicKey)
    assert public.key_size == 2048
    public.verify(b64decode(signature, validate=True), b"GET/realtime1700000001000", PKCS1v15(), SHA256())


async def test_each_pair_is_another_one_and_shows_its_public_half_only() -> None:
    (one, _), (two, pair) = await an_rsa_key(), await an_rsa_key()
    assert one != two
    assert one.startswith("-----BEGIN PUBLIC KEY-----")
    assert "PRIVATE" not in f"{one}{pair}{pair.api_secret!r}"


async def test_a_record_whose_kind_was_changed_does_not_open(vault: EnvelopeVault) -> None:
    _, pair = await an_rsa_key()
    sealed = await vault.seal(a_binding(), pair)
    assert (await vault.open(a_binding(), sealed)).kind is KeyKind.RSA
    assert b"PRIVATE" not in sealed.api_secret
    with pytest.raises(RecordTampered):
        await vault.open(a_binding(), replace(sealed, kind=KeyKind.HMAC))
    pasted = await vault.seal(a_binding(), credentials())
    with pytest.raises(RecordTampered):
        await vault.open(a_binding(), replace(pasted, kind=KeyKind.RSA))


async def test_a_waiting_private_key_opens_for_its_own_pair_only(vault: EnvelopeVault) -> None:
    _, pair = await an_rsa_key()
    whose: dict[str, Any] = {"environment": VenueEnvironment.PAPER, "user_id": UUID(int=1), "pair_id": UUID(int=2)}
    mine = pair_binding(**whose)
    sealed = await vault.seal_private(mine, pair.api_secret)
    assert await vault.open_private(mine, sealed) == pair.api_secret
    for other in (
        {"environment": VenueEnvironment.MAINNET},
        {"user_id": UUID(int=9)},
        {"pair_id": UUID(int=9)},
    ):
        with pytest.raises(RecordTampered):
            await vault.open_private(pair_binding(**(whose | other)), sealed)
    with pytest.raises(RecordTampered):  # nor as the secret of a stored key under the same id
        await vault.open_private(a_binding(generation=1), sealed)


def test_text_that_is_no_rsa_key_signs_nothing_and_tells_nothing() -> None:
    broken = Credentials(api_key=Secret.of_text(API_KEY), api_secret=Secret.of_text(CANARY), kind=KeyKind.RSA)
    with pytest.raises(RecordTampered) as failure:
        VenueSignatures().of(broken, "text")
    assert CANARY not in "".join(traceback.format_exception(failure.value))
