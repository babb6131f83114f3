"""Every golden case through the whole program: a book in, published tables out. The cases are the YAML files beside this one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.support.casebook import Case, differences, group_cases, read_cases, read_results, write_book

CASES = [case for path in sorted(Path(__file__).parent.glob("*.yaml")) for case in read_cases(path)]
GROUPS = group_cases(CASES)
GROUP_OF = {case["case"]: name for name, cases in GROUPS.items() for case in cases}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, pl.DataFrame]]:
    """The tables of each group's book, after one run per group."""
    from pipelines.run import run_book

    tables = {}
    for name, cases in GROUPS.items():
        book = write_book(tmp_path_factory.mktemp("golden") / "book", name, cases)
        run_book(book)
        tables[name] = read_results(book)
    return tables


def test_names_are_used_once() -> None:
    assert len(GROUP_OF) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_golden_case(case: Case, published: dict[str, dict[str, pl.DataFrame]]) -> None:
    found = differences(case, published[GROUP_OF[case["case"]]])
    assert not found, "\n".join([case["note"], *found])
