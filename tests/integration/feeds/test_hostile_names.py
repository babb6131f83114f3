"""Names that would like to be code: in SQL, in Jinja, in a spreadsheet, on a page, in a path. All of them stay names.

Belongs here: one book whose every name is hostile, through the whole program. Does not belong here: expressions of book.yaml and agreements
(tests/unit/feeds/test_expressions.py), cells of feeds (tests/faults/cells.yaml), what PostgreSQL makes of it (test_postgres.py).
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from models.documents import InputError
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.exact_text import to_yaml

SQL = "x'); drop table raw.transactions; --"
JINJA = "{{ 7*7 }}{% raw %}${HOME}"
HTML = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
#: The folder takes part in paths that SQL, dbt's profile and globs see.
FOLDER = """it's "x" [a]* ${HOME} {x} 100%"""


def cells(*values: str) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / FOLDER
    agreement = {
        "agreement": SQL, "title": HTML, "currency": "EUR", "document": JINJA, "term": {"from": "FROM", "to": "TO"}, "participants": [FORMULA, JINJA],
        "scope": {"products": {"include": {"product_id": [SQL]}}},
        "benefits": [{"id": SQL, "clause": HTML, "quote": JINJA, "window": "year", "tiers": [{"from": 0, "rate": Decimal("0.1")}]}],
    }  # fmt: skip
    files = {
        "book.yaml": to_yaml({"book": JINJA, "currency": "EUR", "as_of": "AS_OF", "feeds": {
            "transactions": {"files": "feeds/t/*.csv"}, "partners": {"files": "feeds/p/*.csv"}, "products": {"files": "feeds/g/*.csv"},
        }, "limits": {"spill": "spilled it's"}}),
        "agreements/it's {{ 7*7 }}.yaml": to_yaml(agreement),
        f"feeds/t/{SQL}.csv": cells("transaction_id", "date", "partner_id", "product_id", "amount", "currency", "=channel"[1:])
        + cells(JINJA, "2026-01-05", FORMULA, SQL, "100.00", "EUR", HTML) + cells(SQL, "2026-01-06", JINJA, SQL, "50.00", "EUR", FORMULA),
        "feeds/p/p.csv": cells("partner_id", "name") + cells(FORMULA, SQL) + cells(JINJA, HTML),
        "feeds/g/g.csv": cells("product_id", "name") + cells(SQL, JINJA),
    }  # fmt: skip
    days = {"FROM": "2026-01-01", "TO": "2026-12-31", "AS_OF": "2026-12-31"}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for word, day in days.items():
            content = content.replace(f'"{word}"', day).replace(f"'{word}'", day).replace(f": {word}", f": {day}")
        path.write_text(content)
    run_book(folder)
    return folder


def published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def test_names_come_out_as_they_went_in(book: Path) -> None:
    rows = published(book, "select agreement_id, clause, benefit_id, participant_id, payout from fct_payout order by payout")
    assert rows == [(SQL, HTML, SQL, JINJA, Decimal(5)), (SQL, HTML, SQL, FORMULA, Decimal(10))]
    assert published(book, "select title, document from dim_agreement") == [(HTML, JINJA)]
    assert published(book, "select partner_id, name from dim_partner order by 1") == [(FORMULA, SQL), (JINJA, HTML)]
    assert published(book, "select transaction_id, product_id, source_file from fct_payout_line order by line_payout") == [
        (SQL, SQL, f"feeds/t/{SQL}.csv"),
        (JINJA, SQL, f"feeds/t/{SQL}.csv"),
    ]


def test_exports_run_nothing(book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text that begins like a formula leaves with a ' before it; the page of a payout shows names and runs none."""
    assert main(["journal", "2026-01", "--book", str(book), "--out", str(tmp_path / "j.csv")]) == 0
    text = (tmp_path / "j.csv").read_text()
    starts = {cell[:1] for row in csv.reader(io.StringIO(text)) for cell in row}
    assert "'" + FORMULA in text
    assert not {"=", "+", "@", "\t"} & starts
    ((payout,),) = published(book, "select payout_id from fct_payout where payout = 10")
    assert main(["explain", payout, "--book", str(book), "--format", "html", "--output", str(tmp_path / "why.html")]) == 0
    page = (tmp_path / "why.html").read_text()
    assert HTML not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page
    capsys.readouterr()


@pytest.mark.parametrize(("folder", "spill"), [("{{ 7*7 }}", ""), ("{% raw %}", ""), ("plain", "limits: {spill: '/tmp/{{ 7*7 }}'}\n")])
def test_a_path_that_dbt_would_compute_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, spill: str) -> None:
    """dbt's profile computes what stands in such brackets in its values, too: the run would work on another file."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "book.yaml").write_text('book: b\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}\n' + spill)
    assert main(["run", "--book", str(tmp_path / folder)]) == 2
    assert "which dbt would evaluate as a template" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / folder).iterdir() if path.name != ".lock"] == ["book.yaml"]


@pytest.mark.parametrize("pattern", ["~/*.csv", "$HOME/*.csv", "${HOME}/*.csv", "%HOME%/*.csv"])
def test_paths_are_not_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    """What looks like a home is a folder of that name in the book."""
    from assets.feeds.landing import find_files

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for folder in (tmp_path / "home", tmp_path / "book" / pattern.split("/")[0]):
        folder.mkdir(parents=True)
        (folder / f"{folder.parent.name}.csv").write_text("a\n")
    assert [landed.path for landed in find_files(tmp_path / "book", "transactions", [pattern])] == [tmp_path / "book" / pattern.split("/")[0] / "book.csv"]


def test_a_link_out_of_the_book_is_refused(tmp_path: Path) -> None:
    from assets.feeds.landing import find_files

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_text("a\n")
    (tmp_path / "book" / "feeds").mkdir(parents=True)
    (tmp_path / "book" / "feeds" / "t").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="leaves the book"):
        find_files(tmp_path / "book", "transactions", ["feeds/t/*.csv"])
