"""The PDF of a statement: PDF/A-3 that says what the page says, with its data attached, and asks the machine for no font.

Belongs here: PDFs, on the demo book. Does not belong here: what a statement says (test_statements.py).
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pypdf
import pytest

from assets.runtime.book_folder import open_run
from assets.runtime.context import read_clock
from assets.statements.document.tell import LINES_ON_PAPER, tell
from assets.statements.pdf import write_pdf
from assets.statements.statement import Statement
from assets.statements.words import languages, words_of
from assets.statements.write import Request, write_statements
from models.book.statement_settings import StatementSettings
from pipelines.cli.main import main

SETTINGS = StatementSettings(sender="Quayside Beverages B.V.\nVeerhaven 12", contact="rebates@quayside.example", colour="#1f4fa3")
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10"/></svg>'


def paper(statement: Statement, language: str = "en", logo: tuple[str, bytes] | None = None) -> bytes:
    return write_pdf(statement, tell(statement, words_of(language), SETTINGS, LINES_ON_PAPER), SETTINGS, logo)


def text_of(content: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return " ".join(re.sub(r"\s+", " ", page.extract_text()) for page in pages)


def test_lines_and_calculation_are_attached_as_data(statements: dict[str, Statement]) -> None:
    statement = statements["CH-08"]
    reader = pypdf.PdfReader(io.BytesIO(paper(statement)))
    assert reader.attachments == {"calculation.json": [statement.calculation.encode()], "lines.csv": [statement.lines_csv.encode()]}
    attached: Any = reader.root_object["/AF"]
    files = [reference.get_object() for reference in attached]
    assert {(str(each["/F"]), str(each["/AFRelationship"])) for each in files} == {("lines.csv", "/Data"), ("calculation.json", "/Data")}


def test_it_is_an_archive_file_with_its_language_and_its_day(statements: dict[str, Statement]) -> None:
    reader = pypdf.PdfReader(io.BytesIO(paper(statements["OU-063"], "de")))
    about = reader.xmp_metadata
    assert about is not None
    described = about.stream.get_data().decode()
    assert re.search(r"<pdfaid:part>3</pdfaid:part>\s*<pdfaid:conformance>B</pdfaid:conformance>", described)
    assert str(reader.root_object["/Lang"]) == "de"
    assert reader.metadata is not None
    assert reader.metadata.title == "Abrechnung 2026-06/OU-063"
    assert str(reader.metadata.creation_date)[:10] == "2026-06-30"
    resources: list[Any] = [page["/Resources"] for page in reader.pages]
    fonts = {str(font.get_object()["/BaseFont"]) for each in resources for font in each["/Font"].values()}
    assert fonts
    assert all(re.match(r"/[A-Z]{6}\+", name) for name in fonts)  # subsets, embedded


def test_it_says_what_the_page_says(statements: dict[str, Statement]) -> None:
    text = text_of(paper(statements["CH-08"]))
    for words in (
        "Payable to you now 5,731.65 EUR",
        "Open at the last statement",
        "+2,379.86",
        "1 percent from 40,000 euros a quarter",
        "rebates@quayside.example",
    ):
        assert words in text, words
    assert statements["CH-08"].sha256 in text
    assert "1.431,23" in text_of(paper(statements["CH-08"], "de"))


def test_the_same_statement_gives_the_same_bytes(statements: dict[str, Statement]) -> None:
    assert paper(statements["IU-02"]) == paper(statements["IU-02"])


@pytest.mark.parametrize("language", languages())
def test_every_language_is_set_in_glyphs_that_are_there(statements: dict[str, Statement], language: str) -> None:
    text = text_of(paper(statements["SP-05"], language, ("logo.svg", _SVG)))
    assert "\ufffd" not in text
    assert "\x00" not in text
    assert words_of(language).say("label.data") in text


def test_markup_in_data_stays_text(statements: dict[str, Statement]) -> None:
    statement = statements["OU-063"]
    named = Statement(**{**vars(statement), "participant": {**statement.participant, "name": '#panic("x") *Bold* $1$ \\ [y]'}})
    assert '#panic("x") *Bold* $1$ \\ [y]' in text_of(paper(named))


def test_the_command_writes_all_three(demo_book: Path, tmp_path: Path) -> None:
    assert main(["statements", "--book", str(demo_book), "--participant", "OU-050,OU-051", "--to", str(tmp_path)]) == 0
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == sorted([*(f"ou-05{n}.{form}" for n in range(2) for form in ("html", "pdf", "xlsx")), "statements.csv"])


@pytest.mark.long
def test_processes_write_what_one_process_writes(demo_book: Path, tmp_path: Path) -> None:
    context = open_run(demo_book, None, read_clock())
    names = tuple(f"OU-0{n}" for n in range(50, 79))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, processes in zip(folders, (1, 2), strict=True):
        write_statements(demo_book, context.book, context.published, Request(None, names, ("html", "pdf", "xlsx")), folder, processes)
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert len(one) == 3 * len(names) + 1
    assert one == two
