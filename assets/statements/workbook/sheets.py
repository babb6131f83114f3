"""A statement as a workbook whose formulas recompute every payout from its lines and terms.

Belongs here: the sheets. Does not belong here: the formulas of a benefit (recalculation.py).

The same statement gives the same bytes. Every formula has its value with it, for readers that do not calculate.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from assets.statements.document.formulas import tell_formula
from assets.statements.document.parts import Document
from assets.statements.statement import Detail, Statement
from assets.statements.words import Words
from assets.statements.workbook.lines import fits, letter, write_lines
from assets.statements.workbook.recalculation import Block, Cell, compute
from models.currencies import MINOR_UNITS


def write_workbook(statement: Statement, document: Document, words: Words, colour: str) -> bytes:
    """The workbook. `document`: the same statement in the words of the reader."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(content, options) as workbook:
        created = dt.datetime.combine(statement.period.until, dt.time())
        workbook.set_properties({"title": f"{document.title} {document.number}", "author": document.sender[0], "created": created})
        workbook.set_size(2000, 1200)
        formats = _Formats(workbook, colour)
        names = [words.say(f"sheet.{name}") for name in ("statement", "calculation", "terms", "lines")]
        front, calculation, terms, lines = (workbook.add_worksheet(name) for name in names)
        for sheet in (front, calculation, terms, lines):
            sheet.hide_gridlines(2)
            sheet.set_landscape()
            sheet.set_paper(9)
            sheet.fit_to_pages(1, 0)
            if document.watermark:
                _mark(sheet, document.watermark)
        rows = write_lines(lines, statement.lines_csv, (formats("cell_head"), formats("head_right")), (formats("cell"), formats("number"), formats("date")))
        results = _write_calculation(calculation, terms, statement, words, formats, (names[2], names[3]), rows)
        _write_front(front, statement, document, words, formats, names[1], results)
    return content.getvalue()


def _mark(sheet: Any, text: str) -> None:
    """The text over the first rows, and at the head of every printed page."""
    sheet.set_header(f"&C&36&KD9A6A2{text}")
    font = {"size": 36, "bold": True, "color": "#D9A6A2"}
    options = {"width": 760, "height": 90, "fill": {"none": True}, "line": {"none": True}, "align": {"vertical": "middle", "horizontal": "center"}}
    sheet.insert_textbox(4, 1, text, {**options, "font": font})


class _Formats:
    def __init__(self, workbook: Any, colour: str) -> None:
        self._workbook, self._colour = workbook, colour
        self._made: dict[tuple[str, int | None], Any] = {}

    def __call__(self, kind: str, currency: str | None = None) -> Any:
        key = (kind, MINOR_UNITS.get(currency, 2) if currency else None)
        if key not in self._made:
            self._made[key] = self._workbook.add_format(self._look(kind, key[1]))
        return self._made[key]

    def _look(self, kind: str, decimals: int | None) -> dict[str, Any]:
        look: dict[str, Any] = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
        if kind in ("title",):
            look |= {"bold": True, "font_size": 18, "valign": "vcenter"}
        if kind in ("cell", "cell_head", "after"):  # a text may follow a number
            look |= {"align": "left", "indent": 1}
        if kind in ("head", "head_right", "cell_head"):
            look |= {"bold": True, "bottom": 1, "bottom_color": "#c4c8cd", "font_color": "#5b626d", "text_wrap": True}
            look |= {"align": "right"} if kind == "head_right" else {}
        if kind in ("section", "section_right"):
            look |= {"bold": True, "font_size": 12, "font_color": self._colour, "top": 1, "top_color": "#c4c8cd"}
            look |= {"align": "right"} if kind == "section_right" else {}
        if kind in ("soft", "after"):
            look |= {"font_color": "#5b626d"}
        if kind in ("result", "total"):
            look |= {"bold": True, "bg_color": "#f1f3f4"}
        if kind == "input":
            look |= {"font_color": "#1f4fa3"}
        if kind == "date":
            look |= {"num_format": "yyyy-mm-dd", "align": "left"}
        if kind in ("percent", "percent_input"):
            look |= {"num_format": "0.00##########%"} | ({"font_color": "#1f4fa3"} if kind == "percent_input" else {})
        if decimals is not None:
            look["num_format"] = "#,##0" + ("." + "0" * decimals if decimals else "")
        elif kind in ("number", "input", "result"):
            look["num_format"] = "#,##0.############"
        return look


