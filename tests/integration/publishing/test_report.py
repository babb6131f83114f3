"""The report: a site that opens from a disk, says what was published, and is switched in one step.

Belongs here: its files, its figures, its pages in a real browser. Reads the demo book after one run.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.published.explanation import explain_payout
from assets.published.explanation_view import present
from assets.published.formatting import money
from assets.publishing.parquet_set import publish
from assets.report import write
from assets.report.overview import DIRECTIONS
from assets.report.site import Shown
from assets.report.switch import REPORT, REPORTS
from assets.report.tables import Column, Link, Table, slug
from assets.report.write import build_report, find_before, write_report
from assets.runtime.book_folder import open_run
from assets.runtime.context import ChecksPassed, RunContext, read_clock
from models.book.settings import parse_book
from tests.support.browser import CHROMIUM, Browser, open_browser
from tests.support.publishing_books import BOOK, change_run, make_published_book

LARGEST_PAGE, LARGEST_SCRIPTS = 300_000, 150_000
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


class Killed(BaseException):
    """The machine went away."""


def rows_of(page: str, name: str) -> list[list[str]]:
    """The cells of a table as they read."""
    found = re.search(rf'data-name="{name}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert found is not None
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1], re.DOTALL)
    return [[html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)] for row in rows]


class Links:
    """Addresses and anchors of a page."""

    def __init__(self, page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        self.hrefs = [html.unescape(found) for found in re.findall(r'<(?:a|link|script)\b[^>]*?\b(?:href|src)="([^"]*)"', text)]
        self.ids = {html.unescape(found) for found in re.findall(r'<[a-z0-9]+\b[^>]*?\bid="([^"]*)"', text)}


def reporting(book: Path, published: Path) -> RunContext:
    """The book, as one that publishes into another folder."""
    return replace(open_run(book, None, read_clock()), publish_to=published)


@pytest.fixture(scope="module")
def published(demo_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """published/ of the demo with its set and a report. In the set before it the first payout was 7 less, the last was not there, and there was another."""
    folder = tmp_path_factory.mktemp("report") / "published"
    current = (demo_book / "published" / "current").resolve()
    (folder / "runs").mkdir(parents=True)
    shutil.copytree(current, folder / "runs" / current.name)
    before = folder / "runs" / "before"
    shutil.copytree(current, before)
    with duckdb.connect() as con:
        con.execute(f"create table payouts as from '{current}/fct_payout.parquet'")
        con.execute("create view first as select min(payout_id) from payouts where payout <> 0")
        con.execute("create view last as select max(payout_id) from payouts where payout <> 0")
        con.execute("create table gone as select * replace ('pgone' as payout_id) from payouts where payout_id = (from last)")
        con.execute("update payouts set payout = payout - 7 where payout_id = (from first)")
        con.execute("delete from payouts where payout_id = (from last)")
        con.execute(f"copy (from payouts union all from gone) to '{before}/fct_payout.parquet' (format parquet)")
    (folder / "current").symlink_to(Path("runs") / current.name)
    write_report(reporting(demo_book, folder))
    return folder


@pytest.fixture(scope="module")
def site(published: Path) -> Path:
    return (published / REPORT).resolve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def test_every_link_leads_to_a_page_of_the_report(site: Path) -> None:
    pages = {page: Links(page) for page in sorted(site.rglob("*.html"))}
    assert len(pages) > 100
    broken = []
    for page, links in pages.items():
        for href in links.hrefs:
            path, _, anchor = href.partition("#")
            target = (page.parent / path).resolve() if path else page
            is_payout = target.parent.name == "payouts"  # a script shows the payout; its row is on one of the sheets
            if href != "data:," and not (target.is_file() and (not anchor or is_payout or target not in pages or anchor in pages[target].ids)):
                broken.append((page.name, href))
    assert broken == []


def test_pages_and_scripts_are_small(site: Path) -> None:
    large = {page.name: size for page in site.rglob("*.html") if (size := page.stat().st_size) > LARGEST_PAGE}
    assert large == {}
    assert sum(path.stat().st_size for path in site.glob("*.js")) < LARGEST_SCRIPTS


def test_no_page_needs_a_server_or_a_module(site: Path) -> None:
    for path in [*site.rglob("*.html"), *site.glob("*.js"), *site.glob("*.css")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(src|href)=["']?(https?:)?//|fetch\(|type=["']module|@import|url\(http|XMLHttpRequest""", text), path


