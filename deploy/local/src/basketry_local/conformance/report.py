"""The report: JSON for machines, Markdown for people. Neither names the key."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from basketry_local.conformance.session import Session
from shared.trading.money import plain

_MARK = {True: "yes", False: "**NO**", None: "open"}


def write(session: Session, folder: Path, *, at: datetime) -> tuple[Path, Path]:
    """Both files, named by environment and moment."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"conformance-{session.environment}-{at:%Y%m%d-%H%M%S}"
    document = as_document(session, at)
    as_json, as_text = stem.with_suffix(".json"), stem.with_suffix(".md")
    as_json.write_text(json.dumps(document, indent=2, default=str) + "\n", "utf-8")
    as_text.write_text(as_markdown(document), "utf-8")
    return as_json, as_text


def as_document(session: Session, at: datetime) -> dict[str, Any]:
    """Everything as plain values."""
    return {
        "environment": session.environment.value,
        "venue": session.host.rest,
        "symbol": session.symbol,
        "at": at.isoformat(),
        "budget": plain(session.budget),
        "spent_at_most": plain(session.spent),
        "left_in_the_account": session.left,
        "agrees": agrees(session),
        "findings": [asdict(finding) for finding in session.findings],
        "troubles": list(session.troubles),
    }


def agrees(session: Session) -> bool:
    """Whether nothing contradicts the product, and everything that was to be asked could be asked."""
    return all(finding.agrees is not False for finding in session.findings) and not session.troubles


def as_markdown(document: dict[str, Any]) -> str:
    """A table of questions, then the troubles."""
    asked = (
        f"Asked {document['venue']} with {document['symbol']}; orders that could fill were worth "
        f"{document['spent_at_most']} of at most {document['budget']}; {document['left_in_the_account']} stayed."
    )
    lines = [
        f"# Conformance: {document['environment']}, {document['at']}",
        "",
        asked,
        "",
        "| question | the product assumes | the venue | agrees |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {_cell(row['question'])} | {_cell(row['assumed'])} | {_cell(row['said'])} | {_MARK[row['agrees']]} |"
        for row in document["findings"]
    ]
    if document["troubles"]:
        lines += ["", "## Could not be asked", "", *(f"- {_cell(trouble)}" for trouble in document["troubles"])]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
