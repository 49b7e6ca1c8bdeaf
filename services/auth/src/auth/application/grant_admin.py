"""Make a user an admin."""

from __future__ import annotations

from auth.application.ports import Accounts
from auth.domain.email_address import normalised
from auth.domain.errors import UserUnknown
from auth.domain.user import Role, User


async def grant_admin(accounts: Accounts, email: str) -> User:
    """Give the admin role; it is in the tokens from the next refresh on.

    Raises:
        UserUnknown: Nobody registered with this address.
    """
    known = await accounts.credentials(normalised(email))
    if known.user is None:
        raise UserUnknown(f"Nobody has registered as {email}.")
    await accounts.set_role(known.user.user_id, Role.ADMIN)
    return known.user