def _write_front(sheet: Any, statement: Statement, document: Document, words: Words, formats: _Formats, calculation: str, results: dict[str, Cell]) -> None:
    """The statement itself: balances as figures, payouts as links to the calculation."""
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 1, 26)
    sheet.set_column(2, 6, 18)
    sheet.write_string(0, 0, f"{document.title} {document.number}", formats("title"))
    sheet.set_row(0, 30)
    sheet.write_string(1, 0, f"{document.participant} · {document.state_label}", formats("soft"))
    sheet.write_string(2, 0, document.state_note, formats("soft"))
    row = 4
    for label, value in document.facts:
        sheet.write_string(row, 0, label, formats("soft"))
        sheet.write_string(row, 1, value, formats("text"))
        row += 1
    for account, position in zip(document.accounts, statement.positions, strict=True):
        row += 1
        sheet.write_string(row, 0, f"{account.title} · {account.currency}", formats("section"))
        for column in (1, 2):
            sheet.write_string(row, column, account.stocks.headings[column], formats("section_right"))
        row += 1
        for name in ("payable", "held", "waiting", "running", "open"):
            _row(sheet, row, (words.say(f"stock.{name}"), position.now[name], position.before[name]), formats, position.currency, name == "open")
            row += 1
        first = row + 1
        _row(sheet, row, (words.say("bridge.before"), position.before["open"]), formats, position.currency)
        for cause, amount in position.causes:
            row += 1
            _row(sheet, row, (words.say(f"cause.{cause}"), amount), formats, position.currency)
        row += 1
        sheet.write_string(row, 0, words.say("bridge.now"), formats("total"))
        sheet.write_formula(row, 1, f"=SUM(B{first}:B{row})", formats("total", position.currency), float(position.now["open"]))
        row += 1
    if not statement.details:
        return
    row += 1
    headings = ("agreement", "clause_window", "published", "recomputed", "difference")
    for column, key in enumerate(headings):
        sheet.write_string(row, column, words.say(f"sheet.{key}"), formats("head_right" if column > 1 else "head"))
    for detail in statement.details:
        row += 1
        payout = detail.payout
        place, currency = results.get(payout["payout_id"]), payout["currency"]
        sheet.write_string(row, 0, str(payout["agreement_title"] or payout["agreement_id"]), formats("text"))
        sheet.write_string(row, 1, f"{payout['clause']} · {payout['window_start']} – {payout['window_end']}", formats("text"))
        if not detail.has_steps:
            sheet.write_string(row, 2, words.say("sheet.runs_on"), formats("soft"))
            continue
        sheet.write_number(row, 2, float(payout["payout"]), formats("input", currency))
        if place is None:
            sheet.write_string(row, 3, words.say("sheet.given"), formats("soft"))
            continue
        sheet.write_formula(row, 3, f"='{calculation}'!{place.at}", formats("result", currency), place.value)
        sheet.write_formula(row, 4, f"=ROUND(D{row + 1}-C{row + 1},6)", formats("number", currency), 0)


def _row(sheet: Any, row: int, cells: Sequence[Any], formats: _Formats, currency: str, is_total: bool = False) -> None:
    kind = "total" if is_total else "text"
    sheet.write_string(row, 0, cells[0], formats(kind))
    for column, value in enumerate(cells[1:], 1):
        sheet.write_number(row, column, float(value), formats(kind, currency))


