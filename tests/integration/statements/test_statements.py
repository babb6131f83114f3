"""Statements: they agree with the published tables, say nothing of anybody else, and are final once the period is closed.

Belongs here: what a statement says, on the demo book. Does not belong here: balances (test_balances.py), spreadsheet (test_workbooks.py), PDF (test_pdf.py).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from assets.published.marts import view_query
from assets.published.reader import Row, fetch
from assets.runtime.book_folder import open_run
from assets.runtime.context import read_clock
from assets.statements.document.curve import next_tier_pays, payment_of
from assets.statements.document.formulas import tell_formula
from assets.statements.html import write_html
from assets.statements.read import list_participants, read_period, read_statements
from assets.statements.statement import Statement
from assets.statements.words import languages, words_of
from assets.statements.write import Request, write_statements
from models.book.statement_settings import StatementSettings
from models.documents import InputError
from pipelines.cli.main import main
from tests.integration.statements.conftest import SETTINGS, Opened, opened, told
from tests.support.browser import CHROMIUM, Browser, open_browser

LOGO = ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>')
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


def page(statement: Statement, language: str = "en") -> str:
    return write_html(statement, told(statement, language), SETTINGS, LOGO).decode()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as started:
        yield started


def test_the_lines_add_up_and_go_along_as_a_file(statements: dict[str, Statement]) -> None:
    for statement in statements.values():
        rows = list(csv.DictReader(io.StringIO(statement.lines_csv)))
        assert len(rows) == sum(detail.totals.lines for detail in statement.details)
        shares: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            shares[row["payout_id"]] += Decimal(row["line_payout"])
        for detail in statement.details:
            assert shares[detail.payout["payout_id"]] == detail.totals.line_payout == detail.payout["payout"]
        calculation = json.loads(statement.calculation)
        assert calculation["lines_csv_sha256"] == hashlib.sha256(statement.lines_csv.encode()).hexdigest()
        assert statement.sha256 == hashlib.sha256(statement.calculation.encode()).hexdigest()


def test_what_counted_is_what_the_payout_was_measured_on(statements: dict[str, Statement]) -> None:
    detail = next(each for each in statements["CH-08"].details if each.payout["benefit_id"] == "quarter-bonus")
    counted = {row["reason"]: (row["lines"], row["amount"]) for row in detail.reasons}
    assert counted["counted"] == (detail.totals.lines, detail.payout["measure"])
    assert counted["product"][0] == 18


def test_a_row_that_reaches_someone_on_several_roads_counts_on_the_best_one(statements: dict[str, Statement]) -> None:
    """SP-02 took customers over within the window: their rows come by an assignment that had ended, and by the one that holds."""
    detail = next(each for each in statements["SP-02"].details if each.payout["benefit_id"] == "club")
    assert {row["reason"]: row["lines"] for row in detail.reasons}["counted"] == detail.totals.lines == 3219


def test_rows_of_others_are_counted_and_not_summed(statements: dict[str, Statement]) -> None:
    detail = next(each for each in statements["SP-05"].details if each.payout["status"] == "blocked")
    assert [(row["reason"], row["lines"] > 1000, row["amount"]) for row in detail.reasons] == [("assignment", True, None)]
    section = next(each for each in told(statements["SP-05"]).sections if each.anchor == detail.payout["payout_id"])
    assert section.reasons is not None
    assert section.reasons.rows[0][2] == "–"


def test_reasons_are_those_of_the_published_view(statements: dict[str, Statement], last_period: Opened) -> None:
    """Of an agreement with one benefit, one participant's own partners and no sharing, rows per reason are those of audit_line."""
    con, period = last_period
    detail = next(each for each in statements["IU-02"].details if each.payout["benefit_id"] == "order-lines")
    query = """
        select audit.reason, count(*) as lines from audit_line as audit join fct_transaction as t using (source_sha256, source_row)
        where audit.agreement_id = 'UK-INDEPENDENTS-2026' and t.partner_id = 'IU-02' and t.date between ? and ? and audit.reason in ('counted') group by all
    """
    con.execute(f"create or replace temp view audit_line as {view_query('audit_line')}")
    expected = {row["reason"]: row["lines"] for row in fetch(con, query, [period.first_day, period.last_day])}
    assert {row["reason"]: row["lines"] for row in detail.reasons if row["reason"] == "counted"} == expected


def test_the_same_set_gives_the_same_bytes(statements: dict[str, Statement], last_period: Opened) -> None:
    con, period = last_period
    again = next(iter(read_statements(con, period, ["CH-08"])))
    assert page(again) == page(statements["CH-08"])


@pytest.mark.parametrize("language", languages())
def test_every_language_tells_every_kind_of_payout(statements: dict[str, Statement], language: str) -> None:
    kinds: dict[tuple[str, str, str], str] = {}
    for participant, statement in statements.items():
        for detail in statement.details:
            kinds.setdefault((detail.benefit["method"], detail.benefit["by_axis"], detail.payout["status"]), participant)
    assert len(kinds) > 12
    for participant in sorted(set(kinds.values())):
        text = page(statements[participant], language)
        assert f'<html lang="{language}">' in text
        assert "None" not in re.sub(r"base64,[^\"]+", "", text)


