"""Amounts on the command line: `-40` is meant as a number, not as options."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand

_NEGATIVE = re.compile(r"-\d[\d.,_]*")


class AmountCommand(TyperCommand):
    """A command with amounts among its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an amount below zero as what it is."""
        for word in args:
            if _NEGATIVE.fullmatch(word):
                ctx.fail(f"{word} is not above zero: an amount is what you spend, put in or take out, such as 500")
        return super().parse_args(ctx, args)
