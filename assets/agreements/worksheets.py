"""Agreements in an .xlsx file: the template, the import into agreements/, the export of what is there.

Belongs here: worksheets and files. Does not belong here: which cell is which key (models/agreements/tabular.py).
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from assets.agreements.load import read_agreements
from assets.agreements.texts import read_agreement_texts
from assets.runtime.book_folder import lock_book, open_book
from assets.runtime.durable_files import write_atomically
from assets.runtime.errors import rejection
from models.agreements.parse import check_documents, parse_agreements
from models.agreements.reference import agreement_json_schema
from models.agreements.tabular import Cell, Row, as_cell, as_yaml, from_rows, to_rows, value_of
from models.documents import InputError, Problem, parse_documents

SHEET = "Agreements"
#: More than this is no table of agreements.
MAX_FILE_BYTES, MAX_ROWS = 20_000_000, 100_000
#: Of a workbook without its compression, which can shrink a thousandfold.
MAX_UNPACKED_BYTES = 400_000_000
#: A worksheet keeps so many digits of a number; longer ones are texts, which are read to the last digit.
_DIGITS = 15
_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")

_COLUMNS = (
    "agreement", "title", "direction", "currency", "term.from", "term.to", "participants", "benefit.id", "benefit.clause", "benefit.window", "benefit.measure",
    "benefit.by", "benefit.target", "benefit.method", "benefit.base", "benefit.settle.lag_days", "tier.from", "tier.rate", "tier.per_unit", "tier.amount",
)  # fmt: skip
_YEAR = {"term": {"from": dt.date(2026, 1, 1), "to": dt.date(2026, 12, 31)}, "currency": "EUR"}
_EXAMPLES: list[dict[str, Any]] = [
    {
        "agreement": "EXAMPLE-VOLUME", "title": "Volume bonus", "direction": "receivable", **_YEAR, "participants": ["S-100"],
        "benefits": [{
            "id": "volume", "clause": "4.1", "window": "quarter", "method": "whole",
            "tiers": [{"from": 0, "rate": 0}, {"from": 50_000, "rate": Decimal("0.02")}, {"from": 100_000, "rate": Decimal("0.035")}],
        }],
    },
    {
        "agreement": "EXAMPLE-COMMISSION", "title": "Commission of the sales team", "direction": "payable", **_YEAR, "participants": ["P-1", "P-2"],
        "benefits": [
            {"id": "sales", "clause": "2", "window": "month", "by": "attainment", "target": "feed", "method": "whole",
             "tiers": [{"from": 0, "rate": Decimal("0.01")}, {"from": 1, "rate": Decimal("0.015")}]},
            {"id": "pallets", "clause": "3", "window": "year", "measure": "quantity", "tiers": [{"from": 0, "per_unit": Decimal("0.25")}]},
        ],
    },
]  # fmt: skip


def template() -> bytes:
    """A worksheet with two examples, and one that says what the columns are."""
    return _workbook(to_rows(_EXAMPLES))


def export_agreements(folder: Path) -> tuple[bytes, int]:
    """The book's agreements in the layout of the template, and how many there are. Approvals are left out. Raises InputError for mistakes in the book."""
    sources = read_agreements(folder, None, open_book(folder).calendar)
    return _workbook(to_rows(source.document.value for source in sources)), len(sources)


def import_agreements(folder: Path, workbook: Path, replaces: bool = False) -> list[str]:
    """Write one file per agreement of the workbook below agreements/, and return their names. Nothing is written unless all of the book's agreements are right.

    replaces: a file of that name that is there is written anew; otherwise it is refused. Raises InputError with the cell of every mistake.
    """
    book = open_book(folder)
    documents = from_rows(workbook.name, _read(workbook))
    if not documents:
        raise InputError([Problem(workbook.name, 0, "", f"the sheet {SHEET} has no row below its heading; `tierledger agreements template` writes examples")])
    if problems := check_documents(documents, None, book.calendar)[1]:
        raise InputError(problems)
    texts: dict[str, str] = {}
    for name in dict.fromkeys(_file_name(document.value["agreement"]) for document in documents):
        values = [document.value for document in documents if _file_name(document.value["agreement"]) == name]
        texts[name] = as_yaml(values)
        if [document.value for document in parse_documents(texts[name], name)] != values:  # a text that would say something else is never written
            raise AssertionError(f"{name} cannot be written as YAML")
    with lock_book(folder):
        there = [name for name in texts if (folder / name).exists()]
        if there and not replaces:
            message = "is there already; give --replace to write it anew"
            raise InputError([Problem(name, 0, "", message) for name in there])
        parse_agreements({**_texts(folder), **texts}, None, book.calendar)
        for name, text in texts.items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_atomically(folder / name, text.encode())
    return list(texts)


def _texts(folder: Path) -> dict[str, str]:
    is_empty = not any((folder / "agreements").rglob("*.y*ml"))
    return {} if is_empty else read_agreement_texts(folder)


def _file_name(agreement: Any) -> str:
    name = re.sub(r"[^\w.-]+", "-", str(agreement)).strip(".-")
    return f"agreements/{name or 'agreement'}.yaml"


