"""The read calls that may be signed: named parameters, each once, with values of a known form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from keys.domain.strict_json import check_ascii, refuse

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
_SYMBOL = re.compile(r"[A-Z0-9]{2,30}\Z")
_COINS = re.compile(r"[A-Z0-9]{1,20}(?:(?:,|%2C)[A-Z0-9]{1,20}){0,49}\Z")
_NUMBER = re.compile(r"\d{1,16}\Z", re.ASCII)
_CURSOR = re.compile(r"[A-Za-z0-9%_.:,=+/|-]{0,512}\Z")
_SPOT = re.compile(r"spot\Z")
_UNIFIED = re.compile(r"UNIFIED\Z")
_SIDE = re.compile(r"(?:Buy|Sell)\Z")

_PAGE = {"limit": _NUMBER, "cursor": _CURSOR}
_SPAN = {"startTime": _NUMBER, "endTime": _NUMBER}
_ONE_ORDER = {"orderId": _WORD, "orderLinkId": _WORD}
_WHICH = {"symbol": _SYMBOL, "baseCoin": _COINS, "settleCoin": _COINS}


@dataclass(frozen=True, slots=True)
class QuerySchema:
    """The parameters of a read call.

    Attributes:
        required: Parameters that must be there; spot is always asked for by name.
        optional: Parameters that may be there.
    """

    required: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    optional: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def check(self, payload: str) -> None:
        """Refuse a raw query string that this schema does not describe.

        Raises:
            PayloadRefused: Unknown, repeated, missing or malformed parameters.
        """
        check_ascii(payload)
        if not payload:
            # The venue signs neither method nor path: this signature would fit every call with an empty body.
            refuse("empty_payload")
        found = _pairs(payload)
        for name, value in found.items():
            form = self.required.get(name) or self.optional.get(name)
            if form is None:
                refuse("field_not_allowed", field=name[:40])
            if not form.match(value):
                refuse("value_not_allowed", field=name)
        for name in sorted(self.required.keys() - found.keys()):
            refuse("field_missing", field=name)


ORDERS = QuerySchema({"category": _SPOT}, {**_WHICH, **_ONE_ORDER, **_PAGE, "openOnly": _NUMBER, "orderFilter": _WORD})
HISTORY = QuerySchema(
    {"category": _SPOT}, {**_WHICH, **_ONE_ORDER, **_PAGE, **_SPAN, "orderFilter": _WORD, "orderStatus": _WORD}
)
EXECUTIONS = QuerySchema({"category": _SPOT}, {**_WHICH, **_ONE_ORDER, **_PAGE, **_SPAN, "execType": _WORD})
WALLET = QuerySchema({"accountType": _UNIFIED}, {"coin": _COINS})
TRANSACTIONS = QuerySchema(
    {"accountType": _UNIFIED},
    {**_PAGE, **_SPAN, "category": _SPOT, "currency": _COINS, "baseCoin": _COINS, "type": _WORD, "transSubType": _WORD},
)
FEES = QuerySchema({"category": _SPOT}, {"symbol": _SYMBOL, "baseCoin": _COINS})
BORROW_CHECK = QuerySchema({"category": _SPOT, "symbol": _SYMBOL, "side": _SIDE})


def _pairs(payload: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in payload.split("&"):
        name, equals, value = part.partition("=")
        if not equals or not name:
            refuse("malformed_query")
        if name in found:
            refuse("duplicate_field", field=name[:40])
        found[name] = value
    return found
