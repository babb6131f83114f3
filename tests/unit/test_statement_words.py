"""The words of statements: every language says the same things, and numbers read as they should.

Belongs here: messages and settings. Does not belong here: whole statements (tests/integration/statements/).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import get_args

import pytest

from assets.statements.document.missing import tell_missing
from assets.statements.words import languages, read_messages, words_of
from models.book.settings import parse_book
from models.book.statement_settings import Language
from models.documents import InputError

_BOOK = 'book: b\ncurrency: EUR\nfeeds: {transactions: {files: "feeds/*.csv"}}\n'


def test_there_are_words_for_every_language_of_the_settings() -> None:
    assert languages() == sorted(get_args(Language))


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_keys_and_braces(language: str) -> None:
    own, english = read_messages(language), read_messages("en")
    assert set(own) == set(english)
    assert [key for key, text in own.items() if not isinstance(text, str) or not text.strip()] == []
    braces = {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in own.items()}
    assert {key for key, text in english.items() if sorted(re.findall(r"\{\w+\}", text)) != braces[key]} == set()


@pytest.mark.parametrize(
    ("language", "amount", "rate", "day"),
    [
        ("en", "−1,234.50 EUR", "1.5%", "Mar 9, 2026"),
        ("de", "−1.234,50 EUR", "1,5 %", "09.03.2026"),
        ("fr", "−1 234,50 EUR", "1,5 %", "9 mars 2026"),
        ("nl", "−1.234,50 EUR", "1,5%", "9 mrt 2026"),
        ("es", "−1.234,50 EUR", "1,5 %", "9 mar 2026"),
        ("ja", "−1,234.50 EUR", "1.5%", "2026/03/09"),
    ],
)
def test_numbers_and_days_are_those_of_the_language(language: str, amount: str, rate: str, day: str) -> None:
    words = words_of(language)
    spaces = str.maketrans({"\u202f": " ", "\u00a0": " "})
    assert words.money(Decimal("-1234.5000"), "EUR").translate(spaces) == amount
    assert words.percent(Decimal("0.015")).translate(spaces) == rate
    assert words.day(dt.date(2026, 3, 9)).translate(spaces) == day


def test_an_amount_keeps_every_digit_and_the_decimals_of_its_currency() -> None:
    words = words_of("de")
    assert words.money(Decimal("12345678901234.5678"), "EUR") == "12.345.678.901.234,5678 EUR"
    assert words.money(Decimal("1200.0000"), "JPY") == "1.200 JPY"
    assert words.money(Decimal("0.5"), "KWD") == "0,500 KWD"
    assert words.money(None, "EUR") == "–"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("{colour: teal}", "is not a colour such as"),
        ("{colour: '#ffee00'}", "too light to be read on white"),
        ("{logo: logo.pdf}", "ends in .svg, .png or .jpg"),
        ("{language: it}", "en"),
    ],
)
def test_settings_that_make_no_statement_are_refused(settings: str, problem: str) -> None:
    with pytest.raises(InputError, match=re.escape(problem)):
        parse_book(f"{_BOOK}statements: {settings}\n")


def test_a_colour_just_dark_enough_is_taken() -> None:
    assert parse_book(f"{_BOOK}statements: {{colour: '#767676'}}\n").statements.colour == "#767676"  # 4.54 : 1
    with pytest.raises(InputError, match="too light"):
        parse_book(f"{_BOOK}statements: {{colour: '#777777'}}\n")  # 4.48 : 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no target for SP-05 from 2026-04-01", "kein Ziel für SP-05 ab 01.04.2026"),
        ("no baseline for CH-08 from 2025-10-01", "kein Vergleichswert für CH-08 ab 01.10.2025"),
        ("no incentive for SP-05 from 2026-04-01", "keine Prämie für SP-05 ab 01.04.2026"),
        ("no value of nps or tap for OU-070 from 2026-01-01 to 2026-06-30", "kein Wert von nps / tap für OU-070 vom 01.01.2026 bis 30.06.2026"),
        ("1200 of 24000 lines have no cost", "1.200 von 24.000 Zeilen ohne Kosten"),
        ("12 of 24 lines have no quantity", "12 von 24 Zeilen ohne Menge"),
        ("12 of 24 lines have no number in product.litres", "12 von 24 Zeilen ohne Zahl in product.litres"),
        ("in the prior year 2 of 4 lines have no rate: GBP to USD on 2024-07-04", "im Vorjahr 2 von 4 Zeilen ohne Wechselkurs: GBP in USD am 04.07.2024"),
        (
            "2 of 4 lines have no rate: GBP to USD on 2024-07-04, CHF to USD on 2024-07-05 and others",
            "2 von 4 Zeilen ohne Wechselkurs: GBP in USD am 04.07.2024, CHF in USD am 05.07.2024, und weitere",
        ),
        ("margin is -12.5", "Marge ist −12,5"),
        ("no window of volume that ends on 2026-06-30 has begun", "kein Zeitraum von volume, der am 30.06.2026 endet, hat begonnen"),
        ("no margin of volume, whose own steps say why", "Marge von volume fehlt; warum, steht in den Schritten dort"),
        ("something else", "something else"),
        ("", ""),
    ],
)
def test_what_a_blocked_payout_lacks_is_told_in_the_readers_language(text: str, told: str) -> None:
    assert tell_missing(words_of("de"), text) == told
    assert tell_missing(words_of("ja"), text) != text or told == text
