"""Custody of venue keys: signs, never reveals."""
