"""The JSON Schema that editors use and the reference page of the docs, both generated from the types of the agreement language.

Belongs here: rendering the models of schema.py. Does not belong here: keys and their descriptions (schema.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.agreements.schema import Agreement

INTRODUCTION = """\
# Reference of the agreement language

Every key, what it takes and its default. [language.md](language.md) explains the formulas and when
to use which curve. Editors check a file as you write it with the JSON Schema that
`tierledger validate --schema` prints; a book made by `tierledger init` has it in place.

Numbers are exact: up to 12 decimals, below 10^14. Days are written `2026-01-31`. An
unknown key is an error.

This page is made from the types that read agreements (`make language-page`).
"""


#: Marks a required key.
REQUIRED = " \\*"


def agreement_json_schema() -> dict[str, Any]:
    """The JSON Schema of one agreement document. It has no rules between keys; `validate` checks those."""
    schema = _without_titles(Agreement.model_json_schema(by_alias=True))
    given_by_rows = {"anyOf": [{"required": schema.pop("required")}, {"required": ["for_each"]}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Tierledger agreement", **schema, **given_by_rows}


def render_reference_page() -> str:
    """The reference as Markdown: one section per part, the agreement first, one row per key."""
    schema = agreement_json_schema()
    parts = schema["$defs"]
    names = [name for name in _reached(schema, parts) if "properties" in parts[name]]
    sections = [_section("Agreement", {**schema, **schema["anyOf"][0]}), *(_section(name, parts[name]) for name in names)]
    return INTRODUCTION + "".join(sections)


def _reached(schema: Any, parts: dict[str, Any]) -> list[str]:
    """The parts, in the order in which they are first referred to."""
    found: list[str] = []

    def visit(node: Any) -> None:
        for name in _names(node):
            if name not in found:
                found.append(name)
                visit(parts[name])

    visit({key: value for key, value in schema.items() if key != "$defs"})
    return found


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rsplit("/", 1)[-1]
        for value in node.values():
            yield from _names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _names(value)


def _section(name: str, part: dict[str, Any]) -> str:
    required = part.get("required", [])
    rows = "".join(
        f"| `{key}`{REQUIRED if key in required else ''} | {_kind(value)} | {_default(value)} | {value.get('description', '')} |\n"
        for key, value in part["properties"].items()
    )
    return f"\n## {name}\n\n{part.get('description', '')} ({REQUIRED.strip()} required)\n\n| key | takes | default | meaning |\n|---|---|---|---|\n{rows}"


def _kind(value: dict[str, Any]) -> str:
    """The values that a key takes, in words."""
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if options := value.get("anyOf") or value.get("oneOf"):
        kinds = [_kind(option) for option in options if option.get("type") != "null"]
        return ", or ".join(dict.fromkeys(kinds))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    kind = value.get("type")
    if kind == "array":
        return f"list of {_kind(value['items'])}"
    if kind == "object":
        return "keys with values"
    if kind == "number":
        bounds = [f"from {value['minimum']}" if "minimum" in value else "", "above 0" if "exclusiveMinimum" in value else ""]
        bounds.append(f"to {value['maximum']}" if "maximum" in value else "")
        return " ".join(["number", *filter(None, bounds)])
    return {"string": "day" if value.get("format") == "date" else "text", "integer": "whole number", "boolean": "true, false"}.get(str(kind), "text")


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if default and isinstance(default, list):
        return f"`[{', '.join(map(str, default))}]`"
    if default is None or default in ({}, []) or isinstance(default, dict):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _without_titles(node: Any) -> Any:
    """The schema without titles, which repeat the keys, and without defaults of whole parts, which repeat those of their keys."""
    if isinstance(node, list):
        return [_without_titles(value) for value in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if isinstance(kept.get("default"), dict):
        del kept["default"]
    return {key: _without_titles(value) for key, value in kept.items()}
