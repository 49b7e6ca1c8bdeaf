"""PostgreSQL's own way to store a password, computed on our side so that the password never travels in a statement."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096
"""PostgreSQL's own default, and the least that RFC 7677 asks for."""


def scram_verifier(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """The SCRAM-SHA-256 verifier of a password (RFC 5803), as `pg_authid.rolpassword` holds it.

    Args:
        password: ASCII text, so that no SASLprep is needed.
        salt: 16 bytes; a fresh random one when it is not given.
        iterations: What guessing costs, and every connection too.
    """
    if not password.isascii():
        raise ValueError("a role's password must be ASCII")
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