def test_the_totals_are_those_of_the_published_payouts(site: Path, published: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    query = f"select currency, sum(payout), sum(open_amount) from '{published}/current/fct_payout.parquet' where direction = 'payable' group by all"
    for currency, payout, still_open in duckdb.execute(query).fetchall():
        for amount in (payout, still_open):
            assert f">{money(amount, currency).removesuffix(f' {currency}')}<" in text


def test_each_month_of_the_year_is_next_to_the_same_month_of_the_year_before(site: Path, published: Path) -> None:
    def sums(query: str) -> dict[tuple[str, str], Decimal]:
        return {(period, direction): amount for period, direction, amount in duckdb.execute(query).fetchall()}

    tables = f"'{published}/current"
    accrued = sums(f"select period, direction, sum(accrued_reporting) from {tables}/fct_payout_month.parquet' group by all")
    fell_due: dict[tuple[str, str], str] = {}
    released = f"""select strftime(r.due_date, '%Y-%m'), p.direction, p.currency, sum(r.released) as released from {tables}/fct_release.parquet' as r
        join {tables}/fct_payout.parquet' as p using (payout_id) group by all having sum(r.released) <> 0 order by all"""
    for period, direction, currency, amount in duckdb.execute(released).fetchall():
        fell_due[period, direction] = " + ".join(filter(None, (fell_due.get((period, direction)), money(amount, currency))))
    expected = {}
    for direction, words in DIRECTIONS.items():
        for month in range(1, 13):
            now, before = (accrued.get((f"{year}-{month:02}", direction)) for year in (2026, 2025))
            if now is not None or before is not None:
                shown = (money(now, "EUR"), money(before, "EUR").removesuffix(" EUR"), fell_due.get((f"2026-{month:02}", direction), "–"))
                expected[f"2026-{month:02}", words] = shown
    found = {(row[0], row[1]): (row[2], row[3], row[-1]) for row in rows_of((site / "index.html").read_text(encoding="utf-8"), "months")}
    assert found == expected
    assert len(found) == 24


def test_what_needs_attention_is_counted_and_the_most_comes_first(site: Path, published: Path) -> None:
    titles = [html.unescape(found) for found in re.findall("<h3>(.*?)</h3>", (site / "index.html").read_text(encoding="utf-8"))]
    payouts = f"from '{published}/current/fct_payout.parquet'"
    blocked = duckdb.execute(f"select count(*), status_reason {payouts} where status = 'blocked' group by all order by all desc").fetchall()
    assert [int(title.split()[0]) for title in titles if " blocked: " in title] == [count for count, _ in blocked]
    due = f"select count(*), sum(open_amount), currency {payouts} where open_amount <> 0 and due_date <= '2026-06-30' group by direction, currency"
    for count, amount, currency in duckdb.execute(due).fetchall():
        assert f"{count} payouts due and not settled: {money(amount, currency)}" in titles


def test_every_payout_is_in_the_script_that_its_address_names(site: Path, published: Path) -> None:
    payouts = duckdb.execute(f"select agreement_id, payout_id, payout::varchar from '{published}/current/fct_payout.parquet'").fetchall()
    digits = {}
    for agreement in {row[0] for row in payouts}:
        page = (site / "payouts" / f"{slug(agreement)}.html").read_text(encoding="utf-8")
        found = re.search(r'<script type="application/json" id="meta">(.*?)</script>', page)
        assert found is not None
        digits[agreement] = json.loads(found[1])["digits"]
    scripts = {path.name: path.read_text(encoding="utf-8") for path in (site / "data" / "payouts").iterdir()}
    for agreement, payout_id, amount in payouts:
        text = scripts[f"{slug(agreement)}.{payout_id[1 : 1 + digits[agreement]] or '0'}.js"]
        explained = json.JSONDecoder().raw_decode(text, text.index(f'"{payout_id}":') + len(payout_id) + 3)[0]
        assert money(explained["payout"], "EUR") == money(amount, "EUR")


@pytest.mark.long
def test_equal_sets_give_equal_bytes(site: Path, published: Path, demo_book: Path, tmp_path: Path) -> None:
    current = (published / "current").resolve()
    again = build_report(reporting(demo_book, tmp_path), current, find_before(published, current))
    files = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert [path for path in sorted(files) if (site / path).read_bytes() != (again / path).read_bytes()] == []


def test_readers_keep_set_and_report_until_the_new_report_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is made before the set is switched: if it fails, nothing is new; what it left is cleared away by the next run."""
    made = make_published_book(tmp_path)
    context = replace(made, book=parse_book(BOOK + "publish: {report: true}\n"))

    def build(context: RunContext, folder: Path, before: Path | None) -> Path:
        target = context.published / REPORTS / folder.name
        target.mkdir(parents=True)
        (target / "index.html").write_text(f"{folder.name}, before it {before and before.name}")
        return target

    def die(context: RunContext, folder: Path, before: Path | None) -> Path:
        (context.published / REPORTS / f"{folder.name}.tmp").mkdir()
        raise Killed

    monkeypatch.setattr(write, "build_report", build)
    publish(context, ChecksPassed(checks=0))
    index = context.published / REPORT / "index.html"
    assert index.read_text() == "run-a, before it None"
    change_run(context, "run-b")
    monkeypatch.setattr(write, "build_report", die)
    with pytest.raises(Killed):
        publish(context, ChecksPassed(checks=0))
    assert index.read_text() == "run-a, before it None"
    assert (context.published / "current").resolve().name == "run-a"
    assert [path.name for path in (context.published / REPORTS).iterdir()] == ["run-a"]
    for name in ("run-c", "run-d"):
        change_run(context, name)
        monkeypatch.setattr(write, "build_report", build)
        publish(context, ChecksPassed(checks=0))
    assert index.read_text() == "run-d, before it run-c"
    assert {path.name for path in (context.published / REPORTS).iterdir()} == {"run-c", "run-d"}, "one is kept for who has it open"


def test_names_of_files_are_stable_and_different() -> None:
    assert slug("CHAIN-VOLUME-2025") == "chain-volume-2025"
    names = [slug(each) for each in ("A1", "a1", "A/1", "A 1", "Ä1", "ä1", "..", "", "CON", "x" * 300, "<b>")]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,80}(\.[0-9a-f]{10})?", name) for name in names)


def test_names_from_feeds_are_escaped() -> None:
    evil = '<img src=x onerror=alert(1)>"&'
    body = Shown(
        Table("t", (Column("a"), Column("b", "number"), Column("c", "status"), Column("d", "code")), [(Link(evil, "x.html", evil), evil, evil, evil)], [evil])
    ).body("")
    assert "<img" not in body
    assert body.count("&lt;img") == 6


def test_what_changed_is_told_against_the_set_before(site: Path, published: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "1 payout changed, 1 new, 1 gone" in text
    assert text.count("+7.00") == 2, "in the sum, in which the new and the gone one cancel out, and of the payout"
    (last,) = duckdb.execute(
        f"from '{published}/current/fct_payout.parquet' select payout, currency where payout <> 0 order by payout_id desc limit 1"
    ).fetchall()
    assert [row[-1] for row in rows_of(text, "changes") if "7.00" not in row[-1]].count(f"+{money(*last)}") == 1


@needs_chromium
@pytest.mark.parametrize(
    "page",
    [
        "index.html",
        "agreements/chain-volume-2025.html",
        "participants/index.html",
        "quality.html",
        "closes.html",
        "review.html",
        "review/sunpress-service-2526.html",
        "lineage/index.html",
    ],
)
def test_a_page_asks_for_nothing_and_says_nothing(site: Path, browser: Browser, page: str) -> None:
    browser.requests.clear()
    browser.said.clear()
    for width in (400, 1600):
        browser.open(f"file://{site}/{page}", width=width, dark=width == 400)
        assert browser.ask("document.documentElement.scrollWidth") <= width, "nothing is cut at the side"
        if width == 400 or page.startswith(("index", "agreements")):  # axe takes seconds where a page is long
            assert browser.barriers() == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:", "about:"))] == []
    assert browser.said == []


def test_every_agreement_has_a_review_with_a_table_behind_each_chart(site: Path) -> None:
    """The delivery of a supplier: four quarters, with tiers, rate, volume and one metric."""
    text = (site / "review/sunpress-service-2526.html").read_text(encoding="utf-8")
    assert text.count("<svg") - 1 == text.count("<summary>Table</summary>") >= 3  # one is the sign of the program
    assert "<b>fill_rate</b> average of the metric, by the month in which windows end" in text
    assert "share of 4 payouts, too few to mean anything, by the tier reached, in percent" in text
    assert "average of a metric in the windows that end on the day" in text
    assert "CHAIN-VOLUME-2025" not in text
    assert {path.name for path in (site / "review").iterdir()} == {path.name for path in (site / "agreements").glob("*.html") if path.name != "index.html"}
    assert 'href="../review/sunpress-service-2526.html"' in (site / "agreements/sunpress-service-2526.html").read_text(encoding="utf-8")


@needs_chromium
def test_the_first_view_comes_soon(site: Path, browser: Browser) -> None:
    browser.open(f"file://{site}/index.html")
    browser.wait_for("performance.getEntriesByName('first-contentful-paint').length > 0")
    assert browser.ask("performance.getEntriesByName('first-contentful-paint')[0].startTime") < 1000


@needs_chromium
def test_an_address_shows_its_payout_down_to_the_lines(site: Path, published: Path, browser: Browser) -> None:
    query = f"from '{published}/current/fct_payout.parquet' select agreement_id, payout_id, payout, currency order by payout desc nulls last limit 1"
    agreement, payout_id, payout, currency = duckdb.execute(query).fetchall()[0]
    browser.said.clear()
    browser.open(f"file://{site}/payouts/{slug(agreement)}.html#{payout_id}")
    browser.wait_for("document.querySelector('#payout h1') !== null")
    text = browser.ask("document.getElementById('payout').innerText")
    steps = f"select count(*) from '{published}/current/fct_calculation_step.parquet' where payout_id = '{payout_id}'"
    assert money(payout, currency) in text
    assert browser.ask("document.querySelectorAll('.steps tbody tr').length") == duckdb.execute(steps).fetchall()[0][0]
    assert browser.ask("document.querySelectorAll('.lines tbody tr').length") > 10
    assert browser.barriers() == []
    assert browser.said == []


@needs_chromium
def test_a_long_table_is_filtered_and_sorted_over_all_of_its_rows(site: Path, published: Path, browser: Browser) -> None:
    browser.open(f"file://{site}/payouts/ontrade-kegs-2025.html")
    assert browser.ask("document.querySelectorAll('#list tbody tr').length") == 150
    kegs = f"from '{published}/current/fct_payout.parquet' select min(participant_id), max(payout) where agreement_id = 'ONTRADE-KEGS-2025'"
    participant, most = duckdb.execute(kegs).fetchall()[0]
    browser.ask(f"(() => {{ const i = document.querySelector('.tools input'); i.value = '{participant}'; i.dispatchEvent(new Event('input')); }})()")
    browser.wait_for("document.querySelectorAll('#list tbody tr').length === 12")
    browser.ask("(() => { const i = document.querySelector('.tools input'); i.value = ''; i.dispatchEvent(new Event('input')); })()")
    browser.ask("Array.from(document.querySelectorAll('#list th button')).find(b => b.textContent === 'Payout').click()")
    largest = money(most, "EUR")
    browser.wait_for(f"document.querySelector('#list tbody tr').innerText.includes('{largest}')")


@needs_chromium
def test_the_search_finds_names_and_payouts(site: Path, published: Path, browser: Browser) -> None:
    payout_id = duckdb.execute(f"select max(payout_id) from '{published}/current/fct_payout.parquet'").fetchall()[0][0]
    browser.open(f"file://{site}/index.html")
    browser.ask("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))")
    for typed, found in (("chain volume", "Chain volume programme 2025"), (payout_id[:12], payout_id)):
        browser.ask(f"(() => {{ const i = document.querySelector('dialog input'); i.value = '{typed}'; i.dispatchEvent(new Event('input')); }})()")
        browser.wait_for(f"document.querySelector('dialog ul').innerText.includes('{found}')")


@needs_chromium
@pytest.mark.long
def test_a_payout_reads_as_explain_says_it(site: Path, demo_book: Path, browser: Browser) -> None:
    """One payout of every benefit: its steps with their units, and its money."""
    query = f"from '{demo_book}/published/current/fct_payout.parquet' select agreement_id, max(payout_id) group by agreement_id, benefit_id order by all"
    for agreement, payout_id in duckdb.execute(query).fetchall():
        told = present(explain_payout(demo_book, payout_id, 0))
        browser.open(f"file://{site}/payouts/{slug(agreement)}.html#{payout_id}")
        browser.wait_for("document.querySelector('#payout h1') !== null")
        rows = browser.ask("Array.from(document.querySelectorAll('.steps tbody tr'), row => Array.from(row.cells, cell => cell.textContent))")
        assert [tuple(row) for row in rows] == [(step.replace("_", " "), *others) for _, step, *others in told.steps.rows]
        assert browser.ask("document.querySelector('#payout .total').textContent") == told.amount
