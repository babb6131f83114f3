"""The expressions of a column mapping: SQL over a file's own columns, validated and made exact.

Belongs here: what an expression may contain, and the DuckDB SQL it is compiled to. Does not belong here: which column it is for
(assets/feeds/column_mapping.py), how values are validated (assets/feeds/typing_sql.py).

All columns of a file are text. The SQL is generated from the parsed tree, node by node, so that only listed constructs get
through. Arithmetic is decimal and exact, or an error: never rounded, never a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from models.feeds.attributes import folded
from models.feeds.expression_parts import (
    Compiled,
    ExpressionError,
    Part,
    Scope,
    UnknownColumnError,
    any_failed,
    as_common_form,
    as_moment,
    as_number,
    as_scaled,
    condition,
    form_of,
    product_of,
    sum_of,
    text_of,
)
from models.feeds.text_formats import PLAIN, Forms
from models.sql_text import literal
from models.unicode_form import composed

ALLOWED = (
    "columns of the file, 'texts', numbers, + - *, / by 10, 100, …, comparisons, AND OR NOT, CASE, LIKE, IN, BETWEEN, IS NULL, "
    "CAST AS DATE, TIMESTAMP, INTEGER, BIGINT, DECIMAL or VARCHAR, and lower, upper, trim, ltrim, rtrim, substr, left, right, length, replace, "
    "regexp_replace, split_part, concat, ||, coalesce, nullif, abs, round, strptime"
)
_MAX_SCALE = 20  # leaves 17 digits before the point in the engine's widest decimal
_MAX_LENGTH = 4_000
#: Of the SQL. Each conversion repeats what it converts several times, so nested ones grow exponentially: four levels would take gigabytes.
_MAX_SQL_LENGTH = 200_000
#: A path into an object, to be read as one name: `items.0.sku` is no number to SQL. Texts, quoted names and numbers come first.
_PATH = re.compile(r"""'[^']*'|"[^"]*"|\b\d[\w.]*|\b([^\W\d]\w*(?:\.\w+)+)""")
#: A longer list of IN names the value that it looks for only once.
_MOST_COMPARED = 20
#: An expression that compares with other letters than ASCII, or counts letters, needs the cells in one Unicode form.
_DEPENDS_ON_FORM = re.compile(r"'[^']*[^\x00-\x7f]|\b(left|right|substr|substring|length|regexp_replace)\s*\(", re.IGNORECASE)


def compile_expression(text: str, columns: Mapping[str, str] | None, decimals: int = 6, forms: Forms = PLAIN, typed: frozenset[str] = frozenset()) -> Compiled:
    """The DuckDB SQL of an expression over `columns` (name in the file → SQL). None: every name is accepted, for a check before there is a file.

    `decimals`: how many a number in the file may have. `forms`: how its texts write numbers and days, except those of the columns `typed`.
    Raises ExpressionError; UnknownColumnError when the file does not have a column.
    """
    whole = composed(text.strip())
    if columns is not None and (name := next((name for name in columns if composed(name) == whole), None)):
        return Compiled(columns[name], is_column=True, columns=frozenset([name]))
    if columns is None and re.fullmatch(r"[^\W\d]\w*", whole) and whole.casefold() not in ("null", "true", "false"):
        return Compiled("c0", is_column=True, columns=frozenset([whole]))
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(f"is longer than {_MAX_LENGTH:,} characters; put the result into the file instead")
    if columns is not None and _DEPENDS_ON_FORM.search(whole):
        columns = {name: f"nfc_normalize({cell})" for name, cell in columns.items()}
    scope = Scope(columns, decimals, forms, typed)
    try:
        tree = _parsed(whole)
        part = _part(tree, scope)
    except ExpressionError:
        if columns is None and re.fullmatch(r"\w+([ .#/-]+\w+)+", whole):  # may be the plain name of a column; only the file can show
            return Compiled("c0", is_column=True, columns=frozenset([whole]))
        raise
    except RecursionError:
        raise ExpressionError("is nested too deeply") from None
    if part.form == "null":
        return Compiled("null::varchar")
    is_column = columns is not None and part.sql in columns.values()
    numbers = tuple((shown, sql) for sql, shown in scope.numbers.items())
    rounded = _rounded(part, tree, scope)
    return Compiled(part.sql, part.form, part.scale, is_column, part.failed, numbers, frozenset(scope.used), rounded)


