"""`./basketry provision`: the one provisioner, for operators: before a rollout, after a restore, on a new cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import PostgresDsn, Secret, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console

from basketry_local.compose import write_env_file, write_nats_users
from basketry_local.data_folder import DataFolder
from basketry_local.keyring import DATABASE_ROLES, Keyring
from basketry_local.layout import migrations_folder
from shared.runtime.migrations import upgrade
from shared.runtime.provisioning import (
    PROVISIONER,
    SCHEMAS,
    UnsafeDrift,
    connect_provisioner,
    provision_bus,
    provision_databases,
)


class ProvisionSettings(BaseSettings):
    """What an operator gives.

    Attributes:
        admin_dsn: A superuser on the server's maintenance database.
        nats_url: The bus.
        secrets_folder: Passwords and nkey seeds (`passwords.json`, `nkeys.json`); missing ones are made.
        replicas: Of every stream: 1, or 3 on a cluster.
    """

    model_config = SettingsConfigDict(env_prefix="PROVISION_", frozen=True, hide_input_in_errors=True)

    admin_dsn: Secret[PostgresDsn] | None = None
    nats_url: str = ""
    secrets_folder: Path | None = None
    replicas: int = 1


def run(*, nats_config: Path | None, env_file: Path | None) -> int:
    """Exit status 0 when everything is as the topology asks, 1 on drift that only a person may mend, 2 on settings."""
    console = Console(stderr=True)
    try:
        settings = ProvisionSettings()
    except ValidationError as wrong:
        console.print(f"settings: {wrong}")
        return 2
    keyring = Keyring(settings.secrets_folder or DataFolder.of_this_machine().secrets)
    if nats_config is not None:
        write_nats_users(nats_config, keyring)
        console.print(f"the bus's users are in {nats_config}")
    if env_file is not None:
        write_env_file(env_file, keyring)
        console.print(f"the variables of docker-compose.yml are in {env_file}")
    if nats_config is not None or env_file is not None:
        return 0
    if settings.admin_dsn is None and not settings.nats_url:
        console.print("set PROVISION_ADMIN_DSN, PROVISION_NATS_URL, or both; ./basketry up provisions by itself")
        return 2
    try:
        asyncio.run(_provision(settings, keyring, console))
    except UnsafeDrift as drift:
        console.print(f"[red]not provisioned:[/] {drift}")
        return 1
    return 0


async def _provision(settings: ProvisionSettings, keyring: Keyring, console: Console) -> None:
    if settings.admin_dsn is not None:
        admin = str(settings.admin_dsn.get_secret_value())
        await provision_databases(admin, passwords={role: keyring.password(role) for role in DATABASE_ROLES})
        await asyncio.to_thread(_migrate, settings.admin_dsn.get_secret_value(), keyring)
        console.print("databases, roles and tables are as they should be")
    if settings.nats_url:
        async with connect_provisioner(settings.nats_url, keyring.seed(PROVISIONER)) as js:
            report = await provision_bus(js, replicas=settings.replicas)
        console.print(f"bus: made {report.created or 'nothing'}, changed {report.updated or 'nothing'}")
        if report.unknown:
            console.print(f"not in the topology, left alone: {report.unknown}")


def _migrate(admin: PostgresDsn, keyring: Keyring) -> None:
    host = admin.hosts()[0]
    for schema in SCHEMAS:
        password: SecretStr = keyring.password(schema.owner)
        where = f"{host['host']}:{host['port'] or 5432}/{schema.database}"
        folder = migrations_folder(schema.service, schema.migrations)
        upgrade(folder, f"postgresql://{schema.owner}:{password.get_secret_value()}@{where}")
