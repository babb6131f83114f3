"""No byte of a statement is of anybody else: the page, the paper with all that is in it, and every part of the spreadsheet.

Belongs here: what must not be in a statement. Does not belong here: what is in it.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pikepdf
import pypdf
import pytest

from assets.published.reader import fetch
from assets.statements.document.tell import LINES_ON_PAPER, tell
from assets.statements.html import write_html
from assets.statements.pdf import write_pdf
from assets.statements.statement import Statement
from assets.statements.words import words_of
from assets.statements.workbook.sheets import write_workbook
from models.book.statement_settings import StatementSettings
from tests.integration.statements.conftest import Opened

SETTINGS = StatementSettings(sender="Quayside Beverages B.V.\nVeerhaven 12", contact="rebates@quayside.example")
_WORDS = words_of("en")


def page_text(statement: Statement) -> str:
    """The page and the files in it, which are those of the statement."""
    text = write_html(statement, tell(statement, _WORDS, SETTINGS), SETTINGS, None).decode()
    files = [base64.b64decode(found).decode() for found in re.findall(r"data:(?:text/csv|application/json);base64,([^\"]+)", text)]
    assert files == [statement.lines_csv, statement.calculation]
    return "\n".join([html.unescape(re.sub(r"base64,[^\"]+", "", text)), *files])


def paper_text(statement: Statement) -> str:
    """The text of the pages, and every string and stream of the file, the attachments among them. qpdf finds nothing wrong with it."""
    content = write_pdf(statement, tell(statement, _WORDS, SETTINGS, LINES_ON_PAPER), SETTINGS, None)
    # a name that is broken at the end of a line is one
    pages = [re.sub(r"\s+", " ", each.extract_text()) for each in pypdf.PdfReader(io.BytesIO(content)).pages]
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert pdf.check_pdf_syntax() == []
        held = [text for each in pdf.objects for text in _strings(each)]
    assert statement.lines_csv in held
    return "\n".join([*pages, *held])


def _strings(value: Any) -> list[str]:
    if isinstance(value, pikepdf.Stream):
        # fonts, pictures and drawing orders are no text
        is_text = value.get("/Type") in ("/EmbeddedFile", "/Metadata")
        return [value.read_bytes().decode(), *_strings(value.stream_dict)] if is_text else _strings(value.stream_dict)
    if isinstance(value, pikepdf.Dictionary):
        return [text for each in value.values() if not getattr(each, "is_indirect", False) for text in _strings(each)]
    if isinstance(value, pikepdf.Array):
        return [text for each in value if not getattr(each, "is_indirect", False) for text in _strings(each)]
    return [str(value)] if isinstance(value, pikepdf.String) else []


def workbook_text(statement: Statement) -> str:
    content = write_workbook(statement, tell(statement, _WORDS, SETTINGS), _WORDS, SETTINGS.colour)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return "\n".join(html.unescape(parts.read(name).decode()) for name in parts.namelist())


@pytest.mark.parametrize("one_in", [13, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("text_of", [page_text, paper_text, workbook_text])
def test_no_byte_is_of_anybody_else(statements: dict[str, Statement], last_period: Opened, text_of: Callable[[Statement], str], one_in: int) -> None:
    """Ids, names and payouts of other participants, apart from the partners of the participant's own lines."""
    con, _ = last_period
    people = {row["participant_id"]: row["participant_name"] for row in fetch(con, "select distinct participant_id, participant_name from fct_payout")}
    owners = {row["payout_id"]: row["participant_id"] for row in fetch(con, "select payout_id, participant_id from fct_payout")}
    for participant, statement in list(statements.items())[::one_in]:
        text = text_of(statement)
        assert participant in text
        of_lines = {line["partner_id"] for line in csv.DictReader(io.StringIO(statement.lines_csv))} | {participant}
        names = {people[each] for each in of_lines if each in people}
        assert set(re.findall(r"[A-Z]{2}-\d{2,3}", text)) & (set(people) - of_lines) == set(), participant
        others = {name for each, name in people.items() if each not in of_lines and name not in names}
        assert [name for name in others if name in text and re.search(rf"\b{re.escape(name)}(?! \d)\b", text)] == [], participant
        assert {owners[each] for each in set(re.findall(r"\bp[0-9a-f]{20}\b", text))} <= {participant}
