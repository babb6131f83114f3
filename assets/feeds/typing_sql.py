"""Text to the canonical columns of a feed, strictly: the SQL, made from models/feeds/columns.py.

Belongs here: what each kind of column accepts, and the reason code and message for every other value.
Does not belong here: reading files (assets/feeds/readers.py), the language of mappings (models/feeds/expressions.py).

Every column has three stages: the text (`t0 …`), the value (`v0 …`), and whether the value is accepted. Rows pass on cheap tests alone.
Only the other rows are diagnosed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from models.currencies import MINOR_UNITS
from models.feeds.attributes import attribute_column
from models.feeds.columns import NEGATIVE_TYPES, SQL_TYPES, TRANSACTION_TYPES, Column, Feed, Kind
from models.feeds.expression_parts import INTEGER_DIGITS, Compiled, text_of
from models.feeds.text_formats import PLAIN, Forms, without_nulls
from models.sql_text import identifier, literal

_TEXTS = ("text", "currency", "type")
DECIMALS: dict[Kind, int] = {"amount": 6, "rate": 12, "share": 6}
_NUMBER = r"-?[0-9]+(\.[0-9]+)?"
#: A share may be a fraction of whole numbers.
_FRACTION = "[0-9]{1,6}/[1-9][0-9]{0,5}"
_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}]"
#: 1.234 may mean a thousand: an amount with three digits after the point is accepted only if its currency has three decimals.
_AMBIGUOUS = r"-?[1-9][0-9]{0,2}\.[0-9]{3}"
_NOT_AMBIGUOUS = r"-?([0-9]{1,12}(\.([0-9]{1,2}|[0-9]{4,6}))?|(0[0-9]{0,11}|[0-9]{4,12})\.[0-9]{3})"
_THREE_DECIMALS = [code for code, units in MINOR_UNITS.items() if units == 3]
_MONEY = ("amount", "cost")
#: Compared before all codes are: most books have no others.
_USUAL_CURRENCIES = ("EUR", "USD", "GBP", "CHF")
_TRIMMED = "' \t\r\n\u00a0'"


@dataclass(frozen=True)
class TextFacts:
    """Facts about all bytes of the files read. They make some tests of rows unnecessary."""

    has_space: bool = True
    has_control: bool = True
    is_ascii: bool = False


@dataclass(frozen=True)
class Mapped:
    """Where one column's value comes from: an expression over the file's columns, or only the default."""

    name: str
    column: Column | None  # None: an attribute
    expression: Compiled | None
    text: str = ""  # the expression as the user wrote it, for messages
    forms: Forms = PLAIN  # how its text is written
    is_typed: bool = False  # the file itself says that it is a number
    is_key: bool = False  # an attribute that the business key has
    is_turned: bool = False  # negative in returns and credits, whatever its sign in the file

    @property
    def target(self) -> str:
        """The column of raw.<feed> that takes the value."""
        return self.column.name if self.column else attribute_column(self.name)


@dataclass(frozen=True)
class RowRule:
    """A condition that rejects a row even if each of its columns is valid.

    `is_tested` False: such a row always has another fault too, and this rule only gives the better reason. `comes_first`: before the faults of columns.
    """

    condition: str
    reason: str
    column: str
    message: str
    is_tested: bool = True
    comes_first: bool = False

    @property
    def applies(self) -> str:
        """The condition, where the row needs its values."""
        return self.condition if self.comes_first else f"(not is_deleted and {self.condition})"


@dataclass(frozen=True)
class Deletion:
    """Which rows take their key back: SQL of the condition, and the columns of the key. Such a row needs no other value."""

    condition: str
    key: frozenset[str]


#: The reason of a row that is no data. It goes to raw.ignored_rows instead of raw.rejects.
IGNORED = "ignored"


@dataclass(frozen=True)
class _Diagnosis:
    condition: str  # true: this is what is wrong
    reason: str
    message: str  # SQL of the message


def repeated_header(feed: Feed, header: tuple[str, ...]) -> RowRule:
    """The header is repeated in the middle of the file. If any column is not text, such a row has another fault anyway."""
    same = " and ".join(f"c{i} is not distinct from {literal(name)}" for i, name in enumerate(header))
    return RowRule(f"({same})", "repeated_header", "", "the header stands again in the middle of the file; take the line out", feed.accepts_any_text, True)


def without_name(place: int) -> RowRule:
    """A value in a column that the header leaves without a name."""
    message = f"the row has a value in column {place + 1}, which the header leaves without a name; if it is the first row of a group, name it under `fill_down`"
    return RowRule(f"(coalesce(trim(c{place}), '') <> '')", "wrong_field_count", "", message, comes_first=True)


def ignored(condition: Compiled) -> RowRule:
    """A row for which the feed's `ignore` is true is no data. Where the condition has no value, the row is judged like any other."""
    return RowRule(f"coalesce({condition.sql}, false)", IGNORED, "", "", comes_first=True)


