"""Batches of participants: who is computed together, and that it makes no difference to the results."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calculation.batches import split_frames
from models.calculation.results import compute_results
from tests.support.small_book import Line, Small, make_frames

D = Decimal
TERM = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
DAY = dt.date(2025, 5, 1)
PRIZES = {"id": "prize", "clause": "1", "window": "quarter", "by": "rank", "tiers": [{"from": 1, "amount": 100}, {"from": 2, "amount": 60}]}
STANDING = {"id": "standing", "clause": "1", "window": "year", "by": "percentile", "tiers": [{"from": D("0.5"), "amount": 100}]}
BONUS = {"id": "bonus", "clause": "1", "window": "month", "accumulate": "year", "tiers": [{"from": 100, "rate": D("0.1")}]}


def agreement(name: str, names: list[str], *benefits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"agreement": name, "currency": "EUR", "term": TERM, "participants": names, "benefits": list(benefits), **more}


def batches(small: Small, most_rows: int) -> list[list[str]]:
    """The participants of each batch."""
    frames, _ = make_frames(small)
    return [sorted(batch["participants"]["participant_id"].unique()) for batch in split_frames(frames, most_rows)]


def small_of(*agreements: dict[str, Any], lines: Sequence[Line] = ()) -> Small:
    return Small(agreements[0], lines, [], dt.date(2025, 12, 31), others=agreements[1:])


def test_a_batch_has_about_as_many_results_as_it_may() -> None:
    of_twelve_months = small_of(agreement("A", ["P", "Q", "R", "S"], BONUS))
    assert batches(of_twelve_months, 48) == [["P", "Q", "R", "S"]]
    assert batches(of_twelve_months, 47) == [["P", "Q"], ["R", "S"]]
    assert batches(of_twelve_months, 12) == [["P"], ["Q"], ["R"], ["S"]]
    assert batches(of_twelve_months, 1) == [["P"], ["Q"], ["R"], ["S"]]


def test_participants_who_are_ranked_with_each_other_are_not_parted() -> None:
    """A chain of contests connects P with S through Q and R; T and U are in none."""
    chain = [agreement("A", ["P", "R"], PRIZES), agreement("B", ["R", "Q"], STANDING), agreement("C", ["Q", "S"], PRIZES), agreement("D", ["T", "U"], BONUS)]
    assert batches(small_of(*chain), 1) == [["P", "Q", "R", "S"], ["T"], ["U"]]


def test_without_participants_there_is_one_batch_of_nothing() -> None:
    frames, _ = make_frames(small_of(agreement("A", ["P"], BONUS)))
    [batch] = split_frames({**frames, "participants": frames["participants"].clear()}, 10)
    assert batch["participants"].is_empty()


@settings(max_examples=settings().max_examples // 3)
@given(
    volumes=st.lists(st.sampled_from([D(0), D(100), D("99.99"), D(400), D(-5)]), min_size=6, max_size=6),
    most_rows=st.integers(1, 200),
)
def test_batches_make_no_difference(volumes: list[Decimal], most_rows: int) -> None:
    names = [f"P{n}" for n in range(6)]
    lines = [Line(day, volume, D(1), D(1), name) for name, volume in zip(names, volumes, strict=True) for day in (DAY, dt.date(2025, 8, 7)) if volume]
    best = {"combine": {"rule": "best", "group": "g"}}
    agreements = [
        agreement("A", names[:4], BONUS, {**PRIZES, "window": "month"}, **best),
        agreement("B", names[2:], {**BONUS, "settle": {"clawback": "pay"}}, **best),
        agreement("C", names[4:], STANDING),
    ]
    small = small_of(*agreements, lines=lines)
    frames, as_of_period = make_frames(small)
    whole = dict(compute_results(frames, small.as_of, as_of_period, small.rounding))
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in whole}
    for batch in split_frames(frames, most_rows):
        first = sum(map(len, parts["payouts"]))
        for name, table in compute_results(batch, small.as_of, as_of_period, small.rounding, first):
            parts[name].append(table)
    keys = ["benefit_key", "participant_key", "window_no"]
    together = {name: pl.concat(tables) for name, tables in parts.items()}
    assert together["payouts"]["payout_key"].to_list() == list(range(len(whole["payouts"])))
    renamed = whole["payouts"].select(*keys, pl.col("payout_key").alias("key")).join(together["payouts"].select(*keys, "payout_key"), on=keys)
    for name, table in whole.items():
        found = together[name].join(renamed.select("payout_key", "key"), on="payout_key").drop("payout_key").rename({"key": "payout_key"})
        assert found.select(table.columns).sort(table.columns[:3]).equals(table.sort(table.columns[:3])), name
