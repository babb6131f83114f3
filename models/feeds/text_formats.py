"""The text formats of a feed's numbers, days and missing values, and the SQL that converts such a text to the plain format.

Belongs here: the formats that book.yaml declares. Does not belong here: what a plain number or day may be (assets/feeds/typing_sql.py,
models/feeds/expression_parts.py).

A text that is not in the declared format is kept and gets a note appended, so that it can never pass for a plain value: with a decimal
comma, `12.50` is rejected and not read as twelve and a half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from models.currencies import Rounding
from models.feeds.settings import FeedSettings
from models.sql_text import literal
from models.unicode_form import composed

_DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_TIME = "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
#: A day as a spreadsheet counts it, from 1899-12-31; before 1 March 1900 its calendar has a day that never was.
_SERIAL = "(6[1-9]|[7-9][0-9]|[1-9][0-9]{2,5}|[12][0-9]{6})([.][0-9]+)?"
#: A negative number without a leading minus.
_OTHER_NEGATIVES = r"^\((.*)\)$|^(.*)-$"
_NO_BREAK_SPACES = "\u00a0\u202f"
_OFFSET = "(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"


@dataclass(frozen=True)
class Forms:
    """The text formats of one feed. A setting that is not declared leaves texts unchanged. `rounding`: of a declared round(x, n); None: there is none."""

    decimal: str | None = None
    thousands: tuple[str, ...] = ()
    grouping: Literal["thousands", "indian"] = "thousands"
    dates: str | None = None
    time_zone: str | None = None
    negatives: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    rounding: Rounding | None = None

    @property
    def changes_numbers(self) -> bool:
        return self.decimal == "," or bool(self.thousands or self.negatives or self.symbols)

    @property
    def changes_days(self) -> bool:
        return bool(self.dates or self.time_zone)

    @property
    def number_pattern(self) -> str:
        """A regular expression of a number in the declared format, without its symbol."""
        groups = "".join(self.thousands)
        grouped = rf"[0-9]{{1,3}}([{groups}][0-9]{{3}}){{1,4}}"
        if self.grouping == "indian":
            grouped = rf"[0-9]{{1,2}}([{groups}][0-9]{{2}}){{0,5}}[{groups}][0-9]{{3}}"
        digits = rf"([0-9]+{'|' + grouped if groups else ''})([{self.decimal or '.'}][0-9]+)?"
        signed = [f"-?{digits}"] + [{"trailing": f"{digits}-", "parentheses": rf"\({digits}\)"}[form] for form in self.negatives]
        return "|".join(signed)

    @property
    def symbol_pattern(self) -> str:
        """A regular expression of a symbol before or after a number. Its groups are the signs that stay."""
        symbols, space = "|".join(map(re.escape, self.symbols)), f"[ {_NO_BREAK_SPACES}]?"
        return rf"^([-(]?){space}(?:{symbols}){space}|{space}(?:{symbols}){space}([-)]?)$"

    def number(self, text: str) -> str:
        """SQL of a number in plain format."""
        if not self.changes_numbers:
            return text
        mark = self.decimal or "."
        groups = "".join(self.thousands)
        bare = rf"regexp_replace({text}, {literal(self.symbol_pattern)}, '\1\2')" if self.symbols else text
        is_written = f"regexp_full_match({bare}, {literal(self.number_pattern)})"
        signed = rf"regexp_replace({bare}, {literal(_OTHER_NEGATIVES)}, '-\1\2')" if self.negatives else bare
        whole = f"regexp_replace({signed}, {literal(f'[{groups}]')}, '', 'g')" if groups else signed
        plain = f"replace({whole}, {literal(mark)}, '.')"
        message = f" (decimal mark {mark}" + (f", thousands {' or '.join(map(repr, self.thousands))})" if groups else ")")
        return f"case when {text} = '' then null when {is_written} then {plain} else {text} || {literal(message)} end"

    def plain_number(self, text: str) -> str | None:
        """A number in plain format; None: the text is not in the declared format."""
        bare = re.sub(self.symbol_pattern, r"\1\2", text, count=1) if self.symbols else text
        if not re.fullmatch(self.number_pattern, bare):
            return None
        signed = re.sub(_OTHER_NEGATIVES, r"-\1\2", bare)
        return "".join(mark for mark in signed if mark not in self.thousands).replace(self.decimal or ".", ".")

    def moment(self, text: str) -> str:
        """SQL of the point in time, in the feed's time zone; null where the text is not in the declared format."""
        if self.dates == "excel":
            days = f"to_days(try_cast(split_part({text}, '.', 1) as integer))"
            return f"case when regexp_full_match({text}, {literal(_SERIAL)}) then timestamp '1899-12-30' + {days} end"
        if self.dates:
            read = f"try_strptime(case when {text} = trim({text}) then {text} end, {literal(self.dates)})"
            return f"timezone({literal(self.time_zone or 'UTC')}, {read})" if "%z" in self.dates else read
        zone = literal(self.time_zone or "UTC")
        local = f"regexp_full_match({text}, '{_DAY}({_TIME})?')"
        absolute = f"regexp_full_match({text}, '{_DAY}{_TIME}{_OFFSET}')"
        return (
            f"case when {local} then try_cast({text} as timestamp) "
            f"when {absolute} then timezone({zone}, try_cast(case when {absolute} then {text} end as timestamptz)) end"
        )

    def day(self, text: str) -> str:
        """SQL of a day in plain format, YYYY-MM-DD."""
        if not self.changes_days:
            return text
        declared = "a spreadsheet's number of days" if self.dates == "excel" else self.dates
        message = f" (this feed writes {declared})" if self.dates else f" (a day, or a moment; its day is that of {self.time_zone})"
        return f"case when {text} = '' then null else coalesce(({self.moment(text)})::date::varchar, {text} || {literal(message)}) end"


#: The formats of a column with a type in the file itself, and of a feed without such settings.
PLAIN = Forms()


def forms_of(settings: FeedSettings, rounding: Rounding = "half_up") -> Forms:
    """The text formats that a feed's settings declare, and how the book rounds."""
    numbers = (settings.decimal, tuple(settings.thousands), settings.grouping)
    return Forms(*numbers, settings.dates, settings.time_zone, tuple(settings.negatives), tuple(settings.symbols), rounding)


def without_nulls(text: str, nulls: list[str]) -> str:
    """SQL of a text that is null where it is one of the words for a missing value."""
    if not nulls:
        return text
    cell = text if all(map(str.isascii, nulls)) else f"nfc_normalize({text})"
    return f"(case when {' or '.join(f'trim({cell}) = {literal(composed(word.strip()))}' for word in nulls)} then null else {text} end)"