def not_computed(condition: Compiled) -> RowRule:
    """Whether the row takes its key back cannot be said."""
    return RowRule(f"({condition.failed})", "bad_value", "", "the condition `deleted` in book.yaml has no value for this row", comes_first=True)


def delimiters_alone(mapped: list[Mapped], defaults: Mapping[str, str | int], width: int) -> RowRule:
    """A row without any value, as spreadsheets write them below a table, is no data."""
    needs_a_cell = any(
        m.column and m.column.required and m.expression and m.expression.is_column and m.name not in defaults and m.column.default is None for m in mapped
    )
    return RowRule(f"(coalesce({', '.join(f'c{i}' for i in range(width))}) is null)", IGNORED, "", "", not needs_a_cell, True)


def empty_cell(cell: str, nulls: list[str]) -> RowRule:
    """A cell of a wide table without a value is no data."""
    return RowRule(f"coalesce(trim({without_nulls(cell, nulls)}), '') = ''", IGNORED, "", "", comes_first=True)


def too_late(feed: Feed, mapped: list[Mapped], last_day: dt.date, days: int) -> RowRule:
    """A row dated after `last_day`, which is `days` days after its file arrived."""
    place = next(i for i, m in enumerate(mapped) if m.name == feed.day)
    message = f"{feed.day}: is more than {days} days after the file arrived (max_future_days in book.yaml); correct the day"
    return RowRule(f"v{place} > date '{last_day}'", "future_date", str(feed.day), message)


def signs_differ(mapped: list[Mapped]) -> RowRule:
    """Amount and quantity with different signs."""
    amount, quantity = (f"v{next(i for i, m in enumerate(mapped) if m.name == name)}" for name in ("amount", "quantity"))
    message = "quantity: its sign is not that of the amount, or it is zero where the amount is not (signs: agree in book.yaml)"
    return RowRule(f"({amount} != 0 and sign({quantity}) != sign({amount}))", "sign_mismatch", "quantity", message)


def positive_return(mapped: list[Mapped]) -> RowRule:
    """A return that adds to what is measured. Exports without signs have such rows."""
    amount, kind = (f"v{next(i for i, m in enumerate(mapped) if m.name == name)}" for name in ("amount", "type"))
    message = "amount: is positive, and the row is a return; declare `signs: by_type` in book.yaml if the file has no signs"
    return RowRule(f"({amount} > 0 and {kind} = 'return')", "positive_return", "amount", message)


def select_rows(
    mapped: list[Mapped], defaults: Mapping[str, str], facts: TextFacts, relation: str, rules: Sequence[RowRule] = (), deletion: Deletion | None = None
) -> str:
    """SQL: one row per row of `relation`: `file_no` (negative: the row is rejected), every column as raw.<feed> names it, and `is_deleted`."""
    typed = _typed(mapped, defaults, facts, deletion)
    values = ", ".join(f"{t.final(typed)} as {identifier(t.mapped.target)}" for t in typed)
    accepted = f"case when {_passes(typed, rules)} then file_no else -file_no end as file_no"
    return f"select {accepted}, {values}, is_deleted from ({_staged(typed, relation, deletion)})"


