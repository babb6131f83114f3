"""Words, numbers and days of a language. The words are in messages/<language>.yaml, which a translator can edit; en.yaml is the one that the others follow.

Belongs here: looking words up, formatting. Does not belong here: what is said where (document/).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date

from assets.published import formatting
from models.currencies import MINOR_UNITS

MESSAGES = Path(__file__).parent / "messages"
MINUS = "−"


@dataclass(frozen=True)
class Words:
    """One language."""

    language: str
    texts: Mapping[str, str]
    locale: Locale
    signs: Mapping[int, str]
    percent_pattern: str

    def say(self, key: str, **values: object) -> str:
        """The text of a key. A key that is missing is an error."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        return key in self.texts

    def number(self, value: Any, decimals: int = 0) -> str:
        """Exact, with the separators of the language and at least so many decimals."""
        return "–" if value is None else formatting.number(value, decimals).translate(self.signs)

    def computed(self, value: Any, decimals: int = 6) -> str:
        """A computed number with at most so many decimals, as people read it."""
        return self.number(formatting.readable(value, decimals))

    def money(self, amount: Decimal | None, currency: str) -> str:
        return "–" if amount is None else f"{self.amount(amount, currency)} {currency}"

    def amount(self, amount: Decimal | None, currency: str) -> str:
        """An amount whose currency stands elsewhere."""
        return self.number(amount, MINOR_UNITS.get(currency, 2))

    def percent(self, rate: Decimal | None, decimals: int = 4) -> str:
        """0.015 as 1.5 %, in the way of the language."""
        return "–" if rate is None else self.percent_pattern.format(self.number(formatting.readable(rate * 100, decimals)))

    def in_unit(self, value: Decimal | None, unit: str, currency: str) -> str:
        """A figure with the decimals that people read. Without a currency, money is a bare number."""
        if value is None:
            return "–"
        if unit == "percent":
            return self.percent(value, 2)
        if unit == "money" and currency:
            return self.money(formatting.readable(value, 4), currency)
        return self.number(formatting.readable(value, 6), 2 if unit == "money" else 0)

    def day(self, day: dt.date | None) -> str:
        return "–" if day is None else _day(day, "medium", self.language)

    def long_day(self, day: dt.date) -> str:
        return _day(day, "long", self.language)

    def days(self, first: dt.date, last: dt.date) -> str:
        return f"{self.day(first)} – {self.day(last)}"


@cache
def words_of(language: str) -> Words:
    """The words of one of the languages that there is a file for."""
    locale = Locale.parse(language)
    symbols = locale.number_symbols["latn"]
    pattern = locale.percent_formats[None].pattern
    return Words(
        language=language,
        texts=read_messages(language),
        locale=locale,
        signs=str.maketrans({",": symbols["group"], ".": symbols["decimal"], "-": MINUS}),
        percent_pattern="{}" + pattern[pattern.rindex("0") + 1 :],
    )


def languages() -> list[str]:
    return sorted(path.stem for path in MESSAGES.glob("*.yaml"))


def read_messages(language: str) -> dict[str, str]:
    content: dict[str, str] = yaml.safe_load((MESSAGES / f"{language}.yaml").read_text(encoding="utf-8"))
    return content


@cache
def _day(day: dt.date, form: str, language: str) -> str:
    return format_date(day, form, locale=language)
