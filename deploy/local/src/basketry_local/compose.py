"""What `docker-compose.yml` needs: its variables, and the bus's users, made from the same secrets as the local run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from basketry_local.keyring import POSTGRES_ADMIN, Keyring
from basketry_local.preparation import bus_authorization
from shared.contracts.topology import SERVICES
from shared.runtime.provisioning import PROVISIONER


def compose_variables(keyring: Keyring) -> dict[str, str]:
    """The variables of `.env.example`, with values."""
    variables = {
        "POSTGRES_ADMIN_PASSWORD": keyring.password(POSTGRES_ADMIN).get_secret_value(),
        "PROVISIONER_NATS_SEED": keyring.seed(PROVISIONER).get_secret_value(),
        "LINK_KEY": keyring.link_key.get_secret_value(),
        "PAPER_ADMIN_TOKEN": keyring.paper_admin_token.get_secret_value(),
    }
    for service in SERVICES:
        prefix = service.upper()
        variables[f"{prefix}_DATABASE_PASSWORD"] = keyring.password(service).get_secret_value()
        variables[f"{prefix}_RELAY_PASSWORD"] = keyring.password(f"{service}_relay").get_secret_value()
        variables[f"{prefix}_NATS_SEED"] = keyring.seed(service).get_secret_value()
    return variables


def write_env_file(path: Path, keyring: Keyring) -> None:
    """Write the variables; only the owner reads the file."""
    _write_private(path, "".join(f"{name}={value}\n" for name, value in sorted(compose_variables(keyring).items())))


def write_nats_users(path: Path, keyring: Keyring) -> None:
    """Write the bus's `authorization` block: public keys and permissions, no secret."""
    text = json.dumps({"authorization": bus_authorization(keyring)}, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    path.chmod(0o600)
