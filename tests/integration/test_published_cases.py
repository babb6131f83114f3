"""Worked examples that others have published (vendors' documentation, tax authorities, filings, open-source tests), through the whole program.

They lie outside the project: TIERLEDGER_SHARED names the folder, by default `shared` beside the project's own. Cases whose language is not
computed yet are refused by the program; they are counted and named in the report, so that the number covered is known.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import polars as pl
import pytest

from models.agreements.parse import parse_agreements
from models.documents import InputError
from tests.casebook import Case, differences, group_cases, read_cases, read_results, to_yaml, write_book

SHARED = Path(os.environ.get("TIERLEDGER_SHARED", Path(__file__).parents[3] / "shared"))
FILE = SHARED / "cases" / "published.yaml"
#: What is not computed yet, case by case: a case that becomes covered has to leave this list, one that is lost cannot hide in it.
NOT_YET = {
    "d365-rolling",
    "d365-total",
    "enable-placement-forecast",
    "gnumeric-rank-ties",
    "ifrs15-catch-up",
    "level-to-payout",
    "sec-789073-matrix",
    "sec-862831-curve",
}

CASES = {case["case"]: case for case in read_cases(FILE)} if FILE.exists() else {}
pytestmark = pytest.mark.skipif(not CASES, reason=f"{FILE} is not there; set TIERLEDGER_SHARED to the folder that holds cases/published.yaml")


def refusal(case: Case) -> str | None:
    """Why the program refuses the case's agreements; None where it takes them."""
    try:
        parse_agreements({case["case"]: "---\n".join(to_yaml(agreement) for agreement in case["agreements"])})
    except InputError as error:
        return "; ".join(problem.message for problem in error.problems)
    return None


REFUSED = {name: reason for name, case in CASES.items() if (reason := refusal(case))}
COVERED = {name: case for name, case in CASES.items() if name not in REFUSED}
GROUPS = group_cases(COVERED.values()) if COVERED else {}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, pl.DataFrame]]:
    """The published tables by case, after one run per group of cases."""
    from pipelines.steps import run_book

    tables = {}
    for name, cases in GROUPS.items():
        book = write_book(tmp_path_factory.mktemp("published") / "book", name, cases)
        run_book(book)
        tables |= dict.fromkeys((case["case"] for case in cases), read_results(book))
    return tables


def test_every_case_is_computed_or_refused_as_not_yet() -> None:
    assert {name: reason for name, reason in REFUSED.items() if "not computed yet" not in reason} == {}
    assert set(REFUSED) == NOT_YET
    warnings.warn(f"{len(COVERED)} of {len(CASES)} published cases are covered; not computed yet: {', '.join(sorted(REFUSED))}", stacklevel=1)


@pytest.mark.parametrize("name", COVERED)
def test_published_case(name: str, published: dict[str, dict[str, pl.DataFrame]]) -> None:
    found = differences(COVERED[name], published[name])
    assert not found, "\n".join([COVERED[name]["note"], *found])
