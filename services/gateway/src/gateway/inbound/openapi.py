"""The API's description, OpenAPI 3.1: committed as docs/openapi.json, compared on every check.

`python -m gateway.inbound.openapi --write` after a change on purpose, `--check` to see whether they are equal.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from gateway.inbound.api import create_app

DOCUMENT = Path("docs") / "openapi.json"


def text() -> str:
    """The document as it is committed."""
    return json.dumps(create_app().openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the document, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--file", type=Path, default=DOCUMENT)
    asked = parser.parse_args()
    if asked.write:
        asked.file.write_text(text(), encoding="utf-8")
        return 0
    if not asked.file.exists() or asked.file.read_text(encoding="utf-8") != text():
        sys.stderr.write(f"{asked.file} differs from the routes; run: python -m gateway.inbound.openapi --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
