"""Small breakages of the calculation: curves, payouts, clawbacks, axes, ranks, matrices, gates, forecasts, accruals, money, calendars.

Belongs here: what is changed, and the unit tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

#: In the order in which they notice most.
TESTS = (
    "tests/unit/test_money.py",
    "tests/unit/test_calendars.py",
    "tests/unit/calculation/test_exact_payouts.py",
    *(
        f"tests/unit/calculation/test_{name}.py"
        for name in (
            "payouts",
            "curves",
            "achievement",
            "accruals",
            "steps",
            "schemes",
            "ranks",
            "forecasts",
            "multiples",
            "counted_measures",
            "groups",
            "line_payments",
        )
    ),
    "tests/unit/calculation/test_other_benefits.py",
    "tests/unit/calculation/test_placed_pools.py",
    "tests/unit/agreements/test_benefit_axes.py",
    "tests/unit/agreements/test_constant_rates.py",
    "tests/unit/agreements/test_agreement_language.py",
)

#: File to what it says and what the mutant says.
CHANGES: dict[str, list[tuple[str, str]]] = {
    "models/curves/pieces.py": [
        # curves: where a tier begins, how pieces are put together
        ("(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "(distance >= 0)"),
        ("(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "(distance > 0)"),
        ("(distance > 0) | ((distance == 0) & ladder.includes_start[following])", "distance > 1"),
        ('method == "linear" or boundary == "lower_inclusive"', 'boundary == "lower_inclusive"'),
        ('method == "linear" or boundary == "lower_inclusive"', 'method == "linear" or boundary == "upper_inclusive"'),
        ("enumerate(zip(tiers, lines, strict=False), 1)", "enumerate(zip(tiers, lines, strict=False), 0)"),
        ("Piece(len(tiers), tiers[-1].start, False, pays)", "Piece(len(tiers), tiers[-1].start, True, pays)"),
        ("tiers[i - 1].pays[form] * (tier.start - tiers[i - 1].start)", "tiers[i].pays[form] * (tier.start - tiers[i - 1].start)"),
        ("below[form] - value * tier.start, value", "below[form], value"),
        ('if form == "amount":', 'if form == "no form":'),
        ("below[form] += value\n", "below[form] = value\n"),
        ('"hold": last, "extend"', '"hold": segments[-1] if can_extend else last, "extend"'),
        ('"zero": dict.fromkeys(last, (ZERO, ZERO))', '"zero": last'),
        ("len(tiers) > 1 and tiers[-1].start > tiers[-2].start", "len(tiers) > 2 and tiers[-1].start > tiers[-2].start"),
        ("(b.pays[form] - value) / (b.start - a.start)", "(b.pays[form] + value) / (b.start - a.start)"),
        ("value - slopes[form] * a.start, slopes[form]", "value - slopes[form] * b.start, slopes[form]"),
        ("last = ladder.first[benefit + 1] - 1", "last = ladder.first[benefit + 1]"),
        ("fixed[piece] * x_divisor + ladder.slope", "fixed[piece] + ladder.slope"),
        ("Fraction(row[i] or 0)", "Fraction(row[i] or 1)"),
        ("below += tiers[i - 1].pays[\"rate\"] * tier.start", "below += tier.pays[\"rate\"] * tier.start"),
        ("rates += tier.pays[\"rate\"]", "rates = tier.pays[\"rate\"]"),
        ("for t in tiers[: i + 1]), ZERO)", "for t in tiers[i : i + 1]), ZERO)"),
    ],
    "models/calculation/places/placed_pools.py": [
        ('weight = choose(is_nothing, integers(members["member_measure"]), weight)', 'weight = choose(is_nothing, 1, weight)'),
        ('(integers(members["measure_to_date"]) <= 0)', '(integers(members["measure_to_date"]) < 0)'),
        ("sign = choose(total < 0, -1, 1)", "sign = choose(total < 0, 1, 1)"),
        ("choose(is_increment, integers(members[\"base_to_date\"]) * measure, ", "choose(is_increment, 0, "),
        ("amount * figures.part + share * figures.incentive", "amount * figures.part"),
    ],
    "models/calculation/places/placed_slices.py": [
        ("choose(is_filled, filled, own), choose(is_filled, length[part], pool)", "own, pool"),
        ('is_between("span_first_period", "until")', 'is_between("span_first_period", 10**6)'),
        ('integers(parts["per_unit"]) * figures.quantity) * unit', 'integers(parts["per_unit"]) * figures.base) * unit'),
    ],
    "models/calculation/places/tie_breaks.py": [
        ("pl.when(~lacks).then(", "pl.when(True).then("),
        ('is_between("span_first_period", "until")', 'is_between("span_first_period", 10**6)'),
        ('measures.filter(~pl.col("is_prior"))', "measures"),
    ],
    "models/calculation/measures/multiples.py": [
        ("choose(sums < 0, -1, 1) * (size // every + is_begun)", "sums // every + is_begun"),
        ("is_up & (sums > 0).astype(bool) & (size % every > 0)", "is_up & (size % every > 0)"),
        ("is_up & (sums > 0).astype(bool) & (size % every > 0)", "is_up & (sums > 0).astype(bool) & (size % every >= 0)"),
        ('for name in ("measure_to_date", "quantity_to_date")', 'for name in ("measure_to_date",)'),
        ('pl.when(pl.col("base") == "measure").then(pl.coalesce("number", "base_sum"))', 'pl.when(pl.lit(True)).then(pl.coalesce("number", "base_sum"))'),
        ("rounds_up(rows)) * divisor, projected)", "rounds_up(rows)), projected)"),
    ],
    "models/calculation/earnings/groups.py": [
        ('pl.col("at").shift(-1).over(_GROUP)', 'pl.col("at").shift(-1)'),
        ('pl.when(pl.col("base") == "measure").then(measured)', 'pl.when(pl.lit(True)).then(measured)'),
        ('.with_columns(pl.col(name).cum_sum().over(_GROUP) for name in _FIGURES)', '.with_columns(pl.col(name) for name in _FIGURES)'),
        ('number.shift(1).over(_GROUP).fill_null(0)', 'number.shift(1).fill_null(0)'),
        ('tier="before", change=-1', 'tier="before", change=0'),
        ('numerator = choose(is_placed, numerator, 0)', 'pass'),
        ('is_placed &= ~is_here | (second > 0)', 'is_placed &= ~is_here | (second >= 0)'),
    ],
    "models/calculation/earnings/line_payments.py": [
        ("pl.when(_IS_RUNNING & (own < 0)).then(before)", "pl.when(_IS_RUNNING & (own < 0)).then(after)"),
        ('("inclusive", "reached", "place_ceil", True)', '("inclusive", "reached", "place_floor", True)'),
        ('("strict", "reached", "place_floor", False)', '("strict", "reached", "place_floor", True)'),
        ('("last_slice", "high", "slice_floor", False)', '("last_slice", "high", "slice_floor", True)'),
        ("below = ~_IS_RUNNING & (own == 0) & (after < 0)", "below = pl.lit(False)"),
        ("starts, choose(starts > 0, starts, 0))", "starts, starts)"),
        ('pl.max_horizontal("first_slice", "last_slice")', 'pl.col("first_slice")'),
        ('within.filter(pl.col("tier") > 0)', 'within.filter(pl.col("tier") > 1)'),
        ('by="run", strategy="forward"', 'by="run", strategy="backward"'),
        ("changes |= rows", "changes &= rows"),
    ],
    "models/calculation/measures/added_fractions.py": [
        ('common[number] = larger if larger.bit_length() <= MOST_BITS else 0', 'common[number] = min(larger, 1 << MOST_BITS)'),
        ('(2 * sums + step) // (2 * step)', 'sums // step'),
    ],
    "models/calculation/explanation/largest_groups.py": [
        ('pl.col("place") > SHOWN', 'pl.col("place") >= SHOWN'),
        ('descending=[False, True, True, False]', 'descending=[False, False, True, False]'),
    ],
    "models/calculation/measures/distinct_values.py": [
        ('pl.when("has_quantity").then(pl.col("quantity") > 0)', 'pl.when("has_quantity").then(pl.col("quantity") >= 0)'),
        ('.otherwise(pl.col("amount") > 0)', '.otherwise(pl.col("amount") != 0)'),
        ('(pl.col("line_count") > pl.col("missing_quantities"))', 'pl.lit(True)'),
        ('(~pl.col("has_quantity") & (pl.col("missing_rates") > 0))', '(pl.col("missing_rates") > 0)'),
        ("pl.col(name).shift(1, fill_value=0).over(of_value)", "pl.col(name).shift(1, fill_value=0)"),
        ('pl.col(name).fill_null(0).cum_sum().over("span_key")', "pl.col(name).fill_null(0)"),
        ('groups.drop_nulls("group_value")', "groups"),
    ],
    "models/calculation/earnings/payouts.py": [
        # payouts: axis, base, limits and their order
        ("choose(sliced, unit * figures.base", "choose(sliced, unit * figures.measure"),
        ("choose(is_rolling, unit, figures.base)", "choose(is_rolling, unit, figures.measure)"),
        ("choose(is_graduated, 0, figures.quantity)", "choose(is_graduated, 0, figures.base)"),
        ("figures.incentive * measure * length", "figures.incentive * length"),
        ("figures.incentive * measure * length", "figures.incentive * measure"),
        ("curve.part * measure * of_length", "curve.divisor * measure * of_length"),
        ("(kind == GROWTH) | (kind == GROWTH_AMOUNT), figures.baseline, 0", "kind == GROWTH_AMOUNT, figures.baseline, 0"),
        ("has_slices = (figures.measure > 0)", "has_slices = (figures.measure != 0)"),
        ("choose(is_set & (amount > most), most, amount)", "choose(is_set & (amount < most), most, amount)"),
        ("choose(is_set & (amount < least), 0, amount)", "choose(is_set & (amount <= least), 0, amount)"),
        ("choose(is_set & (amount < least), 0, amount)", "amount"),
        ("amount = choose(is_set & (amount < least), least, amount)\n    return", "amount = choose(is_set & (amount > least), least, amount)\n    return"),
        ("choose(is_set & (amount < least), 0, amount)", "choose(is_set & (numerator * EXACT_SCALE < least), 0, amount)"),
        ('"benefit_key", "measure_to_date", "base_to_date"', '"benefit_key", "base_to_date"'),
        ('"incentive", "days", "of_days", "reason",', '"incentive",'),
        ("payout[1] * unit, rounding", "payout[1] * 100, rounding"),
        ("scheme.ladder.tier[following] > scheme.ladder.tier[place.piece]", "scheme.ladder.tier[following] >= scheme.ladder.tier[place.piece]"),
        ("scaled = _scale(scaled, factor, ~is_last)", "scaled = scaled"),
        ("np.where(column > 0, tier[here], 0)", "tier[here]"),
        ("scheme.shares_ties[benefit] & (tie_count > 1) & ~blocked", "scheme.shares_ties[benefit] & (tie_count > 2) & ~blocked"),
        ("days=choose(is_matrix, 1, figures.days)", "days=figures.days"),
        ("scheme.ladder.first[benefit] + tier)", "scheme.ladder.first[benefit] + tier - 1)"),
        ("    if tier is not None:\n        return place\n", ""),
    ],
    "models/calculation/earnings/exact_payouts.py": [
        # what lines share: the fraction, how it is shortened, what ends it
        ("earned[1][here] * integers", "earned[1][here] * 100 + 0 * integers"),
        ("cut | (rest != 0)", "cut"),
        (" - 2)", ")"),
        ("if bits < 2:", "if bits < 0:"),
        ("(abs(numerator) > most) | ", ""),
        ("is_wanted & (measure > 0).astype(bool)", "is_wanted"),
        ('(pl.col("payout") == pl.col("earned")) & ', ""),
        (' & (pl.col("window_start") == pl.col("span_start"))', ""),
    ],
    "models/agreements/lint/payments.py": [
        ('(forms == {"rate"} and _pays_on_measure(benefit))', '"rate" in forms'),
        ('forms == {"per_unit"} and benefit.measure == "quantity"', 'forms == {"per_unit"}'),
        ('forms == {"share"} and method == "graduated"', 'forms == {"share"}'),
        ('(method == "graduated" and benefit.prorate == "none")', 'method == "graduated"'),
        ('benefit.multiply.method == "whole" or axis_name(by) == "metric"', "True"),
    ],
    "models/calculation/earnings/clawbacks.py": [
        # clawbacks: spans, series, clawback rules
        ('of_span = ("series_key", "participant_key", "span_start")', 'of_span = ("series_key", "participant_key")'),
        ('of_span = ("series_key", "participant_key", "span_start")', 'of_span = ("series_key", "span_start")'),
        ("earned.forward_fill().shift(1)", "earned.shift(1)"),
        ("(earned - before).fill_null(0)", "(earned - before.cum_sum()).fill_null(0)"),
        ("owed = carried[here - 1]", "owed = np.where(before[here] == 0, 0, carried[here - 1])"),
        ("np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))", "np.maximum(difference - owed, 0)"),
        ("np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))", "np.where(pays[here], difference - owed, difference - owed)"),
        ("np.where(pays[here], difference - owed, ", "np.where(pays[here], difference, "),
        ("pays[here] | forgives[here], 0", "pays[here], 0"),
        ('(rule == "pay") & ~is_blocked', '(rule == "pay")'),
        ("np.maximum(owed - difference, 0)", "np.maximum(owed + difference, 0)"),
        ('(rule == "none") & ends_span', '(rule == "none")'),
    ],
    "models/curves/axes.py": [
        # axes, ranks: places, and who is compared
        ('pl.when(pl.col("value_date") >= pl.col("span_start"))', 'pl.when(pl.col("value_date") > pl.col("span_start"))'),
        ('pl.when(pl.col("value_date") >= pl.col("span_start"))', 'pl.when(pl.lit(True))'),
        ("choose(kind == GROWTH, figures.baseline, figures.part)", "choose(kind == GROWTH, figures.baseline, figures.divisor)"),
        ('"axis_needs_target": "attainment"', '"axis_needs_target": "growth"'),
        ("blocks & (second <= 0)", "blocks & (second < 0)"),
        ("name.replace(view, VIEWS[0], 1)", "name"),
        ('pl.col("amount_to_date") - pl.col("cost_to_date")', 'pl.col("amount_to_date")'),
    ],
    "models/calculation/earnings/other_benefits.py": [
        ("n * EXACT_SCALE > most * d", "n * EXACT_SCALE < most * d"),
        ("for level in range(max(levels.values()) + 1):", "for level in reversed(range(max(levels.values()) + 1)):"),
        ('_SAME = ("agreement_id", "participant_key", "window_end", "period_no")', '_SAME = ("agreement_id", "participant_key", "period_no")'),
        ("denominator * choose(is_here, weights, 1)", "denominator"),
        ('"growth": (figures.measure - figures.baseline, figures.baseline)', '"growth": (figures.measure, figures.baseline)'),
        ('"earned": (of.earned, 10**4)', '"earned": (of.earned, 1)'),
        ("for earned in views.get(view, ()):", "for earned in ():"),
        ("has_figure & (d > 0).astype(bool)", "has_figure"),
    ],
    "models/agreements/rules/benefit_axes.py": [
        ("SPAN_ORDER[other.window] > SPAN_ORDER[benefit.window]", "SPAN_ORDER[other.window] < SPAN_ORDER[benefit.window]"),
        ("if key and getattr(other, key) is None:", "if key and getattr(benefit, key) is None:"),
        ("(part.benefit is None) == (part.metric is None)", "part.benefit is None and part.metric is None"),
        ("following = sorted(edges.get(path[-1], set()) - visited)", "following: list[str] = []"),
    ],
    "models/calculation/places/ranks.py": [
        ("nulls_last=False", "nulls_last=True"),
        ('pl.col("place_of_tied").rank("min", descending=True)', 'pl.col("place").rank("min", descending=True)'),
        ('pl.col("place_of_tied").rank("min", descending=True)', 'pl.col("place_of_tied").rank("min")'),
        ('pl.col("place_of_tied").rank("min", descending=True)', 'pl.col("place_of_tied").rank("max", descending=True)'),
        ('pl.col("place_of_tied").rank("min", descending=True)', 'pl.col("place_of_tied").rank("dense", descending=True)'),
        ('PEERS = ("benefit_key", "window_no", "period_no")', 'PEERS = ("benefit_key", "window_no")'),
        ('others = pl.col("count") - 1', 'others = pl.col("count")'),
        ('.when(others == 0).then(1).otherwise("smaller")', '.otherwise("smaller")'),
        ('has_value = ~pl.col("missing_measure")', "has_value = pl.lit(True)"),
        ("has_value &= has_positive_target() &", "has_value &="),
        ("numerator * max(divisor) ** 2 // divisor", "numerator * 10**6 // divisor"),
        ('pl.int_ranges("rank", pl.col("rank") + pl.col("tie_count"))', 'pl.int_ranges("rank", pl.col("rank") + 1)'),
    ],
    "models/curves/compiled.py": [
        ('pl.when(pl.col("benefit_key").is_in(ranked))', "pl.when(pl.lit(False))"),
        ('pl.when(is_line).then(pl.lit("lower_inclusive"))', 'pl.when(pl.lit(False)).then(pl.lit("lower_inclusive"))'),
    ],
    "models/curves/matrices.py": [
        # matrices, gates, multipliers
        ("(row > 0) & (column > 0)", "(row > 0)"),
        ("value(i + 1, j) - corner, value(i, j + 1) - corner", "value(i, j + 1) - corner, value(i + 1, j) - corner"),
        ("twist = value(i + 1, j + 1) - corner - down - across", "twist = ZERO"),
        ("return -starts[i] * slope, slope", "return ZERO, slope"),
        ("(row - 1) * grid.width[benefit] + column - 1", "(column - 1) * grid.width[benefit] + row - 1"),
    ],
    "models/curves/gates.py": [
        ('"at_least": lambda distance: distance < 0', '"at_least": lambda distance: distance <= 0'),
        ('"above": lambda distance: distance <= 0', '"above": lambda distance: distance < 0'),
        ('"at_most": lambda distance: distance > 0', '"at_most": lambda distance: distance >= 0'),
        ('"below": lambda distance: distance >= 0', '"below": lambda distance: distance > 0'),
        ("fails |= is_set[benefit]", "fails = is_set[benefit]"),
        ("numerator[here] * gate_factors", "gate_factors"),
        ("rows[here], figures.at(here).unscaled())", "rows[here], figures.at(here))"),
        ('found.forms.get("factor", 0), found.divisor', 'found.forms.get("factor", 0), found.divisor * 0 + 1'),
    ],
    "models/curves/inputs.py": [
        ("whole.target * choose((rows[\"target_source\"] == \"prior\").to_numpy(), of_days, days),", "whole.target * of_days,"),
        ("        whole.incentive * days,\n        whole.divisor * of_days,", "        whole.incentive * of_days,\n        whole.divisor * of_days,"),
    ],
    "models/calculation/accruals/forecasts.py": [
        # forecasts, groups
        ("elapsed=(pl.col(\"counted_until\") - start).dt.total_days() + 1", "elapsed=(pl.col(\"counted_until\") - start).dt.total_days()"),
        ("& (to_date > 0).astype(bool)", "& (to_date != 0).astype(bool)"),
        ('sums.filter(~pl.col("is_after_as_of"))', "sums"),
        ('pl.col("period_no") <= pl.col("until")', 'pl.col("period_no") < pl.col("until")'),
        ("choose(increment > 0, increment, 0)", "increment"),
        ("choose(measure < 0, -1, 1)", "choose(measure < 0, 1, 1)"),
        ("figures.quantity * numerator", "figures.quantity * denominator"),
        ("choose(is_positive, to_date, elapsed)", "choose(is_positive, to_date, days)"),
        ('~pl.col("is_end") & pl.col("reason").is_null()', 'pl.col("reason").is_null()'),
        ('.filter(~missing_measure().any().over("payout_key"))', ""),
    ],
    "models/calculation/earnings/best_of_group.py": [
        ("descending=[True, False, False]", "descending=[False, False, False]"),
        ("descending=[True, False, False]", "descending=[True, True, False]"),
        ("descending=[True, False, False]", "descending=[True, False, True]"),
        ('& (pl.col("status") != "blocked")', ""),
        ('.with_columns(pl.col("total").forward_fill().over(*COMPARISON_KEYS, "agreement_id"))', ""),
        ('"combine_group", "participant_key", "whole_start")', '"participant_key", "whole_start")'),
        ('pl.when(pl.col("window_payout").is_not_null())', "pl.when(pl.lit(False))"),
    ],
    "models/calculation/measures/participations.py": [
        ('.filter(begin <= end)', ""),
        ('(pl.col("begins") <= as_of)', '(pl.col("begins") < as_of)'),
        ('pl.col("is_restricted").is_null() |', ""),
        ('(days * factor).sum()', 'days.sum() * _FACTOR_SCALE'),
        ('(pl.col("prorate") == "days") & own.is_not_null()', "own.is_not_null()"),
        ('pl.col("own") % _FACTOR_SCALE == 0', "pl.lit(False)"),
        ('begin = pl.max_horizontal("first_day", "span_start")', 'begin = pl.col("span_start")'),
        ('pl.max_horizontal(days, pl.lit(0)).sum()', "days.sum()"),
        ('pl.min_horizontal("last_day", last)', "pl.col(last)"),
    ],
    "models/calculation/measures/achievement.py": [
        # achievement: sums over the span, where figures come from, what blocks
        ('pl.int_ranges("span_first_period", pl.col("last_period") + 1)', 'pl.int_ranges("span_first_period", pl.col("last_period"))'),
        ('pl.int_ranges("span_first_period", pl.col("last_period") + 1)', 'pl.int_ranges("first_period", pl.col("last_period") + 1)'),
        ('pl.col("seen_period").cum_sum().over("span_key")', 'pl.col("seen_period").cum_sum().over("payout_key")'),
        ('pl.max_horizontal(period, "counts_from").cast(pl.Int32).alias("period_no")', 'period.alias("period_no")'),
        ('pl.min_horizontal("measured_last_period", "until") + 1', '"until"'),
        ('.otherwise("base_period").alias("measure_period")', '.otherwise("seen_period").alias("measure_period")'),
        ('pl.col("base_period").cum_sum().over("span_key")', 'pl.col("measure_period").cum_sum().over("span_key")'),
        ('pl.max_horizontal(pl.col("measure_to_date") - pl.col("baseline"), pl.lit(0, EXACT))', 'pl.col("measure_to_date") - pl.col("baseline")'),
        ('(pl.col(f"amount{suffix}") - pl.col(f"cost{suffix}")).cast(EXACT)', 'pl.col(f"amount{suffix}").cast(EXACT)'),
        ('(pl.col("target") > 0).fill_null(False)', '(pl.col("target") >= 0).fill_null(False)'),
        ('.fill_null(False) & (pl.col("weight_to_date") > 0)', ".fill_null(False)"),
        ('(pl.col("baseline") <= 0)', '(pl.col("baseline") < 0)'),
        ('pl.col("axis_needs_baseline") | (pl.col("base") == "increment")', 'pl.col("axis_needs_baseline")'),
        ('.clip(upper_bound=as_of_period) + 1', '.clip(upper_bound=as_of_period)'),
        ('pl.col("base").is_in(names) & (pl.col(f"{missing}{of_base}") > 0)', 'pl.col("base").is_in(names) & (pl.col(f"{missing}{of_base}") > 1)'),
        ('found | (needs_quantity() & (pl.col(missing) > 0)) if "quantity" in names else found', 'found'),
        ('pl.when(is_first).then("span_first_period").otherwise("first_period")', 'pl.col("first_period")'),
        ('(start != pl.col("whole_start")) | (end != pl.col("whole_end"))', 'end != pl.col("whole_end")'),
        ('.when(pl.col("missing_metric"))', ".when(pl.lit(False))"),
    ],
    "models/agreements/tables/measured_spans.py": [
        ("over.trailing + 1)", "over.trailing)"),
        ("year_start - ONE_DAY)", "year_start)"),
        ("min([agreement.term.from_, *(", "max([agreement.term.from_, *("),
    ],
    "models/calculation/earnings/agreement_limits.py": [
        ('SPAN = ("agreement_id", "participant_key", "limited_until")', 'SPAN = ("agreement_id", "limited_until")'),
        ('SPAN = ("agreement_id", "participant_key", "limited_until")', 'SPAN = ("participant_key", "limited_until")'),
        ('SPAN = ("agreement_id", "participant_key", "limited_until")', 'SPAN = ("agreement_id", "participant_key")'),
        ('IN_SPAN = ("window_end", "benefit_key")', 'IN_SPAN = ("benefit_key", "window_end")'),
        ('(pl.col("limited_until") <= as_of)', "pl.lit(True)"),
        ('& ~pl.col("earned").is_null().any().over(SPAN)', ""),
        ("when(is_last & is_whole", "when(is_whole"),
        ('.forward_fill().over("payout_key")', ""),
        ('pl.when("is_end").then("paid").otherwise("part")', 'pl.col("part")'),
        ('(pl.col("accrual_earned") - pl.col("prior_earned")).fill_null(0)', 'pl.col("accrual_earned").fill_null(0)'),
        ('.shift(1).over(together).fill_null(0)', ".shift(1).fill_null(0)"),
    ],
    "models/calculation/accruals/accruals.py": [
        # accruals
        ('pl.col("accrual_earned") - pl.col("prior_paid_and_owed")', 'pl.col("accrual_earned")'),
        ('pl.when(pl.col("clawback") == "pay")', 'pl.when(pl.col("clawback") != "carry")'),
        ("pl.max_horizontal(difference, zero)", "difference"),
        ('pl.when(is_blocked).then(zero).otherwise(to_date)', 'to_date.fill_null(zero)'),
        ('.shift(1).over("payout_key")', '.shift(1)'),
    ],
    "models/money.py": [
        # money
        ("(2 * abs(numerator) + denominator) // twice", "(2 * abs(numerator) + denominator - 1) // twice"),
        ("size * (1 - 2 * (numerator < 0))", "size"),
        ("(2 * abs(numerator) + denominator) // twice", "(2 * abs(numerator)) // twice"),
        ("(nearest % 2 == 1)", "(nearest % 2 == 0)"),
        ('if rounding == "half_up":', 'if rounding == "half_even":'),
    ],
    "models/calculation/explanation/slices.py": [
        # slices, calendars
        ("has_slices = (figures.measure > 0)", "has_slices = (figures.measure >= 0)"),
        ("end = choose(is_last, figures.measure * step, end)", "end = choose(is_last, end, figures.measure * step)"),
    ],
    "models/calendars.py": [
        ("max(term_from, first), min(term_to, last)", "max(term_from, first), last"),
        ("(period.number - 1) % length", "period.number % length"),
        ("in ((2, 28), (2, 29))", "in ((2, 29),)"),
        ("(next_year - ONE_DAY).year", "next_year.year"),
    ],
    "models/slots.py": [
        ("<= day else number - 1", "<= day else number"),
        ("min(day.day, gregorian.monthrange(year, month + 1)[1])", "min(day.day, 28)"),
        ("if period.first_day <= day <= period.last_day)", "if period.first_day <= day < period.last_day)"),
    ],
}  # fmt: skip

#: Who is computed together.
BATCHES = ("tests/unit/calculation/test_batches.py",)
SPLIT: dict[str, list[tuple[str, str]]] = {
    "models/calculation/batches.py": [
        ('.with_columns(pl.col("group").min().over("agreement_key"))', ""),
        ('.with_columns(pl.col("group").min().over("participant_key"))', ""),
        ('pl.coalesce("group", "participant_key")', 'pl.col("participant_key")'),
        ("-(-int(", "(int("),
        (" or [0]", ""),
        ('"participants": "participant_key",', ""),
    ],
}  # fmt: skip

#: What is paid in advance and taken back.
ADVANCES = ("tests/unit/calculation/test_draws.py",)
DRAWN: dict[str, list[tuple[str, str]]] = {
    "models/calculation/earnings/draws.py": [
        ("np.maximum(self.ceiling[here] - balance, 0)", "self.ceiling[here] - balance"),
        ("np.minimum(short, room), short)", "np.minimum(short, room), np.minimum(short, room))"),
        ("-np.minimum(balance, -short)", "short"),
        ("np.where((short > 0) & ~self._recovers[here], 0, paid)", "paid"),
        ("np.where(blocked, balance, balance + grows)", "np.where(blocked, 0, balance + grows)"),
        ('("first_agreement_id", "benefit_id", "participant_key")', '("agreement_id", "benefit_id", "participant_key")'),
        ('.sort(*_OF_BALANCE, "window_end",', '.sort(*_OF_BALANCE, "agreement_id", "window_end",'),
        ('pl.col("ends").is_between("window_start", "window_end")', 'pl.col("ends") == pl.col("window_end")'),
        ('pl.col("accrued_in") <= pl.col("period_no")', 'pl.col("accrued_in") == pl.col("period_no")'),
        ("* 10**4 // (unit * EXACT_SCALE) * unit", "* 10**4 // EXACT_SCALE"),
    ],
}  # fmt: skip

#: What windows bring along from before the book began.
OPENINGS = ("tests/golden/test_golden_cases.py", "-k", "opened")
OPENED: dict[str, list[tuple[str, str]]] = {
    "models/calculation/measures/openings.py": [
        ('pl.col("period_no") >= pl.col("opened_in")', 'pl.col("period_no") > pl.col("opened_in")'),
        ('pl.when(is_first).then(pl.col("opening_accrued").fill_null(0))', "pl.when(is_first).then(0)"),
        ('pl.col("place").filter(is_before).max()', 'pl.col("place").max()'),
        ('pl.concat([openings.join(placed, on="agreement_id", how="anti"), pools.select(openings.columns)])', "openings"),
    ],
    "models/calculation/earnings/clawbacks.py": [("carried[here - 1] + opened[here]", "carried[here - 1]")],
    "models/calculation/earnings/draws.py": [("balance[here - 1] + opened[here]", "balance[here - 1]")],
}  # fmt: skip

MUTANTS: list[Mutant] = [*mutants_of(CHANGES, TESTS), *mutants_of(SPLIT, BATCHES), *mutants_of(DRAWN, ADVANCES), *mutants_of(OPENED, OPENINGS)]
