"""The spreadsheet of a statement: its formulas, calculated by another program's engine, give every payout to the cent.

Belongs here: workbooks, on the demo book. Does not belong here: what a statement says (test_statements.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from assets.statements.document.tell import tell
from assets.statements.read import list_participants, read_statements
from assets.statements.statement import Detail, Statement
from assets.statements.words import languages, words_of
from assets.statements.workbook.lines import fits
from assets.statements.workbook.recalculation import compute, kind_without_formulas
from assets.statements.workbook.sheets import write_workbook
from models.book.statement_settings import StatementSettings
from tests.integration.statements.conftest import Opened

SETTINGS = StatementSettings()


def workbook_of(statement: Statement, language: str = "en") -> bytes:
    words = words_of(language)
    return write_workbook(statement, tell(statement, words, SETTINGS), words, SETTINGS.colour)


@pytest.fixture(scope="module")
def all_windows(last_period: Opened) -> Statement:
    """One statement of all payouts of the book, so that the engine starts once."""
    con, period = last_period
    whole = replace(period, first_day=period.first_day.replace(year=2022, month=1))
    found = list(read_statements(con, whole, list_participants(con, whole, [])))
    heading, _ = found[0].lines_csv.split("\n", 1)
    rows = "".join(each.lines_csv.split("\n", 1)[1] for each in found)
    return replace(found[0], positions=[], earlier=[], details=[detail for each in found for detail in each.details], lines_csv=f"{heading}\n{rows}")


def few_lines(statement: Statement, details: Sequence[Detail]) -> Statement:
    """Only these payouts, with their lines added up to two, because the engine takes a millisecond for every cell."""
    wanted = {detail.payout["payout_id"] for detail in details}
    rows: dict[str, list[dict[str, str]]] = {}
    reader = csv.DictReader(io.StringIO(statement.lines_csv))
    for line in reader:
        if line["payout_id"] not in wanted:
            continue
        kept = rows.setdefault(line["payout_id"], [])
        if len(kept) < 2:
            kept.append(line)
        else:
            kept[1]["credited_measure"] = str(Decimal(kept[1]["credited_measure"] or 0) + Decimal(line["credited_measure"] or 0))
    return replace(statement, details=details, lines_csv=csv_of(reader.fieldnames or [], [line for kept in rows.values() for line in kept]))


def csv_of(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def calculated(content: bytes, path: Path) -> dict[str, Any]:
    """The cells of column B of the sheet Calculation, as the engine calculates them from nothing but inputs and formulas."""
    import formulas

    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solution = formulas.ExcelModel().loads(str(path)).finish(circular=False).calculate()
    cells = {}
    for name, value in solution.items():
        if isinstance(name, str) and "CALCULATION'!B" in name and ":" not in name:
            cells[name.rsplit("!", 1)[1]] = value.value[0, 0]
    return cells


def results_of(content: bytes) -> Iterator[tuple[str, str]]:
    """Payout id and the cell of its result."""
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Calculation"]
    payout = ""
    for row in sheet.iter_rows(min_row=4):
        label, _, _, identifier = (cell.value for cell in row[:4])
        if identifier:
            payout = str(identifier)
        elif label == "Payout":
            yield payout, f"B{row[0].row}"


def check(statement: Statement, path: Path) -> int:
    """Every payout that has formulas is what they give; returns how many there are."""
    content = workbook_of(statement)
    cells = calculated(content, path)
    expected = {detail.payout["payout_id"]: detail.payout["payout"] for detail in statement.details}
    found = {payout: Decimal(str(float(cells[at]))) for payout, at in results_of(content)}
    assert {payout: amount for payout, amount in found.items() if amount != expected[payout]} == {}
    assert set(found) == {d.payout["payout_id"] for d in statement.details if not kind_without_formulas(d)}
    return len(found)


def of_each_kind(details: Sequence[Detail]) -> list[Detail]:
    """One payout of each kind that differs in the steps of its calculation; one that pays where there is one."""
    kinds: dict[tuple[Any, ...], Detail] = {}
    for detail in sorted(details, key=lambda each: each.payout["payout"] == 0):
        b = detail.benefit
        forms = tuple(form for form in ("rate", "per_unit", "amount", "share") if any(tier[form] is not None for tier in detail.tiers))
        steps = tuple(sorted({step["step"] for step in detail.steps} - {"cell", "slice"}))
        kinds.setdefault((b["method"], b["by_axis"], b["base"], b["boundary"], forms, steps), detail)
    return list(kinds.values())


def test_formulas_of_each_kind_give_the_payout_to_the_cent(all_windows: Statement, tmp_path: Path) -> None:
    assert check(few_lines(all_windows, of_each_kind(all_windows.details)), tmp_path / "kinds.xlsx") > 35


@pytest.mark.long
def test_formulas_of_the_whole_demo_give_every_payout_to_the_cent(all_windows: Statement, tmp_path: Path) -> None:
    assert check(few_lines(all_windows, all_windows.details), tmp_path / "all.xlsx") > 1100


def test_the_engine_notices_another_line_and_another_rate(statements: dict[str, Statement], tmp_path: Path) -> None:
    """The formulas read the sheets: they are no figures that were written down. At a threshold, the bound's side decides."""
    statement = statements["IU-02"]
    above = next(each for each in statement.details if each.payout["benefit_id"] == "order-lines")
    at = replace(above, payout={**above.payout, "payout_id": "p" + "1" * 20}, benefit={**above.benefit, "boundary": "lower_inclusive"})
    rows = [row for row in csv.DictReader(io.StringIO(statement.lines_csv)) if row["payout_id"] == above.payout["payout_id"]]
    lines = csv_of(list(rows[0]), [*rows, *({**row, "payout_id": at.payout["payout_id"]} for row in rows)])
    content = workbook_of(replace(statement, details=[above, at], lines_csv=lines))
    book = openpyxl.load_workbook(io.BytesIO(content))
    for row in (2, 3, 4, 15, 16, 17):  # three lines less of 13: 10, where the second tier begins, or where the first one ends
        book["Lines"][f"J{row}"] = 0
    book["Terms"]["G2"] = 27
    changed = io.BytesIO()
    book.save(changed)
    cells = calculated(changed.getvalue(), tmp_path / "changed.xlsx")
    assert [cells[at] for _, at in results_of(content)] == [27, 25]


