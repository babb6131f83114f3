"""Do the tests notice? Breaks the calculation on purpose, one small way after the other, in a copy, and runs the unit tests on each.

    make mutants                      all of them; exit code 1 when one survives
    python -m tests.mutants accruals  those of one file

A mutant that survives is a rule without a test. Belongs here: the mutants. Does not belong here: tests.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = [f"tests/unit/test_{name}.py" for name in ("money", "calendars", "payouts", "curves", "achievement", "accruals", "steps", "agreement_language")]
COPIED = ("models", "tests", "pyproject.toml")
AT_ONCE = 2

#: (module of models, what stands there, what the mutant says). Each `old` stands in the file exactly once.
MUTANTS: list[tuple[str, str, str]] = [
    # curves: where a tier begins, how pieces are put together
    ("curves", "(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "(distance >= 0)"),
    ("curves", "(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "(distance > 0)"),
    ("curves", "(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "distance > 1"),
    ("curves", 'method == "linear" or boundary == "lower_inclusive"', 'boundary == "lower_inclusive"'),
    ("curves", 'method == "linear" or boundary == "lower_inclusive"', 'method == "linear" or boundary == "upper_inclusive"'),
    ("curves", "enumerate(zip(tiers, lines, strict=False), 1)", "enumerate(zip(tiers, lines, strict=False), 0)"),
    ("curves", "Piece(len(tiers), tiers[-1].start, False, pays)", "Piece(len(tiers), tiers[-1].start, True, pays)"),
    ("curves", "tiers[i - 1].pays[form] * (tier.start - tiers[i - 1].start)", "tiers[i].pays[form] * (tier.start - tiers[i - 1].start)"),
    ("curves", "below[form] - value * tier.start, value", "below[form], value"),
    ("curves", 'if form == "amount":', 'if form == "no form":'),
    ("curves", "below[form] += value\n", "below[form] = value\n"),
    ("curves", '"hold": last, "extend"', '"hold": segments[-1] if can_extend else last, "extend"'),
    ("curves", '"zero": dict.fromkeys(last, (ZERO, ZERO))', '"zero": last'),
    ("curves", "len(tiers) > 1 and tiers[-1].start > tiers[-2].start", "len(tiers) > 2 and tiers[-1].start > tiers[-2].start"),
    ("curves", "(b.pays[form] - value) / (b.start - a.start)", "(b.pays[form] + value) / (b.start - a.start)"),
    ("curves", "value - slopes[form] * a.start, slopes[form]", "value - slopes[form] * b.start, slopes[form]"),
    ("curves", "last = ladder.first[benefit + 1] - 1", "last = ladder.first[benefit + 1]"),
    ("curves", "ladder.fixed[form][piece] * x_divisor + ladder.slope", "ladder.fixed[form][piece] + ladder.slope"),
    ("curves", "Fraction(row[i] or 0)", "Fraction(row[i] or 1)"),
    # payouts: axis, base, limits and their order, earlier windows
    ("payouts", '"rate": choose(sliced, unit * figures.base', '"rate": choose(sliced, unit * figures.measure'),
    ("payouts", "choose(is_graduated, 0, figures.base)", "choose(is_graduated, 0, figures.measure)"),
    ("payouts", "choose(is_graduated, 0, figures.quantity)", "choose(is_graduated, 0, figures.base)"),
    ("payouts", '"share": figures.incentive * measure', '"share": figures.incentive'),
    ("payouts", "has_slices = (figures.measure > 0)", "has_slices = (figures.measure != 0)"),
    ("payouts", "choose(compares, figures.measure - figures.baseline", "choose(compares, figures.baseline - figures.measure"),
    ("payouts", "choose(is_set & (amount > most), most, amount)", "choose(is_set & (amount < most), most, amount)"),
    ("payouts", "choose(is_set & (amount < least), 0, amount)", "choose(is_set & (amount <= least), 0, amount)"),
    ("payouts", "choose(is_set & (amount < least), 0, amount)", "amount"),
    ("payouts", "return choose(is_set & (amount < least), least, amount)", "return choose(is_set & (amount > least), least, amount)"),
    ("payouts", "choose(is_set & (amount < least), 0, amount)", "choose(is_set & (numerator * START_SCALE < least), 0, amount)"),
    ("payouts", "choose(is_set & (amount < least), 0, amount)", "choose(is_set & (numerator * START_SCALE < least), 0, amount)"),
    ("payouts", '"benefit_key", "M", "E"', '"benefit_key", "E"'),
    ("payouts", '"incentive", "reason")', '"reason")'),
    ("payouts", "10**minor, denominator", "10**2, denominator"),
    ("payouts", 'pl.col("span_earned") - pl.col("prior_earned")).alias("difference")', 'pl.col("span_earned")).alias("difference")'),
    ("payouts", '"difference").cum_sum().over(series)', '"difference").cum_sum().over(span)'),
    ("payouts", '_previous(pl.col("sum_earned").cum_max().over(span), span)', '_previous(pl.col("sum_earned").cum_max().over(series), series)'),
    ("payouts", "pl.when(pl.col(group) == pl.col(group).shift(1)).then(values.shift(1))", "values.shift(1)"),
    ("payouts", ".clip(lower_bound=zero)", ".clip(lower_bound=-1000000)"),
    ("payouts", 'pl.when(rule == "pay").then("difference")', 'pl.when(rule == "none").then("difference")'),
    ("payouts", '& (pl.col("window_end") == pl.col("span_end"))', '& (pl.col("window_end") != pl.col("span_end"))'),
    ("payouts", 'pl.col("earned").forward_fill().over(span)', 'pl.col("earned").fill_null(zero)'),
    ("payouts", "ladder.tier[following] > ladder.tier[place.piece]", "ladder.tier[following] >= ladder.tier[place.piece]"),
    # achievement: sums over the span, where figures come from, what blocks
    ("achievement", 'pl.int_ranges("span_first_period", pl.col("last_period") + 1)', 'pl.int_ranges("span_first_period", pl.col("last_period"))'),
    ("achievement", 'pl.int_ranges("span_first_period", pl.col("last_period") + 1)', 'pl.int_ranges("first_period", pl.col("last_period") + 1)'),
    ("achievement", 'pl.col("measure_period").cum_sum().over("span_key")', 'pl.col("measure_period").cum_sum().over("payout_key")'),
    ("achievement", 'pl.col("base_period").cum_sum().over("span_key")', 'pl.col("measure_period").cum_sum().over("span_key")'),
    ("achievement", 'pl.max_horizontal(pl.col("M") - pl.col("baseline"), pl.lit(0, FIGURE))', 'pl.col("M") - pl.col("baseline")'),
    ("achievement", '(pl.col("amount") - pl.col("cost")).cast(FIGURE)', 'pl.col("amount").cast(FIGURE)'),
    ("achievement", '(pl.col("target") <= 0)', '(pl.col("target") < 0)'),
    ("achievement", '(pl.col("baseline") <= 0)', '(pl.col("baseline") < 0)'),
    ("achievement", 'by.is_in(["growth", "growth_amount"]) | (base == "increment")', 'by.is_in(["growth", "growth_amount"])'),
    ("achievement", '.clip(upper_bound=as_of_period) + 1', '.clip(upper_bound=as_of_period)'),
    ("achievement", '(pl.col("missing_costs") > 0)', '(pl.col("missing_costs") > 1)'),
    ("achievement", 'uses(NEEDS_QUANTITY) | pl.col("pays_per_unit")', 'uses(NEEDS_QUANTITY)'),
    # accruals
    ("accruals", 'pl.col("earned") - pl.col("set_off")', 'pl.col("earned")'),
    ("accruals", 'pl.when(pl.col("clawback") == "pay")', 'pl.when(pl.col("clawback") != "carry")'),
    ("accruals", "pl.max_horizontal(difference, zero)", "difference"),
    ("accruals", 'pl.when(is_blocked).then(zero).otherwise(to_date)', 'to_date.fill_null(zero)'),
    ("accruals", '.shift(1).over("payout_key")', '.shift(1)'),
    # money
    ("money", "(2 * abs(numerator) + denominator) // twice", "(2 * abs(numerator) + denominator - 1) // twice"),
    ("money", "size * (1 - 2 * (numerator < 0))", "size"),
    ("money", "(2 * abs(numerator) + denominator) // twice", "(2 * abs(numerator)) // twice"),
    ("money", "(nearest % 2 == 1)", "(nearest % 2 == 0)"),
    ("money", 'if rounding == "half_up":', 'if rounding == "half_even":'),
    # slices, calendars
    ("slices", "has_slices = (measure > 0)", "has_slices = (measure >= 0)"),
    ("slices", "end = choose(is_last, measure, end)", "end = choose(is_last, end, measure)"),
    ("calendars", "min(term_to, _last_day_of(\"year\", periods", "max(term_to, _last_day_of(\"year\", periods"),
    ("calendars", "(period.number - 1) % length + length - 1", "period.number % length + length - 1"),
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
                return True, f"stands {text.count(old)} times in models/{module}.py: {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "--hypothesis-profile=mutants", *TESTS]
        result = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=600, check=False)
        if result.returncode not in (0, 1):
            return True, result.stdout[-500:] + result.stderr[-500:]
        failed = re.search(r"FAILED (\S+)", result.stdout)
        return result.returncode == 0, failed[1] if failed else ""


def main(chosen: list[str]) -> int:
    """Try the mutants of the modules named, or all; tell each one's end. 1 when one survives."""
    passes, told = survives(None)
    if not passes:
        print(f"the tests fail on the unchanged code already: {told}")
        return 1
    mutants = [mutant for mutant in MUTANTS if not chosen or mutant[0] in chosen]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        survivors = 0
        for (module, old, new), (alive, told) in zip(mutants, pool.map(survives, mutants), strict=True):
            survivors += alive
            print(f"{'SURVIVES' if alive else 'killed'}  {module}: {old!r} -> {new!r}  {told}", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
