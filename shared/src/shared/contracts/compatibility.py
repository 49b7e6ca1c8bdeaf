"""A published version only gains optional fields: what else changed would break a reader or an older writer."""

from __future__ import annotations

from typing import Any


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What in `new` breaks the promise of `old`; empty when it only gained optional fields or wider choices.

    Args:
        old: The JSON Schema that was published, with its `$defs`.
        new: The one of today's model.
    """
    return _Comparison(old.get("$defs", {}), new.get("$defs", {})).of(old, new, "")


class _Comparison:
    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old = old
        self._new = new

    def of(self, old: dict[str, Any], new: dict[str, Any], where: str) -> list[str]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        found = [f"{where or 'event'}: {difference}" for difference in _kind_changes(old, new)]
        if found:
            return found
        if "items" in old and "items" in new:
            found += self.of(old["items"], new["items"], f"{where}[]")
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            found += self.of(old["additionalProperties"], new["additionalProperties"], f"{where}{{}}")
        before, after = old.get("properties", {}), new.get("properties", {})
        found += [f"{where}.{name}: is gone" for name in before if name not in after]
        needed = set(new.get("required", [])) - set(old.get("required", []))
        found += [f"{where}.{name}: is now required" for name in sorted(needed)]
        for name in before.keys() & after.keys():
            found += self.of(before[name], after[name], f"{where}.{name}")
        return sorted(found)


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = definitions[schema["$ref"].rpartition("/")[2]]
        return found
    choices = schema.get("anyOf", [])
    if len(choices) == 2 and {"type": "null"} in choices:
        inner = next(choice for choice in choices if choice != {"type": "null"})
        return {**_resolved(inner, definitions), "nullable": True}
    return schema


def _kind_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    old = _as_choice(old) if "enum" in new else old
    changes = [
        f"{keyword} was {old.get(keyword)}, is {new.get(keyword)}"
        for keyword in ("type", "format", "const", "pattern")
        if old.get(keyword) != new.get(keyword)
    ]
    lost = [str(value) for value in old.get("enum", []) if "enum" in new and value not in new["enum"]]
    if lost:
        changes.append(f"no longer knows {', '.join(lost)}")
    return changes


def _as_choice(schema: dict[str, Any]) -> dict[str, Any]:
    """The only possible value as a choice of one, which may become a wider choice."""
    if "const" not in schema:
        return schema
    return {**{key: value for key, value in schema.items() if key != "const"}, "enum": [schema["const"]]}
