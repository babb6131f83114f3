"""The expressions of a column mapping: SQL over a file's own columns, checked and made exact.

Belongs here: what such an expression may say, and the DuckDB SQL it becomes. Does not belong here: which column it is for
(assets/mapping.py), how values are judged (assets/typing_sql.py).

All columns of a file are text. The SQL is written anew from the parsed tree, node by node, so that nothing gets through that
is not listed. A text used as a number must be written like one; a text that is not raises an error in the engine, in the rows and
branches that need it, and the caller wraps the whole in TRY. Arithmetic is decimal and exact, or an error: never rounded, never a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Form = Literal["text", "number", "date", "timestamp", "boolean", "null"]

ALLOWED = (
    "columns of the file, 'texts', numbers, + - *, / by 10, 100, …, comparisons, AND OR NOT, CASE, LIKE, IN, BETWEEN, IS NULL, "
    "CAST AS DATE, TIMESTAMP, INTEGER, BIGINT, DECIMAL or VARCHAR, and lower, upper, trim, ltrim, rtrim, substr, left, right, length, replace, "
    "regexp_replace, split_part, concat, ||, coalesce, nullif, abs, strptime"
)
#: A file's number: digits, and decimals up to those of the column that is made from it.
INTEGER_DIGITS = 12
_MAX_SCALE = 24  # leaves 14 digits before the point in the engine's widest decimal
_MAX_LENGTH = 4_000
_DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?)?"


class ExpressionError(Exception):
    """The expression says something that is not allowed; the message says what is."""


class UnknownColumnError(ExpressionError):
    """The expression names a column that the file does not have."""


@dataclass(frozen=True)
class Compiled:
    """An expression as DuckDB SQL. `can_fail`: some rows may raise, wrap it in TRY. `numbers`: texts read as numbers, (shown, SQL)."""

    sql: str
    form: Form = "text"
    scale: int = 0
    is_column: bool = False
    can_fail: bool = False
    numbers: tuple[tuple[str, str], ...] = ()
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Part:
    """SQL of one node. `scale`: decimals of a number. `shown`: as the user wrote it."""

    sql: str
    form: Form
    scale: int = 0
    shown: str = ""
    is_literal: bool = False


@dataclass
class _Scope:
    """What compiling one expression needs and finds."""

    columns: Mapping[str, str] | None
    decimals: int
    used: set[str] = field(default_factory=set)
    numbers: dict[str, str] = field(default_factory=dict)
    can_fail: bool = False


def compile_expression(text: str, columns: Mapping[str, str] | None, decimals: int = 6) -> Compiled:
    """The DuckDB SQL of an expression over `columns` (name in the file → SQL). None: every name is accepted, for a check before there is a file.

    `decimals`: how many a number in the file may have. Raises ExpressionError; UnknownColumnError when the file lacks a column.
    """
    whole = text.strip()
    if columns is not None and whole in columns:
        return Compiled(columns[whole], is_column=True, columns=frozenset([whole]))
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(f"is longer than {_MAX_LENGTH:,} characters; let the file carry the result")
    scope = _Scope(columns, decimals)
    try:
        part = _part(_parsed(whole), scope)
    except RecursionError:
        raise ExpressionError("is nested too deeply") from None
    is_column = columns is not None and part.sql in columns.values()
    if part.form == "null":
        return Compiled("null::varchar")
    return Compiled(
        part.sql, part.form, part.scale, is_column, scope.can_fail, tuple((shown, sql) for sql, shown in scope.numbers.items()), frozenset(scope.used)
    )


def _parsed(text: str) -> Any:
    import sqlglot  # costs start-up time: only books that map columns by expression pay it

    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except (sqlglot.errors.ParseError, sqlglot.errors.TokenError) as error:
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0]
        raise ExpressionError(f"{text!r} is not an expression ({reason}); write a column whose name is no plain word in double quotes") from None
    return tree


def _part(node: Any, scope: _Scope) -> _Part:
    """One node, by its type. Raises ExpressionError for every type and every argument that is not listed."""
    rule = _RULES.get(type(node).__name__)
    if rule is None:
        raise ExpressionError(f"{node.sql(dialect='duckdb')[:80]!r} is not allowed here; allowed: {ALLOWED}")
    arguments, build = rule
    extra = [key for key, value in node.args.items() if value and key not in arguments]
    if extra:
        raise ExpressionError(f"{node.sql(dialect='duckdb')[:80]!r} is not allowed with {', '.join(extra)}; allowed: {ALLOWED}")
    return build(node, scope)


# ---- leaves --------------------------------------------------------------------------------------------------------


def _column(node: Any, scope: _Scope) -> _Part:
    name = node.this.name
    if scope.columns is None:
        scope.used.add(name)
        return _Part(f"c_{len(scope.used)}", "text", shown=name)
    if name not in scope.columns:
        alike = [column for column in scope.columns if column.casefold() == name.casefold()]
        if len(alike) != 1:
            raise UnknownColumnError(f"the file has no column {name!r}; its columns: {', '.join(list(scope.columns)[:40])}")
        name = alike[0]
    scope.used.add(name)
    return _Part(scope.columns[name], "text", shown=name)


def _literal(node: Any, scope: _Scope) -> _Part:
    if node.is_string:
        return _Part(_quoted(node.this), "text", shown=repr(node.this), is_literal=True)
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", node.this):
        raise ExpressionError(f"the number {node.this} is not allowed; write at most 12 digits before and 12 after the point")
    scale = len(node.this.partition(".")[2])
    return _Part(f"{node.this}::decimal(38,{scale})", "number", scale, node.this, True)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# ---- from one form to another --------------------------------------------------------------------------------------


def _number(part: _Part, scope: _Scope, decimals: int | None = None) -> _Part:
    """A part as a number. A text must be one, strictly; anything else raises in the engine."""
    if part.form == "number":
        return part
    scale = scope.decimals if decimals is None else decimals
    if part.form == "null":
        return _Part(f"null::decimal(38,{scale})", "number", scale)
    if part.form != "text":
        raise ExpressionError(f"{part.shown or 'a ' + part.form} is a {part.form} and cannot be used as a number")
    scope.can_fail = True
    text = f"nullif({part.sql}, '')"
    scope.numbers.setdefault(text, part.shown or "a text")
    fraction = f"([.][0-9]{{1,{scale}}})?" if scale else "([.]0*)?"
    digits = f"split_part({text}, '.', 1)" if scale == 0 else text
    return _Part(
        f"case when regexp_full_match({text}, '-?[0-9]{{1,{INTEGER_DIGITS}}}{fraction}') then cast({digits} as decimal(38,{scale})) "
        f"when {text} is not null then cast('?' || {text} as decimal(38,{scale})) end",
        "number",
        scale,
        part.shown,
    )


def text_of(part: Compiled | _Part) -> str:
    """SQL of a value as text; a number without needless zeros."""
    if part.form in ("text", "null"):
        return part.sql
    if part.form == "number" and part.scale:
        return f"rtrim(rtrim(({part.sql})::varchar, '0'), '.')"
    return f"({part.sql})::varchar"


def _moment(part: _Part, scope: _Scope, form: Literal["date", "timestamp"]) -> _Part:
    """A part as a day or a point in time. A text must be ISO: 2026-03-31, or with a time after a T or a space."""
    if part.form == "text":
        scope.can_fail = True
        text = f"nullif({part.sql}, '')"
        through = "cast(cast({} as timestamp) as date)" if form == "date" else "cast({} as timestamp)"
        right, wrong = through.format(text), through.format(f"'?' || {text}")
        return _Part(f"case when regexp_full_match({text}, '{_DAY}') then {right} when {text} is not null then {wrong} end", form, shown=part.shown)
    if part.form not in ("date", "timestamp", "null"):
        raise ExpressionError(f"{part.shown or 'a ' + part.form} is a {part.form} and cannot be used as a {form}")
    return _Part(f"cast({part.sql} as {form})", form, shown=part.shown)


def _alike(parts: list[_Part], scope: _Scope) -> list[_Part]:
    """Parts that are compared, or are the values of one CASE: all of one form. A number among them makes texts numbers."""
    forms = {part.form for part in parts} - {"null"}
    if len(forms) <= 1 and forms != {"number"}:
        return parts
    if "number" in forms:
        numbers = [_number(part, scope) for part in parts]
        scale = max(part.scale for part in numbers)
        return [_scaled(part, scale) for part in numbers]
    if forms <= {"date", "timestamp", "text"}:
        form: Literal["date", "timestamp"] = "timestamp" if "timestamp" in forms else "date"
        return [_moment(part, scope, form) for part in parts]
    raise ExpressionError(f"{' and '.join(sorted(forms))} cannot be compared or chosen between; CAST one of them")


def _scaled(part: _Part, scale: int) -> _Part:
    return part if part.scale == scale else _Part(f"cast({part.sql} as decimal(38,{scale}))", "number", scale, part.shown)


def _boolean(part: _Part) -> str:
    if part.form not in ("boolean", "null"):
        raise ExpressionError(f"{part.shown or 'a ' + part.form} is no condition; compare it with something")
    return part.sql


# ---- operators -----------------------------------------------------------------------------------------------------


def _sum(sign: str) -> Callable[[Any, _Scope], _Part]:
    def build(node: Any, scope: _Scope) -> _Part:
        left, right = (_number(_part(side, scope), scope) for side in (node.this, node.expression))
        scale = max(left.scale, right.scale)
        scope.can_fail = True  # the sum may have too many digits
        return _Part(f"({_scaled(left, scale).sql} {sign} {_scaled(right, scale).sql})", "number", scale)

    return build


def _product(node: Any, scope: _Scope) -> _Part:
    left, right = (_number(_part(side, scope), scope) for side in (node.this, node.expression))
    return _multiplied(left, right, scope)


def _multiplied(left: _Part, right: _Part, scope: _Scope) -> _Part:
    scale = left.scale + right.scale
    if scale > _MAX_SCALE:
        raise ExpressionError(f"the product has up to {scale} decimals, more than the {_MAX_SCALE} that stay exact; multiply fewer columns")
    scope.can_fail = True
    return _Part(f"({left.sql} * {right.sql})", "number", scale)


def _quotient(node: Any, scope: _Scope) -> _Part:
    divisor = node.expression.this if type(node.expression).__name__ == "Literal" and not node.expression.is_string else ""
    if not re.fullmatch(r"10{0,12}", divisor):
        raise ExpressionError("/ is allowed by 1, 10, 100, … only, because other quotients have no last decimal; multiply, or let the file carry the result")
    places = len(divisor) - 1
    factor = f"0.{'1'.zfill(places)}" if places else "1"
    return _multiplied(_number(_part(node.this, scope), scope), _Part(f"{factor}::decimal(38,{places})", "number", places), scope)


def _negative(node: Any, scope: _Scope) -> _Part:
    number = _number(_part(node.this, scope), scope)
    return _Part(f"(-{number.sql})", "number", number.scale)


def _absolute(node: Any, scope: _Scope) -> _Part:
    number = _number(_part(node.this, scope), scope)
    return _Part(f"abs({number.sql})", "number", number.scale)


def _comparison(sign: str) -> Callable[[Any, _Scope], _Part]:
    def build(node: Any, scope: _Scope) -> _Part:
        left, right = _alike([_part(node.this, scope), _part(node.expression, scope)], scope)
        return _Part(f"({left.sql} {sign} {right.sql})", "boolean")

    return build


def _junction(word: str) -> Callable[[Any, _Scope], _Part]:
    def build(node: Any, scope: _Scope) -> _Part:
        return _Part(f"({_boolean(_part(node.this, scope))} {word} {_boolean(_part(node.expression, scope))})", "boolean")

    return build


def _not(node: Any, scope: _Scope) -> _Part:
    return _Part(f"(not {_boolean(_part(node.this, scope))})", "boolean")


def _between(node: Any, scope: _Scope) -> _Part:
    value, low, high = _alike([_part(each, scope) for each in (node.this, node.args["low"], node.args["high"])], scope)
    return _Part(f"({value.sql} between {low.sql} and {high.sql})", "boolean")


def _in(node: Any, scope: _Scope) -> _Part:
    value, *choices = _alike([_part(each, scope) for each in (node.this, *node.expressions)], scope)
    return _Part(f"({value.sql} in ({', '.join(choice.sql for choice in choices)}))", "boolean")


def _is(node: Any, scope: _Scope) -> _Part:
    if type(node.expression).__name__ != "Null":
        raise ExpressionError("IS is allowed with NULL only")
    return _Part(f"({_part(node.this, scope).sql} is null)", "boolean")


def _like(word: str) -> Callable[[Any, _Scope], _Part]:
    def build(node: Any, scope: _Scope) -> _Part:
        return _Part(f"({text_of(_part(node.this, scope))} {word} {text_of(_part(node.expression, scope))})", "boolean")

    return build


def _chosen(conditions: list[str], values: list[_Part], scope: _Scope) -> _Part:
    alike = _alike(values, scope)
    whens = "".join(f"when {condition} then {value.sql} " for condition, value in zip(conditions, alike, strict=False))
    otherwise = f"else {alike[-1].sql} " if len(alike) > len(conditions) else ""
    form = next((part.form for part in alike if part.form != "null"), "null")
    return _Part(f"(case {whens}{otherwise}end)", form, max(part.scale for part in alike))


def _case(node: Any, scope: _Scope) -> _Part:
    branches = node.args["ifs"]
    default = node.args.get("default")
    values = [_part(branch.args["true"], scope) for branch in branches] + ([_part(default, scope)] if default else [])
    if node.this is None:
        return _chosen([_boolean(_part(branch.this, scope)) for branch in branches], values, scope)
    subject, *matches = _alike([_part(node.this, scope), *(_part(branch.this, scope) for branch in branches)], scope)
    return _chosen([f"{subject.sql} = {match.sql}" for match in matches], values, scope)


def _if(node: Any, scope: _Scope) -> _Part:
    default = node.args.get("false")
    values = [_part(node.args["true"], scope)] + ([_part(default, scope)] if default else [])
    return _chosen([_boolean(_part(node.this, scope))], values, scope)


# ---- functions -----------------------------------------------------------------------------------------------------


def _cast(node: Any, scope: _Scope) -> _Part:
    kind = node.args["to"].this.name
    part = _part(node.this, scope)
    if kind == "DATE":
        return _moment(part, scope, "date")
    if kind in ("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME"):
        return _moment(part, scope, "timestamp")
    if kind in ("VARCHAR", "TEXT"):
        return _Part(text_of(part), "text", shown=part.shown)
    if kind in ("INT", "BIGINT"):
        return _whole(part, scope, 0)
    if kind == "DECIMAL":
        parameters = [int(parameter.name) for parameter in node.args["to"].expressions]
        if len(parameters) == 2 and parameters[1] <= 12:
            return _whole(part, scope, parameters[1])
        raise ExpressionError("write DECIMAL with its digits and at most 12 decimals, such as DECIMAL(18,6)")
    raise ExpressionError(f"CAST AS {kind} is not allowed; allowed: DATE, TIMESTAMP, INTEGER, BIGINT, DECIMAL, VARCHAR")


def _whole(part: _Part, scope: _Scope, scale: int) -> _Part:
    """A number with exactly so many decimals: what has more raises instead of being rounded."""
    if part.form != "number":
        return _number(part, scope, scale)
    if part.scale <= scale:
        return _scaled(part, scale)
    scope.can_fail = True
    rounded = f"cast({part.sql} as decimal(38,{scale}))"
    return _Part(f"case when {rounded} = {part.sql} then {rounded} else cast('?' || ({part.sql})::varchar as decimal(38,{scale})) end", "number", scale)


def _text_function(name: str, *keys: str) -> Callable[[Any, _Scope], _Part]:
    """A function of texts; the arguments under the keys of `keys` that begin with # are whole numbers, written out."""

    def build(node: Any, scope: _Scope) -> _Part:
        arguments = []
        for key in keys:
            argument = node.args.get(key.lstrip("#"))
            if argument is None:
                continue
            if not key.startswith("#"):
                arguments.append(text_of(_part(argument, scope)))
                continue
            number = _part(argument, scope)
            if not re.fullmatch(r"\(?-?[0-9]{1,4}(::decimal\(38,0\)\)?)?", number.sql):
                raise ExpressionError(f"{name} takes a plain whole number here")
            arguments.append(f"({number.sql})::integer")
        return _Part(f"{name}({', '.join(arguments)})", "text")

    return build


