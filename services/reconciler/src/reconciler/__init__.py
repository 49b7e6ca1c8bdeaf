"""Compares the venue with our books."""
