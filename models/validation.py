"""pydantic's validation errors as problems that a user can act on: file, line, key, what is allowed, and the closest valid spelling.

Belongs here: the translation. Does not belong here: validation rules.
"""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from models.documents import Document, Path, Problem


class Strict(BaseModel):
    """Settings that users write: unknown keys are errors; values are not coerced from other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


#: The most problems listed for one document, and the most characters shown of a value.
MAX_LISTED, LONGEST = 50, 80


def problems_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """One problem per validation error, at the line of its key: the first MAX_LISTED, then how many more there are."""
    problems = []
    findings = error.errors(include_url=False)
    for finding in findings[:MAX_LISTED]:
        names_key = finding["type"] in ("missing", "extra_forbidden")
        path = _path_in_document(finding["loc"], document.value, names_key)
        problems.append(document.problem(path, _message(finding, model)))
    if len(findings) > MAX_LISTED:
        problems.append(document.problem((), f"{len(findings) - MAX_LISTED} more problems in this document are not listed"))
    return list(dict.fromkeys(problems))


def _path_in_document(loc: tuple[str | int, ...], value: Any, names_key: bool) -> Path:
    """pydantic's location without the names of union members, which are not in the document. `names_key`: the last part is a key in any case."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif not names_key or i < len(loc) - 1:
            continue
        path.append(part)
    return tuple(path)


def _message(finding: Any, model: type[BaseModel]) -> str:
    kind = finding["type"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(model, finding["loc"][:-1])
        close = difflib.get_close_matches(str(finding["loc"][-1]), allowed, 1)
        hint = f"; did you mean {close[0]}?" if close else "."
        return f"this key is not known{hint}" + (f" Allowed: {', '.join(allowed)}" if allowed else "")
    if kind == "union_tag_invalid":
        return f"this form is not understood; allowed: a {finding['ctx']['expected_tags'].replace(', ', ' or a ')} (found {_shown(finding['input'])})"
    if kind == "missing":
        return "this key is required"
    if kind in ("value_error", "assertion_error"):
        return str(finding["ctx"]["error"])
    if kind == "literal_error":
        return f"{_shown(finding['input'])} is not allowed; allowed: {finding['ctx']['expected']}"
    if kind in ("date_type", "date_from_datetime_parsing"):
        return f"a day is needed here, such as 2026-01-31 (found {_shown(finding['input'])})"
    if kind == "dict_type":
        return f"keys with values are needed here (found {_shown(finding['input'])})"
    if kind == "model_type":
        return f"keys with values are needed here: {', '.join(_allowed_keys(model, finding['loc']))} (found {_shown(finding['input'])})"
    if kind in ("bool_parsing", "bool_type"):
        return f"allowed: true or false (found {_shown(finding['input'])})"
    text = finding["msg"]
    return f"{text[0].lower()}{text[1:]} (found {_shown(finding['input'])})"


def _shown(value: Any) -> str:
    """A value as a person would write it, truncated if it is long."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _allowed_keys(model: Any, loc: tuple[str | int, ...]) -> list[str]:
    """The keys of the model at `loc` below `model`, as users write them."""
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
