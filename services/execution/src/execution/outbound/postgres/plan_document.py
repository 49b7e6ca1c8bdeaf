"""A plan as the document that its row keeps: decimals and moments as text."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from execution.domain.plan import Plan

_PLAN = TypeAdapter(Plan)


def to_document(plan: Plan) -> dict[str, Any]:
    """The document of a plan."""
    document: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    return document


def from_document(document: dict[str, Any]) -> Plan:
    """The plan of a document."""
    return _PLAN.validate_python(document)