def _rounded(part: Part, tree: Any, scope: Scope) -> str:
    """A condition that is true where rounding changed the value: where it differs from what the expression gives without."""
    if not scope.rounded:
        return ""
    try:
        exact = _part(tree, Scope(scope.columns, scope.decimals, scope.forms, scope.typed, rounds=False))
    except ExpressionError:  # it has too many decimals without: then any value that was rounded counts
        return any_failed(*scope.rounded)
    return f"({part.sql}) is distinct from ({exact.sql})"


def _parsed(text: str) -> Any:
    import sqlglot  # costs start-up time: only books that map columns by expression pay it

    try:
        tree = sqlglot.parse_one(_PATH.sub(lambda found: f'"{found[1]}"' if found[1] else found[0], text), dialect="duckdb")
    except (sqlglot.errors.ParseError, sqlglot.errors.TokenError) as error:
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0]
        raise ExpressionError(f"{text!r} is not an expression ({reason}); if a column's name is not a plain word, write it in double quotes") from None
    return tree


def _part(node: Any, scope: Scope) -> Part:
    """One node, by its type. Raises ExpressionError for every type and every argument that is not listed."""
    rule = _RULES.get(type(node).__name__)
    if rule is None:
        raise ExpressionError(f"{node.sql(dialect='duckdb')[:80]!r} is not allowed here; allowed: {ALLOWED}")
    arguments, build = rule
    extra = [key for key, value in node.args.items() if value and key not in arguments]
    if extra:
        raise ExpressionError(f"{node.sql(dialect='duckdb')[:80]!r} is not allowed with {', '.join(extra)}; allowed: {ALLOWED}")
    part = build(node, scope)
    if len(part.sql) + len(part.failed) > _MAX_SQL_LENGTH:
        message = f"becomes longer than {_MAX_SQL_LENGTH:,} characters when it is computed, because texts become numbers and texts again at several levels"
        raise ExpressionError(f"{message}; use each number as a number, or put the result into the file")
    return part


# ---- leaves --------------------------------------------------------------------------------------------------------


def _column(node: Any, scope: Scope) -> Part:
    name = ".".join(part.name for part in node.parts)
    if scope.columns is None:
        return Part(scope.used.setdefault(name, f"c{len(scope.used)}"), "text", shown=name)
    if name not in scope.columns:
        matches = [column for column in scope.columns if folded(column) == folded(name)]
        if len(matches) != 1:
            raise UnknownColumnError(f"the file has no column {name!r}; its columns: {', '.join(list(scope.columns)[:40])}")
        name = matches[0]
    scope.used[name] = scope.columns[name]
    return Part(scope.columns[name], "text", shown=name, is_typed=name in scope.typed)


def _literal(node: Any, scope: Scope) -> Part:
    if node.is_string:
        return Part(literal(node.this), "text", shown=repr(node.this), is_literal=True)
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", node.this):
        raise ExpressionError(f"the number {node.this} is not allowed; write at most 12 digits before and 12 after the point")
    whole, _, fraction = node.this.partition(".")
    return Part(f"{node.this}::decimal(38,{len(fraction)})", "number", "", len(fraction), len(whole.lstrip("0")), node.this, True)


# ---- operators -----------------------------------------------------------------------------------------------------


def _numbers(node: Any, scope: Scope) -> tuple[Part, Part]:
    return as_number(_part(node.this, scope), scope), as_number(_part(node.expression, scope), scope)


def _add(node: Any, scope: Scope) -> Part:
    left, right = _numbers(node, scope)
    return sum_of(left, "+", right)


def _subtract(node: Any, scope: Scope) -> Part:
    left, right = _numbers(node, scope)
    return sum_of(left, "-", right)


def _multiply(node: Any, scope: Scope) -> Part:
    left, right = _numbers(node, scope)
    return product_of(left, right, _MAX_SCALE)


def _divide(node: Any, scope: Scope) -> Part:
    divisor = node.expression.this if type(node.expression).__name__ == "Literal" and not node.expression.is_string else ""
    if not re.fullmatch(r"10{0,12}", divisor):
        raise ExpressionError("/ is allowed by 1, 10, 100, … only, because other quotients may have no last decimal; multiply, or put the result into the file")
    places = len(divisor) - 1
    factor = Part(f"0.{'1'.zfill(places)}::decimal(38,{places})" if places else "1", "number", scale=places, digits=0 if places else 1)
    return product_of(as_number(_part(node.this, scope), scope), factor, _MAX_SCALE)


