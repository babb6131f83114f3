"""Do the tests notice? Breaks the calculation on purpose, one small way after the other, in a copy, and runs the unit tests on each.

    make mutants                      all of them; exit code 1 when one survives
    python -m tests.tools.mutants calculation/accruals    those of one file

A mutant that survives is a rule without a test. Belongs here: the mutants. Does not belong here: tests.
"""

# ruff: noqa: E501  (a mutant is one line, so that old and new text are seen together)

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = [
    "tests/unit/test_money.py",
    "tests/unit/test_calendars.py",
    "tests/unit/agreements/test_agreement_language.py",
    *(f"tests/unit/calculation/test_{name}.py" for name in ("payouts", "curves", "achievement", "accruals", "steps", "schemes", "ranks", "forecasts")),
]
COPIED = ("models", "tests", "pyproject.toml")
AT_ONCE = 2

#: (module of models, the text there, the mutant's text). Each text occurs in its file exactly once (tests/unit/test_mutants.py).
MUTANTS: list[tuple[str, str, str]] = [
    # curves: where a tier begins, how pieces are put together
    ("curves/pieces", "(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "(distance >= 0)"),
    ("curves/pieces", "(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "(distance > 0)"),
    ("curves/pieces", "(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "distance > 1"),
    ("curves/pieces", 'method == "linear" or boundary == "lower_inclusive"', 'boundary == "lower_inclusive"'),
    ("curves/pieces", 'method == "linear" or boundary == "lower_inclusive"', 'method == "linear" or boundary == "upper_inclusive"'),
    ("curves/pieces", "enumerate(zip(tiers, lines, strict=False), 1)", "enumerate(zip(tiers, lines, strict=False), 0)"),
    ("curves/pieces", "Piece(len(tiers), tiers[-1].start, False, pays)", "Piece(len(tiers), tiers[-1].start, True, pays)"),
    ("curves/pieces", "tiers[i - 1].pays[form] * (tier.start - tiers[i - 1].start)", "tiers[i].pays[form] * (tier.start - tiers[i - 1].start)"),
    ("curves/pieces", "below[form] - value * tier.start, value", "below[form], value"),
    ("curves/pieces", 'if form == "amount":', 'if form == "no form":'),
    ("curves/pieces", "below[form] += value\n", "below[form] = value\n"),
    ("curves/pieces", '"hold": last, "extend"', '"hold": segments[-1] if can_extend else last, "extend"'),
    ("curves/pieces", '"zero": dict.fromkeys(last, (ZERO, ZERO))', '"zero": last'),
    ("curves/pieces", "len(tiers) > 1 and tiers[-1].start > tiers[-2].start", "len(tiers) > 2 and tiers[-1].start > tiers[-2].start"),
    ("curves/pieces", "(b.pays[form] - value) / (b.start - a.start)", "(b.pays[form] + value) / (b.start - a.start)"),
    ("curves/pieces", "value - slopes[form] * a.start, slopes[form]", "value - slopes[form] * b.start, slopes[form]"),
    ("curves/pieces", "last = ladder.first[benefit + 1] - 1", "last = ladder.first[benefit + 1]"),
    ("curves/pieces", "fixed[piece] * x_divisor + ladder.slope", "fixed[piece] + ladder.slope"),
    ("curves/pieces", "Fraction(row[i] or 0)", "Fraction(row[i] or 1)"),
    ("curves/pieces", "below += tiers[i - 1].pays[\"rate\"] * tier.start", "below += tier.pays[\"rate\"] * tier.start"),
    ("curves/pieces", "rates += tier.pays[\"rate\"]", "rates = tier.pays[\"rate\"]"),
    ("curves/pieces", "for t in tiers[: i + 1]), ZERO)", "for t in tiers[i : i + 1]), ZERO)"),
    # payouts: axis, base, limits and their order
    ("calculation/payouts", "choose(sliced, unit * figures.base", "choose(sliced, unit * figures.measure"),
    ("calculation/payouts", "choose(is_rolling, unit, figures.base)", "choose(is_rolling, unit, figures.measure)"),
    ("calculation/payouts", "choose(is_graduated, 0, figures.quantity)", "choose(is_graduated, 0, figures.base)"),
    ("calculation/payouts", "figures.incentive * measure * length", "figures.incentive * length"),
    ("calculation/payouts", "figures.incentive * measure * length", "figures.incentive * measure"),
    ("calculation/payouts", "curve.part * measure * of_length", "curve.divisor * measure * of_length"),
    ("calculation/payouts", "(kind == GROWTH) | (kind == GROWTH_AMOUNT), figures.baseline, 0", "kind == GROWTH_AMOUNT, figures.baseline, 0"),
    ("calculation/payouts", "has_slices = (figures.measure > 0)", "has_slices = (figures.measure != 0)"),
    ("calculation/payouts", "choose(is_set & (amount > most), most, amount)", "choose(is_set & (amount < most), most, amount)"),
    ("calculation/payouts", "choose(is_set & (amount < least), 0, amount)", "choose(is_set & (amount <= least), 0, amount)"),
    ("calculation/payouts", "choose(is_set & (amount < least), 0, amount)", "amount"),
    ("calculation/payouts", "return choose(is_set & (amount < least), least, amount)", "return choose(is_set & (amount > least), least, amount)"),
    ("calculation/payouts", "choose(is_set & (amount < least), 0, amount)", "choose(is_set & (numerator * EXACT_SCALE < least), 0, amount)"),
    ("calculation/payouts", '"benefit_key", "measure_to_date", "base_to_date"', '"benefit_key", "base_to_date"'),
    ("calculation/payouts", '"incentive", "days", "of_days", "reason",', '"incentive",'),
    ("calculation/payouts", "payout[0] * 10**minor, payout[1]", "payout[0] * 10**2, payout[1]"),
    ("calculation/payouts", "scheme.ladder.tier[following] > scheme.ladder.tier[place.piece]", "scheme.ladder.tier[following] >= scheme.ladder.tier[place.piece]"),
    ("calculation/payouts", "(multiplier[0] * gate_factor[0])", "multiplier[0]"),
    ("calculation/payouts", "np.where(column > 0, tier[here], 0)", "tier[here]"),
    ("calculation/payouts", "scheme.shares_ties[benefit] & (tie_count > 1) & ~blocked", "scheme.shares_ties[benefit] & (tie_count > 2) & ~blocked"),
    ("calculation/payouts", "days=choose(is_matrix, 1, figures.days)", "days=figures.days"),
    ("calculation/payouts", "scheme.ladder.first[benefit] + tier)", "scheme.ladder.first[benefit] + tier - 1)"),
    ("calculation/payouts", "    if tier is not None:\n        return place\n", ""),
    # clawbacks: spans, series, clawback rules
    ("calculation/clawbacks", "np.where(is_later, earned_before, 0)", "earned_before"),
    ("calculation/clawbacks", "np.where(is_later, earned_before, 0)", "0 * earned_before"),
    ("calculation/clawbacks", "is_blocked[here - 1], before[here - 1], earned[here - 1]", "is_blocked[here - 1], 0, earned[here - 1]"),
    ("calculation/clawbacks", "owed = carried[here - 1]", "owed = np.where(starts_span[here], 0, carried[here - 1])"),
    ("calculation/clawbacks", "np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))", "np.maximum(difference - owed, 0)"),
    ("calculation/clawbacks", "np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))", "np.where(pays[here], difference - owed, difference - owed)"),
    ("calculation/clawbacks", "np.where(pays[here], difference - owed, ", "np.where(pays[here], difference, "),
    ("calculation/clawbacks", "pays[here] | forgives[here], 0", "pays[here], 0"),
    ("calculation/clawbacks", '(rule == "pay") & ~is_blocked', '(rule == "pay")'),
    ("calculation/clawbacks", "np.maximum(owed - difference, 0)", "np.maximum(owed + difference, 0)"),
    ("calculation/clawbacks", '(rule == "none") & ends_span', '(rule == "none")'),
    # axes, ranks: places, and who is compared
    ("curves/axes", 'pl.when(pl.col("value_date") >= pl.col("span_start"))', 'pl.when(pl.col("value_date") > pl.col("span_start"))'),
    ("curves/axes", 'pl.when(pl.col("value_date") >= pl.col("span_start"))', 'pl.when(pl.lit(True))'),
    ("curves/axes", "choose(kind == GROWTH, figures.baseline, figures.part)", "choose(kind == GROWTH, figures.baseline, figures.divisor)"),
    ("curves/axes", '"axis_needs_target": "attainment"', '"axis_needs_target": "growth"'),
    ("calculation/ranks", 'place.rank("min", descending=True)', 'place.rank("min")'),
    ("calculation/ranks", 'place.rank("min", descending=True)', 'place.rank("max", descending=True)'),
    ("calculation/ranks", 'place.rank("min", descending=True)', 'place.rank("dense", descending=True)'),
    ("calculation/ranks", 'PEERS = ("benefit_key", "window_no", "period_no")', 'PEERS = ("benefit_key", "window_no")'),
    ("calculation/ranks", 'others = pl.col("count") - 1', 'others = pl.col("count")'),
    ("calculation/ranks", '.when(others == 0).then(1).otherwise("smaller")', '.otherwise("smaller")'),
    ("calculation/ranks", 'has_value = ~pl.col("missing_measure")', "has_value = pl.lit(True)"),
    ("calculation/ranks", '(pl.col("target") > 0)', '(pl.col("target") >= 0)'),
    ("calculation/ranks", "numerator * max(divisor) ** 2 // divisor", "numerator * 10**6 // divisor"),
    ("calculation/ranks", 'pl.int_ranges("rank", pl.col("rank") + pl.col("tie_count"))', 'pl.int_ranges("rank", pl.col("rank") + 1)'),
    ("curves/compiled", 'pl.when(pl.col("benefit_key").is_in(ranked))', "pl.when(pl.lit(False))"),
    ("curves/compiled", 'pl.when(is_line).then(pl.lit("lower_inclusive"))', 'pl.when(pl.lit(False)).then(pl.lit("lower_inclusive"))'),
    # matrices, gates, multipliers
    ("curves/matrices", "(row > 0) & (column > 0)", "(row > 0)"),
    ("curves/matrices", "value(i + 1, j) - corner, value(i, j + 1) - corner", "value(i, j + 1) - corner, value(i + 1, j) - corner"),
    ("curves/matrices", "twist = value(i + 1, j + 1) - corner - down - across", "twist = ZERO"),
    ("curves/matrices", "return -starts[i] * slope, slope", "return ZERO, slope"),
    ("curves/matrices", "(row - 1) * grid.width[benefit] + column - 1", "(column - 1) * grid.width[benefit] + row - 1"),
    ("curves/gates", '"at_least": lambda distance: distance < 0', '"at_least": lambda distance: distance <= 0'),
    ("curves/gates", '"above": lambda distance: distance <= 0', '"above": lambda distance: distance < 0'),
    ("curves/gates", '"at_most": lambda distance: distance > 0', '"at_most": lambda distance: distance >= 0'),
    ("curves/gates", '"below": lambda distance: distance >= 0', '"below": lambda distance: distance > 0'),
    ("curves/gates", "fails |= is_set[benefit]", "fails = is_set[benefit]"),
    ("curves/gates", "numerator[here] * gate_factors", "gate_factors"),
    ("curves/gates", "rows[here], figures.at(here).unscaled())", "rows[here], figures.at(here))"),
    ("curves/gates", 'found.forms.get("factor", 0), found.divisor', 'found.forms.get("factor", 0), found.divisor * 0 + 1'),
    ("curves/inputs", "whole.target * days,", "whole.target * of_days,"),
    ("curves/inputs", "whole.incentive * days,", "whole.incentive * of_days,"),
    # forecasts, groups
    ("calculation/forecasts", "elapsed=(pl.col(\"counted_until\") - start).dt.total_days() + 1", "elapsed=(pl.col(\"counted_until\") - start).dt.total_days()"),
    ("calculation/forecasts", "& (to_date > 0).astype(bool)", "& (to_date != 0).astype(bool)"),
    ("calculation/forecasts", 'sums.filter(~pl.col("is_after_as_of"))', "sums"),
    ("calculation/forecasts", 'pl.col("period_no") <= pl.col("until")', 'pl.col("period_no") < pl.col("until")'),
    ("calculation/forecasts", "choose(increment > 0, increment, 0)", "increment"),
    ("calculation/forecasts", "choose(measure < 0, -1, 1)", "choose(measure < 0, 1, 1)"),
    ("calculation/forecasts", "quantity=figures.quantity * numerator", "quantity=figures.quantity * denominator"),
    ("calculation/forecasts", "choose(is_positive, to_date, elapsed)", "choose(is_positive, to_date, days)"),
    ("calculation/forecasts", '~pl.col("is_end") & pl.col("reason").is_null()', 'pl.col("reason").is_null()'),
    ("calculation/forecasts", '.filter(~missing_measure().any().over("payout_key"))', ""),
    ("calculation/best_of_group", "descending=[True, False, False]", "descending=[False, False, False]"),
    ("calculation/best_of_group", "descending=[True, False, False]", "descending=[True, True, False]"),
    ("calculation/best_of_group", "descending=[True, False, False]", "descending=[True, False, True]"),
    ("calculation/best_of_group", '& (pl.col("status") != "blocked")', ""),
    ("calculation/best_of_group", '.with_columns(pl.col("total").forward_fill().over(*COMPARISON_KEYS, "agreement_id"))', ""),
    ("calculation/best_of_group", '"combine_group", "participant_key", "whole_start")', '"participant_key", "whole_start")'),
    ("calculation/best_of_group", 'pl.when(pl.col("window_payout").is_not_null())', "pl.when(pl.lit(False))"),
    # achievement: sums over the span, where figures come from, what blocks
    ("calculation/achievement", 'pl.int_ranges("span_first_period", pl.col("last_period") + 1)', 'pl.int_ranges("span_first_period", pl.col("last_period"))'),
    ("calculation/achievement", 'pl.int_ranges("span_first_period", pl.col("last_period") + 1)', 'pl.int_ranges("first_period", pl.col("last_period") + 1)'),
    ("calculation/achievement", 'pl.col("measure_period").cum_sum().over("span_key")', 'pl.col("measure_period").cum_sum().over("payout_key")'),
    ("calculation/achievement", 'pl.col("base_period").cum_sum().over("span_key")', 'pl.col("measure_period").cum_sum().over("span_key")'),
    ("calculation/achievement", 'pl.max_horizontal(pl.col("measure_to_date") - pl.col("baseline"), pl.lit(0, EXACT))', 'pl.col("measure_to_date") - pl.col("baseline")'),
    ("calculation/achievement", '(pl.col(f"amount{suffix}") - pl.col(f"cost{suffix}")).cast(EXACT)', 'pl.col(f"amount{suffix}").cast(EXACT)'),
    ("calculation/achievement", '(pl.col("target") <= 0)', '(pl.col("target") < 0)'),
    ("calculation/achievement", '(pl.col("baseline") <= 0)', '(pl.col("baseline") < 0)'),
    ("calculation/achievement", 'pl.col("axis_needs_baseline") | (pl.col("base") == "increment")', 'pl.col("axis_needs_baseline")'),
    ("calculation/achievement", '.clip(upper_bound=as_of_period) + 1', '.clip(upper_bound=as_of_period)'),
    ("calculation/achievement", 'pl.col("base").is_in(names) & (pl.col(f"{missing}{of_base}") > 0)', 'pl.col("base").is_in(names) & (pl.col(f"{missing}{of_base}") > 1)'),
    ("calculation/achievement", 'found | (pl.col("pays_per_unit") & (pl.col(missing) > 0)) if "quantity" in names else found', 'found'),
    ("calculation/achievement", 'pl.when(is_first).then("span_first_period").otherwise("first_period")', 'pl.col("first_period")'),
    ("calculation/achievement", '(start != pl.col("whole_start")) | (end != pl.col("whole_end"))', 'end != pl.col("whole_end")'),
    ("calculation/achievement", '.when(pl.col("missing_metric"))', ".when(pl.lit(False))"),
    # accruals
    ("calculation/accruals", 'pl.col("accrual_earned") - pl.col("prior_paid_and_owed")', 'pl.col("accrual_earned")'),
    ("calculation/accruals", 'pl.when(pl.col("clawback") == "pay")', 'pl.when(pl.col("clawback") != "carry")'),
    ("calculation/accruals", "pl.max_horizontal(difference, zero)", "difference"),
    ("calculation/accruals", 'pl.when(is_blocked).then(zero).otherwise(to_date)', 'to_date.fill_null(zero)'),
    ("calculation/accruals", '.shift(1).over("payout_key")', '.shift(1)'),
    # money
    ("money", "(2 * abs(numerator) + denominator) // twice", "(2 * abs(numerator) + denominator - 1) // twice"),
    ("money", "size * (1 - 2 * (numerator < 0))", "size"),
    ("money", "(2 * abs(numerator) + denominator) // twice", "(2 * abs(numerator)) // twice"),
    ("money", "(nearest % 2 == 1)", "(nearest % 2 == 0)"),
    ("money", 'if rounding == "half_up":', 'if rounding == "half_even":'),
    # slices, calendars
    ("calculation/explanation/slices", "has_slices = (figures.measure > 0)", "has_slices = (figures.measure >= 0)"),
    ("calculation/explanation/slices", "end = choose(is_last, figures.measure * step, end)", "end = choose(is_last, end, figures.measure * step)"),
    ("calendars", "max(term_from, first), min(term_to, last)", "max(term_from, first), last"),
    ("calendars", "(periods[period_no].number - 1) % length", "periods[period_no].number % length"),
    ("calendars", "in ((2, 28), (2, 29))", "in ((2, 29),)"),
    ("calendars", "(next_year - ONE_DAY).year", "next_year.year"),
]  # fmt: skip


def survives(mutant: tuple[str, str, str] | None) -> tuple[bool, str]:
    """Whether the tests pass on a copy with this change (None: unchanged), and what the first failing test was."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=ignore) if source.is_dir() else shutil.copy(source, copy / name)
        if mutant:
            module, old, new = mutant
            path = copy / "models" / f"{module}.py"
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                return True, f"occurs {text.count(old)} times in models/{module}.py: {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "--hypothesis-profile=mutants", *TESTS]
        result = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=600, check=False)
        if result.returncode not in (0, 1):
            return True, result.stdout[-500:] + result.stderr[-500:]
        failed = re.search(r"FAILED (\S+)", result.stdout)
        return result.returncode == 0, failed[1] if failed else ""


def main(chosen: list[str]) -> int:
    """Try the mutants of the modules named, or all; tell each one's end. 1 when one survives."""
    passes, message = survives(None)
    if not passes:
        print(f"the tests fail on the unchanged code already: {message}")
        return 1
    mutants = [mutant for mutant in MUTANTS if not chosen or mutant[0] in chosen]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        survivors = 0
        for (module, old, new), (alive, message) in zip(mutants, pool.map(survives, mutants), strict=True):
            survivors += alive
            print(f"{'SURVIVES' if alive else 'killed'}  {module}: {old!r} -> {new!r}  {message}", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
