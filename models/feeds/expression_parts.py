"""The parts of a mapping expression: SQL with its form (text, number, date, …), and how one form is converted to another.

Belongs here: conversions, strict and exact. Does not belong here: which expressions are allowed (models/feeds/expressions.py).

Nothing here raises in the engine. A part without a valid value for a row gives null, and its `failed` distinguishes that from a null in the file.
(TRY would catch errors too, but the engine moves subexpressions that two expressions share out of their TRY.) A branch of CASE that is
not taken does not fail.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from models.feeds.text_formats import PLAIN, Forms

Form = Literal["text", "number", "date", "timestamp", "boolean", "null"]

#: The most digits before the point of a number in a file; its decimals are limited by the column it is mapped to.
INTEGER_DIGITS = 12
#: Digits of the engine's widest decimal (38), minus one for the bound itself.
_WIDTH = 37
_DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?)?"


class ExpressionError(Exception):
    """The expression contains something that is not allowed; the message says what is allowed."""


class UnknownColumnError(ExpressionError):
    """The expression names a column that the file does not have."""


@dataclass(frozen=True)
class Compiled:
    """An expression as DuckDB SQL. `failed`: an SQL condition that is true where an error leaves a row without a value, "" where none can.

    `scale`: decimals of a number. `numbers`: texts that are read as numbers, as (shown, SQL). `columns`: names in the file.
    `rounded`: an SQL condition that is true where round(x, n) changed the value, "" where nothing rounds.
    """

    sql: str
    form: Form = "text"
    scale: int = 0
    is_column: bool = False
    failed: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    columns: frozenset[str] = frozenset()
    rounded: str = ""


@dataclass(frozen=True)
class Part:
    """SQL of one node. A number has up to `digits` before and `scale` after the point. `shown`: as the user wrote it."""

    sql: str
    form: Form
    failed: str = ""
    scale: int = 0
    digits: int = 0
    shown: str = ""
    is_literal: bool = False
    is_typed: bool = False  # a column with a type in the file itself: its text is plain, whatever format the feed's texts have


@dataclass
class Scope:
    """The inputs and findings of compiling one expression. `columns` None: every name is accepted. `typed`: columns with a type in the file itself."""

    columns: Mapping[str, str] | None
    decimals: int
    forms: Forms = PLAIN
    typed: frozenset[str] = frozenset()
    used: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    rounds: bool = True  # False: round(x, n) leaves x as it is
    rounded: list[str] = field(default_factory=list)  # conditions: a round(x, n) changed x


def any_failed(*parts: Part | str) -> str:
    """An SQL condition that is true where any of the parts failed; "" when none can."""
    failures = dict.fromkeys(part if isinstance(part, str) else part.failed for part in parts)
    return " or ".join(f"({failure})" for failure in failures if failure)


def as_number(part: Part, scope: Scope, decimals: int | None = None) -> Part:
    """A part as a number. A text must look like one: digits, a point, a minus. Where no decimals are allowed, zeros may follow the point."""
    scale = scope.decimals if decimals is None else decimals
    if part.form == "number":
        return part
    if part.form == "null":
        return Part(f"null::decimal(38,{scale})", "number", scale=scale, digits=INTEGER_DIGITS)
    if part.form != "text":
        raise ExpressionError(f"{part.shown or 'a ' + part.form} is a {part.form} and cannot be used as a number")
    pattern = rf"-?[0-9]{{1,{INTEGER_DIGITS}}}" + (rf"([.][0-9]{{1,{scale}}})?" if scale else "([.]0*)?")
    if part.is_literal and not re.fullmatch(f"'{pattern}'", part.sql):
        raise ExpressionError(f"{part.sql} is not a number")
    text = f"nullif({part.sql}, '')"
    if scope.forms.changes_numbers and not (part.is_literal or part.is_typed):
        text = f"({scope.forms.number(part.sql)})"
    scope.numbers.setdefault(text, part.shown or "a text")
    is_number = f"regexp_full_match({text}, '{pattern}')"
    digits = text if scale else f"split_part({text}, '.', 1)"
    value = f"try_cast(case when {is_number} then {digits} end as decimal(38,{scale}))"
    return Part(value, "number", any_failed(part, f"coalesce(not {is_number}, false)"), scale, INTEGER_DIGITS, part.shown)


def as_moment(part: Part, form: Literal["date", "timestamp"], forms: Forms = PLAIN) -> Part:
    """A part as a day or a point in time. A text must be ISO: 2026-03-31, or with a time after a T or a space."""
    if part.form == "text":
        if part.is_literal and not is_day(part.sql[1:11]):
            raise ExpressionError(f"{part.sql} is not a day such as '2026-03-31'")
        text = f"nullif({part.sql}, '')"
        value = f"try_cast(case when regexp_full_match({text}, '{_DAY}') then {text} end as timestamp)"
        if forms.changes_days and not (part.is_literal or (part.is_typed and forms.dates)):
            value = f"({forms.moment(text)})"
        return Part(f"{value}::{form}", form, any_failed(part, f"{text} is not null and {value} is null"), shown=part.shown)
    if part.form not in ("date", "timestamp", "null"):
        raise ExpressionError(f"{part.shown or 'a ' + part.form} is a {part.form} and cannot be used as a {form}")
    return Part(f"({part.sql})::{form}", form, part.failed, shown=part.shown)


def text_of(part: Compiled | Part) -> str:
    """SQL of a value as text; a number without trailing zeros."""
    if part.form in ("text", "null"):
        return part.sql
    if part.form == "number" and part.scale:
        return f"rtrim(rtrim(({part.sql})::varchar, '0'), '.')"
    return f"({part.sql})::varchar"


def as_common_form(parts: list[Part], scope: Scope) -> list[Part]:
    """Parts that are compared, or are the values of one CASE, converted to a common form. Texts become numbers if any part is a number."""
    forms = {part.form for part in parts} - {"null"}
    if "number" in forms:
        numbers = [as_number(part, scope) for part in parts]
        return [as_scaled(part, max(part.scale for part in numbers)) for part in numbers]
    if len(forms) <= 1:
        return parts
    if forms <= {"date", "timestamp", "text"}:
        form: Literal["date", "timestamp"] = "timestamp" if "timestamp" in forms else "date"
        return [as_moment(part, form, scope.forms) for part in parts]
    raise ExpressionError(f"{' and '.join(sorted(forms))} cannot be compared or chosen between; CAST one of them")


def as_scaled(part: Part, scale: int) -> Part:
    """A number with `scale` decimals, which must be at least its own."""
    if part.scale == scale:
        return part
    fitted = as_fitted(part, _WIDTH - scale)
    return replace(fitted, sql=f"({fitted.sql})::decimal(38,{scale})", scale=scale)


def as_fitted(part: Part, digits: int) -> Part:
    """A number with at most `digits` digits before the point; one with more fails."""
    if part.digits <= digits:
        return part
    bound = 10**digits
    failed = any_failed(part, f"coalesce(abs({part.sql}) >= {bound}, false)")
    return replace(part, sql=f"(case when abs({part.sql}) < {bound} then {part.sql} end)", failed=failed, digits=digits)


def product_of(left: Part, right: Part, max_scale: int) -> Part:
    """The exact product. Raises ExpressionError when it could have too many decimals; a row with too many digits fails."""
    scale = left.scale + right.scale
    if scale > max_scale:
        raise ExpressionError(f"the product has up to {scale} decimals, more than the {max_scale} that stay exact; multiply fewer columns")
    room = _WIDTH - scale
    right = as_fitted(right, min(right.digits, max(7, room - left.digits)))
    left = as_fitted(left, room - right.digits)
    return Part(f"({left.sql} * {right.sql})", "number", any_failed(left, right), scale, left.digits + right.digits)


def sum_of(left: Part, sign: str, right: Part) -> Part:
    """The exact sum or difference."""
    scale = max(left.scale, right.scale)
    left, right = (as_scaled(as_fitted(part, _WIDTH - 1 - scale), scale) for part in (left, right))
    return Part(f"({left.sql} {sign} {right.sql})", "number", any_failed(left, right), scale, max(left.digits, right.digits) + 1)


def condition(part: Part) -> Part:
    """The part, if it is true or false. Raises ExpressionError for any other."""
    if part.form not in ("boolean", "null"):
        raise ExpressionError(f"{part.shown or 'a ' + part.form} is not a condition; compare it with something")
    return part


def form_of(parts: list[Part]) -> Form:
    """The form of parts that have a common form."""
    return next((part.form for part in parts if part.form != "null"), "null")


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, written YYYY-MM-DD."""
    try:
        return bool(re.fullmatch("[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}", text)) and bool(dt.date.fromisoformat(text))
    except ValueError:
        return False