def _of_number(template: str) -> Callable[[Any, Scope], Part]:
    def build(node: Any, scope: Scope) -> Part:
        number = as_number(_part(node.this, scope), scope)
        return replace(number, sql=template.format(number.sql), is_literal=False)

    return build


def _comparison(sign: str) -> Callable[[Any, Scope], Part]:
    def build(node: Any, scope: Scope) -> Part:
        left, right = as_common_form([_part(node.this, scope), _part(node.expression, scope)], scope)
        return Part(f"({left.sql} {sign} {right.sql})", "boolean", any_failed(left, right))

    return build


def _junction(word: str, goes_on: str) -> Callable[[Any, Scope], Part]:
    """AND, OR. The right side fails only where the left one does not decide."""

    def build(node: Any, scope: Scope) -> Part:
        left, right = condition(_part(node.this, scope)), condition(_part(node.expression, scope))
        failed = any_failed(left, f"{goes_on.format(left.sql)} and ({right.failed})" if right.failed else "")
        return Part(f"({left.sql} {word} {right.sql})", "boolean", failed)

    return build


def _not(node: Any, scope: Scope) -> Part:
    part = condition(_part(node.this, scope))
    return Part(f"(not {part.sql})", "boolean", part.failed)


def _between(node: Any, scope: Scope) -> Part:
    value, low, high = as_common_form([_part(each, scope) for each in (node.this, node.args["low"], node.args["high"])], scope)
    return Part(f"({value.sql} between {low.sql} and {high.sql})", "boolean", any_failed(value, low, high))


def _in(node: Any, scope: Scope) -> Part:
    value, *choices = as_common_form([_part(each, scope) for each in (node.this, *node.expressions)], scope)
    # not IN: the engine makes a join of a long list, and a join does not keep the rows in the order of the file
    if len(choices) > _MOST_COMPARED and all(type(each).__name__ == "Literal" for each in node.expressions):
        return Part(f"list_contains([{', '.join(choice.sql for choice in choices)}], {value.sql})", "boolean", any_failed(value, *choices))
    return Part("(" + " or ".join(f"{value.sql} = {choice.sql}" for choice in choices) + ")", "boolean", any_failed(value, *choices))


def _is(node: Any, scope: Scope) -> Part:
    if type(node.expression).__name__ != "Null":
        raise ExpressionError("IS is allowed with NULL only")
    part = _part(node.this, scope)
    return Part(f"({part.sql} is null)", "boolean", part.failed)


def _like(word: str) -> Callable[[Any, Scope], Part]:
    def build(node: Any, scope: Scope) -> Part:
        left, right = _part(node.this, scope), _part(node.expression, scope)
        return Part(f"({text_of(left)} {word} {text_of(right)})", "boolean", any_failed(left, right))

    return build


def _chosen(tests: list[Part], values: list[Part], scope: Scope) -> Part:
    """CASE: the value of the first test that is true, else the last value if there is one more value than tests."""
    converted = as_common_form(values, scope)
    pairs = list(zip(tests, converted, strict=False))
    last = converted[-1] if len(converted) > len(tests) else None
    whens = "".join(f"when {test.sql} then {value.sql} " for test, value in pairs)
    otherwise = f"else {last.sql} " if last else ""
    failed = ""
    if any_failed(*tests, *converted):
        steps = "".join((f"when {test.failed} then true " if test.failed else "") + f"when {test.sql} then {value.failed or 'false'} " for test, value in pairs)
        failed = f"case {steps}else {(last and last.failed) or 'false'} end"
    return Part(f"(case {whens}{otherwise}end)", form_of(converted), failed, max(part.scale for part in converted), max(part.digits for part in converted))


def _case(node: Any, scope: Scope) -> Part:
    branches = node.args["ifs"]
    default = node.args.get("default")
    values = [_part(branch.args["true"], scope) for branch in branches] + ([_part(default, scope)] if default else [])
    if node.this is None:
        return _chosen([condition(_part(branch.this, scope)) for branch in branches], values, scope)
    subject, *matches = as_common_form([_part(node.this, scope), *(_part(branch.this, scope) for branch in branches)], scope)
    return _chosen([Part(f"({subject.sql} = {match.sql})", "boolean", any_failed(subject, match)) for match in matches], values, scope)


