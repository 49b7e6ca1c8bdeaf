"""What auth refuses, and how it says so."""

from __future__ import annotations

from shared.trading.errors import Conflict, Denied, Invalid, NotFound, Throttled


class EmailInvalid(Invalid):
    """Not an e-mail address."""

    code = "email_invalid"
    title = "This is not an e-mail address we can use"


class PasswordTooWeak(Invalid):
    """Too short, too long or too easy to guess."""

    code = "password_too_weak"
    title = "This password is too easy to guess"


class RiskNotAccepted(Invalid):
    """The risk notice has to be accepted before anything else."""

    code = "risk_not_accepted"
    title = "Please accept the risk notice first"


class EmailTaken(Conflict):
    """Somebody has registered with this address."""

    code = "email_taken"
    title = "There is an account with this e-mail address already"


class CredentialsInvalid(Denied):
    """Unknown address or wrong password: the two look and last alike."""

    code = "credentials_invalid"
    title = "E-mail address or password is wrong"


class TokenInvalid(Denied):
    """Not a refresh token of a living session."""

    code = "token_invalid"
    title = "Please sign in again"


class TokenExpired(Denied):
    """The session has reached the end of its life."""

    code = "token_expired"
    title = "Your session has ended, please sign in again"


class TokenReused(Denied):
    """A refresh token came a second time: somebody may have copied it, so its session is over."""

    code = "token_reused"
    title = "Your session was ended because its token was used twice; please sign in again"


class UserUnknown(NotFound):
    """No such user."""

    code = "user_unknown"
    title = "There is no such user"


class LoginDelayed(Throttled):
    """Too many wrong passwords for this account in a row."""

    code = "login_delayed"
    title = "Too many attempts; please wait a moment"


class Busy(Throttled):
    """More passwords wait to be checked than we can check in time."""

    code = "auth_busy"
    title = "Many people are signing in right now; please try again in a moment"