def test_a_column_of_a_matrix_begins_on_the_side_of_its_bound(all_windows: Statement) -> None:
    detail = next(each for each in all_windows.details if each.benefit["method"] == "matrix" and not kind_without_formulas(each))
    for boundary, sign in (("lower_inclusive", "<="), ("upper_inclusive", "<")):
        block = compute(replace(detail, benefit={**detail.benefit, "boundary": boundary}), words_of("en"), ("Terms", 1), None, 5)
        column = next(cell.formula for cell in block.cells if cell.label.endswith("· n"))
        assert re.findall("<=?", str(column)) == [sign] * str(column).count("IF(")


def test_what_has_no_formulas_is_said_by_name_with_its_steps(all_windows: Statement) -> None:
    kinds = {kind_without_formulas(detail): detail for detail in all_windows.details}
    assert set(kinds) == {"", "blocked", "by_line", "draw", "groups", "linear_matrix", "pool", "shared_rank"}
    rows = openpyxl.load_workbook(io.BytesIO(workbook_of(few_lines(all_windows, [kinds["linear_matrix"]]))))["Calculation"]
    texts = [row[0].value for row in rows.iter_rows(min_row=5)]
    assert texts[0] == "Not put into formulas: a matrix between whose points is interpolated. The figures of its steps:"
    assert "Rounded" in texts
    assert not any(str(cell.value).startswith("=") for row in rows.iter_rows() for cell in row)


@pytest.mark.parametrize("language", languages())
def test_every_language_names_the_sheets(statements: dict[str, Statement], language: str) -> None:
    names = openpyxl.load_workbook(io.BytesIO(workbook_of(statements["IU-02"], language))).sheetnames
    assert names == [words_of(language).say(f"sheet.{name}") for name in ("statement", "calculation", "terms", "lines")]


def test_all_lines_are_there_and_the_same_statement_gives_the_same_bytes(statements: dict[str, Statement]) -> None:
    statement = statements["CH-08"]
    content = workbook_of(statement)
    assert content == workbook_of(statement)
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Lines"]
    assert sheet.max_row - 1 == sum(detail.totals.lines for detail in statement.details)
    names = [cell.value for cell in sheet[1]]
    shares = [row[names.index("line_payout")] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert round(sum(shares), 2) == float(sum(detail.payout["payout"] for detail in statement.details))


def test_a_name_that_looks_like_a_formula_stays_a_text(statements: dict[str, Statement]) -> None:
    rows = list(csv.DictReader(io.StringIO(statements["IU-02"].lines_csv)))
    text = ' =HYPERLINK(1)<&>\x07_x0041_\n"é" '
    named = replace(statements["IU-02"], lines_csv=csv_of(list(rows[0]), [{**row, "product_id": text} for row in rows]))
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_of(named)))["Lines"]
    cell = sheet["F2"]
    assert (unescape(str(cell.value)), cell.data_type) == (text, "s")


def test_lines_are_numbers_days_and_texts(statements: dict[str, Statement]) -> None:
    rows = list(csv.DictReader(io.StringIO(statements["IU-02"].lines_csv)))
    rows[0]["amount"] = "1234567890.123456"
    changed = replace(statements["IU-02"], lines_csv=csv_of(list(rows[0]), rows))
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_of(changed)))["Lines"]
    names = [cell.value for cell in sheet[1]]
    for line, row in zip(rows, sheet.iter_rows(min_row=2, values_only=True), strict=True):
        cells = dict(zip(names, row, strict=True))
        assert cells["date"] == dt.datetime.fromisoformat(line["date"])
        assert cells["transaction_id"] == line["transaction_id"]
        assert cells["amount"] == (line["amount"] if line is rows[0] else float(line["amount"]))
        assert cells["product_id"] == (line["product_id"] or None)


def test_a_number_with_more_digits_than_a_worksheet_keeps_is_a_text() -> None:
    assert fits("-123456789.123456")
    assert not fits("1234567890.123456")
    assert fits("1234567890123450000")
    assert fits("0.00000123456789012345")