def _if(node: Any, scope: Scope) -> Part:
    default = node.args.get("false")
    values = [_part(node.args["true"], scope)] + ([_part(default, scope)] if default else [])
    return _chosen([condition(_part(node.this, scope))], values, scope)


# ---- functions -----------------------------------------------------------------------------------------------------


def _cast(node: Any, scope: Scope) -> Part:
    kind = node.args["to"].this.name
    part = _part(node.this, scope)
    if kind == "DATE":
        return as_moment(part, "date", scope.forms)
    if kind in ("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME"):
        return as_moment(part, "timestamp", scope.forms)
    if kind in ("VARCHAR", "TEXT"):
        return Part(text_of(part), "text", part.failed, shown=part.shown)
    if kind in ("INT", "BIGINT"):
        return _whole(part, scope, 0)
    if kind == "DECIMAL":
        parameters = [int(parameter.name) for parameter in node.args["to"].expressions]
        if len(parameters) == 2 and parameters[1] <= 12:
            return _whole(part, scope, parameters[1])
        raise ExpressionError("write DECIMAL with its digits and at most 12 decimals, such as DECIMAL(18,6)")
    raise ExpressionError(f"CAST AS {kind} is not allowed; allowed: DATE, TIMESTAMP, INTEGER, BIGINT, DECIMAL, VARCHAR")


def _whole(part: Part, scope: Scope, scale: int) -> Part:
    """A number with exactly `scale` decimals: one with more fails instead of being rounded."""
    if part.form != "number":
        return as_number(part, scope, scale)
    if part.scale <= scale:
        return as_scaled(part, scale)
    rounded = f"({part.sql})::decimal(38,{scale})"
    failed = any_failed(part, f"coalesce({rounded} != {part.sql}, false)")
    return Part(f"(case when {rounded} = {part.sql} then {rounded} end)", "number", failed, scale, part.digits)


def _text_function(name: str, *keys: str) -> Callable[[Any, Scope], Part]:
    """A function of texts; the arguments under the keys that begin with # are whole numbers, written out."""

    def build(node: Any, scope: Scope) -> Part:
        arguments, parts = [], []
        for key in keys:
            argument = node.args.get(key.lstrip("#"))
            if argument is None:
                continue
            part = _part(argument, scope)
            if not key.startswith("#"):
                parts.append(part)
                arguments.append(text_of(part))
                continue
            number = re.fullmatch(r"\(?(-?[0-9]{1,4})::decimal\(38,0\)\)?", part.sql)
            if number is None:
                raise ExpressionError(f"{name} takes a plain whole number here")
            arguments.append(number.group(1))
        return Part(f"{name}({', '.join(arguments)})", "text", any_failed(*parts))

    return build


def _trim(node: Any, scope: Scope) -> Part:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    return _text_function(name, "this", "expression")(node, scope)


def _length(node: Any, scope: Scope) -> Part:
    part = _part(node.this, scope)
    return Part(f"length({text_of(part)})::decimal(38,0)", "number", part.failed, 0, 10)


def _regexp_replace(node: Any, scope: Scope) -> Part:
    for key in ("expression", "replacement", "modifiers"):
        if node.args.get(key) is not None and not (type(node.args[key]).__name__ == "Literal" and node.args[key].is_string):
            raise ExpressionError("regexp_replace takes its pattern and replacement as 'texts'")
    return _text_function("regexp_replace", "this", "expression", "replacement", "modifiers")(node, scope)


def _concat(node: Any, scope: Scope) -> Part:
    parts = [_part(each, scope) for each in node.expressions]
    return Part(f"concat({', '.join(map(text_of, parts))})", "text", any_failed(*parts))


def _join(node: Any, scope: Scope) -> Part:
    left, right = _part(node.this, scope), _part(node.expression, scope)
    return Part(f"({text_of(left)} || {text_of(right)})", "text", any_failed(left, right))


def _coalesce(node: Any, scope: Scope) -> Part:
    parts = as_common_form([_part(each, scope) for each in (node.this, *node.expressions)], scope)
    failed = ""
    if any_failed(*parts):
        steps = "".join((f"when {part.failed} then true " if part.failed else "") + f"when {part.sql} is not null then false " for part in parts)
        failed = f"case {steps}else false end"
    sql = f"coalesce({', '.join(part.sql for part in parts)})"
    return Part(sql, form_of(parts), failed, max(part.scale for part in parts), max(part.digits for part in parts))


