"""How a file writes its numbers: marks, groups, negatives, symbols.

Belongs here: which of a feed's forms fits texts. Does not belong here: the forms themselves (models/feeds/text_formats.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from assets.feeds.proposal.sample import WIDE, Column
from models.feeds.text_formats import Forms

SYMBOLS = ("US$", "R$", "$", "€", "£", "¥", "₹", "₽", "zł", "Kč", "kr.", "kr", "Ft", "CHF", "EUR", "USD", "GBP", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF")
#: The currency that a symbol most often means.
CURRENCY_OF = {"€": "EUR", "$": "USD", "£": "GBP", "₹": "INR", "₽": "RUB", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "US$": "USD", "R$": "BRL"}
#: Words for a missing value.
NULLS = ("-", "–", "—", "N/A", "n/a", "#N/A", "NA", "NULL", "null", "None", "nan", "NaN")
#: A column holds numbers if so many of its different values are numbers.
ENOUGH = 0.9
_LOOKED_AT = 2_000
_ALL = Forms(negatives=("trailing", "parentheses"), symbols=SYMBOLS)
_POINT = _ALL
_COMMA = replace(_ALL, decimal=",")
_POINT_AND_COMMAS = replace(_ALL, thousands=(",",))
_COMMA_AND_POINTS = replace(_ALL, decimal=",", thousands=(".",))
#: The most common first: where several fit every value, the first is taken.
_FORMS = (
    _POINT,
    _COMMA,
    _POINT_AND_COMMAS,
    _COMMA_AND_POINTS,
    *(replace(_ALL, decimal=decimal, thousands=(mark,)) for decimal in (",", None) for mark in (" ", "\u00a0", "\u202f", "'", "’")),
    replace(_ALL, thousands=(",",), grouping="indian"),
)
#: What only a symbol may be in a number.
_BESIDES = re.compile(r"[^0-9.,'’() \u00a0\u202f-]")
_MARKED = re.compile(r"[0-9][.,]")


@dataclass(frozen=True)
class NumberForm:
    """The form of a file's numbers. `evidence`: a value that shows it. `is_ambiguous`: 1.234 and the like are all there is."""

    form: Forms
    evidence: str = ""
    is_ambiguous: bool = False

    def settings(self) -> dict[str, Any]:
        """The feed's settings for marks and groups; none where the values could be read in two ways."""
        form = self.form if not self.is_ambiguous else _POINT
        found: dict[str, Any] = {}
        if form.decimal:
            found["decimal"] = form.decimal
        if form.thousands:
            found["thousands"] = form.thousands[0]
        if form.grouping == "indian":
            found["grouping"] = "indian"
        return found


@cache
def _patterns(form: Forms) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(form.number_pattern), re.compile(form.symbol_pattern)


def is_number(text: str, form: Forms = _ALL) -> bool:
    """Whether a text is a number in a form, with any negative and any symbol."""
    number, symbol = _patterns(form)
    text = text.strip(" \t\u00a0")
    if number.fullmatch(text):
        return True
    return _BESIDES.search(text) is not None and number.fullmatch(symbol.sub(r"\1\2", text, count=1)) is not None


def looks_like_number(text: str) -> bool:
    """Whether a text is a number in any form."""
    return any(is_number(text, form) for form in _FORMS)


def symbol_in(text: str, form: Forms) -> str:
    """The symbol of a number; empty if it has none."""
    _, symbol = _patterns(form)
    text = text.strip(" \t\u00a0")
    is_shown = is_number(text, form) and symbol.search(text) is not None
    return next((each for each in SYMBOLS if each in text), "") if is_shown else ""


def value_of(text: str, form: Forms) -> Decimal | None:
    """The number that a text is; None: it is none in this form."""
    plain = form.plain_number(text.strip(" \t\u00a0"))
    return Decimal(plain) if plain else None


def share_of_numbers(column: Column, form: Forms) -> float:
    """How many of a column's different values are numbers in a form; 0 where it has none."""
    values = _different(column)
    return sum(is_number(value, form) for value in values) / len(values) if values else 0.0


def number_form(columns: Sequence[Column], has_decimal_comma: bool, are_rates: bool = False) -> NumberForm:
    """The form that fits the most values of the columns that hold numbers. A declared type needs no form.

    `has_decimal_comma`: something else in the file shows a country that writes one. `are_rates`: no number is a thousand.
    """
    numeric = [column for column in columns[:WIDE] if not column.type and max(share_of_numbers(column, form) for form in _FORMS) >= ENOUGH]
    values = [value for column in numeric for value in _different(column)]
    marked = [value for value in values if _MARKED.search(value)]
    if not marked:
        return NumberForm(_fitting(values)[0], next((value for value in values if not is_number(value)), ""))
    best = _fitting(values)
    if are_rates or any(re.match(r"-?0[.,]", value) for value in marked):
        best = [form for form in best if not form.thousands] or best
    if _POINT in best and _COMMA_AND_POINTS in best:  # 1.234 and no other
        return NumberForm(_COMMA_AND_POINTS, marked[0]) if has_decimal_comma else NumberForm(_POINT, marked[0], is_ambiguous=True)
    if _COMMA in best and _POINT_AND_COMMAS in best:  # 1,234 and no other
        return NumberForm(_COMMA, marked[0]) if has_decimal_comma else NumberForm(_POINT_AND_COMMAS, marked[0], is_ambiguous=True)
    evidence = next((value for value in marked if not is_number(value, _POINT)), marked[0])
    is_declared = best[0] != _POINT or any(re.fullmatch(r"-?[1-9][0-9]{0,2}\.[0-9]{3}", value) for value in marked)
    return NumberForm(replace(best[0], decimal=best[0].decimal or ".") if is_declared and not best[0].thousands else best[0], evidence)


def _fitting(values: Sequence[str]) -> list[Forms]:
    """The forms that fit the most values, in their order."""
    fits = {form: sum(is_number(value, form) for value in values) for form in _FORMS}
    return [form for form in _FORMS if fits[form] == max(fits.values())]


def further_settings(columns: Iterable[Column], form: Forms) -> tuple[dict[str, Any], dict[str, str]]:
    """`negatives`, `symbols` and `nulls` of the columns that are mapped as numbers, and a value that shows each."""
    settings: dict[str, Any] = {}
    reasons: dict[str, str] = {}

    def add(key: str, word: str, value: str) -> None:
        if word not in settings.setdefault(key, []):
            settings[key].append(word)
            reasons.setdefault(key, f"such as {value}")

    _, symbol = _patterns(form)
    for column in columns:
        for value in _different(column):
            text = value.strip(" \t\u00a0")
            bare = symbol.sub(r"\1\2", text, count=1)
            if text in NULLS:
                add("nulls", text, text)
            elif is_number(value, form):
                if bare != text:
                    add("symbols", next(each for each in SYMBOLS if each in text), text)
                if bare.endswith("-"):
                    add("negatives", "trailing", text)
                if bare.startswith("("):
                    add("negatives", "parentheses", text)
    return settings, reasons


def has_outer_space(column: Column) -> bool:
    return any(value != value.strip(" \t\u00a0") for value in _different(column))


def _different(column: Column) -> list[str]:
    return list(dict.fromkeys(column.values()))[:_LOOKED_AT]
