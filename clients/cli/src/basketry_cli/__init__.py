"""Basketry from a terminal."""
