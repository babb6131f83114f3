"""explain: what is told about a payout is what was published, adds up, and is safe to open.

Belongs here: finding payouts, the figures told, the page. Reads the demo book after one run.
"""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from assets.published import reader
from assets.published.explanation import explain_payout, largest_payouts
from assets.published.explanation_view import WAYS_OUT, present
from assets.published.payout_curve import draw_curve
from assets.report.write import write_report
from assets.runtime.book_folder import open_run
from assets.runtime.context import read_clock
from models.documents import InputError
from pipelines.cli.commands.explain import render_page
from pipelines.cli.main import main


def payout_ids(book: Path, condition: str) -> list[str]:
    query = f"select payout_id from '{book}/published/current/fct_payout.parquet' where {condition} order by abs(payout) desc, payout_id limit 3"
    return [row[0] for row in duckdb.execute(query).fetchall()]


@pytest.fixture(scope="module")
def largest(demo_book: Path) -> str:
    return str(largest_payouts(demo_book, 1)[0]["payout_id"])


def test_shares_add_up_over_all_lines_however_few_are_listed(demo_book: Path, largest: str) -> None:
    few, many = explain_payout(demo_book, largest, 3), explain_payout(demo_book, largest, 100_000)
    assert len(few.lines) == 3
    assert len(many.lines) == many.line_count == few.line_count
    assert few.line_sum == few.payout["payout"] == sum(line["line_payout"] for line in many.lines)
    assert sum(file["lines"] for file in many.files) == many.line_count


