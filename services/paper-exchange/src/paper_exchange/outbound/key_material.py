"""Keys and secrets that look like the venue's, from the operating system's randomness."""

from __future__ import annotations

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
KEY_LENGTH = 18
SECRET_LENGTH = 36


class RandomKeyMaterial:
    """Makes key material: 18 letters and digits for a key, 36 for its secret."""

    def api_key(self) -> str:
        """A fresh public name of a key."""
        return "".join(secrets.choice(ALPHABET) for _ in range(KEY_LENGTH))

    def api_secret(self) -> str:
        """A fresh secret."""
        return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
