"""A fault as it is ordered: read field by field, and refused when it could not do what it says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from paper_exchange.application.fault_kinds import KINDS, FaultKind, is_public, is_stream
from paper_exchange.application.faults import FRAME_KINDS, Fault
from paper_exchange.domain.refusal import Unreadable

NUMBERS = ("latency_ms", "jitter_ms", "count", "ret_code", "hold_ms", "status", "for_ms", "skew_ms")
TEXTS = ("path", "uid", "ret_msg", "variant")
EVERY_KIND = frozenset({"kind", "uid", "for_ms"})
HIGHEST = 10**8


def read_fault(body: Mapping[str, Any], paths: Collection[str]) -> Fault:
    """A fault.

    Args:
        body: As it was ordered.
        paths: Every path of the venue, sockets too.

    Raises:
        Unreadable: an unknown kind, a field that this kind does not heed, a value out of range, or a path where it
            would never strike.
    """
    name = body.get("kind", "latency")
    if not isinstance(name, str) or name not in KINDS:
        raise Unreadable(f"kind must be one of {', '.join(KINDS)}")
    kind = next(kind for known, kind in KINDS.items() if known == name)
    unheeded = sorted(set(body) - EVERY_KIND - set(kind.fields))
    if unheeded:
        raise Unreadable(
            f"{name} does not heed {', '.join(unheeded)}, but {', '.join((*kind.fields, 'uid', 'for_ms'))}"
        )
    if body.get("outcome", "not") not in ("executed", "not"):
        raise Unreadable("outcome must be executed or not")
    texts = {field: text for field in TEXTS if (text := _text(body, field))}
    if texts.get("variant", "") not in ("", *kind.variants):
        raise Unreadable(f"variant of {name} must be one of {', '.join(kind.variants)}")
    outcome = {"outcome": body["outcome"]} if "outcome" in body else {}
    fault = Fault(kind=name, **(texts | outcome | _numbers(body)))  # type: ignore[arg-type]
    _check_place(fault, kind, paths)
    return fault


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"{field} must be text")
    return value or ""


def _numbers(body: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {field: body[field] for field in NUMBERS if field in body}
    if any(isinstance(value, bool) or not isinstance(value, int) for value in numbers.values()):
        raise Unreadable(f"{', '.join(numbers)} must be whole numbers")
    if any(not (-HIGHEST if field == "skew_ms" else 0) <= value <= HIGHEST for field, value in numbers.items()):
        raise Unreadable("numbers must lie between 0 and 100,000,000")
    if not numbers.get("count", 1):
        raise Unreadable("count must be above 0")
    if not 400 <= numbers.get("status", 500) <= 599:
        raise Unreadable("status must be an HTTP error")
    return numbers


def _check_place(fault: Fault, kind: FaultKind, paths: Collection[str]) -> None:
    """Somewhere it must be able to strike, as often and whom it is told."""
    if "path" not in kind.fields:
        return
    struck = [path for path in paths if kind.strikes(path) and fault.concerns(path, fault.uid)]
    if fault.path == "*":
        struck = [path for path in struck if not is_public(path)]
    if not struck:
        raise Unreadable(f"{fault.kind} strikes nothing at path {fault.path}")
    if fault.uid and all(is_public(path) for path in struck):
        raise Unreadable(f"nobody is known at path {fault.path}: it does not heed uid")
    if fault.count is not None and fault.kind not in FRAME_KINDS and all(is_stream(path) for path in struck):
        raise Unreadable(f"{fault.kind} does not heed count at path {fault.path}")
