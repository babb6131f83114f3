"""A small sample of `make torture` on every run of the tests: one book, every number the reference's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.evidence_packs import pack_everything
from tests.torture.__main__ import make_book
from tests.torture.aiming import count_hits
from tests.torture.audited import audit_differences
from tests.torture.books import draw_book, write_book
from tests.torture.compare import compare
from tests.torture.drawing import FEATURES
from tests.torture.metamorphic import EQUAL_TERMS, PROPERTIES, check
from tests.torture.scorecard import LEAST_AT_THRESHOLDS

SEED, CLUSTERS = 2026, 8


def test_the_program_pays_what_the_reference_and_an_auditor_compute_and_says_why_lines_count_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = make_book(SEED, CLUSTERS, FEATURES)
    comparison = compare(write_book(book, tmp_path / "book"))
    differences, reasons = audit_differences(tmp_path / "book")
    assert differences == []
    assert reasons.keys() >= {"counted", "partner", "assignment", "term", "type", "product", "original"}
    assert [str(difference) for difference in comparison.differences] == []
    hits, _ = count_hits(book, comparison.payouts)
    assert comparison.compared["payouts"] > 100
    assert pack_everything(tmp_path / "book", tmp_path / "pack.zip", monkeypatch).recomputed == comparison.compared["payouts"]
    assert hits >= LEAST_AT_THRESHOLDS * comparison.compared["payouts"]


def test_a_seed_draws_the_same_book_again() -> None:
    assert draw_book(SEED, 3) == draw_book(SEED, 3)


def test_the_same_terms_in_other_words_pay_the_same() -> None:
    compared, message = check(3004, 3, FEATURES, EQUAL_TERMS)
    assert message == []
    assert {"amended from the first day", "amended with equal terms", "one group is the whole", "over its own days"} <= set(compared)


@pytest.mark.long
def test_what_must_not_change_a_result_does_not() -> None:
    compared: set[str] = set()
    for seed in (2035, 3004):  # books with a cluster for every property
        of_seed, message = check(seed, 8, FEATURES)
        assert message == []
        compared |= set(of_seed)
    assert compared == {"order", *(p.name for p in PROPERTIES)}
