"""A row is found where the program says: the test opens the file and looks at that line, or at that row of the sheet."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.feeds import row_lines
from models.feeds.row_places import name_place
from tests.support.feed_books import HEADER, load, query, write_book

TITLES = "Sales of March\n\nprinted by Jane\n"
LINES = """
    select files.file_name, transaction_id, raw.line_of_row(row_no, rows_per_row, lines_before, row_lines.line)
    from raw.transactions join raw.feed_files as files using (file_no) left join raw.row_lines using (file_no, row_no) order by file_no, row_no"""
REJECTED = LINES.replace("transaction_id", "raw ->> 'transaction_id'").replace("raw.transactions", "raw.rejects")


def row(number: int, note: str = "retail", amount: str = "12.50") -> str:
    return f"T-{number},1,2026-03-31,P-1,sale,2,{amount},EUR,{note}"


def text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in (HEADER, *lines))


def taken(tmp_path: Path, content: bytes, settings: str = "strict: false", name: str = "a.csv") -> Path:
    book = write_book(tmp_path / "book", f'transactions: {{files: "feeds/transactions/*", {settings}}}', {f"transactions/{name}": content})
    load(book)
    return book


#: A blank line, texts with line breaks, and a row that is rejected.
ODD = text("", row(1), row(2, '"two\nlines"'), "", "", row(3), row(4, '"one\n\nafter a blank line"'), row(5, amount="oops"), row(6), "")
SPLIT = text(row(1), row(2), row(3) + ",too many", "", row(4, '"a\r\nb"'), row(5))
CASES: dict[str, tuple[str, str, str, list[str]]] = {
    "every row one line": (text(row(1), row(2)), "strict: false", "utf-8", ["T-1", "T-2"]),
    "blank lines and line breaks": (ODD, "strict: false", "utf-8", [f"T-{n}" for n in range(1, 7)]),
    "a header of two lines": (ODD.replace("channel", '"sales\nchannel"', 1), "strict: false", "utf-8", [f"T-{n}" for n in range(1, 7)]),
    "carriage returns": (text(row(1), "", row(2)).replace("\n", "\r\n"), "strict: false", "utf-8", ["T-1", "T-2"]),
    "mixed line ends": (text(row(1), row(2)) + f"{row(3)}\r{row(4)}\r\n{row(5)}\n", "strict: false", "utf-8", [f"T-{n}" for n in range(1, 6)]),
    "a carriage return in a text": (text(row(1), row(2, '"a\rb"'), row(3)), "strict: false", "utf-8", ["T-1", "T-2", "T-3"]),
    "rows that only Python reads": (SPLIT, "strict: false", "utf-8", [f"T-{n}" for n in range(1, 6)]),
    "a quote inside a text": (text(row(1, '5" pipe'), "", row(2, '6" pipe'), row(3)), "strict: false", "utf-8", ["T-1", "T-2", "T-3"]),
    "no last line end": (text(row(1), "", row(2))[:-1], "strict: false", "utf-8", ["T-1", "T-2"]),
    "a mark of bytes": (text("", row(1)), "strict: false", "utf-8-sig", ["T-1"]),
    "another encoding": (text(row(1, "Café"), "", row(2)), "encoding: windows-1252", "cp1252", ["T-1", "T-2"]),
    "two bytes a letter": (text(row(1), "", row(2, '"a\nb"'), row(3)).replace("\n", "\r\n"), "encoding: utf-16", "utf-16", ["T-1", "T-2", "T-3"]),
    "titles": (TITLES + text(row(1), row(2)), "header_row: 4", "utf-8", ["T-1", "T-2"]),
    "titles and blank lines": (TITLES + ODD, "header_row: 4", "utf-8", [f"T-{n}" for n in range(1, 7)]),
    "a footer": (TITLES + text(row(1), row(2), "", "Total,2"), "header_row: 4, footer: 1", "utf-8", ["T-1", "T-2"]),
    "a footer that is named": (text("", row(1), row(2), "Total", "the end"), "footer: Total", "utf-8", ["T-1", "T-2"]),
    "a trailer": (text(row(1), "", row(2), "EOF,2"), "totals: [EOF, rows]", "utf-8", ["T-1", "T-2"]),
    "a first line for spreadsheets": ("sep=,\n" + text(row(1), row(2)), "strict: false", "utf-8", ["T-1", "T-2"]),
    "rows that are ignored": (text(row(1), "Total,,,,,,,,", "", ",,,,,,,,", row(2)), "ignore: date is null", "utf-8", ["T-1", "T-2"]),
    "values from above": (text(row(1), "", row(2).replace("P-1", "")), "fill_down: [partner_id]", "utf-8", ["T-1", "T-2"]),
    "a file of corrections": (
        f"{HEADER},corrects_file,corrects_row\n{row(1)},abc,7\n\n{row(2)},abc,9\n", "header_row: 4, footer: 1", "utf-8", ["T-1", "T-2"]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "settings", "encoding", "wanted"), CASES.values(), ids=CASES)
def test_a_row_is_on_its_line(tmp_path: Path, content: str, settings: str, encoding: str, wanted: list[str]) -> None:
    data = content.encode(encoding)
    book = taken(tmp_path, data, settings)
    found = query(book, f"from ({LINES}) union all from ({REJECTED})")
    lines = io.TextIOWrapper(io.BytesIO(data), encoding).read().split("\n")
    assert sorted(transaction for _, transaction, _ in found) == wanted
    assert {transaction: lines[line - 1].partition(",")[0] for _, transaction, line in found} == {each: each for each in wanted}


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl", "a.jsonl.gz", "no-blank-lines.jsonl"])
def test_a_compressed_file_and_json_have_lines_too(tmp_path: Path, name: str) -> None:
    content = ODD
    if ".jsonl" in name:
        line = '{{"transaction_id": "T-{}", "date": "2026-03-31", "partner_id": "P-1", "amount": "{}", "currency": "EUR"}}'
        content = "".join(f"{each}\n" for each in ("", line.format(1, 2), " ", line.format(2, "x"), line.format(3, 2)))
        content = content.lstrip("\n").replace("\n \n", "\n") if name.startswith("no-blank") else content
    book = taken(tmp_path, gzip.compress(content.encode()) if name.endswith(".gz") else content.encode(), name=name)
    found = query(book, f"from ({LINES}) union all from ({REJECTED})")
    assert len(found) == (3 if ".jsonl" in name else 6)
    assert all(transaction in content.split("\n")[line - 1] for _, transaction, line in found)


def test_the_line_of_a_sheet_is_its_row(tmp_path: Path) -> None:
    """Whatever line breaks its cells have, and however many of its rows are empty."""
    columns = HEADER.split(",")
    rows: list[list[Any]] = [[*row(n).split(",")] for n in range(1, 5)]
    rows[1][-1], rows[2][6] = "three\nlines\nlong", "oops"
    workbook, buffer = openpyxl.Workbook(), io.BytesIO()
    workbook.active.title = "Sales"
    for cells in (["Report\nof March"], [], columns, rows[0], [], rows[1], [], [], rows[2], rows[3], ["Total"]):
        workbook.active.append(cells)
    workbook.save(buffer)
    content = buffer.getvalue()
    book = taken(tmp_path, content, "sheet: Sales, header_row: 3, footer: Total", "a.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Sales"]
    found = query(book, f"from ({LINES}) union all from ({REJECTED})")
    assert sorted(transaction for _, transaction, _ in found) == ["T-1", "T-2", "T-3", "T-4"]
    assert {transaction: sheet.cell(line, 1).value for _, transaction, line in found} == {f"T-{n}": f"T-{n}" for n in range(1, 5)}


def test_each_row_that_unpivot_makes_is_on_the_line_of_its_row(tmp_path: Path) -> None:
    content = "day;USD;HUF\n2026-01-05;4;1\n\n2026-01-06;4;x\n2026-01-07;5;2\n"
    feeds = """transactions: {files: "feeds/transactions/*"}
