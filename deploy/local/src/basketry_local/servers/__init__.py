"""The real PostgreSQL and the real NATS server, started from wheels."""
