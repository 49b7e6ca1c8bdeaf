"""What every service runs on: settings, logs, database, bus, outbox, health. Infrastructure, no trading."""
