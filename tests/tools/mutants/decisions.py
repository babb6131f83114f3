"""Small breakages of what is decided before it is signed: the ladder of a difference, what is told of it, what a plan costs, break-even.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

RUNGS = ("tests/unit/test_rungs.py",)
LADDER = ("tests/unit/test_ladder.py",)
WORDS = ("tests/unit/test_reasons.py", "tests/unit/test_papers.py")
COSTS = ("tests/unit/test_costs.py",)
SOLVED = ("tests/unit/test_break_even.py", "tests/unit/test_costs.py")
PLANS = ("tests/unit/test_plans.py",)
MONTHS = ("tests/unit/test_what_if.py",)
VOLUMES = ("tests/integration/simulation/test_other_volumes.py",)

DIFFERENCES: dict[str, list[tuple[str, str]]] = {
    "assets/differences/rung_tables.py": [
        ("select rung_no - 1 as rung_no, cause from rungs", "select rung_no, cause from rungs"),
        ("where rung_no > 0\n", "where rung_no > 1\n"),
        ("cause, -coalesce(payout, 0)", "cause, coalesce(payout, 0)"),
        ("before full join now using (payout_id, direction, currency)", "before left join now using (payout_id, direction, currency)"),
        ("before full join now using (payout_id, direction, currency)", "before full join now using (payout_id, direction)"),
        ("(benefit_id, participant_id, window_start, direction, currency)\n        where", "(benefit_id, participant_id, direction, currency)\n        where"),
    ],
    "assets/differences/findings.py": [
        ('"change * 100 < -20 * abs(before_sum)"', '"change * 100 <= -20 * abs(before_sum)"'),
        ('"change * 100 <= 5 * abs(before_sum)"', '"change * 100 < 5 * abs(before_sum)"'),
        ('"change * 100 <= 50 * abs(before_sum)"', '"change * 100 <= 50 * before_sum"'),
        ('"before_sum = 0 and change <> 0"', '"before_sum = 0"'),
        ("count(*) filter (before.payout_id is null) as added", "count(*) filter (now.payout_id is null) as added"),
        ("    where change <> 0\n    order by abs(case", "    order by abs(case"),
        ("else change_reporting end) desc,\n        ends.payout_id, direction, currency", "else change_reporting end) desc,\n        ends.payout_id"),
        ("when before.payout_reporting is null and now.payout_reporting is null then change else", "when true then change else"),
        ("coalesce(sum({amount}) filter (is_before), 0)", "coalesce(sum({amount}), 0)"),
        ("rung_no = last_no as is_now", "rung_no > 0 as is_now"),
        ('amount="(debit - credit)"', 'amount="debit"'),
        ("where origin_period <> period and not is_posted", "where origin_period <> period"),
        ("select count(distinct period) from closes where is_in_force and", "select count(distinct period) from closes where"),
        ("sorted(amounts, key=place_of) if amounts[cause]", "CAUSES if amounts.get(cause)"),
        ("if abs(row[\"change\"]) > (limit", "if abs(row[\"change\"]) >= (limit"),
        ("limit * abs(row[\"before\"]) if is_share", "limit * row[\"before\"] if is_share"),
    ],
}  # fmt: skip
STEPS: dict[str, list[tuple[str, str]]] = {
    "assets/differences/ladder.py": [
        ("(DATA, base, data), (REFERENCE, data, reference)", "(DATA, base, data), (REFERENCE, base, reference)"),
        ('"fx_rates", "targets", "metrics"', '"fx_rates", "metrics"'),
        ("sorted(map(str, map(_key, state.arrivals)))", "list(map(str, map(_key, state.arrivals)))"),
        ("as_of=new.as_of, ledger=new.ledger", "ledger=new.ledger"),
    ]
}
SENTENCES: dict[str, list[tuple[str, str]]] = {
    "assets/differences/reasons.py": [
        ('if row["had_agreement"] else', 'if row["has_agreement"] else'),
        ("found[:_MOST]", "found[:]"),
        (' and not factors:\n        yield "limits"', ':\n        yield "limits"'),
        ('and not row["other_tiers"]:', "and True:"),
    ],
    "assets/differences/sections.py": [
        ("if added * 10 >= whole * 8:", "if added * 10 > whole * 8:"),
        ("key=place_of)", "key=str)"),
        ("if row['change'] > 0 else 'less'", "if row['change'] < 0 else 'less'"),
    ],
}
PLANNED: dict[str, list[tuple[str, str]]] = {
    "assets/simulation/costs.py": [
        ("abs(at - 1) <= NEAR * at", "abs(at - 1) < NEAR * at"),
        ("abs(at - 1) <= NEAR * at", "abs(at - 1) <= NEAR"),
        ("abs(jump) >= _CENT", "abs(jump) > _CENT"),
        ("value_at(after.paid, at) - value_at(before.paid, at)", "value_at(before.paid, at) - value_at(after.paid, at)"),
        ('if not row["is_last"] or row["status"] == "blocked":', 'if row["status"] == "blocked":'),
        ("return min(bounds) if bounds else None", "return max(bounds) if bounds else None"),
        ('largest *= Fraction(row["multiplier"]) * Fraction(row["gate_factor"])', 'largest *= Fraction(row["multiplier"])'),
        ("        if row[\"direction\"] == \"payable\":\n            fixed", "        if True:\n            fixed"),
        ("proposed.sales.whole.get(currency, 0)), Fraction(paid_before)", "proposed.sales.whole.get(currency, 0)), Fraction(0)"),
        ("if is_whole else None", ""),
        ("        if now[key] > before[key]", "        if now[key] >= before[key]"),
        ('row["currency"], row["benefit_id"], row["tier"] or 0', 'row["currency"], "", row["tier"] or 0'),
    ]
}  # fmt: skip
BREAK_EVEN: dict[str, list[tuple[str, str]]] = {
    "models/agreements/lint/break_even.py": [
        ("if step.start == 1 and not step.includes]", "if step.start == 1 and step.includes]"),
        ("        if _surplus(paid, gain, today, start) >= 0:\n            return start\n", ""),
        ("step.start < s or (step.start == s and step.includes)", "step.start <= s"),
        ("(most,) if is_over else step.paid", "step.paid"),
        ("return add([(today - gain, gain)", "return add([(today + gain, gain)"),
    ]
}
PLACED: dict[str, list[tuple[str, str]]] = {
    "assets/simulation/plans.py": [
        ("_key(document) in gone or _id(document) in instead_of", "_id(document) in instead_of"),
        ("if key not in (\"approved\", \"for_each\")", "if key != \"for_each\""),
        ("if not instead_of and all(", "if all("),
    ]
}  # fmt: skip
DRAWN: dict[str, list[tuple[str, str]]] = {
    "assets/simulation/variants.py": [("* numerator + denominator) // (2 * denominator))", "* numerator) // (2 * denominator))")],
    "assets/simulation/what_if.py": [
        ('pl.col("places_there") - 1)', 'pl.col("places_there"))'),
        ('on=month, how="anti", maintain_order="left"', 'on=month, how="left", maintain_order="left"'),
        ('["part"].n_unique() > 1:', '["part"].n_unique() > 2:'),
        ('pl.col("first_period").max().over("component")', 'pl.col("first_period").min().over("component")'),
        ('or (together and group["returns"].n_unique() > 1)', ""),
        ("both = [*nets, *((below, above) for above, below in nets)]", "both = [*nets]"),
    ],
}
OTHER: dict[str, list[tuple[str, str]]] = {
    "assets/simulation/variants.py": [
        ("cast(rows.file_no + (1 + moves.copy) * {files} as integer)", "cast(rows.file_no + {files} as integer)"),
        ('moved["prior_period_no"] = "cast(null as integer)"', "pass"),
        ("where {is_before} or ({is_now} and not {in_range})", "where ({is_now} and not {in_range})"),
        ("where {is_before} or ({is_now} and not {in_range})", "where {is_before}"),
        ('"stg_balances": {"measure": 6, "base": 6, "quantity": 6}', '"stg_balances": {"base": 6, "quantity": 6}'),
        ('"from_agreement_id", "first_agreement_id", "combine_group")', '"from_agreement_id", "first_agreement_id")'),
        ("case when moves.copy > 0 and {_OF_TRANSACTIONS}", "case when false and {_OF_TRANSACTIONS}"),
        ("and rows.participant_key = moves.participant_key\"", "\""),
    ],
    "assets/simulation/what_if.py": [
        ("where slices is not null or method = 'running' or", "where slices is not null or"),
        ("        of_lines = {name for pair in nets for name in pair} |", "        of_lines = {above for above, _ in nets} |"),
        ("terms.agreements as same using (combine_group)", "terms.agreements as same using (agreement_id)"),
        ("where split_part(agreement_id, chr(31), 2) in (select unnest($2))", "where true or $2 is null"),
        ('names = [""] if self.together else self.people', "names = self.people"),
        ("list_has_any(column_names, ['amount', 'quantity', 'cost'])", "list_has_any(column_names, ['quantity', 'cost'])"),
    ],
}  # fmt: skip

MUTANTS: list[Mutant] = [
    *mutants_of(DIFFERENCES, RUNGS),
    *mutants_of(STEPS, LADDER),
    *mutants_of(SENTENCES, WORDS),
    *mutants_of(PLANNED, COSTS),
    *mutants_of(BREAK_EVEN, SOLVED),
    *mutants_of(PLACED, PLANS),
    *mutants_of(DRAWN, MONTHS),
    *mutants_of(OTHER, VOLUMES),
]
