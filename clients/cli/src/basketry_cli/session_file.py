"""The terminal's sign-in, kept between commands in a file that only its owner reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from basketry_cli.gateway import GatewayClient, Tokens


def session_path() -> Path:
    """`$XDG_CONFIG_HOME/basketry/session.json`, or where BASKETRY_SESSION says."""
    given = os.environ.get("BASKETRY_SESSION")
    if given:
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "basketry" / "session.json"


def save_session(client: GatewayClient) -> None:
    """Remember the gateway and the tokens; mode 0600."""
    if client.tokens is None:
        return
    path = session_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    content = {"url": client.url, "access": client.tokens.access, "refresh": client.tokens.refresh}
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
    fresh.replace(path)


def open_session() -> GatewayClient | None:
    """A client with the remembered sign-in; None when nobody has signed in yet."""
    try:
        found = json.loads(session_path().read_text(encoding="utf-8"))
        return GatewayClient(found["url"], Tokens(access=found["access"], refresh=found["refresh"]))
    except (OSError, ValueError, KeyError):
        return None
