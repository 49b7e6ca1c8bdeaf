"""Play money or real money: said wherever money is shown."""

from __future__ import annotations

from typing import Any

from rich.text import Text


def mode(facts: dict[str, Any]) -> str:
    """`PAPER`, `LIVE`, or the name of the venue's own place to practise."""
    environment = str(facts.get("environment", "paper"))
    return "LIVE" if environment == "mainnet" else environment.upper()


def badge(facts: dict[str, Any]) -> Text:
    """The mode as a badge; real money is red."""
    name = mode(facts)
    return Text(f" {name} ", style="bold white on red" if name == "LIVE" else "bold black on cyan")
