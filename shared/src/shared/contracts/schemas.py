"""Every published event as a file: schema, example, owner, producer, consumers. `python -m shared.contracts.schemas`.

`--check` compares the committed files with today's models; `--write` renews them, but never with a change that breaks
what was published (`--force` is for versions that nobody has seen).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.contracts.asyncapi import asyncapi
from shared.contracts.compatibility import breaking_changes
from shared.contracts.envelope import Envelope
from shared.contracts.examples import example_of
from shared.contracts.registry import EVENTS, EventSpec
from shared.contracts.topology import readers_of, streams_with

ROOT = Path(__file__).resolve().parents[4]
"""The repository, when the package is installed editable."""
FOLDER = Path("shared/schemas")
DOCUMENT = Path("docs/asyncapi.json")


def described(spec: EventSpec) -> dict[str, Any]:
    """Everything promised about one event version."""
    shape = Envelope[spec.model]  # type: ignore[name-defined]
    # As readers see it: in the other mode every field with a default would count as required.
    schema = shape.model_json_schema(mode="validation")
    return {
        "event": spec.model.__name__,
        "type": spec.type,
        "version": spec.version,
        "subject": f"{spec.domain}.v{spec.version}.{spec.name}.<user>.<entity>",
        "streams": streams_with(spec.domain),
        "owner": spec.owner,
        "producer": spec.owner,
        "consumers": [one.name for one in readers_of(spec.domain, spec.version, spec.name)],
        "schema": schema,
        "example": _example(spec, schema),
    }


def _example(spec: EventSpec, schema: dict[str, Any]) -> Any:
    """An example in today's words; the model has taken it and written it again."""
    rough = example_of(schema)
    subject = spec.subject(user=None, entity=None)
    rough |= {"type": spec.type, "version": spec.version, "source": spec.owner, "subject": subject}
    shape = Envelope[spec.model]  # type: ignore[name-defined]
    return json.loads(shape.model_validate(rough).model_dump_json())


def all_files() -> dict[Path, str]:
    """Every generated file: path below the repository and text."""
    files = {FOLDER / f"{spec.type}.v{spec.version}.json": _text(described(spec)) for spec in EVENTS}
    return {**files, DOCUMENT: _text(asyncapi())}


def differences(root: Path) -> list[str]:
    """What in the committed files is not as the models say; empty when all is."""
    wanted = all_files()
    found = [
        f"{path}: {_why(root / path, text)}" for path, text in sorted(wanted.items()) if _read(root / path) != text
    ]
    strangers = {path.relative_to(root) for path in (root / FOLDER).glob("*.json")} - set(wanted)
    return found + [
        f"{path}: no event of the registry; a published version is never removed" for path in sorted(strangers)
    ]


def broken_promises(root: Path) -> list[str]:
    """What today's models break of the committed schemas."""
    found = []
    for path, text in sorted(all_files().items()):
        committed = _read(root / path)
        if committed is not None and path != DOCUMENT:
            changes = breaking_changes(json.loads(committed)["schema"], json.loads(text)["schema"])
            found += [f"{path}: {change}" for change in changes]
    return found


def _why(path: Path, text: str) -> str:
    committed = _read(path)
    if committed is None:
        return "is missing"
    if path.name == DOCUMENT.name:
        return "differs"
    changes = breaking_changes(json.loads(committed)["schema"], json.loads(text)["schema"])
    return f"breaks its promise ({'; '.join(changes)})" if changes else "differs"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _write(root: Path, *, force: bool) -> int:
    broken = [] if force else broken_promises(root)
    if broken:
        _say("Not written; give the event a new version instead:", *broken)
        return 1
    for path, text in all_files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return 0


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """The command; status 1 when a check fails or a promise would break."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.schemas", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="compare the committed files with the models")
    action.add_argument("--write", action="store_true", help="renew the files")
    parser.add_argument("--force", action="store_true", help="overwrite even what was promised")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        return _write(chosen.root, force=chosen.force)
    found = differences(chosen.root)
    if found:
        _say("The committed schemas are not today's (python -m shared.contracts.schemas --write):", *found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