def _write_calculation(
    sheet: Any, terms: Any, statement: Statement, words: Words, formats: _Formats, names: tuple[str, str], line_rows: int
) -> dict[str, Cell]:
    """A block per payout; returns the cell of each result."""
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 20)
    sheet.set_column(2, 2, 72)
    sheet.set_column(3, 3, 26)
    for column, key in enumerate(("term", "tier", "from", "from_effective", "rate", "per_unit", "amount", "share")):
        terms.write_string(0, column, words.say(f"sheet.terms.{key}"), formats("head_right" if column else "head"))
    terms.set_column(0, 0, 44)
    terms.set_column(1, 7, 16)
    terms.freeze_panes(1, 0)
    sheet.write_string(0, 0, words.say("sheet.calculation"), formats("title"))
    sheet.write_string(1, 0, words.say("sheet.colours"), formats("soft"))
    row, term_row, results = 3, 1, {}
    ids, measures = (f"'{names[1]}'!${at}$2:${at}${line_rows + 1}" for at in (letter("payout_id"), letter("credited_measure")))
    for detail in statement.details:
        if not detail.has_steps:
            continue
        payout = detail.payout
        title = f"{payout['agreement_title'] or payout['agreement_id']} · {payout['clause']} · {payout['window_start']} – {payout['window_end']}"
        sheet.write_string(row, 0, title, formats("section"))
        for column in (1, 2):  # the title runs over them
            sheet.write_blank(row, column, None, formats("section"))
        sheet.write_string(row, 3, payout["payout_id"], formats("section"))
        row += 1
        block = compute(detail, words, (names[0], term_row), (ids, measures) if line_rows else None, row)
        term_row = _write_terms(terms, detail, block, title, term_row, formats)
        row = _write_block(sheet, detail, block, words, formats, row) + 1
        if block.result is not None:
            results[payout["payout_id"]] = block.result
    return results


def _write_block(sheet: Any, detail: Detail, block: Block, words: Words, formats: _Formats, row: int) -> int:
    currency = detail.payout["currency"]
    if block.unknown:
        sheet.write_string(row, 0, words.say("sheet.unknown", kind=block.unknown), formats("soft"))
        row += 1
        for step in detail.steps:
            formula, numbers = tell_formula(words, step, detail.benefit, detail.payout)
            key = f"step.{step['step']}"
            sheet.write_string(row, 0, words.say(key) if words.knows(key) else step["step"], formats("text"))
            if step["result"] is not None and fits(f"{step['result']:f}"):
                sheet.write_number(row, 1, float(step["result"]), formats("input"))
            elif step["result"] is not None:
                sheet.write_string(row, 1, str(step["result"]), formats("text"))
            sheet.write_string(row, 2, f"{formula}: {numbers}" if numbers else formula, formats("after"))
            row += 1
        return row
    for cell in block.cells:
        sheet.write_string(row, 0, cell.label, formats("result" if cell is block.result else "text"))
        if cell.formula is None:
            sheet.write_number(row, 1, cell.value, formats("percent_input" if cell.kind == "percent" else "input", currency if cell.kind == "money" else None))
        else:
            look = "result" if cell is block.result else "percent" if cell.kind == "percent" else "number"
            sheet.write_formula(row, 1, cell.formula, formats(look, currency if cell.kind == "money" else None), cell.value)
        sheet.write_string(row, 2, cell.note, formats("after"))
        row += 1
    return row


def _write_terms(sheet: Any, detail: Detail, block: Block, title: str, row: int, formats: _Formats) -> int:
    for n, tier in enumerate(block.tiers):
        sheet.write_string(row, 0, title if not n else "", formats("text"))
        sheet.write_number(row, 1, tier["tier"], formats("number"))
        sheet.write_number(row, 2, float(tier["from_value"]), formats("input"))
        sheet.write_formula(row, 3, tier["effective_formula"], formats("number"), tier["effective"])
        for column, form in enumerate(("rate", "per_unit", "amount", "share"), 4):
            if tier[form] is not None:
                sheet.write_number(row, column, float(tier[form]), formats("percent_input" if form in ("rate", "share") else "input"))
        row += 1
    return row