def count_rounded(
    mapped: list[Mapped], defaults: Mapping[str, str], facts: TextFacts, relation: str, rules: Sequence[RowRule] = (), deletion: Deletion | None = None
) -> str:
    """SQL: how many rows pass, then per column that is rounded, in order, in how many of them this changed the value."""
    typed = _typed(mapped, defaults, facts, deletion)
    counts = [f"count(*) filter ({m.expression.rounded})" for m in mapped if m.expression and m.expression.rounded]
    return f"select {', '.join(['count(*)', *counts])} from ({_staged(typed, relation, deletion)}) where {_passes(typed, rules)}"


def select_rejects(
    mapped: list[Mapped],
    defaults: Mapping[str, str],
    facts: TextFacts,
    relation: str,
    header: tuple[str, ...],
    rules: Sequence[RowRule] = (),
    deletion: Deletion | None = None,
) -> str:
    """SQL: the rejected rows of `relation` in order: `file_no, reason, column_name, message, raw, readable`.

    `readable`: JSON of the canonical columns and those of the key whose values could be read, as raw.<feed> names them.
    """
    typed = _typed(mapped, defaults, facts, deletion)
    message = {
        comes_first: "".join(
            f"when {rule.applies} then {{'reason': {literal(rule.reason)}, 'column_name': nullif({literal(rule.column)}, ''), "
            f"'message': {literal(rule.message)}}} "
            for rule in rules
            if rule.comes_first == comes_first
        )
        for comes_first in (True, False)
    }
    kept = [t for t in typed if t.mapped.column or t.mapped.is_key]
    readable = ", ".join(f"{literal(t.mapped.target)}, case when {' and '.join(t.tests()) or 'true'} then {t.turned(typed)} end" for t in kept)
    found = "".join(
        f"when {d.condition} then {{'reason': {literal(d.reason)}, 'column_name': {literal(t.mapped.name)}, 'message': {d.message}}} "
        for t in typed
        for d in map(t.where_needed, t.diagnoses())
    )
    names = ", ".join(f"{literal(name)}, c{i}" for i, name in enumerate(header))
    with_raw = f"select *, json_object({names})::varchar as raw from ({relation})"
    return f"""select file_no, found.reason, found.column_name, found.message, coalesce(fault_raw, raw) as raw,
            case when fault is null then json_object({readable})::varchar end as readable from (
        select *, case when fault is not null then {{'reason': fault, 'column_name': null::varchar, 'message': fault_message}}
        {message[True]}{found}{message[False]}
            else {{'reason': 'bad_value', 'column_name': null::varchar, 'message': 'the row cannot be read'}} end as found
        from ({_staged(typed, with_raw, deletion)}) where ({_passes(typed, rules)}) is not true)"""


def is_fraction(text: str) -> bool:
    """Whether a text is a share written as a fraction."""
    return bool(re.fullmatch(_FRACTION, text))


def _is_fraction(text: str) -> str:
    return f"regexp_full_match({text}, '{_FRACTION}')"


def _example(kind: Kind, mark: str) -> str:
    return f"0{mark}25, or a fraction such as 1/3" if kind == "share" else f"-12{mark}50"


def _staged(typed: list[_Typed], relation: str, deletion: Deletion | None) -> str:
    texts = ", ".join(sql for t in typed for sql in t.texts())
    values = ", ".join(sql for t in typed for sql in t.values())
    is_deleted = f"coalesce({deletion.condition}, false)" if deletion else "false"
    return f"select *, {values}, {is_deleted} as is_deleted from (select *, {texts} from ({relation}))"


def _passes(typed: list[_Typed], rules: Sequence[RowRule]) -> str:
    broken = [f"not coalesce({rule.applies}, false)" for rule in rules if rule.is_tested]
    tests = (f"(is_deleted or {test})" if t.is_optional else test for t in typed for test in t.tests())
    return " and ".join(["fault is null", *tests, *broken])


