"""Small breakages of what is held before anything is published: statements about the tables, contradictions between records.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

STATEMENTS = ("tests/integration/sql/test_invariants.py",)
REFERENCES = ("tests/integration/sql/test_dbt_references.py",)
UNMATCHED = ("tests/integration/sql/test_unmatched_names.py",)
CLOSES = ("tests/integration/ledger/test_period_checks.py",)

INVARIANTS: dict[str, list[tuple[str, str]]] = {
    "assets/transform/invariants.py": [
        ("where rows_read <> rows_loaded +", "where rows_read > rows_loaded +"),
        (" or rows_loaded < 0", ""),
        (" union all select feed, file_no, row_no from intermediate.int_rows_unresolved", ""),
        ("int_rows_unresolved)\n        group by all having count(*) > 1", "int_rows_unresolved)\n        group by all having count(*) > 2"),
        ("lag(last_day) over memberships >= first_day", "lag(last_day) over memberships > first_day"),
        ("where credited.amount <> sums.amount or ", "where "),
        (" or credited.line_count <> sums.line_count", ""),
        ("(from expected except all select", "(from expected where false except all select"),
        ("from calc.payouts except all from expected", "from calc.payouts except from expected"),
        ("where published <> calculated", "where published > calculated"),
        ("where published <> calculated", "where published < calculated"),
        ("from due full join booked", "from due left join booked"),
        ("from due full join booked", "from due right join booked"),
        ("having sum(debit) <> sum(credit)", "having sum(debit) > sum(credit)"),
        ("having sum(debit) <> sum(credit)", "having sum(debit) < sum(credit)"),
        ("select period, currency, sum(debit)", "select period, sum(debit)"),
        ("where loaded.agreements_sha256 <> named", "where false and loaded.agreements_sha256 <> named"),
        ("made.run_id is distinct from named.run_id", "made.run_id <> named.run_id"),
        ("('prepare'), ('net'), ('marts')", "('prepare'), ('marts')"),
        ("from marts.fct_payout group by all having count(*) > 1", "from marts.fct_payout group by all having count(*) > 2"),
        ("status = 'blocked' and payout <> 0", "status = 'blocked' and payout > 0"),
        ("status = 'blocked' and payout <> 0", "status = 'blocked' and payout < 0"),
        ("            if broken:", "            if broken and done:"),
        ("enumerate(names)", "enumerate(names[:-1])"),
    ],
}  # fmt: skip

CONTRADICTIONS: dict[str, list[tuple[str, str]]] = {
    "assets/transform/reference_checks.py": [
        ('"earlier >= first_day"', '"earlier > first_day"'),
        ('"value <> earlier"', '"true"'),
        (" + _double_rates(con)", ""),
        (" + _double_metrics(con)", ""),
        (" + _cycles(con)", ""),
        ("_unknown_parents(con) + ", ""),
        (" + _unknown_participants(con)", ""),
        ("_unknown_measures(con, context.folder) + ", ""),
        ("_unknown_columns(con) or ", ""),
        ("(_unknown_columns(con) or _failing_conditions(con))", "_unknown_columns(con)"),
        ("union select partner_key from staging.stg_partners where parent_id = partner_id", ""),
    ],
}  # fmt: skip

PERIODS: dict[str, list[tuple[str, str]]] = {
    "assets/graph/period_closes.py": [
        ("where kind = 'close' and is_in_force)", "where kind = 'close')"),
        ("where kind = 'close' and is_in_force)", "where is_in_force)"),
        ("and not is_posted and accrual <> 0", "and not is_posted"),
        ("and not is_posted and accrual <> 0", "and not is_posted and accrual > 0"),
        ("and not is_posted and accrual <> 0", "and accrual <> 0"),
        ("from fct_accrual where period = ?", "from fct_accrual where period <> ?"),
        ("select entry_id from", "select currency from"),
        ("passed=not broken", "passed=True"),
    ],
}  # fmt: skip

#: Warnings of names that match nothing, and of members that changed.
NAMES: dict[str, list[tuple[str, str]]] = {
    "assets/transform/unmatched_names.py": [
        ("anti join known using (feed, attribute, value)", "anti join known using (feed, attribute)"),
        ("if unknown or not held[condition]:", "if unknown:"),
        ("if is_chosen and not con", "if is_chosen and con"),
        ("(_OF_FEED if feed in feeds else _OF_LINES)", "(_OF_LINES if feed in feeds else _OF_FEED)"),
    ],
    "assets/transform/prior_members.py": [
        ("where is_counted <> is_member_now", "where is_counted < is_member_now"),
        ("where is_counted <> is_member_now", "where is_counted > is_member_now"),
        ("where needs_prior_year and not is_prior_alone", "where not is_prior_alone"),
    ],
}
MUTANTS: list[Mutant] = [
    *mutants_of(INVARIANTS, STATEMENTS),
    *mutants_of(CONTRADICTIONS, REFERENCES),
    *mutants_of(PERIODS, CLOSES),
    *mutants_of(NAMES, UNMATCHED),
]
