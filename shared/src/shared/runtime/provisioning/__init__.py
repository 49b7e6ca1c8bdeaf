"""ONE idempotent provisioner makes databases, roles, streams, consumers and permissions; services only use them."""

from shared.runtime.provisioning.databases import (
    SCHEMAS,
    ServiceSchema,
    grant_connect,
    grant_database,
    provision_databases,
)
from shared.runtime.provisioning.nkeys import PROVISIONER, NatsIdentity, new_seed
from shared.runtime.provisioning.permissions import authorization, permissions_of
from shared.runtime.provisioning.streams import BusReport, UnsafeDrift, connect_provisioner, provision_bus

__all__ = [
    "PROVISIONER",
    "SCHEMAS",
    "BusReport",
    "NatsIdentity",
    "ServiceSchema",
    "UnsafeDrift",
    "authorization",
    "connect_provisioner",
    "grant_connect",
    "grant_database",
    "new_seed",
    "permissions_of",
    "provision_bus",
    "provision_databases",
]