def _read(path: Path) -> Iterator[list[Cell]]:
    """The filled cells of every row below the heading. Raises InputError with every cell that cannot be read."""
    import openpyxl
    from openpyxl.utils import get_column_letter

    name = path.name
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise rejection(name, f"larger than {MAX_FILE_BYTES:,} bytes; split it into several files")
        with zipfile.ZipFile(path) as parts:  # which reads no more of a part than its heading says
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise rejection(name, f"{unpacked:,} bytes without its compression, more than {MAX_UNPACKED_BYTES:,}; split it into several files")
        shown, written = (openpyxl.load_workbook(path, data_only=is_shown) for is_shown in (True, False))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, SyntaxError, EOFError) as error:
        raise rejection(name, f"cannot be read as XLSX ({error}); save it again in a spreadsheet program, without a password") from None
    sheet = SHEET if SHEET in shown.sheetnames else shown.sheetnames[0]
    if shown[sheet].max_row > MAX_ROWS:
        raise rejection(name, f"the sheet {sheet} has {shown[sheet].max_row:,} rows; delete empty ones with a format, or split it: it may have {MAX_ROWS:,}")
    heading: dict[int, str] = {}
    problems: list[Problem] = []
    rows: list[list[Cell]] = []
    for values, formulas in zip(shown[sheet].iter_rows(), written[sheet].iter_rows(), strict=True):
        both = enumerate(zip(values, formulas, strict=True), 1)
        filled = [(cell.row, n, cell.value) for n, (cell, formula) in both if formula.value not in (None, "")]
        if not heading:
            heading = {n: str(value).strip() for _, n, value in filled}
            problems += [Problem(name, row, f"{get_column_letter(n)}{row}", f"the column {heading[n]} is there twice; keep one") for row, n, _ in filled
                         if [*heading.values()].count(heading[n]) > 1]  # fmt: skip
            continue
        cells = []
        for row, n, value in filled:
            place, column = f"{get_column_letter(n)}{row}", heading.get(n, "")
            try:
                cells.append(Cell(row, place, column, _value(value, column)))
            except InputError as error:
                problems += [Problem(name, row, f"{place} {column}".strip(), each.message) for each in error.problems]
        if cells:
            rows.append(cells)
    if problems:
        raise InputError(problems)
    yield from rows


def _value(content: Any, column: str) -> Any:
    if not column:
        raise rejection("", "is in a column without a heading; write the key there, or clear the cell")
    if content is None:
        raise rejection("", "is a formula that was never calculated; open the file in a spreadsheet program and save it")
    if content in _ERRORS:
        raise rejection("", f"is {content}, which a formula gave; correct the formula")
    return value_of(content)


def _workbook(rows: Sequence[Row]) -> bytes:
    import xlsxwriter

    used = {heading for row in rows for heading in row}
    known = _keys()
    order = [*known, *sorted(used - set(known))]
    columns = sorted(used | set(_COLUMNS), key=order.index)
    content = io.BytesIO()
    as_written = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(content, as_written) as workbook:
        workbook.set_properties({"title": "Agreements", "created": dt.datetime(2026, 1, 1)})
        head = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#E3F2EF"})
        day = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        plain = workbook.add_format({"align": "left", "valign": "top"})
        sheet = workbook.add_worksheet(SHEET)
        for n, column in enumerate(columns):
            sheet.write_string(0, n, column, head)
            width = max(len(str(as_cell(row[column]))) for row in rows if column in row) if column in used else 0
            sheet.set_column(n, n, min(max(width, len(column)) + 2, 40))
            if choices := known.get(column, {}).get("enum"):
                sheet.data_validation(1, n, max(len(rows), 200), n, {"validate": "list", "source": choices, "error_type": "warning"})
        for number, row in enumerate(rows, 1):
            for n, column in enumerate(columns):
                if column in row:
                    _write(sheet, number, n, as_cell(row[column]), day, plain)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        _describe(workbook.add_worksheet("Columns"), known, head)
    return content.getvalue()


def _write(sheet: Any, row: int, column: int, value: Any, day: Any, plain: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | Decimal) and len(f"{value:f}".replace(".", "").strip("-0")) <= _DIGITS:
        sheet.write_number(row, column, value)
    elif isinstance(value, int | Decimal):
        sheet.write_string(row, column, f"{value:f}")
    elif isinstance(value, dt.date):
        sheet.write_datetime(row, column, value, day)
    else:
        sheet.write_string(row, column, value, plain)


def _describe(sheet: Any, keys: Mapping[str, Mapping[str, Any]], head: Any) -> None:
    """A row per column that a table may have, with what the language says of it."""
    for n, (title, width) in enumerate((("column", 32), ("takes", 40), ("meaning", 100))):
        sheet.write_string(0, n, title, head)
        sheet.set_column(n, n, width)
    for number, (key, part) in enumerate(keys.items(), 1):
        sheet.write_string(number, 0, key)
        sheet.write_string(number, 1, ", ".join(map(str, part.get("enum", []))))
        sheet.write_string(number, 2, part.get("description", ""))
    sheet.freeze_panes(1, 0)


def _keys() -> dict[str, Mapping[str, Any]]:
    """Every column that a table may have, in the order of the language, with its part of the JSON Schema."""
    schema = agreement_json_schema()
    parts = schema["$defs"]
    found: dict[str, Mapping[str, Any]] = {}
    for prefix, part in (("", schema), ("benefit.", parts["Benefit"]), ("tier.", parts["Tier"])):
        for key, value in part["properties"].items():
            if key in ("benefits", "tiers", "approved", "for_each"):
                continue
            inner = parts[value["$ref"].rsplit("/", 1)[-1]].get("properties", {}) if "$ref" in value else {}
            found |= {f"{prefix}{key}.{name}": each for name, each in inner.items()} or {f"{prefix}{key}": value}
    return found
