"""A statement of a simulated plan says so on every page of every form, in every language.

Belongs here: the watermark. Does not belong here: which sets are simulated (tests/integration/simulation).
"""

from __future__ import annotations

import io
import json
from dataclasses import replace

import openpyxl
import pypdf
import pytest

from assets.statements.attachments import write_calculation
from assets.statements.document.parts import Document
from assets.statements.document.tell import tell
from assets.statements.html import write_html
from assets.statements.pdf import write_pdf
from assets.statements.statement import Statement
from assets.statements.words import languages, words_of
from assets.statements.workbook.sheets import write_workbook
from models.book.statement_settings import StatementSettings

SETTINGS = StatementSettings()


@pytest.fixture(scope="module")
def simulated(statements: dict[str, Statement]) -> Statement:
    """Of a period that a close would make final."""
    statement = statements["OU-063"]
    return replace(statement, period=replace(statement.period, proposal="plan-b", is_final=True))


def told(statement: Statement, language: str) -> Document:
    return tell(statement, words_of(language), SETTINGS)


@pytest.mark.parametrize("language", languages())
def test_every_form_has_it(simulated: Statement, statements: dict[str, Statement], language: str) -> None:
    mark = words_of(language).say("watermark")
    document = told(simulated, language)
    assert (document.state, document.watermark) == ("simulated", mark)
    assert "plan-b" in document.state_note
    page = write_html(simulated, document, SETTINGS, None).decode()
    assert f'<body data-watermark="{mark}">' in page
    assert mark not in write_html(statements["OU-063"], told(statements["OU-063"], language), SETTINGS, None).decode()
    pages = pypdf.PdfReader(io.BytesIO(write_pdf(simulated, document, SETTINGS, None))).pages
    assert all(mark.replace(" ", "") in each.extract_text().replace(" ", "").replace("\n", "") for each in pages)
    content = write_workbook(simulated, document, words_of(language), SETTINGS.colour)
    sheets = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    assert [sheet.oddHeader.center.text for sheet in sheets] == [mark] * 4


def test_the_data_that_go_along_say_it_too(simulated: Statement, statements: dict[str, Statement]) -> None:
    assert json.loads(write_calculation(simulated, ""))["state"] == "simulated"
    assert json.loads(write_calculation(statements["OU-063"], ""))["state"] == "draft"
