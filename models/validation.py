"""pydantic's findings as problems a user can act on: file, line, key, what is allowed, and a likely spelling.

Belongs here: the translation. Does not belong here: any rule of its own.
"""

from __future__ import annotations

import difflib
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from models.documents import Document, Path, Problem


def problems_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """One problem per finding, at the line of the key concerned."""
    problems = []
    for finding in error.errors(include_url=False):
        path = _path_in_document(finding["loc"], document.value)
        problems.append(document.problem(path, _message(finding, model)))
    return list(dict.fromkeys(problems))


def _path_in_document(loc: tuple[str | int, ...], value: Any) -> Path:
    """pydantic's location without the names of union members, which do not stand in the document."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif i < len(loc) - 1 or not isinstance(value, dict):
            continue
        path.append(part)
    return tuple(path)


def _message(finding: Any, model: type[BaseModel]) -> str:
    kind = finding["type"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(model, finding["loc"][:-1])
        close = difflib.get_close_matches(str(finding["loc"][-1]), allowed, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"this key is not known{hint}" + (f" Allowed: {', '.join(allowed)}" if allowed else "")
    if kind == "union_tag_invalid":
        return f"this form is not understood (found {finding['input']!r})"
    if kind == "missing":
        return "this key is required"
    if kind in ("value_error", "assertion_error"):
        return str(finding["ctx"]["error"])
    if kind == "literal_error":
        return f"{finding['input']!r} is not allowed; allowed: {finding['ctx']['expected']}"
    text = finding["msg"]
    return f"{text[0].lower()}{text[1:]} (found {finding['input']!r})"


def _allowed_keys(model: Any, loc: tuple[str | int, ...]) -> list[str]:
    """The keys of the model that stands at `loc` below `model`, as users write them."""
    models = [model]
    for part in loc:
        following: list[Any] = []
        for m in models:
            if m.__name__ == part:
                following.append(m)
            for name, field in m.model_fields.items():
                if part in (name, field.alias):
                    following += _models_in(field.annotation)
        models = following or models
    return [field.alias or name for m in models[:1] for name, field in m.model_fields.items()]


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in get_args(annotation) for m in _models_in(argument)]
