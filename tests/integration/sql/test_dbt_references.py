"""References that contradict each other are refused with file, line and the way out, before anything is published."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from assets.transform.dbt import prepare
from models.documents import InputError, Problem
from tests.support.sql_books import AGREEMENT, BASE, BOOK, PARTNERS, read_feeds, write_book


def problems_of(folder: Path, files: dict[str, str], agreements: dict[str, tuple[str, str, str, str]] = AGREEMENT) -> list[Problem]:
    context = write_book(folder / "book", {**BASE, **files}, agreements)
    read_feeds(context)
    with pytest.raises(InputError) as refused:
        prepare(context)
    return refused.value.problems


#: Contradictions that do not touch each other: file, what it holds too, and of the row refused its line, the key and the words.
CONTRADICTIONS = [
    ("partners/p.csv", "a,again,,,\n", 4, "partner_id", "line 4 (row 3), and line 2 (row 1) of"),
    (
        "partners/p.csv",
        "c,,,,2026-03-31\nc,,,2026-03-31,\n",
        6,
        "partner_id",
        "c has two records that are valid on the same day, 2026-03-31: line 6 (row 5), and line 5 (row 4) of",
    ),
    ("partners/p.csv", "d,,e,,\ne,,f,,\nf,,d,,\n", 7, "parent_id", "d → e → f → d"),
    ("partners/p.csv", "g,,g,,\n", 10, "parent_id", "g → g"),
    ("partners/p.csv", "h,,gone,,\n", 11, "parent_id", "the parent gone of h is not among the partners: line 11 (row 10)"),
    ("products/p.csv", "P,other\n", 3, "product_id", "declare `key: [product_id]`"),
    ("fx_rates/f.csv", "2026-01-01,USD,EUR,0.8\n", 3, "date, from_currency, to_currency", "two rates from USD to EUR on 2026-01-01"),
    ("assignments/a.csv", "a,b,0.5,2026-02-01,\n", 3, "partner_id and participant_id", "2026-02-01"),
]


@pytest.fixture(scope="module")
def contradictions(tmp_path_factory: pytest.TempPathFactory) -> list[Problem]:
    """What is refused of a book that holds all of them."""
    files = {file: BASE[file] + "".join(more for other, more, *_ in CONTRADICTIONS if other == file) for file, *_ in CONTRADICTIONS}
    return problems_of(tmp_path_factory.mktemp("contradictions"), files)


@pytest.mark.parametrize(("file", "line", "key", "words"), [(file, *rest) for file, _, *rest in CONTRADICTIONS])
def test_contradictions_are_refused(contradictions: list[Problem], file: str, line: int, key: str, words: str) -> None:
    (problem,) = (each for each in contradictions if (each.file, each.line, each.key) == (f"feeds/{file}", line, key))
    assert words in problem.message


def test_nothing_else_is_refused(contradictions: list[Problem]) -> None:
    assert len(contradictions) == len(CONTRADICTIONS)


def test_an_agreement_that_names_nobody_is_refused_with_its_own_place(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {}, {**AGREEMENT, "two": ("[a, zz]", "", "year", "tiers: [{from: 0, rate: 1}]")})
    assert (problem.file, problem.key) == ("agreements/two.yaml", "participants")
    assert "zz, which is not in the partners feed" in problem.message


METRICS = "participant_id,metric,date,value\na,nps,2026-01-01,40\na,nps,2026-01-01,40\n"


def test_two_values_of_a_metric_on_one_day_are_refused(tmp_path: Path) -> None:
    book = BOOK + '  metrics: {files: "feeds/metrics/*.csv"}\n'
    context = write_book(tmp_path / "book", {**BASE, "metrics/m.csv": METRICS}, AGREEMENT, book)
    read_feeds(context)
    prepare(context)  # equal values do no harm
    (context.folder / "feeds/metrics/later.csv").write_text("participant_id,metric,date,value\na,nps,2026-01-01,41\n")
    read_feeds(context)
    with pytest.raises(InputError) as refused:
        prepare(context)
    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.key) == ("feeds/metrics/later.csv", 2, "participant_id, metric, date")
    assert "two values of nps for a on 2026-01-01: line 2 (row 1), and line 3 (row 2) of feeds/metrics/m.csv" in problem.message


SHIPPED = {"transactions/t.csv": "transaction_id,line,date,partner_id,amount,currency,channel,tonnes\nt,1,2026-01-01,a,1.00,EUR,retail,heavy\n"}


def asking(scope: str, benefit: str) -> tuple[str, str, str, str]:
    return ("[a]", scope, "year", f"{benefit}, tiers: [{{from: 0, rate: 1}}]")


def test_columns_that_agreements_ask_for_in_vain_are_refused_with_their_place(tmp_path: Path) -> None:
    agreements = {
        "attribute": asking("", "measure: tons"),
        "measure": asking("", "measure: {of: cost}, base: amount"),
        "scope": asking("scope: {where: chanel = 'x'}", "measure: amount"),
    }
    found = {problem.file: problem for problem in problems_of(tmp_path, SHIPPED, agreements)}
    assert {file: (problem.line, problem.key) for file, problem in found.items()} == {
        "agreements/attribute.yaml": (7, "benefits[0].measure"),
        "agreements/measure.yaml": (7, "benefits[0].measure.of"),
        "agreements/scope.yaml": (6, "scope.where"),
    }
    assert "an attribute of the transactions; did you mean tonnes?" in found["agreements/attribute.yaml"].message
    assert "cost is neither amount, quantity, margin or count nor" in found["agreements/measure.yaml"].message
    assert "transactions have no column chanel; did you mean channel?" in found["agreements/scope.yaml"].message


def test_a_condition_that_cannot_be_computed_is_refused_with_the_row(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, SHIPPED, {"one": asking("scope: {where: tonnes > 5}", "measure: amount")})
    assert (problem.file, problem.line, problem.key) == ("agreements/one.yaml", 6, "scope.where")
    assert "no value for line 2 (row 1) of feeds/transactions/t.csv, where there is tonnes heavy" in problem.message


def test_spans_that_only_touch_are_fine(tmp_path: Path) -> None:
    files = {
        "partners/p.csv": PARTNERS + "c,,,,2026-03-31\nc,,,2026-04-01,\n",
        "assignments/a.csv": BASE["assignments/a.csv"].replace(",,\n", ",,2026-01-31\n"),
    }
    files["assignments/a.csv"] += "a,b,0.5,2026-02-01,\n"
    context = write_book(tmp_path / "book", {**BASE, **files}, AGREEMENT)
    read_feeds(context)
    prepare(context)


def test_partners_that_change_places_from_one_day_to_the_next_are_no_cycle(tmp_path: Path) -> None:
    swapped = "partner_id,name,parent_id,from,to\na,,b,,2026-01-31\na,,,2026-02-01,\nb,,,,2026-01-31\nb,,a,2026-02-01,\n"
    context = write_book(tmp_path / "book", {**BASE, "partners/p.csv": swapped, "assignments/a.csv": "partner_id,participant_id\n"}, AGREEMENT)
    read_feeds(context)
    prepare(context)
    with duckdb.connect(str(context.warehouse), read_only=True) as con:
        days = "select first_day, last_day from intermediate.int_partners_descended where ancestor_key <> partner_key order by all"
        assert con.execute(days).fetchall() == [(dt.date(1, 1, 1), dt.date(2026, 1, 31)), (dt.date(2026, 2, 1), dt.date(9999, 12, 31))]


def test_a_cycle_on_a_single_day_is_one(tmp_path: Path) -> None:
    overlapping = "partner_id,name,parent_id,from,to\na,,b,,2026-01-31\na,,,2026-02-01,\nb,,,,2026-01-30\nb,,a,2026-01-31,\n"
    (problem,) = problems_of(tmp_path, {"partners/p.csv": overlapping})
    assert (problem.line, problem.key) == (2, "parent_id")
    assert "a → b → a" in problem.message
