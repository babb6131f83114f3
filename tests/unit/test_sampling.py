"""The monetary-unit sample: every unit has the same chance, and anyone draws the same payouts again."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from assets.evidence.sampling import draw_sample

VALUES = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(0, 10**7), max_size=40)


@given(VALUES, st.integers(1, 30), st.integers())
def test_a_payout_as_large_as_the_interval_is_always_drawn(values: dict[str, int], size: int, seed: int) -> None:
    sample = draw_sample(values, size, seed)
    assert {payout for payout, value in values.items() if value >= sample.interval and value > 0} <= set(sample.by_value)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(0, 300), max_size=20), st.integers(1, 30), st.integers())
def test_what_is_drawn_holds_a_unit_that_is_taken(values: dict[str, int], size: int, seed: int) -> None:
    sample = draw_sample(values, size, seed)
    units = [payout for payout, value in sorted(values.items()) for _ in range(value)]
    assert list(sample.by_value) == sorted(set(units[sample.start :: sample.interval]))


def test_the_chance_of_a_payout_is_its_part_of_the_money() -> None:
    values = {"large": 50_000, "middle": 30_000, "small": 20_000}
    times = {payout: sum(payout in draw_sample(values, 1, seed).by_value for seed in range(2_000)) for payout in values}
    for payout, value in values.items():
        assert abs(Fraction(times[payout], 2_000) - Fraction(value, 100_000)) < Fraction(4, 100), payout


def test_about_as_many_are_drawn_as_asked_and_each_once() -> None:
    sample = draw_sample({f"p{n:04}": 100 + n % 7 for n in range(1_000)}, 25, 7)
    assert 25 <= len(sample.by_value) <= 26
    assert len(set(sample.by_value)) == len(sample.by_value)


def test_payouts_of_0_are_drawn_apart() -> None:
    values = {"paid": 100, **{f"zero{n}": 0 for n in range(50)}}
    sample = draw_sample(values, 25, 7)
    assert sample.by_value == ("paid",)
    assert len(sample.of_zero) == 5
    assert sample.of_zero != draw_sample(values, 25, 8).of_zero
    assert sample == draw_sample(dict(reversed(values.items())), 25, 7)


def test_a_period_that_pays_nothing_still_has_a_sample() -> None:
    assert draw_sample({"a": 0, "b": 0}, 25, 1).payouts == ["a", "b"]
    assert draw_sample({}, 25, 1).payouts == []
