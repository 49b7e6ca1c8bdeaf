"""Every code that the code raises is listed, once and under one family; no other is listed."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.contracts.problem_codes import PROBLEM_CODES, WITHIN
from shared.contracts.rpc.catalogue import VERBS
from shared.contracts.topology import SERVICES
from shared.trading.errors import FAMILIES

ROOT = Path(__file__).parents[2]
ANSWERING = {verb.service for verb in VERBS}
FAMILY_OF = {kind.__name__: family for family, kind in FAMILIES.items()}
PLACES = {"shared": ROOT / "shared/src", **{one: ROOT / f"services/{one.replace('_', '-')}/src" for one in SERVICES}}


@dataclass(frozen=True, slots=True)
class Raised:
    code: str
    family: str
    where: str


def raised() -> list[Raised]:
    """The codes of error classes, and those that a call gives an error class of ours."""
    trees = {
        place: {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))}
        for place, folder in PLACES.items()
    }
    bases = {place: _bases(list(found.values())) for place, found in trees.items()}
    found = [
        Raised(code, family, f"{path.relative_to(ROOT)}")
        for place, modules in trees.items()
        for path, tree in modules.items()
        for name, code in _codes(tree)
        if (family := _family(name, {**bases["shared"], **bases[place]})) is not None
    ]
    return [
        *found,
        *(Raised(f"{one}_unavailable", "unavailable", "shared/src/shared/runtime/rpc.py") for one in sorted(ANSWERING)),
    ]


def _bases(trees: list[ast.Module]) -> dict[str, list[str]]:
    return {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def _family(name: str, bases: dict[str, list[str]]) -> str | None:
    if name in FAMILY_OF:
        return FAMILY_OF[name]
    found = (_family(base, bases) for base in bases.get(name, []) if base != name)
    return next((one for one in found if one is not None), None)


def _codes(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign | ast.AnnAssign) and "code" in ast.unparse(line).partition("=")[0]:
                    yield from ((node.name, code) for code in _text(line.value))
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            yield from ((name, code) for given in node.keywords if given.arg == "code" for code in _text(given.value))


def _text(value: ast.expr | None) -> list[str]:
    return [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


def test_every_code_is_listed_under_its_family_and_no_other_is() -> None:
    listed = {(code, family) for family, codes in PROBLEM_CODES.items() for code in codes}
    found = {(one.code, one.family) for one in raised() if one.code not in WITHIN}
    assert found - listed == set(), "raised, but not in PROBLEM_CODES"
    assert listed - found == set(), "in PROBLEM_CODES, but nobody raises it"


def test_what_stays_within_is_raised_and_not_listed() -> None:
    assert {one.code for one in raised()} >= WITHIN
    assert not WITHIN & {code for codes in PROBLEM_CODES.values() for code in codes}


def test_a_code_has_one_family() -> None:
    families = defaultdict(set)
    for one in raised():
        families[one.code].add(one.family)
    assert {code: found for code, found in families.items() if len(found) > 1} == {}


def test_the_api_lists_every_code() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    told = document["components"]["schemas"]["Problem"]["properties"]["code"]["description"]
    assert [code for codes in PROBLEM_CODES.values() for code in codes if f"`{code}`" not in told] == []
