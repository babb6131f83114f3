"""Worked examples that others have published (vendors' documentation, tax authorities, filings, open-source tests), through the whole program.

They lie outside the project: TIERLEDGER_SHARED names the folder, by default `shared` beside the project's own. All of them are computed.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from tests.support.casebook import differences, group_cases, read_cases, read_results, write_book

SHARED = Path(os.environ.get("TIERLEDGER_SHARED", Path(__file__).parents[3] / "shared"))
FILE = SHARED / "cases" / "published.yaml"

CASES = {case["case"]: case for case in read_cases(FILE)} if FILE.exists() else {}
pytestmark = pytest.mark.skipif(not CASES, reason=f"{FILE} is not there; set TIERLEDGER_SHARED to the folder that holds cases/published.yaml")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, pl.DataFrame]]:
    """The published tables by case, after one run per group of cases."""
    from pipelines.run import run_book

    tables = {}
    for name, cases in group_cases(CASES.values()).items():
        book = write_book(tmp_path_factory.mktemp("published") / "book", name, cases)
        run_book(book)
        tables |= dict.fromkeys((case["case"] for case in cases), read_results(book))
    return tables


@pytest.mark.parametrize("name", CASES)
def test_published_case(name: str, published: dict[str, dict[str, pl.DataFrame]]) -> None:
    found = differences(CASES[name], published[name])
    assert not found, "\n".join([CASES[name]["note"], *found])
