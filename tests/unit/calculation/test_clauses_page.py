"""docs/clauses.md: every example pays what its table says.

Belongs here: reading the page. Does not belong here: the keys one by one (tests/golden).
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from models.documents import parse_documents
from tests.support.small_book import Line, Small, calculate

PAGE = (Path(__file__).parents[3] / "docs" / "clauses.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### ([^\n]+)\n+```yaml\n(.+?)```\n+((?:\|[^\n]*\n)+)", PAGE, re.DOTALL | re.MULTILINE)
DAYS = {"Q1": dt.date(2025, 2, 10), "Q2": dt.date(2025, 5, 10), "Q3": dt.date(2025, 8, 10), "Q4": dt.date(2025, 11, 10)}
DAYS |= {name: dt.date(2025, number, 10) for number, name in enumerate(calendar.month_name) if name}
#: Columns that say something of the transactions, and the field.
FIELDS = {"sales": "amount", "pieces": "quantity", "cost": "cost", "points": "points", "articles": "product_id"}
MEASURED = ("sales", "pieces")


def _cases() -> list[Any]:
    cases = []
    for title, text, table in EXAMPLES:
        heading, _, *rows = ([cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines())
        cases += [pytest.param(text, dict(zip(heading, row, strict=True)), id=f"{title[:40]}-{number}") for number, row in enumerate(rows, 1)]
    return cases


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _day(word: str) -> dt.date:
    if word in DAYS:
        return DAYS[word]
    day, _, month = word.partition(" ")
    return dt.date(2025, list(calendar.month_name).index(month), int(day))


def _lines(row: dict[str, str]) -> list[Line]:
    """A line per number of a cell, in the middle of the year unless the heading names a day; another partner's where it names one."""
    lines = []
    for heading, cell in row.items():
        if match := re.fullmatch(r"sales (?:of|on) (.+)", heading):
            is_partner = match[1] in ("P", "Q", "R")
            lines.append(Line(DAYS["Q2"] if is_partner else _day(match[1]), _number(cell), partner_id=match[1] if is_partner else "P"))
        elif heading == "last year":
            lines.append(Line(dt.date(2024, 5, 10), _number(cell)))
    columns = {field: row[heading].split(" + ") for heading, field in FIELDS.items() if heading in row}
    for number, values in enumerate(zip_longest(*columns.values())):
        line: dict[str, Any] = {name: value if name == "product_id" else _number(value) for name, value in zip(columns, values, strict=True)}
        lines.append(Line(DAYS["Q2"] + dt.timedelta(number), **{"amount": line.get("quantity"), **line}))
    return lines


@pytest.mark.parametrize(("text", "row"), _cases())
def test_an_example_pays_what_its_table_says(text: str, row: dict[str, str]) -> None:
    written = parse_documents(text, "clauses.md")[0].value
    people = [name for name in ("P", "Q", "R") if f"sales of {name}" in row] or ["P"]
    plain = {"agreement": "A", "currency": "EUR", "term": {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}, "participants": people}
    agreement = {**plain, **(written if isinstance(written, dict) else {"benefits": written})}
    shown = ("pays", "gets", "last year", *FIELDS)
    metrics = [("P", name, DAYS["Q2"], _number(cell)) for name, cell in row.items() if not name.startswith(("sales", "pays")) and not name.endswith(shown)]
    payouts = calculate(Small(agreement, _lines(row), [], agreement["term"]["to"], metrics=metrics))["payouts"].to_dicts()
    assert {payout["status"] for payout in payouts} == {"final"}
    for heading, cell in row.items():
        word, _, where = heading.partition(" in ")
        if word == "pays":
            day = _day(where) if where else None
            counted = [payout for payout in payouts if day is None or payout["window_start"] <= day <= payout["window_end"]]
            assert sum(payout["payout"] for payout in counted) == _number(cell), heading
        elif heading.endswith(" gets"):
            assert sum(payout["payout"] for payout in payouts if payout["participant_id"] == heading[0]) == _number(cell), heading


def test_there_are_thirty_and_all_have_figures() -> None:
    assert len(EXAMPLES) >= 30
    assert PAGE.count("\n### ") == PAGE.count("```yaml") == len(EXAMPLES)
