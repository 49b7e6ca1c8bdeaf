"""What the terminal says about rebalancing, and what it asks for."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from basketry_cli.fractions_typed import percentage
from basketry_cli.problems import Wish
from basketry_cli.views.rebalancing import rebalancing_lines, rebalancing_view


def drawn(view: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=120).print(view)
    return out.getvalue()


def known(**other: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "mode": "automatic",
        "absolute_band": "0.05",
        "relative_band": "0.25",
        "calendar": "monthly",
        "cooldown_hours": 24,
        "buy_only": False,
        "state": "idle",
        "trigger": None,
        "reason": None,
    }
    return facts | other


def test_what_was_chosen_is_one_line() -> None:
    text = drawn(rebalancing_view(known()))
    assert "rebalancing automatic" in text
    assert "bands 5.00 % absolute, 25.00 % of the target, calendar monthly, at most every 24 h" in text
    assert "buys only" in drawn(rebalancing_view(known(buy_only=True)))


def test_what_stands_in_the_way_is_said() -> None:
    assert rebalancing_lines(known()) == []
    [line] = rebalancing_lines(known(state="blocked", trigger="drift", reason="open_break:D10"))
    assert line.plain == "! rebalance blocked, weights have left their bands: open break:D10"
    [line] = rebalancing_lines(known(state="suggested", trigger="index_changed"))
    assert line.plain == "! rebalance suggested, its index has changed"


def test_percentages_become_exact_fractions() -> None:
    assert [percentage(text) for text in ("5", "2.5 %", "25%")] == ["0.05", "0.025", "0.25"]
    with pytest.raises(Wish):
        percentage("many")