def _trim(node: Any, scope: _Scope) -> _Part:
    name = {"": "trim", "LEADING": "ltrim", "TRAILING": "rtrim", "BOTH": "trim"}[str(node.args.get("position") or "")]
    return _text_function(name, "this", "expression")(node, scope)


def _length(node: Any, scope: _Scope) -> _Part:
    return _Part(f"length({text_of(_part(node.this, scope))})::decimal(38,0)", "number", 0)


def _regexp_replace(node: Any, scope: _Scope) -> _Part:
    for key in ("expression", "replacement", "modifiers"):
        if node.args.get(key) is not None and not (type(node.args[key]).__name__ == "Literal" and node.args[key].is_string):
            raise ExpressionError("regexp_replace takes its pattern and replacement as 'texts'")
    return _text_function("regexp_replace", "this", "expression", "replacement", "modifiers")(node, scope)


def _concat(node: Any, scope: _Scope) -> _Part:
    return _Part(f"concat({', '.join(text_of(_part(each, scope)) for each in node.expressions)})", "text")


def _joined(node: Any, scope: _Scope) -> _Part:
    return _Part(f"({text_of(_part(node.this, scope))} || {text_of(_part(node.expression, scope))})", "text")


def _coalesce(node: Any, scope: _Scope) -> _Part:
    parts = _alike([_part(each, scope) for each in (node.this, *node.expressions)], scope)
    form = next((part.form for part in parts if part.form != "null"), "null")
    return _Part(f"coalesce({', '.join(part.sql for part in parts)})", form, max(part.scale for part in parts))


