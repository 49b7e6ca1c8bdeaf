"""Everything that must be there before a service starts: databases, roles, tables, streams, consumers."""

from __future__ import annotations

import asyncio

from basketry_local.environment import Ports, database_dsn
from basketry_local.keyring import DATABASE_ROLES, Keyring
from basketry_local.layout import migrations_folder
from basketry_local.ports import LOOPBACK
from shared.contracts.topology import SERVICES
from shared.runtime.migrations import upgrade
from shared.runtime.provisioning import (
    PROVISIONER,
    SCHEMAS,
    BusReport,
    NatsIdentity,
    authorization,
    connect_provisioner,
    provision_bus,
    provision_databases,
)


async def prepare_databases(admin_dsn: str, *, keyring: Keyring, ports: Ports) -> None:
    """Databases, roles and schemas, then every service's migrations as its owner role."""
    await provision_databases(admin_dsn, passwords={role: keyring.password(role) for role in DATABASE_ROLES})
    for schema in SCHEMAS:
        dsn = database_dsn(schema.service, schema.owner, keyring=keyring, ports=ports, database=schema.database)
        await asyncio.to_thread(upgrade, migrations_folder(schema.service, schema.migrations), dsn)


async def prepare_bus(*, keyring: Keyring, ports: Ports) -> BusReport:
    """Streams and consumers; also after the NATS server was restarted, since it may have lost them."""
    async with connect_provisioner(f"nats://{LOOPBACK}:{ports['nats']}", keyring.seed(PROVISIONER)) as js:
        return await provision_bus(js)


def bus_authorization(keyring: Keyring) -> dict[str, object]:
    """The NATS server's users: every service with its least privilege, and the provisioner."""
    return authorization(NatsIdentity(name, keyring.seed(name)) for name in (*SERVICES, PROVISIONER))
