from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path

from basketry_local.compose import compose_variables, write_env_file, write_nats_users
from basketry_local.environment import choose_ports, service_environment
from basketry_local.keyring import Keyring
from basketry_local.layout import project_root
from basketry_local.servers.binaries import nats_server
from shared.contracts.topology import SERVICES

OPTIONAL = {"BASKETRY_SECRETS", "GATEWAY_CORS_ORIGINS", "GATEWAY_PORT", "KEYS_LIMITS"}
COMPOSE = (project_root() / "docker-compose.yml").read_text()


def test_every_variable_of_the_compose_file_is_in_the_example_and_is_generated(tmp_path: Path) -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    example = set(re.findall(r"^([A-Z_]+)=", (project_root() / ".env.example").read_text(), re.MULTILINE))
    generated = set(compose_variables(Keyring(tmp_path / "secrets")))
    assert asked - OPTIONAL <= generated
    assert generated | OPTIONAL == example


def test_containers_are_told_the_same_settings_as_local_processes(tmp_path: Path) -> None:
    ports = choose_ports({})
    ports.release()
    for service in SERVICES:
        prefix = f"{service.upper()}_"
        local = service_environment(service, keyring=Keyring(tmp_path / "secrets"), ports=ports)
        mine = {name for name in local if name.startswith(prefix) and name != f"{prefix}HTTP_PORT"}
        assert mine <= set(re.findall(rf"^      ({prefix}[A-Z_]+):", COMPOSE, re.MULTILINE)), service


def test_the_env_file_is_private_and_the_bus_takes_its_users(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "secrets")
    write_env_file(tmp_path / ".env", keyring)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    write_nats_users(tmp_path / "users" / "nats-users.json", keyring)
    assert len(json.loads((tmp_path / "users" / "nats-users.json").read_text())["authorization"]["users"]) == 7
    config = tmp_path / "nats.conf"
    config.write_text((project_root() / "deploy" / "local" / "nats.conf").read_text())
    checked = subprocess.run([str(nats_server()), "-t", "-c", str(config)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
