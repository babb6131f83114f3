"""Agreements as a worksheet: what is exported is imported as it was, a mistake names its cell, and nothing half is written."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import examples.demo
from assets.agreements import worksheets
from assets.agreements.load import read_agreements
from assets.agreements.worksheets import export_agreements, import_agreements, template
from models.agreements.tabular import as_cell, as_yaml, value_of
from models.documents import InputError, parse_documents
from pipelines.cli.main import main
from tests.support.casebook import read_cases

DEMO = Path(examples.demo.__file__).parent / "agreements"
GOLDEN = Path(__file__).parents[2] / "golden"
BOOK = 'book: b\ncurrency: EUR\nas_of: 2026-06-30\nfeeds: {transactions: {files: "*.csv"}}\n'
HEADING = ["agreement", "currency", "term.from", "term.to", "participants", "benefit.id", "benefit.clause", "benefit.window", "tier.from", "tier.rate"]
FIRST = ["A", "EUR", dt.date(2026, 1, 1), dt.date(2026, 12, 31), "[S-1, '007']", "b", "4.1", "year", 0, 0]
SECOND = [None] * 8 + [50_000.5, 0.02]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "agreements").mkdir()
    (tmp_path / "book.yaml").write_text(BOOK, encoding="utf-8")
    return tmp_path


def workbook(folder: Path, *rows: Sequence[Any], heading: Sequence[Any] = HEADING) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Agreements"
    for row in (heading, *rows):
        book.active.append(list(row))
    path = folder / "terms.xlsx"
    book.save(path)
    return path


def values_of(folder: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in source.document.value.items() if key != "approved"} for source in read_agreements(folder)]


def test_a_workbook_that_unpacks_to_more_than_memory_is_not_opened(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worksheets, "MAX_UNPACKED_BYTES", 1_000_000)
    path = workbook(book, FIRST)
    assert import_agreements(book, path) == ["agreements/A.yaml"]
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/media/image1.png", bytes(1_000_000))
    with pytest.raises(InputError, match=r"terms\.xlsx.* bytes without its compression, more than 1,000,000; split it"):
        import_agreements(book, path)


def test_rows_are_read_as_agreements(book: Path) -> None:
    other = ["B", "USD", dt.date(2026, 1, 1), dt.date(2026, 6, 30), "[S-2]", "x", "1", "month", "12345678901234.12", 0]
    growth = [None, None, None, None, None, "c", "4.2", "quarter", 10, 0.1 + 0.2]
    assert import_agreements(book, workbook(book, FIRST, SECOND, growth, [], other)) == ["agreements/A.yaml", "agreements/B.yaml"]
    a, b = values_of(book)
    tiers = [benefit["tiers"] for benefit in a["benefits"]]
    assert tiers == [[{"from": 0, "rate": 0}, {"from": Decimal("50000.5"), "rate": Decimal("0.02")}], [{"from": 10, "rate": Decimal("0.3")}]]
    assert (a["participants"], a["term"]) == (["S-1", "007"], {"from": dt.date(2026, 1, 1), "to": dt.date(2026, 12, 31)})
    assert b["benefits"][0]["tiers"] == [{"from": Decimal("12345678901234.12"), "rate": 0}]


def test_a_number_of_more_digits_than_a_worksheet_has_leaves_and_comes_back_whole(book: Path) -> None:
    import_agreements(book, workbook(book, [*FIRST[:8], "12345678901234.125", 0]))
    before = values_of(book)
    (book / "terms.xlsx").write_bytes(export_agreements(book)[0])
    import_agreements(book, book / "terms.xlsx", replaces=True)
    assert values_of(book) == before
    assert before[0]["benefits"][0]["tiers"][0]["from"] == Decimal("12345678901234.125")


def test_what_the_demo_exports_is_imported_as_it_was(book: Path) -> None:
    for path in DEMO.glob("*.yaml"):
        (book / "agreements" / path.name).write_bytes(path.read_bytes())
    before = values_of(book)
    content, count = export_agreements(book)
    assert count == len(before)
    for path in DEMO.glob("*.yaml"):
        (book / "agreements" / path.name).unlink()
    (book / "terms.xlsx").write_bytes(content)
    import_agreements(book, book / "terms.xlsx")
    assert values_of(book) == before


def test_every_agreement_of_the_golden_cases_survives_its_cells_and_its_file() -> None:
    """All keys of the language, without the two hundred worksheets: every value as a cell and back, every document as YAML and back."""
    checked = 0
    for path in sorted(GOLDEN.glob("*.yaml")):
        for agreement in (each for case in read_cases(path) for each in case.get("agreements", [])):
            assert [document.value for document in parse_documents(as_yaml([agreement]), "a.yaml")] == [agreement]
            for benefit in agreement["benefits"]:
                for value in (*agreement.values(), *benefit.values()):
                    assert value_of(as_cell(value)) == value
                    checked += 1
    assert checked > 1000


@pytest.mark.parametrize(
    "value", ["no", "007", "12:30", "2026-01-01", "1.50", "true", "null", "", " a", "a: b", "[x]", "'x'", '"', "-", "#1", "x #1", "ä", "{", "a\nb"]
)
def test_a_text_stays_a_text(value: str) -> None:
    assert parse_documents(as_yaml([{"title": value}]), "a.yaml")[0].value == {"title": value}
    assert value == "" or value_of(as_cell(value)) == value


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([FIRST, [*SECOND[:9], "2 %"]], "terms.xlsx:3: J3 tier.rate: "),
        ([FIRST, [*SECOND[:8], -1, 0.02]], "terms.xlsx:3: I3 tier.from: "),
        ([[*FIRST[:7], "decade", 0, 0]], "terms.xlsx:2: H2 benefit.window: "),
        ([[*FIRST[:6], None, "year", 0, 0]], "terms.xlsx:2: F2 benefits.1.clause: this key is required"),
        ([[*FIRST[:2], dt.datetime(2026, 1, 1, 12), *FIRST[3:]]], "terms.xlsx:2: C2 term.from: has a time of day"),
        ([[*FIRST[:4], "[S-1", *FIRST[5:]]], "terms.xlsx:2: E2 participants: this is not YAML"),
        ([[*FIRST[:9], "=1/50"]], "terms.xlsx:2: J2 tier.rate: is a formula that was never calculated"),
        ([[*FIRST[:9], "#N/A"]], "terms.xlsx:2: J2 tier.rate: is #N/A, which a formula gave"),
        ([FIRST, [None, "USD", *SECOND[2:]]], "terms.xlsx:3: B3 currency: USD, but B2 says EUR"),
        ([FIRST, [*SECOND, "note"]], "terms.xlsx:3: K3: is in a column without a heading"),
        ([[None, *FIRST[1:]]], "terms.xlsx:2: agreement: the first row names no agreement"),
        ([FIRST, [*FIRST[:5], "c", *FIRST[6:]], FIRST], "terms.xlsx:4: F4 benefit.id: the id b appears twice"),
        ([], "terms.xlsx: the sheet Agreements has no row below its heading"),
    ],
)
def test_a_mistake_names_its_cell_and_nothing_is_written(book: Path, rows: list[list[Any]], says: str) -> None:
    with pytest.raises(InputError) as caught:
        import_agreements(book, workbook(book, *rows))
    assert any(says in str(problem) for problem in caught.value.problems), caught.value.problems
    assert list((book / "agreements").iterdir()) == []


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("approved.by", "A. Roe", "is given by `tierledger approve`, after the import"),
        ("benefit.tiers", "[{from: 0, rate: 0}]", "a table has one row per tier"),
        ("benefits", "[]", "a table has one row per benefit and tier"),
        ("term", "{from: 2026-01-01}", "write either term as one value or its keys"),
        ("benefit.windw", "year", "this key is not known; did you mean window?"),
        ("currency", "EUR", "the column currency is there twice"),
    ],
)
def test_columns_that_cannot_be(book: Path, column: str, value: str, says: str) -> None:
    with pytest.raises(InputError, match=r"terms\.xlsx:[12]: ") as caught:
        import_agreements(book, workbook(book, [*FIRST, value], heading=[*HEADING, column]))
    assert any(says in str(problem) for problem in caught.value.problems), caught.value.problems


def test_a_file_that_is_there_is_replaced_only_when_asked(book: Path) -> None:
    path = workbook(book, FIRST, SECOND)
    import_agreements(book, path)
    with pytest.raises(InputError, match=r"agreements/A\.yaml: is there already; give --replace"):
        import_agreements(book, path)
    import_agreements(book, workbook(book, FIRST), replaces=True)
    assert len(values_of(book)[0]["benefits"][0]["tiers"]) == 1


def test_an_agreement_of_another_file_is_not_written_a_second_time(book: Path) -> None:
    (book / "agreements" / "all.yaml").write_text(as_yaml([{**value, "title": "there"} for value in _imported(book)]), encoding="utf-8")
    (book / "agreements" / "A.yaml").unlink()
    with pytest.raises(InputError, match="A"):
        import_agreements(book, book / "terms.xlsx")
    assert [path.name for path in (book / "agreements").iterdir()] == ["all.yaml"]


def _imported(book: Path) -> list[dict[str, Any]]:
    import_agreements(book, workbook(book, FIRST, SECOND))
    return values_of(book)


def test_the_template_can_be_imported_as_it_is_and_describes_its_columns(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = book / "terms.xlsx"
    assert main(["agreements", "template", str(path)]) == 0
    assert main(["agreements", "import", str(path), "--book", str(book)]) == 0
    assert [value["agreement"] for value in values_of(book)] == ["EXAMPLE-COMMISSION", "EXAMPLE-VOLUME"]
    assert main(["agreements", "export", str(path), "--book", str(book)]) == 0
    assert f"2 agreements written to {path}" in capsys.readouterr().out
    sheets = openpyxl.load_workbook(io.BytesIO(template()))
    columns = {row[0].value: row[2].value for row in sheets["Columns"].iter_rows(min_row=2)}
    assert {cell.value for cell in sheets["Agreements"][1]} <= set(columns)
    assert columns["tier.from"]
    assert main(["agreements", "import", str(book / "none.xlsx"), "--book", str(book)]) == 2