def test_every_formula_of_the_demo_is_told_in_the_readers_words(last_period: Opened) -> None:
    """No word of the steps is left in Japanese but names of metrics and attributes, agreements and currencies."""
    con, _ = last_period
    words = words_of("ja")
    benefits = {row["benefit_version_id"]: row for row in fetch(con, "from dim_benefit")}
    query = """
        select any_value(s) as s, any_value(p) as p from fct_calculation_step as s join fct_payout as p using (payout_id)
        group by s.step, regexp_replace(s.formula, '\\d+', '0', 'g'), p.benefit_version_id
    """
    left = set()
    for row in fetch(con, query):
        text, numbers = tell_formula(words, row["s"], benefits[row["p"]["benefit_version_id"]], row["p"])
        assert text or row["s"]["step"] == "limit"
        left |= set(re.findall(r"[a-z][a-z_.]{2,}", text + numbers))
    assert left <= {"litres", "tap_check", "on_time", "returnables", "nps", "fill_rate", "complaints", "product.brand", "transaction_id", "commission", "max"}


def test_more_paid_than_due_is_owed_back(statements: dict[str, Statement], last_period: Opened) -> None:
    con, period = last_period
    paid = "participant_id = 'CH-08' and period = '2026-06' and agreement_id = 'CAFE-START-2526' and benefit_id = 'growth'"
    con.execute(f"create temp table fct_payout_month as select * replace (if({paid}, 6000, settled)::decimal(18, 4) as settled) from main.fct_payout_month")
    try:
        statement = next(iter(read_statements(con, period, ["CH-08"])))
    finally:
        con.execute("drop table temp.fct_payout_month")
    (position,) = statement.positions
    assert position.now["payable"] == statements["CH-08"].positions[0].now["payable"] - 6000 == Decimal("-268.35")
    assert dict(position.causes)["settled"] == -6000
    account = told(statement).accounts[0]
    assert (account.label, account.amount, account.is_negative) == ("Owed back to us", "268.35", True)


def test_a_blocked_payout_says_what_is_missing(statements: dict[str, Statement]) -> None:
    sections = {section.anchor: section for section in told(statements["SP-05"]).sections}
    blocked = next(each for each in statements["SP-05"].details if each.payout["status"] == "blocked")
    section = sections[blocked.payout["payout_id"]]
    assert section.blocked == ("Nothing can be paid yet: the target is missing.", "no target for SP-05 from Apr 1, 2026")
    assert (section.curve, section.steps, section.amount) == ("", None, "0.00")
    in_german = next(each for each in told(statements["SP-05"], "de").sections if each.anchor == blocked.payout["payout_id"])
    assert in_german.blocked == ("Noch kann nichts gezahlt werden: das Ziel fehlt.", "kein Ziel für SP-05 ab 01.04.2026")


def test_a_closed_period_makes_it_final(last_period: Opened) -> None:
    con, period = last_period
    con.execute("create temp table audit_close as select '2026-06' as period, 2 as version, 'close' as kind, true as is_in_force, "
                "timestamp '2026-07-03 10:00:00' as closed_at, 'ab12' as chain_sha256")  # fmt: skip
    try:
        closed = read_period(con, period.period, {"as_of": period.as_of, "run_id": period.run_id}, "demo")
    finally:
        con.execute("drop table temp.audit_close")
    statement = next(iter(read_statements(con, closed, ["CH-08"])))
    document = told(statement)
    assert (document.state, document.state_label, statement.number) == ("final", "Final", "2026-06/CH-08/2")
    assert "Jul 3, 2026" in document.state_note
    assert ("Close", "ab12") in document.data


def test_a_window_that_goes_on_shows_what_was_known(demo_book: Path, tmp_path: Path) -> None:
    with opened(demo_book, "2026-02", tmp_path) as (con, period):
        statement = next(iter(read_statements(con, period, ["CH-08"])))
    detail = next(each for each in statement.details if each.payout["benefit_id"] == "quarter-bonus")
    section = next(each for each in told(statement).sections if each.anchor == detail.payout["payout_id"])
    assert not detail.has_steps
    assert (section.curve, section.steps, section.status) == ("", None, "open")
    assert section.notes[0] == "The window runs until Mar 31, 2026; the figures are those of the end of the period."
    lines = [line for line in csv.DictReader(io.StringIO(statement.lines_csv)) if line["payout_id"] == detail.payout["payout_id"]]
    assert all(line["date"] <= str(period.last_day) for line in lines)
    assert len(lines) == detail.totals.lines > 0
    assert detail.achievement["measure_to_date"] == sum(Decimal(line["credited_measure"]) for line in lines) == detail.totals.credited_measure


def test_who_or_what_is_not_there_is_named(last_period: Opened) -> None:
    con, period = last_period
    with pytest.raises(InputError, match="'CH-99' has no payouts in this book"):
        list_participants(con, period, ["CH-99"])
    with pytest.raises(InputError, match="'2031-01' is no period of this book; it has 2022-01 to 2026-06"):
        read_period(con, "2031-01", {"as_of": period.as_of, "run_id": ""}, "demo")


