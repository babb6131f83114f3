"""Small breakages of what a change reaches: each edge is taken away, and each reason to believe what the run before left.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

EDGES = ("tests/integration/incremental/test_edges.py",)
KEPT = ("tests/integration/incremental/test_kept_run.py",)

LINES: dict[str, list[tuple[str, str]]] = {
    "assets/incremental/changed_lines.py": [
        ('"select file_no, row_no from raw.transactions where file_no in (from changes.files)"', '"select 0 as file_no, 0 as row_no where false"'),
        ('"select distinct file_no, row_no from ({rows_replaced})"', '"select file_no, row_no from ({rows_replaced}) where false"'),
        ("where partner_id in (from changes.partners)", "where false"),
        ("select distinct partner_id from ({partners})\n        union\n", ""),
        ("from ({memberships}) as memberships", "from (select * from ({memberships}) where false) as memberships"),
        ("select distinct product_id from ({products})\n        union\n", ""),
        ("from ({product_scopes}) as scopes", "from (select * from ({product_scopes}) where false) as scopes"),
        ("where starts_with(attribute, 'product.')", "where false"),
        ("where starts_with(attribute, 'partner.')", "where false"),
        ("semi join changes.days on date = day and currency = from_currency", "where false"),
        ("where original_transaction_id in (from changes.originals)", "where false"),
        ("where first_day in (select day from changes.days)", "where false"),
        ("select distinct transaction_id from ({credits})\n        union\n", ""),
        ("where participant_key in (select partner_key from ({memberships}))", "where false"),
        (" or original_transaction_id in (from changes.credits)", ""),
        ("unnest([credited.period_no, credited.prior_period_no]) as period_no, lines.cause_no", "credited.period_no, lines.cause_no"),
        ("where days.is_after_as_of <> before.is_after_as_of", "where false"),
        ("or hash({columns}) in", "and hash({columns}) in"),
    ],
    "int_measures_changed.sql": [
        ("unnest([credited.period_no, credited.prior_period_no])", "credited.period_no"),
        ('select line_set_key, participant_key, period_no, cause_no from {{ source("changes", "measures_before") }}\n    union all', ""),
    ],
    "stg_partner_keys.sql": [("coalesce(max(partner_key), 0)", "0")],
    "stg_product_keys.sql": [("coalesce(max(product_key), 0)", "0")],
}
PARTICIPANTS: dict[str, list[tuple[str, str]]] = {
    "assets/incremental/changed_participants.py": [
        ("join ({participations}) using", "join (select * from ({participations}) where false) using"),
        ("select participant_key, cause_no from intermediate.int_measures_changed", "select participant_key, cause_no from changes.measures_before"),
        ("from members join changed_agreements using (agreement_key)", "from members where false"),
        ("from ids join ({targets}) using (participant_id)", "from ids where false"),
        ("from ids join ({metrics}) using (participant_id)", "from ids where false"),
        ("where carried <> 0 and {as_of_moved}", "where false"),
        ("from reached anti join changes.participants using (participant_key)", "from reached where false"),
        ("greatest(windows.span_end, windows.limited_until) >= mode.as_of_before", "greatest(windows.span_end, windows.limited_until) > mode.as_of"),
        ("greatest(windows.span_end, windows.limited_until)", "windows.span_end"),
        ("or agreements.combine_rule = 'best'", ""),
        ("or benefits.agreement_key in (select agreement_key from terms.benefits join terms.axis_parts using (benefit_key))", ""),
        ("or benefits.agreement_key in (select agreement_key from terms.benefits join terms.draws using (benefit_key))", ""),
        ("where net_level > 0", "where false"),
        ("select payout_key from calc.payouts semi join changes.participants using (participant_key)\n    union\n", ""),
    ],
}
REASONS: dict[str, list[tuple[str, str]]] = {
    "assets/incremental/mode.py": [
        ("if kept.program != program:", "if False:"),
        ("if kept.features != features:", "if False:"),
        ("if context.as_of < kept.as_of:", "if False:"),
        ('variables["book"]["has_claims"] and', "False and"),
        ("if read_digest(con) != kept.digest:", "if False:"),
        ("    forget_run(con)\n    con.execute(_CHANGES)", "    con.execute(_CHANGES)"),
        ("--full was given\" if context.full", "--full was given\" if False"),
    ],
    "assets/incremental/kept_tables.py": [
        ('"intermediate.int_lines_credited": "file_no, row_no, line_set_key, participant_key, period_no, amount_millionths"',
         '"intermediate.int_lines_credited": "file_no, row_no, line_set_key, participant_key, period_no"'),
    ],
    "assets/feeds/raw_tables.py": [("    forget_run(con)\n", "")],
    "assets/publishing/parquet_set.py": [("            con.execute(\"set disabled_optimizers = 'statistics_propagation'\")\n", "")],
}  # fmt: skip
MUTANTS: list[Mutant] = [*mutants_of(LINES, EDGES), *mutants_of(PARTICIPANTS, EDGES), *mutants_of(REASONS, (*EDGES, *KEPT))]
