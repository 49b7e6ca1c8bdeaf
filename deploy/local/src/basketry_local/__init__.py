"""The one-command local runner."""
