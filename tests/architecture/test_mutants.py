"""The list of mutants fits the program, and the docs say how many there are. Whether tests notice them is what `make mutants` finds out."""

from __future__ import annotations

import pytest

from tests.tools.mutants.__main__ import LISTS
from tests.tools.mutants.mutant import LATER_CLOSES, ROOT

MUTANTS = [mutant for mutants in LISTS.values() for mutant in mutants]
#: Where a mistake costs money or trust: each of these has mutants.
BROKEN = (
    "models/records/write_offs.py",
    "models/records/closing.py",
    "models/records/chain.py",
    "models/records/payment_batches.py",
    "assets/payments/open_parts.py",
    "models/feeds/expressions.py",
    "assets/feeds/typing_sql.py",
    "assets/archive/receipts.py",
    "assets/publishing/parquet_set.py",
    "assets/publishing/line_parts.py",
)


def test_every_mutant_changes_one_place() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in {mutant.path for mutant in MUTANTS}}
    assert [(mutant.file, mutant.old) for mutant in MUTANTS if texts[mutant.path].count(mutant.old) != 1 or mutant.new == mutant.old] == []


def test_no_mutant_is_listed_twice() -> None:
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


def test_the_tests_of_a_mutant_are_there() -> None:
    named = {test for mutant in MUTANTS if mutant.tests != LATER_CLOSES for test in mutant.tests if test.startswith("tests/")}
    assert [test for test in named if not (ROOT / test).exists()] == []


@pytest.mark.parametrize("file", BROKEN)
def test_what_matters_most_has_mutants(file: str) -> None:
    assert file in {mutant.file for mutant in MUTANTS}


def test_the_docs_say_how_many_there_are() -> None:
    in_sql = sum(mutant.is_sql for mutant in MUTANTS)
    text = " ".join((ROOT / "docs" / "testing.md").read_text(encoding="utf-8").split())
    assert f"{len(MUTANTS) - in_sql} small changes of Python and {in_sql} of SQL" in text
