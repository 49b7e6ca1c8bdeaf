"""The API's description, OpenAPI 3.1: committed as docs/openapi.json, compared on every check.

`python -m gateway.inbound.openapi --write` after a change on purpose, `--check` to see whether they are equal.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.inbound.problems import Problem

DOCUMENT = Path("docs") / "openapi.json"
_TEMPLATE = "#/components/schemas/{model}"
_OPEN_OPERATIONS = {
    "account_register",
    "account_login",
    "account_refresh",
    "account_logout",
    "front_page",
    "system_health",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an app, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        routes=app.routes,
        tags=[
            {"name": name}
            for name in (
                "account",
                "keys",
                "indices",
                "plans",
                "positions",
                "accounts",
                "activity",
                "events",
                "export",
                "system",
            )
        ],
    )
    schemas = document["components"]["schemas"]
    schemas.update(_problem_schemas())
    schemas.update(_login_schema())
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-basketry_access",
            "description": "Writes need an allowed Origin and the header X-Basketry-Client.",
        },
    }
    for path in document["paths"].values():
        for operation in path.values():
            if operation["operationId"] not in _OPEN_OPERATIONS:
                operation["security"] = [{"bearer": []}, {"cookie": []}]
    return document


def _problem_schemas() -> dict[str, Any]:
    problem = Problem.model_json_schema(ref_template=_TEMPLATE)
    return {**problem.pop("$defs", {}), "Problem": problem}


def _login_schema() -> dict[str, Any]:
    from gateway.inbound.http.account import LoginAsk  # noqa: PLC0415 - the route reads its body itself

    return {"LoginAsk": LoginAsk.model_json_schema(ref_template=_TEMPLATE)}


def text() -> str:
    """The document as it is committed."""
    from gateway.inbound.api import create_app  # noqa: PLC0415 - the app itself needs this module

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