fx_rates: {files: "feeds/fx_rates/*", delimiter: ";", columns: {date: day}, defaults: {to_currency: PLN},
  unpivot: {columns: {USD: {currency: USD}, HUF: {currency: HUF}}, value: rate}}"""
    book = write_book(tmp_path / "book", feeds, {"fx_rates/a.csv": content})
    load(book)
    read = LINES.replace("transaction_id", "date::varchar").replace("raw.transactions", "raw.fx_rates")
    found = [*query(book, read), *query(book, REJECTED.replace("transaction_id", "day"))]
    assert len(found) == 6
    assert all(content.split("\n")[line - 1].startswith(day) for _, day, line in found)


def test_parquet_has_no_lines(tmp_path: Path) -> None:
    values = dict(zip(HEADER.split(","), row(1).split(","), strict=True))
    pq.write_table(pa.table({name: [value] for name, value in values.items()}), tmp_path / "a.parquet")
    book = taken(tmp_path, (tmp_path / "a.parquet").read_bytes(), name="a.parquet")
    assert [line for *_, line in query(book, LINES)] == [None]


def test_a_file_of_which_every_row_is_a_line_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(row_lines, "_lines")
    book = taken(tmp_path, (TITLES + text(row(1), row(2, '"quoted"'), row(3), "Total")).encode(), "header_row: 4, footer: Total")
    assert [line for *_, line in query(book, LINES)] == [5, 6, 7]
    assert query(book, "from raw.row_lines") == []


def test_no_line_is_better_than_a_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second reading finds other rows than the first."""
    first_lines = row_lines._first_lines
    monkeypatch.setattr(row_lines, "_first_lines", lambda text, source: list(first_lines(text, source))[1:])
    book = taken(tmp_path, ODD.encode())
    assert {line for *_, line in query(book, LINES)} == {None}


def test_a_warehouse_from_before_lines_loads_its_files_again(tmp_path: Path) -> None:
    book = taken(tmp_path, ODD.encode())
    before = query(book, LINES)
    with duckdb.connect(str(book / "warehouse.duckdb")) as con:
        con.execute("drop table raw.row_lines; alter table raw.feed_files drop column lines_before; update raw.feed_settings set sha256 = 'earlier'")
    load(book)
    assert query(book, LINES) == before


@pytest.mark.parametrize(
    ("file", "line", "words"), [("a.csv", 1240, "line 1,240 (row 1,239)"), ("A.XLSX", 1240, "sheet row 1,240 (row 1,239)"), ("a.parquet", None, "row 1,239")]
)
def test_a_place_in_words(file: str, line: int | None, words: str) -> None:
    assert name_place(file, 1239, line) == words
