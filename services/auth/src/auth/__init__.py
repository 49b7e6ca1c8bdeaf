"""Identities, sessions and tokens."""