def test_the_command_writes_the_files_and_their_list(demo_book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["statements", "2026-06", "--book", str(demo_book), "--participant", "CH-08,OU-063", "--to", str(tmp_path / "out"), "--language", "de"]
    assert main(given) == 0
    assert "2 statements of 2026-06" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [name for name in names if not name.endswith((".pdf", ".xlsx"))] == ["ch-08.html", "ou-063.html", "statements.csv"]
    rows = list(csv.DictReader((tmp_path / "out" / "statements.csv").open(encoding="utf-8")))
    assert [(row["participant_id"], row["state"], row["language"]) for row in rows] == [("CH-08", "draft", "de"), ("OU-063", "draft", "de")]
    assert "5.731,65" in (tmp_path / "out" / "ch-08.html").read_text(encoding="utf-8")
    assert main([*given[:-1], "it"]) == 2


@needs_chromium
def test_the_page_asks_for_nothing_and_fits_every_width(statements: dict[str, Statement], tmp_path: Path, browser: Browser) -> None:
    for participant in ("CH-08", "SP-01"):
        path = tmp_path / f"{participant}.html"
        path.write_text(page(statements[participant], "de"), encoding="utf-8")
        assert "<script" not in path.read_text(encoding="utf-8")
        for width, dark in ((400, True), (1600, False)):
            browser.open(path.as_uri(), width, dark=dark)
            assert browser.ask("document.documentElement.scrollWidth") <= width
            if dark == (participant == "CH-08"):
                assert browser.barriers() == []
    assert {address for address in browser.requests if not address.startswith(("about:", "data:"))} <= {
        (tmp_path / f"{name}.html").as_uri() for name in ("CH-08", "SP-01")
    }
    assert browser.said == []


def test_what_no_line_brings_is_in_the_sum_of_lines(last_period: Opened) -> None:
    """A guarantee lifts March, and no transaction line has what it lifts by."""
    con, last = last_period
    march = read_period(con, "2026-03", {"as_of": last.as_of, "run_id": last.run_id}, "demo")
    (statement,) = read_statements(con, march, ["SP-08"])
    (detail,) = [each for each in statement.details if each.payout["benefit_id"] == "guarantee"]
    assert detail.totals.line_payout == detail.payout["payout"] != 0


def test_the_next_tier_and_what_it_would_pay(statements: dict[str, Statement]) -> None:
    sections = {section.anchor: section for section in told(statements["IU-02"]).sections}
    lines = next(each for each in statements["IU-02"].details if each.payout["benefit_id"] == "order-lines")
    notes = sections[lines.payout["payout_id"]].notes
    assert notes == ["The next tier would have begun at 14: 1 were missing.", "There the benefit would have paid 45.00 GBP."]


def test_the_next_tier_pays_with_the_factors_of_today_and_its_limit(statements: dict[str, Statement]) -> None:
    detail = next(each for each in statements["IU-02"].details if each.payout["benefit_id"] == "order-lines")
    payment = payment_of(detail.payout, detail.benefit)

    def pays(benefit: Row | None = None, **figures: object) -> Decimal | None:
        return next_tier_pays({**detail.payout, **figures}, benefit or detail.benefit, payment, Decimal(14))

    assert pays(multiplier=Decimal("1.2")) == Decimal("54.00")  # 45 × 1.2
    assert pays(multiplier=Decimal("1.2"), gate_factor=Decimal("0.5")) == Decimal("27.00")
    assert pays(gate_factor=Decimal(0)) == 0
    assert pays({**detail.benefit, "at_most": Decimal(50)}, multiplier=Decimal("1.2")) == 50


def test_names_are_text_and_no_markup(statements: dict[str, Statement]) -> None:
    named = replace(statements["OU-063"], participant={**statements["OU-063"].participant, "name": '<script>alert("x")</script>'})
    text = page(named)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_everyone_reads_the_language_of_an_attribute(demo_book: Path, tmp_path: Path) -> None:
    context = open_run(demo_book, None, read_clock())
    book = context.book.model_copy(update={"statements": StatementSettings(language="es", language_from="country")})
    request = Request("2026-06", ("ID-01", "CH-08", "IU-02"), ("html",))
    _, _, written = write_statements(demo_book, book, context.published, request, tmp_path, 1)
    assert {each.participant_id: each.language for each in written} == {"CH-08": "nl", "ID-01": "de", "IU-02": "es"}  # there are no words for GB


def test_a_logo_lies_in_the_books_folder(demo_book: Path, tmp_path: Path) -> None:
    context = open_run(demo_book, None, read_clock())
    book = context.book.model_copy(update={"statements": StatementSettings(logo="../logo.png")})
    with pytest.raises(InputError, match=re.escape("there is no file ../logo.png in the book's folder")):
        write_statements(demo_book, book, context.published, Request(None, ("CH-08",)), tmp_path, 1)
