"""Which passwords may be chosen: long ones that nobody would try first (ASVS 6.2)."""

from __future__ import annotations

import unicodedata

from auth.domain.common_passwords import COMMON_WORDS, ROWS
from auth.domain.errors import PasswordTooWeak

SHORTEST, LONGEST = 10, 128
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def canonical(password: str) -> str:
    """The same password however a keyboard composed its letters (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def require_strong(password: str, *, email: str) -> None:
    """Refuse a password that is likely to be guessed.

    Args:
        password: In canonical form.
        email: Normalised; a password made of it is refused.

    Raises:
        PasswordTooWeak: The answer says why and never repeats the password.
    """
    why = _weakness(password, email)
    if why:
        raise PasswordTooWeak(why, context={"pointer": "#/password"})


def _weakness(password: str, email: str) -> str | None:
    if len(password) < SHORTEST:
        return f"A password needs at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    folded = password.casefold()
    if _repeats(folded) or _runs(folded):
        return "A repeated pattern or a row of the keyboard is guessed first."
    if _core(folded) in _cores_of(email):
        return "A password made of the e-mail address is guessed first."
    core = _core(folded)
    if COMMON_WORDS & {folded, core, core.translate(_LEET), _core(folded.translate(_LEET))}:
        return "This password is on the list of the most common ones."
    return None


def _core(text: str) -> str:
    """What is left without digits and signs at both ends, which people add to satisfy rules."""
    letters = [place for place, sign in enumerate(text) if sign.isalpha()]
    return text[letters[0] : letters[-1] + 1] if letters else text


def _cores_of(email: str) -> set[str]:
    local, _, domain = email.partition("@")
    return {email, _core(local), _core(email), domain.partition(".")[0]}


def _repeats(text: str) -> bool:
    """`aaaaaaaaaa`, `abcabcabcabc`: a short piece over and over."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _runs(text: str) -> bool:
    """`1234567890`, `qwertyuiop`, forwards or backwards, through and through."""
    return any(text in row or text[::-1] in row for row in ROWS)
