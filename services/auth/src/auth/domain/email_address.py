"""E-mail addresses: one spelling per mailbox."""

from __future__ import annotations

import re
import unicodedata

from auth.domain.errors import EmailInvalid

LONGEST = 254
_SHAPE = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def normalised(text: str) -> str:
    """The address in small letters without blanks around it.

    Raises:
        EmailInvalid: Not of the form name@domain, or longer than 254 characters.
    """
    address = unicodedata.normalize("NFKC", text.strip()).lower() if len(text) <= 2 * LONGEST else ""
    local = address.partition("@")[0]
    if len(address) > LONGEST or len(local) > 64 or not _SHAPE.fullmatch(address):
        raise EmailInvalid("An address looks like name@example.com.", context={"pointer": "#/email"})
    return address