def _nullif(node: Any, scope: Scope) -> Part:
    left, right = as_common_form([_part(node.this, scope), _part(node.expression, scope)], scope)
    return Part(f"nullif({left.sql}, {right.sql})", left.form, any_failed(left, right), left.scale, left.digits)


def _round(node: Any, scope: Scope) -> Part:
    """To n decimals, a half as the book's `rounding` says: the one place where a mapping rounds, because it says so."""
    decimals = node.args.get("decimals")
    if scope.forms.rounding is None:
        raise ExpressionError("round is for the mappings of book.yaml; compare the number as it is")
    if type(decimals).__name__ != "Literal" or not re.fullmatch("[0-9]|1[0-2]", decimals.this):
        raise ExpressionError("round takes a number and how many decimals it keeps, 0 to 12, such as round(Net, 2)")
    places = int(decimals.this)
    value = _part(node.this, scope)
    number = as_number(value, scope, _MAX_SCALE) if value.form == "text" else as_number(value, scope)
    if number.scale <= places or not scope.rounds:
        return number
    rounded = f"round({number.sql}, {places})"
    if scope.forms.rounding == "half_even":
        # the engine rounds a half away from 0: from a number that was odd before, that is right, from an even one it is a step too far
        step = f"{Decimal(1).scaleb(-places):f}::decimal(38,{places})"
        half = f"{Decimal(5).scaleb(-places - 1):f}::decimal(38,{places + 1})"
        is_odd = f"(round(v, {places}) * {10**places})::hugeint % 2 != 0"
        even = f"case when abs(v - round(v, {places})) = {half} and {is_odd} then round(v, {places}) - sign(v) * {step} else round(v, {places}) end"
        rounded = f"(list_transform([{number.sql}], lambda v: {even})[1])::decimal(38,{places})"
    scope.rounded.append(f"coalesce({rounded} != {number.sql}, false)")
    return Part(rounded, "number", number.failed, places, number.digits + 1, number.shown)


def _strptime(node: Any, scope: Scope) -> Part:
    pattern = node.args["format"]
    if type(pattern).__name__ != "Literal" or not re.fullmatch("([^%]|%-?[aAbBdfHIjmMpSyY]|%%)+", pattern.this):
        raise ExpressionError("strptime takes its format as 'text' of %Y %m %d %H %M %S and the like, such as '%d/%m/%Y'; without a time zone")
    part = _part(node.this, scope)
    text = f"nullif({text_of(part)}, '')"
    value = f"try_strptime({text}, {literal(pattern.this)})"
    return Part(value, "timestamp", any_failed(part, f"{text} is not null and {value} is null"), shown=part.shown)


_PAIR = ("this", "expression")
_RULES: dict[str, tuple[tuple[str, ...], Callable[[Any, Scope], Part]]] = {
    "Column": (("this", "table", "db", "catalog"), _column),
    "Dot": (("this", "expression"), _column),
    "Literal": (("this", "is_string"), _literal),
    "Null": ((), lambda node, scope: Part("null", "null", shown="NULL")),
    "Boolean": (("this",), lambda node, scope: Part(str(node.this).lower(), "boolean")),
    "Paren": (("this",), lambda node, scope: _part(node.this, scope)),
    "Neg": (("this",), _of_number("(-{})")),
    "Add": (_PAIR, _add),
    "Sub": (_PAIR, _subtract),
    "Mul": (_PAIR, _multiply),
    "Div": ((*_PAIR, "typed", "safe"), _divide),
    "EQ": (_PAIR, _comparison("=")),
    "NEQ": (_PAIR, _comparison("!=")),
    "LT": (_PAIR, _comparison("<")),
    "LTE": (_PAIR, _comparison("<=")),
    "GT": (_PAIR, _comparison(">")),
    "GTE": (_PAIR, _comparison(">=")),
    "And": (_PAIR, _junction("and", "coalesce({}, true)")),
    "Or": (_PAIR, _junction("or", "not coalesce({}, false)")),
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
    "Abs": (("this",), _of_number("abs({})")),
    "Round": (("this", "decimals"), _round),
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
    "DPipe": ((*_PAIR, "safe"), _join),
    "StrToTime": (("this", "format"), _strptime),
}
