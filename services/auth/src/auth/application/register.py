"""Sign up with a password."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from auth.application.ports import Accounts, Passwords
from auth.domain.email_address import normalised
from auth.domain.errors import RiskNotAccepted
from auth.domain.password_rules import canonical, require_strong
from auth.domain.user import Role, User
from shared.trading.clock import Clock, Ids
from shared.trading.identifiers import UserId


def with_granted_role(user: User, admins: AbstractSet[str]) -> User:
    """The user, an admin when the operator's settings say so."""
    return replace(user, role=Role.ADMIN) if user.email in admins else user


class Register:
    """The use case.

    Args:
        admins: Normalised addresses that the operator made admins.
    """

    def __init__(
        self, accounts: Accounts, passwords: Passwords, *, admins: AbstractSet[str], clock: Clock, ids: Ids
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._admins = admins
        self._clock = clock
        self._ids = ids

    async def __call__(self, *, email: str, password: str, risk_accepted: bool) -> User:
        """Make an account.

        Raises:
            EmailInvalid, PasswordTooWeak, RiskNotAccepted: Nothing was stored.
            EmailTaken: The address has an account.
            Busy: Too many people at once.
        """
        address = normalised(email)
        chosen = canonical(password)
        require_strong(chosen, email=address)
        if not risk_accepted:
            raise RiskNotAccepted(
                "Crypto assets can lose all their value. Please accept the risk notice to open an account.",
                context={"pointer": "#/risk_accepted"},
            )
        now = self._clock.now()
        user = User(
            user_id=UserId(self._ids.uuid()), email=address, role=Role.USER, created_at=now, risk_accepted_at=now
        )
        user = with_granted_role(user, self._admins)
        await self._accounts.add(user, await self._passwords.hash(chosen))
        return user
