"""What the framework does not see of the API: problems, who may ask what, the bodies that a route reads itself."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.inbound.http.account import LoginAsk
from gateway.inbound.problems import Problem, status_of
from shared.contracts.problem import Problem as TypedProblem
from shared.contracts.problem_codes import PROBLEM_CODES

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
    problem["properties"]["code"]["description"] = _codes()
    return {**problem.pop("$defs", {}), "Problem": problem}


def _codes() -> str:
    """Every code by its status; what HTTP itself refuses is named by its phrase."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for family, codes in PROBLEM_CODES.items():
        for code in codes:
            by_status[status_of(TypedProblem(family=family, code=code, detail="").to_error())].append(f"`{code}`")
    lines = [f"- {status}: {', '.join(sorted(codes))}" for status, codes in sorted(by_status.items())]
    first = "Unique and stable: branch on it. What HTTP itself refuses has its phrase, such as `method_not_allowed`."
    return "\n".join([first, "", *lines])


def _login_schema() -> dict[str, Any]:
    """The route reads its body itself, so the framework does not see it."""
    return {"LoginAsk": LoginAsk.model_json_schema(ref_template=_TEMPLATE)}