def test_a_set_that_another_version_wrote_is_no_bug(demo_book: Path, largest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(demo_book / "published", tmp_path / "published", symlinks=True)
    lines = tmp_path / "published" / "current" / "fct_payout_line.parquet"
    duckdb.execute(f"copy (select * exclude (source_line) from '{lines}') to '{lines}.older' (format parquet)")
    Path(f"{lines}.older").replace(lines)
    with pytest.raises(duckdb.BinderException):
        explain_payout(tmp_path, largest, 3)
    monkeypatch.setattr(reader, "code_version", lambda: "another")
    with pytest.raises(InputError, match=r"was written by another version \(.+\) and lacks what this one reads; `.*run --book .*` writes it anew"):
        explain_payout(tmp_path, largest, 3)
    shutil.copy(demo_book / "book.yaml", tmp_path)
    with pytest.raises(InputError, match="was written by another version"):
        write_report(open_run(tmp_path, None, read_clock()))


def test_one_tier_is_marked_and_it_is_the_one_reached(demo_book: Path, largest: str) -> None:
    e = explain_payout(demo_book, largest, 0)
    reached = [tier for tier in e.tiers if tier["is_reached"]]
    assert [tier["tier"] for tier in reached] == [e.payout["tier"]]
    assert reached[0]["from_value"] <= e.payout["axis_value"]
    assert reached[0]["to_value"] is None or e.payout["axis_value"] < reached[0]["to_value"]
    assert present(e).tiers.marked == e.payout["tier"] - 1


def test_the_last_step_is_the_payout(demo_book: Path, largest: str) -> None:
    e = explain_payout(demo_book, largest, 0)
    assert [step["step_no"] for step in e.steps] == list(range(1, len(e.steps) + 1))
    assert e.steps[-1]["result"] == e.payout["payout"]


def test_names_of_a_payout(demo_book: Path, largest: str) -> None:
    e = explain_payout(demo_book, largest, 0)
    p = e.payout
    path = f"{p['agreement_id']}/{p['benefit_id']}/{p['participant_id']}/{p['window_start']}"
    for name in (largest[:10], largest.upper(), path, f" {path} "):
        assert explain_payout(demo_book, name, 0).payout["payout_id"] == largest


def test_an_unclear_name_lists_what_it_could_be(demo_book: Path, largest: str, capsys: pytest.CaptureFixture[str]) -> None:
    p = explain_payout(demo_book, largest, 0).payout
    with pytest.raises(InputError, match=largest):
        explain_payout(demo_book, f"{p['agreement_id']}/{p['benefit_id']}/{p['participant_id']}/1999-01-01", 0)
    with pytest.raises(InputError, match="beginning of several payouts"):
        explain_payout(demo_book, largest[0], 0)
    assert main(["explain", "~~~", "--book", str(demo_book)]) == 2
    assert f"`tierledger explain --book {demo_book}` lists the largest" in capsys.readouterr().err
    with pytest.raises(InputError, match="no published payout"):
        explain_payout(demo_book, "", 0)


def test_text_names_clause_quote_file_and_line(demo_book: Path, largest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", largest, "--book", str(demo_book), "--lines", "2"]) == 0
    text = capsys.readouterr().out
    e = explain_payout(demo_book, largest, 2)
    assert e.payout["clause"] in text
    assert e.benefit["quote"][:40] in text
    assert f"{e.payout['payout']:,.2f} {e.payout['currency']}" in text
    row, line = e.lines[0]["source_row"], e.lines[0]["source_line"]
    assert f"{Path(e.lines[0]['source_file']).name}, line {line:,} (row {row:,})" in text
    assert (demo_book / e.lines[0]["source_file"]).read_text().splitlines()[line - 1].startswith(f"{e.lines[0]['transaction_id']},")


def test_json_keeps_money_exact(demo_book: Path, largest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", largest, "--book", str(demo_book), "--format", "json"]) == 0
    message = json.loads(capsys.readouterr().out)
    assert Decimal(message["line_sum"]) == Decimal(message["payout"]["payout"])
    assert isinstance(message["payout"]["payout"], str)
    assert set(message) == {
        "payout",
        "adjustments",
        "disputes",
        "payments",
        "agreement",
        "benefit",
        "participant",
        "achievement",
        "run",
        "accruals",
        "releases",
        "batches",
        "tiers",
        "steps",
        "lines",
        "files",
        "line_count",
        "line_sum",
        "earlier",
        "computed",
    }


class _Page(HTMLParser):
    """Which tags a page opens, and what it would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.loaded += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone(demo_book: Path, largest: str, tmp_path: Path) -> None:
    assert main(["explain", largest, "--book", str(demo_book), "--format", "html", "--output", str(tmp_path / "why.html")]) == 0
    text = (tmp_path / "why.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.loaded == []
    assert "script" not in page.opened
    assert {"svg", "table", "header", "blockquote"} <= set(page.opened)
    assert "url(" not in text
    assert re.findall("<h2>(.*?)</h2>", text) == [
        "Money",
        "Accruals by month",
        "Figures",
        "Terms in force",
        "Calculation",
        "Lines behind it",
        "Files they came from",
    ]


def test_what_came_from_data_is_escaped(demo_book: Path, largest: str) -> None:
    e = explain_payout(demo_book, largest, 1)
    e.participant["name"] = "<script>alert(1)</script>"
    e.benefit["quote"] = 'a "quoted" & <b>bold</b> clause'
    e.lines[0]["product_id"] = "<img src=x onerror=alert(1)>"
    page = _Page()
    page.feed(render_page(e))
    assert not {"script", "img", "b"} & set(page.opened)


@pytest.mark.parametrize("condition", ["status = 'blocked'", "payout = 0 and tier = 0", "status = 'open'", "direction = 'receivable'", "prior_earned <> 0"])
def test_every_kind_of_payout_can_be_told(demo_book: Path, condition: str) -> None:
    ids = payout_ids(demo_book, condition)
    assert ids
    for payout_id in ids:
        e = explain_payout(demo_book, payout_id, 5)
        assert e.line_sum == (e.payout["payout"] or 0)
        assert present(e).headline
        assert "<html" in render_page(e)


def test_a_blocked_payout_says_what_is_missing_and_what_to_do(demo_book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (payout_id, *_) = payout_ids(demo_book, "status_reason = 'fx'")
    e = explain_payout(demo_book, payout_id, 5)
    assert present(e).blocked == ("in the prior year 12 of 24 lines have no rate: GBP to USD on 2024-07-04", WAYS_OUT["fx"])
    assert main(["explain", payout_id, "--book", str(demo_book)]) == 0
    assert WAYS_OUT["fx"] in capsys.readouterr().out
    assert WAYS_OUT["fx"].split(":")[0] in render_page(e)


def test_every_reason_for_which_a_payout_is_blocked_has_a_way_out() -> None:
    page = (Path(__file__).parents[3] / "docs" / "language.md").read_text(encoding="utf-8")
    table = page.split("| reason | what to do |")[1].split("\n\n")[0]
    assert set(WAYS_OUT) == {reason for row in table.splitlines() for reason in re.findall(r"`([a-z_]+)`", row.split("|")[1] if "|" in row else "")}


def test_money_accruals_and_the_run_are_shown(demo_book: Path) -> None:
    (payout_id, *_) = payout_ids(demo_book, "status = 'open' and payout > 0")
    e = explain_payout(demo_book, payout_id, 5)
    shown, currency = present(e), e.payout["currency"]
    assert dict(shown.money)["Open"] == f"{e.payout['open_amount']:,.2f} {currency}"
    assert dict(shown.money)["Paid"] == f"0.00 {currency}"
    assert shown.accruals.rows[-1][2] == f"{sum(row['accrual'] for row in e.accruals):,.2f} {currency}"
    assert dict(shown.subject)["Run"].endswith(" UTC, as of 2026-06-30")
    assert dict(shown.subject)["Approved"] == "not yet"
    assert dict(shown.outlook)["Days"].endswith(f" of {e.achievement['days_total']}")
    assert "to go" in dict(shown.outlook)["Next tier"]
    assert dict(shown.outlook)["It would pay"] == f"{e.achievement['projected_payout']:,.2f} {currency}" != f"0.00 {currency}"
    e.agreement["approved_by"], e.agreement["approved_date"] = "A. Boss", "2026-01-02"
    assert dict(present(e).subject)["Approved"] == "by A. Boss on 2026-01-02"


def test_lines_of_the_year_before_are_counted_beside_what_they_add_up_to(demo_book: Path) -> None:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        query = """
            select payout_id, count(*), sum(credited_measure), min(counted_date)::varchar, max(counted_date)::varchar from fct_prior_line
            semi join (from dim_benefit join fct_payout using (benefit_version_id) where baseline_source = 'prior' and baseline > 0) as grown using (payout_id)
            where counts_for = 'prior' group by payout_id order by count(*) desc limit 1"""
        ((payout_id, lines, measure, first, last),) = con.execute(query).fetchall()
    e = explain_payout(demo_book, payout_id, 1)
    assert e.payout["baseline"] == measure
    currency = e.payout["currency"]
    assert dict(present(e).figures)["Lines of the year before"] == f"{lines:,}, {measure:,.2f} {currency}, from {first} to {last}"


def test_the_page_shows_names_beside_ids(demo_book: Path, largest: str) -> None:
    line = explain_payout(demo_book, largest, 1).lines[0]
    shown = present(explain_payout(demo_book, largest, 1))
    assert shown.lines.rows[0][2:4] == (line["partner_id"], line["product_id"])
    assert shown.named_lines.rows[0][2:4] == (f"{line['partner_id']} {line['partner_name']}", f"{line['product_id']} {line['product_name']}")
    assert line["partner_name"]
    assert line["product_name"]


def test_computed_figures_have_the_decimals_that_people_read(demo_book: Path) -> None:
    for payout_id in payout_ids(demo_book, "axis_value is not null and agreement_id in ('SERVICE-MATRIX-2526', 'GREEN-CRATES-2526')"):
        shown = present(explain_payout(demo_book, payout_id, 5))
        cells = [cell for row in (*shown.steps.rows, *shown.lines.rows, *shown.figures, *shown.outlook) for cell in row]
        assert [cell for cell in cells if re.search(r"\d\.\d{7}", cell)] == []


def test_on_a_narrow_screen_every_cell_has_its_heading(demo_book: Path, largest: str) -> None:
    """There each row is a card, and a cell without its heading would be a number without a meaning."""
    page = render_page(explain_payout(demo_book, largest, 3))
    assert page.count("<td") == len(re.findall(r"<td[^>]* data-label=", page)) > 0
    assert "@media screen and (max-width: 760px)" in page, "paper is narrow too, and has tables"
    assert "thead { display: table-header-group; }" in page, "headings stand on every page of paper"


def test_every_benefit_has_a_picture_with_the_place_on_it(demo_book: Path) -> None:
    query = (
        f"select any_value(payout_id) from '{demo_book}/published/current/fct_payout.parquet' where axis_value is not null group by agreement_id, benefit_id"
    )
    for (payout_id,) in duckdb.execute(query).fetchall():
        e = explain_payout(demo_book, payout_id, 0)
        picture = draw_curve(e)
        if e.benefit["method"] == "running":  # every line has a rate of its own: the sum is no curve of the measure
            assert picture is None
            continue
        assert picture is not None, e.benefit["benefit_id"]
        root = ElementTree.fromstring(picture)
        assert float(root.attrib["viewBox"].split()[3]) < 300
        assert all(-1 <= float(dot.attrib["cx"]) <= 640 for dot in root.iter("{http://www.w3.org/2000/svg}circle"))


def test_a_participant_with_prorated_thresholds_is_not_drawn_on_the_curve_as_agreed(demo_book: Path) -> None:
    clipped = explain_payout(demo_book, "CAFE-START-2526/quarter-bonus/CH-08/2025-08-18", 0)
    assert clipped.payout["tier"] == 1
    assert draw_curve(clipped) is None


@pytest.mark.parametrize(
    ("payout", "message"),
    [
        ("SERVICE-MATRIX-2526/sales-and-service/SP-03/2025-07-01", [("columns: x = last value of the metric nps", "29"), ("x = M / T", "105.41 %")]),
        ("GREEN-CRATES-2526/returnables/CH-01/2025-07-01", [("gate 1: × 1 where x ≥ 0.8, else × 0.5", "0.5"), ("gate 2: x = M / B − 1", "15.12 %")]),
        ("UK-SALES-BONUS-2526/s-curve/SP-06/2025-10-01", [("multiply: x = last value of the metric nps", "24")]),
    ],
)
def test_places_and_factors_are_told_in_their_own_units(demo_book: Path, payout: str, message: list[tuple[str, str]]) -> None:
    steps = {row[2]: row[4] for row in present(explain_payout(demo_book, payout, 0)).steps.rows}
    assert {formula: steps[formula] for formula, _ in message} == dict(message)


def test_a_matrix_is_shown_as_agreed_with_the_row_that_was_reached(demo_book: Path) -> None:
    table = present(explain_payout(demo_book, "SERVICE-MATRIX-2526/sales-and-service/SP-03/2025-07-01", 0)).tiers
    assert table.headings == ("tier", "from", "nps from 0", "nps from 30", "nps from 60")
    assert table.rows[table.marked or 0] == ("2", "100 %", "30 %", "80 %", "120 %")


def test_without_a_name_the_largest_are_listed(demo_book: Path, largest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--book", str(demo_book)]) == 0
    assert largest in capsys.readouterr().out