def _nullif(node: Any, scope: _Scope) -> _Part:
    left, right = _alike([_part(node.this, scope), _part(node.expression, scope)], scope)
    return _Part(f"nullif({left.sql}, {right.sql})", left.form, left.scale)


def _strptime(node: Any, scope: _Scope) -> _Part:
    pattern = node.args["format"]
    if type(pattern).__name__ != "Literal" or not pattern.is_string or "%z" in pattern.this.lower():
        raise ExpressionError("strptime takes its format as 'text', such as '%d/%m/%Y', without a time zone")
    scope.can_fail = True
    part = _part(node.this, scope)
    return _Part(f"strptime(nullif({text_of(part)}, ''), {_quoted(pattern.this)})", "timestamp", shown=part.shown)


_PAIR = ("this", "expression")
_RULES: dict[str, tuple[tuple[str, ...], Callable[[Any, _Scope], _Part]]] = {
    "Column": (("this",), _column),
    "Literal": (("this", "is_string"), _literal),
    "Null": ((), lambda node, scope: _Part("null", "null", shown="NULL")),
    "Boolean": (("this",), lambda node, scope: _Part(str(node.this).lower(), "boolean")),
    "Paren": (("this",), lambda node, scope: _part(node.this, scope)),
    "Neg": (("this",), _negative),
    "Add": (_PAIR, _sum("+")),
    "Sub": (_PAIR, _sum("-")),
    "Mul": (_PAIR, _product),
    "Div": ((*_PAIR, "typed", "safe"), _quotient),
    "EQ": (_PAIR, _comparison("=")),
    "NEQ": (_PAIR, _comparison("!=")),
    "LT": (_PAIR, _comparison("<")),
    "LTE": (_PAIR, _comparison("<=")),
    "GT": (_PAIR, _comparison(">")),
    "GTE": (_PAIR, _comparison(">=")),
    "And": (_PAIR, _junction("and")),
    "Or": (_PAIR, _junction("or")),
    "Not": (("this",), _not),
    "Between": (("this", "low", "high"), _between),
    "In": (("this", "expressions"), _in),
    "Is": (_PAIR, _is),
    "Like": (_PAIR, _like("like")),
    "ILike": (_PAIR, _like("ilike")),
    "Case": (("this", "ifs", "default"), _case),
    "If": (("this", "true", "false"), _if),
    "Cast": (("this", "to"), _cast),
    "TryCast": (("this", "to", "safe"), _cast),
    "Coalesce": (("this", "expressions"), _coalesce),
    "Nullif": (_PAIR, _nullif),
    "Abs": (("this",), _absolute),
    "Lower": (("this",), _text_function("lower", "this")),
    "Upper": (("this",), _text_function("upper", "this")),
    "Trim": ((*_PAIR, "position"), _trim),
    "Length": (("this",), _length),
    "Left": (_PAIR, _text_function("left", "this", "#expression")),
    "Right": (_PAIR, _text_function("right", "this", "#expression")),
    "Substring": (("this", "start", "length"), _text_function("substr", "this", "#start", "#length")),
    "SplitPart": (("this", "delimiter", "part_index"), _text_function("split_part", "this", "delimiter", "#part_index")),
    "Replace": ((*_PAIR, "replacement"), _text_function("replace", "this", "expression", "replacement")),
    "RegexpReplace": ((*_PAIR, "replacement", "modifiers", "single_replace"), _regexp_replace),
    "Concat": (("expressions", "safe", "coalesce"), _concat),
    "DPipe": ((*_PAIR, "safe"), _joined),
    "StrToTime": (("this", "format"), _strptime),
}
