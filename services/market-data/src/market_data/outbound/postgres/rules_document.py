"""Index rules as JSON, decimals as text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from market_data.domain.index_rules import Buffer, Buffering, IndexRules, Rhythm, Weighting
from shared.trading.money import plain


def to_document(rules: IndexRules) -> dict[str, Any]:
    """What is stored."""
    return {
        "weight_floor": plain(rules.weight_floor),
        "include": list(rules.include),
        "exclude": list(rules.exclude),
        "fixed": {asset: plain(weight) for asset, weight in rules.fixed.items()},
        "cash_share": plain(rules.cash_share),
        "buffer": {
            "kind": rules.buffer.kind.value,
            "enter": plain(rules.buffer.enter),
            "leave": plain(rules.buffer.leave),
            "cap_percent": plain(rules.buffer.cap_percent),
        },
        "min_volume": plain(rules.min_volume),
        "min_age_days": rules.min_age_days,
        "rhythm": rules.rhythm.value,
    }


def to_rules(head: Mapping[str, Any]) -> IndexRules:
    """The rules of a stored version; one that was made before rules were kept has those of its time."""
    facts: dict[str, Any] = {name: head[name] for name in ("index_id", "name", "description", "size", "weight_cap")}
    facts["weighting"] = Weighting(head["weighting"])
    if head["rules"] is None:
        return IndexRules(**facts)
    more = head["rules"]
    numbers: dict[str, Any] = {name: Decimal(more[name]) for name in ("weight_floor", "cash_share", "min_volume")}
    buffer = more["buffer"]
    return IndexRules(
        **facts,
        **numbers,
        include=tuple(more["include"]),
        exclude=tuple(more["exclude"]),
        fixed={asset: Decimal(weight) for asset, weight in more["fixed"].items()},
        buffer=Buffer(
            kind=Buffering(buffer["kind"]),
            enter=Decimal(buffer["enter"]),
            leave=Decimal(buffer["leave"]),
            cap_percent=Decimal(buffer["cap_percent"]),
        ),
        min_age_days=more["min_age_days"],
        rhythm=Rhythm(more["rhythm"]),
    )
