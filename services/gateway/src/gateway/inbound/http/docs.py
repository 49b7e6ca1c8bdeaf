"""A page for people that lists the API: without scripts, since it stands on the origin that holds the cookie."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

docs = APIRouter(include_in_schema=False)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#f2f2f2;padding:.1rem .3rem;border-radius:.2rem}dt{margin-top:1rem;font-weight:600}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


@docs.get("/docs")
async def page(request: Request) -> HTMLResponse:
    """Every operation with its words; the full description is /api/openapi.json."""
    document = request.app.openapi()
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    listed = "".join(_entry(*one) for one in operations)
    body = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Basketry API</title><style>{_STYLE}</style>"
        f"<h1>Basketry API {escape(document['info']['version'])}</h1><p>{escape(document['info'].get('summary', ''))}</p>"
        f'<p>OpenAPI 3.1: <a href="/api/openapi.json">/api/openapi.json</a>. Errors are application/problem+json.</p>'
        f"<dl>{listed}</dl></html>"
    )
    return HTMLResponse(body, headers={"content-security-policy": _POLICY})


def _entry(method: str, path: str, operation: dict[str, Any]) -> str:
    words = operation.get("description") or operation.get("summary") or ""
    return f"<dt><code>{method} {escape(path)}</code> {escape(operation['operationId'])}</dt><dd>{escape(words)}</dd>"
