"""The list of mutants fits the code: a mutant that no longer applies proves nothing, and a run of all of them takes too long to notice."""

from __future__ import annotations

import pytest

from tests.tools.mutants import MUTANTS, ROOT, TESTS


@pytest.mark.parametrize("module", sorted({module for module, _, _ in MUTANTS}))
def test_every_mutant_changes_one_place(module: str) -> None:
    text = (ROOT / "models" / f"{module}.py").read_text(encoding="utf-8")
    assert [old for place, old, _ in MUTANTS if place == module and text.count(old) != 1] == []


def test_no_mutant_is_what_it_replaces() -> None:
    assert [old for _, old, new in MUTANTS if old == new] == []


def test_the_tests_that_look_for_mutants_are_there() -> None:
    assert [test for test in TESTS if not (ROOT / test).is_file()] == []
