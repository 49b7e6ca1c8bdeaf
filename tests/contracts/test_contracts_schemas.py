"""Published events keep their promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.contracts.asyncapi import asyncapi
from shared.contracts.compatibility import breaking_changes
from shared.contracts.envelope import Envelope
from shared.contracts.registry import EVENTS, EventSpec
from shared.contracts.rpc.catalogue import VERBS
from shared.contracts.schemas import DOCUMENT, FOLDER, ROOT, all_files, differences, main
from shared.contracts.topology import CONSUMERS, SERVICES, STREAMS, readers_of, streams_with

by_event = pytest.mark.parametrize("spec", EVENTS, ids=lambda spec: f"{spec.type}.v{spec.version}")


def committed(spec: EventSpec) -> dict[str, Any]:
    text = (ROOT / FOLDER / f"{spec.type}.v{spec.version}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_committed_files_are_todays() -> None:
    assert differences(ROOT) == []


@by_event
def test_the_committed_example_is_read_by_todays_model_and_fits_its_schema(spec: EventSpec) -> None:
    promised = committed(spec)
    event = Envelope[spec.model].model_validate(promised["example"])  # type: ignore[name-defined]
    assert json.loads(event.model_dump_json()) == promised["example"]
    jsonschema.Draft202012Validator(promised["schema"]).validate(promised["example"])


@by_event
def test_every_event_has_an_owner_a_stream_and_readers(spec: EventSpec) -> None:
    assert spec.owner in SERVICES
    assert streams_with(spec.domain)
    assert readers_of(spec.domain, spec.version, spec.name), "nobody listens"


def test_every_consumer_is_fed_by_something() -> None:
    fed = {one.name for spec in EVENTS for one in readers_of(spec.domain, spec.version, spec.name)}
    assert {one.name for one in CONSUMERS} - fed == {"gateway-dlq"}


def test_names_are_unique() -> None:
    for names in (
        [(spec.type, spec.version) for spec in EVENTS],
        [one.name for one in CONSUMERS],
        [one.name for one in STREAMS],
        [verb.subject for verb in VERBS],
    ):
        assert len(set(names)) == len(names)


def test_batches_fit_into_what_may_be_pending() -> None:
    assert all(1 <= one.at_once <= min(8, one.max_ack_pending) for one in CONSUMERS)


def test_every_decimal_travels_as_text() -> None:
    for path, text in all_files().items():
        numbers = [where for where in _numbers(json.loads(text)) if not where.startswith("$.operations")]
        assert numbers == [], path


def _numbers(node: Any, where: str = "$") -> list[str]:
    if isinstance(node, dict):
        # Durations, named `…_s`, are no money.
        own = [where] if node.get("type") == "number" and "_s." not in f"{where}." else []
        return own + [hit for key, value in node.items() for hit in _numbers(value, f"{where}.{key}")]
    if isinstance(node, list):
        return [hit for at, value in enumerate(node) for hit in _numbers(value, f"{where}[{at}]")]
    return []


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = asyncapi()
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [hit for value in node.values() for hit in _references(value)]
    return [hit for value in node for hit in _references(value)] if isinstance(node, list) else []


OLD = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": "string"},
        "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "c": {"$ref": "#/$defs/C"},
        "d": {"type": "array", "items": {"$ref": "#/$defs/D"}},
    },
    "$defs": {
        "C": {"type": "string", "enum": ["x", "y"]},
        "D": {"type": "object", "properties": {"e": {"type": "string"}}, "required": []},
    },
}


def changed(**parts: Any) -> dict[str, Any]:
    return json.loads(json.dumps(OLD)) | parts  # type: ignore[no-any-return]


def test_optional_fields_and_wider_choices_break_nothing() -> None:
    wider = changed(
        properties=OLD["properties"] | {"new": {"type": "string"}},  # type: ignore[operator]
        **{"$defs": OLD["$defs"] | {"C": {"type": "string", "enum": ["x", "y", "z"]}}},  # type: ignore[operator]
    )
    assert breaking_changes(OLD, OLD) == []
    assert breaking_changes(OLD, wider) == []


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        (changed(required=["a", "b"]), "required"),
        (changed(properties={k: v for k, v in OLD["properties"].items() if k != "a"}), "gone"),  # type: ignore[attr-defined]
        (changed(properties=OLD["properties"] | {"a": {"type": "integer"}}), "type"),  # type: ignore[operator]
        (changed(properties=OLD["properties"] | {"b": {"type": "integer"}}), "type"),  # type: ignore[operator]
        (changed(**{"$defs": OLD["$defs"] | {"C": {"type": "string", "enum": ["x"]}}}), "y"),  # type: ignore[operator]
        (changed(**{"$defs": OLD["$defs"] | {"D": {"type": "object", "properties": {}}}}), "d[].e"),  # type: ignore[operator]
    ],
)
def test_what_breaks_is_named(new: dict[str, Any], complaint: str) -> None:
    found = breaking_changes(OLD, new)
    assert len(found) == 1
    assert complaint in found[0]


def test_the_command_writes_checks_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--root", str(tmp_path)]
    assert main(["--check", *where]) == 1
    assert main(["--write", *where]) == 0
    assert main(["--check", *where]) == 0
    file = tmp_path / FOLDER / "orders.place_basket_order.v1.json"
    promised = json.loads(file.read_text(encoding="utf-8"))
    promised["schema"]["properties"]["gone_today"] = {"type": "string"}
    file.write_text(json.dumps(promised), encoding="utf-8")
    assert main(["--write", *where]) == 1
    assert "gone_today: is gone" in capsys.readouterr().out
    assert main(["--write", "--force", *where]) == 0
    assert (tmp_path / DOCUMENT).exists()
