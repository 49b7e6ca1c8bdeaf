"""An example of every model, made from its JSON Schema: the same each time, and accepted by the model itself."""

from __future__ import annotations

from typing import Any

_BY_FORMAT = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date-time": "2026-11-20T12:00:00.000Z",
    "date": "2026-11-20",
    "decimal": "12.5",
    "password": "not-a-secret",
    "email": "someone@example.org",
}
_BY_NAME = {"symbol": "BTCUSDT", "asset": "BTC", "base": "BTC", "quote": "USDT", "client_order_id": "bp" + "0" * 33}


def example_of(schema: dict[str, Any]) -> Any:
    """A value that the schema describes; optional parts are there too, so that a reader sees all of it.

    Args:
        schema: As pydantic writes it, with its `$defs`.
    """
    return _Examples(schema.get("$defs", {})).of(schema, "")


class _Examples:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions

    def of(self, schema: dict[str, Any], name: str) -> Any:
        if "$ref" in schema:
            return self.of(self._definitions[schema["$ref"].rpartition("/")[2]], name)
        for keyword in ("const", "default"):
            if schema.get(keyword) is not None:
                return schema[keyword]
        if "enum" in schema:
            return schema["enum"][0]
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in schema:
                return self.of(self._first_thing(schema[keyword]), name)
        return self._by_type(schema, name)

    def _first_thing(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return next((choice for choice in choices if choice.get("type") != "null"), choices[0])

    def _by_type(self, schema: dict[str, Any], name: str) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, name)
            case "array":
                return [self.of(schema["items"], name.removesuffix("s"))] if "items" in schema else []
            case "string":
                return _text(schema, name)
            case "integer":
                return max(1, int(schema.get("minimum", 1)))
            case kind:
                return {"number": 1.0, "boolean": True}.get(str(kind))

    def _object(self, schema: dict[str, Any], name: str) -> dict[str, Any]:
        if "properties" in schema:
            return {key: self.of(value, key) for key, value in schema["properties"].items()}
        inner = schema.get("additionalProperties")
        return {_BY_NAME["symbol"]: self.of(inner, name)} if isinstance(inner, dict) else {}


def _text(schema: dict[str, Any], name: str) -> str:
    return _BY_FORMAT.get(schema.get("format", "")) or _BY_NAME.get(name) or name or "text"
