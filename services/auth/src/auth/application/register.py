"""Sign up with a password."""

from __future__ import annotations

from auth.application.ports import Accounts, Passwords
from auth.domain.email_address import normalised
from auth.domain.errors import RiskNotAccepted
from auth.domain.password_rules import canonical, require_strong
from auth.domain.user import Role, User
from shared.trading.clock import Clock, Ids
from shared.trading.identifiers import UserId


class Register:
    """The use case; nobody becomes an admin by it, since an address is not verified."""

    def __init__(self, accounts: Accounts, passwords: Passwords, *, clock: Clock, ids: Ids) -> None:
        self._accounts = accounts
        self._passwords = passwords
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
        await self._accounts.add(user, await self._passwords.hash(chosen))
        return user