def _typed(mapped: list[Mapped], defaults: Mapping[str, str], facts: TextFacts, deletion: Deletion | None) -> list[_Typed]:
    """The columns. Amounts also get the column of their currency, which limits how many decimals they may have."""
    currency = next((f"v{i}" for i, m in enumerate(mapped) if m.column and m.name == "currency"), "")
    return [_Typed(i, m, defaults, facts, currency, deletion is not None and m.target not in deletion.key) for i, m in enumerate(mapped)]


class _Typed:
    """The stages of one column. `t` is its text (or the expression's own value), `v` its typed value.

    `is_optional`: a row that takes its key back does not need it.
    """

    def __init__(self, index: int, mapped: Mapped, defaults: Mapping[str, str], facts: TextFacts, currency: str, is_optional: bool) -> None:
        self.mapped, self.facts, self.currency, self.is_optional = mapped, facts, currency, is_optional
        self.t, self.v, self.failed = f"t{index}", f"v{index}", f"f{index}"
        column = mapped.column
        self.kind: Kind = column.kind if column else "text"
        self.required = bool(column and column.required)
        default = defaults.get(mapped.name, column.default if column else None)
        self.default_column = default[1:] if default is not None and default.startswith("=") else None
        self.default = None if self.default_column else default
        expression = mapped.expression
        self.form = "text" if expression is None or self.kind in _TEXTS else expression.form
        self.is_text = self.form == "text"
        is_money = bool(column) and mapped.name in _MONEY and bool(currency)
        self.is_ambiguous = is_money and self.is_text and not mapped.is_typed and mapped.forms.decimal is None and not mapped.forms.thousands

    # stage 1 and 2

    def texts(self) -> Iterator[str]:
        expression = self.mapped.expression
        if expression is None:
            yield f"null::varchar as {self.t}"
            return
        sql = text_of(expression) if self.is_text else expression.sql
        if self.kind in _TEXTS:
            if not self.facts.is_ascii:
                sql = f"nfc_normalize({sql})"
            if self.facts.has_space or not self.facts.is_ascii or not expression.is_column:
                sql = f"nullif(trim({sql}, {_TRIMMED}), '')"
        else:
            if self.is_text and not expression.is_column:
                sql = f"nullif({sql}, '')"
            if self.is_text:
                plain = self.mapped.forms.day(sql) if self.kind == "date" else self.mapped.forms.number(sql)
                sql = f"case when {_is_fraction(sql)} then {sql} else {plain} end" if self.kind == "share" and plain != sql else plain
        yield f"{sql} as {self.t}"
        if expression.failed:
            yield f"({expression.failed}) as {self.failed}"

    def values(self) -> Iterator[str]:
        t = self._or_default(self.t)
        yield f"{self._value(t)} as {self.v}"

    def _or_default(self, t: str) -> str:
        if self.default is None:
            return t
        return f"coalesce({t}, {self._default_literal()})"

    def _default_literal(self) -> str:
        text = literal(str(self.default))
        if self.form == "number":
            return f"{text}::decimal(38,12)"
        if self.form in ("date", "timestamp"):
            return f"{text}::{self.form}"
        return text

    def _value(self, t: str) -> str:
        sql_type = SQL_TYPES[self.kind]
        if self.kind in _TEXTS:
            return t
        if self.kind == "share":  # written in one way, so that equal rows are equal
            number = f"try_cast({t} as decimal({INTEGER_DIGITS + 6}, 6))::varchar"
            return f"case when {_is_fraction(t)} then {t} else {number} end" if self.is_text else number
        if self.is_text:
            return f"try_cast({t} as {sql_type})"
        if self.kind == "date":
            return f"{t}::date"
        return f"case when abs({t}) < {10**INTEGER_DIGITS} then try_cast({t} as {sql_type}) end"

    def final(self, all_typed: list[_Typed]) -> str:
        value = self.turned(all_typed)
        if self.default_column is not None:
            other = next(t for t in all_typed if t.mapped.name == self.default_column)
            value = f"coalesce({self.v}, {other.v})"
        tests = " and ".join(self.tests())
        return f"case when not is_deleted or ({tests}) then {value} end" if self.is_optional and tests else value

    def turned(self, all_typed: list[_Typed]) -> str:
        """The value with the sign of the row's type."""
        if not self.mapped.is_turned:
            return self.v
        kind = next(t for t in all_typed if t.mapped.name == "type")
        return f"case when {' or '.join(f'{kind.v} = {literal(name)}' for name in NEGATIVE_TYPES)} then -abs({self.v}) else {self.v} end"

    # stage 3

    def tests(self) -> Iterator[str]:
        """Conditions that are all true for an accepted row."""
        t = self._or_default(self.t)
        if self.mapped.expression is not None and self.mapped.expression.failed:
            yield f"not {self.failed}"
        well_formed = self._well_formed(t)
        if well_formed:
            yield well_formed if self.required else f"({t} is null or {well_formed})"
        if self.required:
            yield f"{self.v} is not null"
        minimum = self._below_minimum()
        if minimum:
            yield f"not coalesce({minimum}, false)"

    def _well_formed(self, t: str) -> str | None:
        """True for a value of the kind; not true for any other, and where there is none."""
        if self.mapped.expression is None:
            return None
        if self.kind == "text":
            return f"not regexp_matches({self.v}, {literal(_CONTROL)})" if self.facts.has_control or not self.facts.is_ascii else None
        if self.kind == "currency":
            # not IN: the engine turns a long list into a join, which does not keep the rows in the order of the file
            usual = " or ".join(f"{self.v} = {literal(code)}" for code in _USUAL_CURRENCIES)
            return f"case when {usual} then true else regexp_full_match({self.v}, {literal('|'.join(MINOR_UNITS))}) end"
        if self.kind == "type":
            return f"({' or '.join(f'{self.v} = {literal(name)}' for name in TRANSACTION_TYPES)})"
        if self.kind == "date":
            return (
                f"(({self.v}::varchar = {t}) and {t} >= '1000' and strlen({t}) = 10)" if self.is_text else f"({self.v} between '1000-01-01' and '9999-12-31')"
            )
        if self.kind == "integer":
            # most are written as the engine would write them, which is a cheaper test than the pattern
            digits = f"{self.v}::varchar = {t} or (regexp_full_match({t}, '-?[0-9]{{1,10}}') and {self.v} is not null)"
            return f"({digits})" if self.is_text else f"{self.v} = {t}"
        if self.kind == "share":
            return f"({_is_fraction(t)} or {self._number_pattern(t)})" if self.is_text else f"{self.v}::decimal(18, 6) = {t}"
        return f"case when {self._is_usual(t)} then true else {self._number_pattern(t)} end" if self.is_text else f"{self.v} = {t}"

    def _is_usual(self, t: str) -> str:
        """Whether a number is written as the engine would write it: money with two decimals, a quantity with none. A third of the pattern's time."""
        decimals = 2 if self.currency and self.mapped.name in _MONEY else 0
        return f"coalesce(try_cast({t} as decimal({INTEGER_DIGITS + decimals}, {decimals}))::varchar = {t}, false)"

    def _number_pattern(self, t: str) -> str:
        if self.is_ambiguous:
            codes = " or ".join(f"{self.currency} = {literal(code)}" for code in _THREE_DECIMALS)
            return f"(regexp_full_match({t}, {literal(_NOT_AMBIGUOUS)}) or (regexp_full_match({t}, {literal(_AMBIGUOUS)}) and ({codes})))"
        return rf"regexp_full_match({t}, '-?[0-9]{{1,{INTEGER_DIGITS}}}(\.[0-9]{{1,{DECIMALS[self.kind]}}})?')"

    def _below_minimum(self) -> str | None:
        column = self.mapped.column
        if column is None or column.minimum is None:
            return None
        if self.kind == "share":
            return f"starts_with({self.v}, '-')"
        return f"{self.v} {'<=' if column.above_minimum else '<'} {column.minimum}"

    # what is wrong, in words

    def where_needed(self, diagnosis: _Diagnosis) -> _Diagnosis:
        """The diagnosis of a row that needs the value."""
        return replace(diagnosis, condition=f"not is_deleted and ({diagnosis.condition})") if self.is_optional else diagnosis

    def diagnoses(self) -> Iterator[_Diagnosis]:
        """What can be wrong with the column. The first condition that holds is reported."""
        name, t = self.mapped.name, self._or_default(self.t)
        origin = f"' (from ' || {literal(self.mapped.text)} || ')'" if self.mapped.text and self.mapped.text != name else "''"

        def message(text: str) -> str:
            """`{}` in the text is the value as it was in the file."""
            before, _, after = text.partition("{}")
            shown = f"left({t}::varchar, 60)"
            if "{}" not in text:
                return f"{literal(f'{name}: {text}')} || {origin}"
            return f"{literal(f'{name}: {before}')} || coalesce({shown}, '') || {literal(after)} || {origin}"

        expression = self.mapped.expression
        if expression is not None and expression.failed:
            for source_name, source_sql in expression.numbers:
                condition = f"{self.failed} and {source_sql} is not null and not regexp_full_match({source_sql}, {literal(_NUMBER)})"
                detail = f"{literal(f'{name}: {source_name} is ')} || left({source_sql}, 60) || {literal(', not a number such as -12.50')} || {origin}"
                yield _Diagnosis(condition, "bad_number", detail)
            reason = {"number": "out_of_range", "date": "bad_date", "timestamp": "bad_date"}.get(self.form, "bad_value")
            yield _Diagnosis(self.failed, reason, message("the expression has no value for this row"))
        if self.required:
            yield _Diagnosis(f"{t} is null", "missing_value", message("has no value; it is required"))
        yield from (_Diagnosis(f"({condition})", reason, message(text)) for condition, reason, text in self._malformed(t))
        minimum = self._below_minimum()
        if minimum and self.mapped.column:
            bound = "above" if self.mapped.column.above_minimum else "at least"
            yield _Diagnosis(f"({minimum})", "out_of_range", message(f"{{}} is not {bound} {self.mapped.column.minimum}"))

    def _malformed(self, t: str) -> Iterator[tuple[str, str, str]]:
        well_formed = self._well_formed(t)
        if well_formed is None:
            return
        wrong = f"{t} is not null and ({well_formed}) is not true"
        if self.kind == "text":
            yield wrong, "control_character", "holds a control character that cannot be shown; remove it"
        elif self.kind == "currency":
            yield wrong, "unknown_currency", "{} is not an ISO 4217 code such as EUR (capital letters)"
        elif self.kind == "type":
            yield wrong, "unknown_type", f"{{}} is not one of {', '.join(TRANSACTION_TYPES)}"
        elif self.kind == "date":
            yield wrong, "bad_date", "{} is not a day written YYYY-MM-DD (a mapping such as CAST(Column AS DATE) or strptime(Column, '%d/%m/%Y') makes it one)"
        elif self.kind == "integer":
            yield wrong, "bad_number", "{} is not a whole number of at most 9 digits"
        else:
            decimals = DECIMALS[self.kind]
            if self.is_text:
                yield (
                    f"not regexp_full_match({t}, {literal(_NUMBER)})",
                    "bad_number",
                    f"{{}} is not a number such as {_example(self.kind, self.mapped.forms.decimal or '.')}; no spaces, plus signs or other separators",
                )
                if self.is_ambiguous:
                    message = '{} may be a thousand or a little more than one: declare decimal: "." or decimal: "," for the feed in book.yaml'
                    yield f"regexp_full_match({t}, {literal(_AMBIGUOUS)}) and ({well_formed}) is not true", "ambiguous_number", message
                yield rf"regexp_matches({t}, '\.[0-9]{{{decimals + 1}}}')", "too_many_decimals", f"{{}} has more than {decimals} decimals"
                yield wrong, "out_of_range", f"{{}} has more than {INTEGER_DIGITS} digits before the point"
            else:
                yield f"abs({t}) >= {10**INTEGER_DIGITS}", "out_of_range", f"{{}} has more than {INTEGER_DIGITS} digits before the point"
                yield wrong, "too_many_decimals", f"{{}} has more than {decimals} decimals"
