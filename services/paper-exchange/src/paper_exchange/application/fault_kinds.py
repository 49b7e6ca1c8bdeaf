"""What each kind of misbehaviour can be told, where it strikes, and what the client sees: the table of FAULTS.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from paper_exchange.application.faults import Kind

TRADE_STREAM = "/v5/trade"
PRIVATE_STREAM = "/v5/private"
VIEWS = frozenset({"/v5/order/realtime", "/v5/order/history", "/v5/execution/list"})
REJECT_REASONS = (
    "EC_Others",
    "EC_InvalidSymbolStatus",
    "EC_ReachMaxTradeNum",
    "EC_InvalidPriceScale",
    "EC_NoEnoughQtyToFill",
)


def is_public(path: str) -> bool:
    """Whether a path belongs to nobody: only a fault that names it strikes it."""
    return path.startswith(("/v5/market/", "/v5/public/"))


def is_stream(path: str) -> bool:
    """Whether a path is a socket."""
    return path in {PRIVATE_STREAM, TRADE_STREAM} or path.startswith("/v5/public/")


def _call(path: str) -> bool:
    return not is_stream(path)


def _private_call(path: str) -> bool:
    return _call(path) and not is_public(path)


def _order(path: str) -> bool:
    return path in {"/v5/order/create", "/v5/order/create-batch"}


def _batch(path: str) -> bool:
    return path.endswith("-batch")


def _view(path: str) -> bool:
    return path in VIEWS


def _told_stream(path: str) -> bool:
    return path == PRIVATE_STREAM or path.startswith("/v5/public/")


def _private_stream(path: str) -> bool:
    return path == PRIVATE_STREAM


def _anywhere(_path: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One kind.

    Attributes:
        fields: What it can be told beside `uid` and `for_ms`; anything else is refused.
        seen: What the client sees.
        numbers: Rows of the project's fault matrix.
        strikes: Which paths it can strike.
        variants: Words that `variant` may be.
    """

    fields: tuple[str, ...]
    seen: str
    numbers: tuple[int, ...]
    strikes: Callable[[str], bool] = _call
    variants: tuple[str, ...] = ()


CALL = ("path", "count")
KINDS: Mapping[Kind, FaultKind] = {
    "latency": FaultKind(
        fields=(*CALL, "latency_ms", "jitter_ms"), seen="a round trip that is longer by so much", numbers=(34,)
    ),
    "clock_skew": FaultKind(
        fields=(*CALL, "skew_ms"),
        seen="10002, other times in answers and in `market/time`; below zero the venue is behind",
        numbers=(37,),
    ),
    "lost_request": FaultKind(
        fields=(*CALL, "hold_ms"), seen="silence, then a broken connection; not carried out", numbers=(18, 35, 56)
    ),
    "lost_reply": FaultKind(
        fields=(*CALL, "hold_ms"), seen="silence, then a broken connection; carried out", numbers=(17, 35, 56)
    ),
    "late_landing": FaultKind(
        fields=(*CALL, "hold_ms", "latency_ms"),
        seen="a broken connection; the call lands after `latency_ms`, or (0) at timestamp + recv_window − 2 ms",
        numbers=(19,),
        strikes=_private_call,
    ),
    "reset": FaultKind(fields=(*CALL, "outcome"), seen="a reset connection", numbers=(35,)),
    "reset_mid_reply": FaultKind(fields=CALL, seen="half an answer, then a reset; carried out", numbers=(35,)),
    "half_open": FaultKind(
        fields=(*CALL, "outcome", "hold_ms"), seen="a connection that nobody reads any more", numbers=(35,)
    ),
    "error_500": FaultKind(
        fields=(*CALL, "status", "outcome"),
        seen="an HTML page; not carried out and without `count`: the venue is down, and sockets of its paths are "
        "cut and refused with the same status",
        numbers=(23, 33),
        strikes=_anywhere,
    ),
    "malformed_json": FaultKind(
        fields=(*CALL, "variant"),
        seen="an answer that is no JSON; carried out",
        numbers=(30,),
        variants=("cut", "empty", "html"),
    ),
    "strange_values": FaultKind(
        fields=(*CALL, "variant"),
        seen="JSON with what nobody expects",
        numbers=(30,),
        variants=("new_status", "nan", "huge", "extra_fields", "nulls"),
    ),
    "duplicate_rows": FaultKind(fields=CALL, seen="rows of a query twice", numbers=(28, 72)),
    "shuffled_rows": FaultKind(fields=CALL, seen="rows of a query in disorder", numbers=(28, 72)),
    "crossed_book": FaultKind(fields=CALL, seen="bids above asks", numbers=(38,), strikes=is_public),
    "ret_code": FaultKind(
        fields=(*CALL, "ret_code", "ret_msg", "outcome", "variant"),
        seen="10000, 10016, 170146 …; with http_401 in an answer of status 401, as of a key no longer taken",
        numbers=(23, 45),
        variants=("http_401",),
        strikes=_private_call,
    ),
    "leg_ret_code": FaultKind(
        fields=(*CALL, "ret_code", "ret_msg"),
        seen="a code for every leg of a batch that was carried out",
        numbers=(23,),
        strikes=_batch,
    ),
    "rate_limit": FaultKind(fields=CALL, seen="10006 with its headers", numbers=(31,)),
    "ip_ban": FaultKind(
        fields=CALL,
        seen="403; without `count` sockets of its paths are cut and refused with 403",
        numbers=(32,),
        strikes=_anywhere,
    ),
    "link_ids_forgotten": FaultKind(fields=CALL, seen="a used link id is taken again", numbers=(25,), strikes=_order),
    "visibility_lag": FaultKind(
        fields=("path", "latency_ms"),
        seen="orders and fills younger than that are not found; `path` for one view",
        numbers=(20, 22),
        strikes=_view,
    ),
    "wiped_live_view": FaultKind(fields=(), seen="`order/realtime` has forgotten what ended", numbers=(21, 22)),
    "match_delay": FaultKind(fields=("latency_ms", "jitter_ms"), seen="acknowledged, not matched yet", numbers=(20,)),
    "rejected_later": FaultKind(
        fields=("count", "variant"),
        seen="acknowledged, then Rejected on the order stream and in queries, with this reason",
        numbers=(18, 20),
        variants=REJECT_REASONS,
    ),
    "stream_latency": FaultKind(
        fields=("path", "latency_ms", "jitter_ms"),
        seen="private frames late",
        numbers=(29,),
        strikes=_private_stream,
    ),
    "silent_stream": FaultKind(fields=("path",), seen="no frames and no error", numbers=(29,), strikes=_told_stream),
    "half_open_stream": FaultKind(
        fields=("path",), seen="no frame, no pong, no close; reset when healed", numbers=(29, 35), strikes=_told_stream
    ),
    "lost_frames": FaultKind(fields=CALL, seen="a private frame missing", numbers=(28,), strikes=_private_stream),
    "duplicated_frames": FaultKind(fields=CALL, seen="a private frame twice", numbers=(28,), strikes=_private_stream),
    "reordered_frames": FaultKind(
        fields=CALL, seen="a private frame behind the next", numbers=(28,), strikes=_private_stream
    ),
}


def table() -> Iterator[str]:
    """The rows of FAULTS.md."""
    yield "| kind | fields | what the client sees | no. |"
    yield "|---|---|---|---|"
    for name, kind in KINDS.items():
        fields = ", ".join(
            f"variant ({', '.join(kind.variants)})" if field == "variant" else field for field in kind.fields
        )
        yield f"| {name} | {fields} | {kind.seen} | {', '.join(map(str, kind.numbers))} |"
