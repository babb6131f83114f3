"""References that contradict each other are refused with file, row and the way out, before anything is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.dbt import prepare
from models.documents import InputError, Problem
from tests.integration.test_dbt_lines import BOOK, read_feeds, write_book

TRANSACTIONS = "transaction_id,line,date,partner_id,amount,currency\nt,1,2026-01-01,a,1.00,EUR\n"
PARTNERS = "partner_id,name,parent_id,from,to\na,,,,\nb,,,,\n"
BASE = {
    "transactions/t.csv": TRANSACTIONS,
    "partners/p.csv": PARTNERS,
    "products/p.csv": "product_id,name\nP,\n",
    "assignments/a.csv": "partner_id,participant_id,share,from,to\na,b,1,,\n",
    "fx_rates/f.csv": "date,from_currency,to_currency,rate\n2026-01-01,USD,EUR,0.9\n",
}
AGREEMENT = {"one": ("[a]", "", "year", "tiers: [{from: 0, rate: 1}]")}


def problems_of(folder: Path, files: dict[str, str], agreements: dict[str, tuple[str, str, str, str]] = AGREEMENT) -> list[Problem]:
    context = write_book(folder / "book", {**BASE, **files}, agreements)
    read_feeds(context)
    with pytest.raises(InputError) as refused:
        prepare(context)
    return refused.value.problems


@pytest.mark.parametrize(
    ("files", "file", "row", "key", "words"),
    [
        ({"partners/p.csv": PARTNERS + "a,again,,,\n"}, "partners/p.csv", 3, "partner_id", "row 3, and row 1 of"),
        (
            {"partners/p.csv": PARTNERS + "c,,,,2026-03-31\nc,,,2026-03-31,\n"},
            "partners/p.csv",
            4,
            "partner_id",
            "c has two records that hold on the same day, 2026-03-31: row 4, and row 3 of",
        ),
        ({"products/p.csv": "product_id,name\nP,\nP,other\n"}, "products/p.csv", 2, "product_id", "declare `key: [product_id]`"),
        (
            {"fx_rates/f.csv": BASE["fx_rates/f.csv"] + "2026-01-01,USD,EUR,0.8\n"},
            "fx_rates/f.csv",
            2,
            "date, from_currency, to_currency",
            "two rates from USD to EUR on 2026-01-01",
        ),
        ({"assignments/a.csv": BASE["assignments/a.csv"] + "a,b,0.5,2026-02-01,\n"}, "assignments/a.csv", 2, "partner_id and participant_id", "2026-02-01"),
        ({"partners/p.csv": PARTNERS + "c,,d,,\nd,,e,,\ne,,c,,\n"}, "partners/p.csv", 3, "parent_id", "c → d → e → c"),
        ({"partners/p.csv": PARTNERS + "c,,c,,\n"}, "partners/p.csv", 3, "parent_id", "c → c"),
        ({"partners/p.csv": PARTNERS + "c,,gone,,\n"}, "partners/p.csv", 3, "parent_id", "the parent gone of c is not among the partners"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, files: dict[str, str], file: str, row: int, key: str, words: str) -> None:
    (problem,) = problems_of(tmp_path, files)
    assert (problem.file, problem.line, problem.key) == (f"feeds/{file}", row, key)
    assert words in problem.message


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
    assert (problem.file, problem.line, problem.key) == ("feeds/metrics/later.csv", 1, "participant_id, metric, date")
    assert "two values of nps for a on 2026-01-01: row 1, and row 2 of feeds/metrics/m.csv" in problem.message


SHIPPED = {"transactions/t.csv": "transaction_id,line,date,partner_id,amount,currency,channel,tonnes\nt,1,2026-01-01,a,1.00,EUR,retail,heavy\n"}


@pytest.mark.parametrize(
    ("scope", "benefit", "line", "key", "words"),
    [
        ("", "measure: tons", 7, "benefits[0].measure", "an attribute of the transactions; did you mean tonnes?"),
        ("", "measure: {of: cost}, base: amount", 7, "benefits[0].measure.of", "cost is neither amount, quantity, margin or count nor"),
        ("scope: {where: chanel = 'x'}", "measure: amount", 6, "scope.where", "transactions have no column chanel; did you mean channel?"),
        ("scope: {where: tonnes > 5}", "measure: amount", 6, "scope.where", "no value for row 1 of feeds/transactions/t.csv, where there is tonnes heavy"),
    ],
)
def test_columns_that_agreements_ask_for_in_vain_are_refused_with_their_place(
    tmp_path: Path, scope: str, benefit: str, line: int, key: str, words: str
) -> None:
    (problem,) = problems_of(tmp_path, SHIPPED, {"one": ("[a]", scope, "year", f"{benefit}, tiers: [{{from: 0, rate: 1}}]")})
    assert (problem.file, problem.key) == ("agreements/one.yaml", key)
    assert words in problem.message
    assert problem.line == line


def test_spans_that_only_touch_are_fine(tmp_path: Path) -> None:
    files = {
        "partners/p.csv": PARTNERS + "c,,,,2026-03-31\nc,,,2026-04-01,\n",
        "assignments/a.csv": BASE["assignments/a.csv"].replace(",,\n", ",,2026-01-31\n"),
    }
    files["assignments/a.csv"] += "a,b,0.5,2026-02-01,\n"
    context = write_book(tmp_path / "book", {**BASE, **files}, AGREEMENT)
    read_feeds(context)
    prepare(context)
