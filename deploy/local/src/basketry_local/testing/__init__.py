"""The real PostgreSQL and the real NATS server for tests: a pytest plugin, loaded by the root conftest."""
