from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.domain.email_address import normalised
from auth.domain.errors import EmailInvalid, PasswordTooWeak, TokenInvalid
from auth.domain.login_delay import FREE_ATTEMPTS, LONGEST, Failures, one_more
from auth.domain.password_rules import canonical, require_strong
from auth.domain.refresh_token import RefreshToken, read_token
from auth.domain.session import GRACE, Judgement, Presented, Session, judge
from shared.trading.identifiers import UserId

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALICE = UserId(UUID(int=7))


@pytest.mark.parametrize(
    ("given_text", "address"),
    [
        ("alice@example.com", "alice@example.com"),
        ("  Alice@Example.COM ", "alice@example.com"),
        ("a.b+c@sub.example.co", "a.b+c@sub.example.co"),
        ("ａｌｉｃｅ@example.com", "alice@example.com"),
    ],
)
def test_one_mailbox_has_one_spelling(given_text: str, address: str) -> None:
    assert normalised(given_text) == address


@pytest.mark.parametrize(
    "text",
    ["", "alice", "@example.com", "alice@", "alice@localhost", "a b@example.com", "a@b@example.com", "a..b@example.com",
     "alice@example.com\x00", "alice@-example.com", "x" * 65 + "@example.com", "x@" + "y" * 260 + ".com", "a" * 10_000_000],
)  # fmt: skip
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(EmailInvalid) as caught:
        normalised(text)
    assert caught.value.context == {"pointer": "#/email"}


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "kT9#vQ2m!x", "Tr0ub4dor&3-and-more", "пароль-из-слов", "x" * 64 + "yz" * 32],
)
def test_a_long_unusual_password_is_taken(password: str) -> None:
    require_strong(canonical(password), email="alice@example.com")


@pytest.mark.parametrize(
    "password",
    ["", "kT9#vQ2m!", "x" * 129, "Password123!", "P4ssw0rd2024", "passwordpassword", "1234567890", "0987654321",
     "qwertyuiop", "aaaaaaaaaaaa", "abcabcabcabc", "1212121212", "1qaz2wsx3edc", "iloveyou123", "!!letmein!!2026",
     "alice@example.com", "alice.liddell1", "example12345", "Bitcoin2026!!"],
)  # fmt: skip
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(PasswordTooWeak) as caught:
        require_strong(password, email="alice.liddell@example.com" if "liddell" in password else "alice@example.com")
    assert caught.value.context == {"pointer": "#/password"}
    assert len(password) < 5 or password not in caught.value.detail


def test_the_first_wrong_passwords_cost_nothing_and_then_the_wait_doubles() -> None:
    failures: Failures | None = None
    waits = []
    for _ in range(FREE_ATTEMPTS + 7):
        failures = one_more(failures, NOW)
        waits.append(failures.wait(NOW).total_seconds())
    assert waits == [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_nobody_is_locked_out_for_good() -> None:
    failures = Failures(count=10**9, last_at=NOW)
    assert failures.wait(NOW) == LONGEST
    assert failures.wait(NOW + LONGEST) == timedelta(0)
    assert one_more(failures, NOW + timedelta(minutes=15)).count == 1


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_token_is_read_back_and_its_successor_is_always_the_same_other_one(secret: bytes, key: bytes) -> None:
    token = RefreshToken(ALICE, secret)
    again = read_token(token.text)
    assert (again.user_id, again.secret, again.hash) == (ALICE, secret, token.hash)
    assert again.successor(key).text == token.successor(key).text != token.text
    assert again.successor(key + b"x").text != token.successor(key).text


@pytest.mark.parametrize("text", ["", "x", "a" * 63, "a" * 65, "ä" * 64, "=" * 64, "a" * 60 + "====", " " * 64])
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        read_token(text)


def test_a_token_never_shows_itself() -> None:
    token = RefreshToken(ALICE, b"s" * 32)
    assert token.text not in repr(token)
    assert str(b"s" * 32) not in repr(token)


def presented(
    *, session: Session | None = None, used_at: datetime | None = None, successor_used: bool = False
) -> Presented:
    begun = session or Session.begin(UUID(int=1), ALICE, NOW)
    return Presented(session=begun, used_at=used_at, successor_used=successor_used)


@pytest.mark.parametrize(
    ("token", "seconds", "judgement"),
    [
        (presented(), 0, Judgement.ROTATE),
        (presented(), 29 * 86_400, Judgement.ROTATE),
        (presented(), 30 * 86_400, Judgement.EXPIRED),
        (presented(used_at=NOW), GRACE.total_seconds(), Judgement.REPEAT),
        (presented(used_at=NOW), GRACE.total_seconds() + 0.001, Judgement.REUSED),
        (presented(used_at=NOW, successor_used=True), 1, Judgement.REUSED),
        (presented(session=replace(Session.begin(UUID(int=1), ALICE, NOW), revoked_at=NOW)), 1, Judgement.REVOKED),
    ],
)
def test_a_refresh_token_works_once(token: Presented, seconds: float, judgement: Judgement) -> None:
    assert judge(token, NOW + timedelta(seconds=seconds)) is judgement
