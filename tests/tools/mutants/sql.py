"""Small breakages of the SQL: joins, borders of days, limits, order, rounding and its wide branches, reasons, sides of entries.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import LATER_CLOSES, Mutant, mutants_of

LINES = ("tests/integration/sql/test_dbt_lines.py",)
SHARES = ("tests/integration/sql/test_shares_of_new_lines.py",)
MAGNITUDES = ("tests/integration/sql/test_magnitudes.py",)
GOLDEN = ("tests/golden/test_golden_cases.py", "-k", "test_golden_case")
COLLECTIONS = ("tests/golden", "-k", "collected")
DISPUTES = ("tests/integration/ledger/test_adjusted_and_disputed.py", "tests/golden/test_golden_cases.py", "-k", "(golden_case and disputed) or dispute")
PAYMENTS = ("tests/golden/test_golden_cases.py", "-k", "(golden_case and (paid-in-another or payouts-in-other or half-even)) or payment_without")
ADJUSTMENTS = ("tests/integration/ledger/test_adjusted_and_disputed.py", "tests/golden", "-k", "adjust")
RELEASES = ("tests/golden/test_golden_cases.py", "-k", "test_golden_case and released")
#: Files that arrive one after the other: doubled, corrected, snapshots, rejected.
ARRIVALS = ("tests/integration/feeds/test_rejects.py", "tests/integration/feeds/test_rows_that_replace.py", "tests/integration/feeds/test_feed_arrivals.py")
DELETIONS = ("tests/integration/feeds/test_rows_that_replace.py", "-k", "takes_its_key_back_may")
PARTS = ("tests/integration/publishing/test_line_parts.py", "-k", "demo")
AUDIT = ("tests/torture/test_torture.py", "-k", "says_why_lines_count")
CLOSE = ("tests/integration/ledger/test_close_command.py",)

CREDITED: dict[str, list[tuple[str, str]]] = {
    "int_credits_spanned.sql": [
        ("coalesce(payees.participant_key, participations.partner_key) as participant_key", "participations.partner_key as participant_key"),
        ("and (credited.include_children or descended.ancestor_key = descended.partner_key)", "and descended.ancestor_key = descended.partner_key"),
        ("greatest(credited.first_day, split.first_day) as first_day", "credited.first_day"),
        ("greatest(credited.first_day, descended.first_day) as first_day", "credited.first_day"),
        ("least(credited.last_day, descended.last_day) as last_day", "credited.last_day"),
        ("least(credited.last_day, split.last_day) as last_day", "credited.last_day"),
    ],
    "int_partners_descended.sql": [
        ("greatest(descended.first_day, links.first_day),\n", "descended.first_day,\n"),
        ("least(descended.last_day, links.last_day)\n    from descended", "descended.last_day\n    from descended"),
    ],
    "int_participations.sql": [
        ("greatest(matched.first_day, named.first_day, agreements.term_from) <=", "greatest(matched.first_day, named.first_day, agreements.term_from) <"),
        ("select distinct agreement_key, attribute, value from", "select agreement_key, attribute, value || '' as value from"),
    ],
    "int_assignments_split.sql": [
        ("partition by assignments.partner_id, pieces.piece_start order by assignments.participant_id",
         "partition by assignments.partner_id, pieces.piece_start order by assignments.participant_id desc"),
        ("select partner_id, last_day + 1 from assignments", "select partner_id, last_day from assignments"),
        ("and pieces.piece_start between assignments.first_day and", "and pieces.piece_start between assignments.first_day + 1 and"),
        ("cast(shared.share_to - shared.share_parts as bigint) as share_from", "cast(0 as bigint) as share_from"),
    ],
    "int_days_converted.sql": [
        ("where days.day <= (select as_of", "where days.day < (select as_of"),
        ("else cast(power(10, 18 - minor_units) as hugeint)", "else cast(power(10, 17 - minor_units) as hugeint)"),
        ("cast(power(10, 12 - minor_units) as bigint) as share_divisor", "cast(power(10, 11 - minor_units) as bigint) as share_divisor"),
        ("then 4000000000000000000 // cast", "then 9000000000000000000 // cast"),
        ("and fx_rate = round(fx_rate, 6) as is_narrow", "as is_narrow"),
    ],
    "int_fx_rates_spanned.sql": [
        ("order by date) - 1,", "order by date),"),
        ("partition by from_currency, to_currency order by date", "partition by from_currency, to_currency order by date desc"),
    ],
    "int_rows_replaced.sql": [
        ("having count(*) > 1", "having count(*) > 2"),
        ("where next_file_no is not null", "where true"),
    ],
    "int_payout_tier_slices.sql": [
        ("when measure_every is null then from_units", "when true then from_units"),
        ("end - units_before as", "end as"),
        ("rate + per_unit + share as value", "rate + share as value"),
        ("cast(max(abs(share)) over tiers > 0 as integer) > 1 as is_mixed", "cast(max(abs(share)) over tiers > 0 as integer) > 2 as is_mixed"),
        ("lead(from_units) over (partition by payout_key order by tier) as to_units", "null::hugeint as to_units"),
        ('"(1000000000000 + from_units)"', '"from_units"'),
    ],
    "int_payouts_measured.sql": [
        ("case when payout <> 0 then exact_numerator end", "exact_numerator"),
    ],
    "int_payouts_to_allocate.sql": [
        ("4000000000000000000 // greatest(abs(", "9000000000000000000 // greatest(abs("),
        ("where payouts.payout_units <> 0 or payouts.line_count > 0", "where payouts.payout_units <> 0"),
    ],
    "money.sql": [
        ("(sign({{ numerator }}) * ((2 * abs({{ numerator }}) + {{ denominator }}) //",
         "(sign({{ numerator }}) * ((2 * abs({{ numerator }}) + {{ denominator }} - 1) //"),
        ("(sign({{ numerator }}) * ((2 * abs({{ numerator }}) + {{ denominator }}) //", "(((2 * {{ numerator }} + {{ denominator }})) //"),
        ("when abs({{ amount }}) < 999999 then", "when abs({{ amount }}) < 99999999 then"),
        ("else cast(floor({{ amount }}) as bigint) * 1000000 +", "else cast(ceil({{ amount }}) as bigint) * 1000000 +"),
        ("when abs({{ amount }}) <= {{ 4000000000000000000 // unit }}", "when abs({{ amount }}) <= {{ 9000000000000000000 // unit }}"),
        ('(cast(" ~ amount ~ " as hugeint) * share_from)', '(cast(" ~ amount ~ " as hugeint) * 0)'),
        ('"(cast(" ~ amount ~ " as bigint) * share_from)"', '"(cast(" ~ amount ~ " as bigint) * 0)"'),
        ('{{ rounded_product(amount, "lines.wide_rate", "lines.wide_divisor") }}', '{{ rounded_product(amount, "lines.narrow_rate", "lines.wide_divisor") }}'),
    ],
    "payout_lines.sql": [
        ("< 5e37", "< 5e38"),
        ("* ({{ right }} // 1000000000000) +", "* 0 +"),
        ('"greatest(payouts.share_divisor // " ~ coarser', '"greatest(payouts.share_divisor // 10 // " ~ coarser'),
        ("- {{ allocated_up_to(from_place) }}", "- 0"),
    ],
    "audit_feed_file.sql": [
        (" - unresolved_count as rows_loaded", " as rows_loaded"),
        ("left join rejected on files.feed = rejected.feed", "inner join rejected on files.feed = rejected.feed"),
    ],
    "fct_achievement.sql": [
        ("payouts.window_end, settings.as_of) - payouts.span_start + 1", "payouts.window_end, settings.as_of) - payouts.span_start"),
        ("least(periods.last_day, payouts.window_end, settings.as_of)", "least(periods.last_day, payouts.window_end)"),
        ("least(periods.last_day, payouts.window_end, settings.as_of)", "least(payouts.window_end, settings.as_of + 1)"),
        ("payouts.window_end - payouts.span_start + 1 as integer) as days_total", "payouts.window_end - payouts.span_start as integer) as days_total"),
    ],
    "fct_accrual.sql": [
        ("cast(accruals.accrued_to_date - accruals.accrual as decimal(18, 4))", "cast(accruals.accrued_to_date as decimal(18, 4))"),
    ],
}  # fmt: skip

#: What a new line must not change.
SHARED: dict[str, list[tuple[str, str]]] = {
    "int_payouts_to_allocate.sql": [
        ("when is_exact then exact_numerator", "when false then exact_numerator"),
        ("when is_cut then cut_divisor when is_exact then exact_divisor else 1 end", "when is_cut then cut_divisor else 1 end"),
        ("is not null and not is_mixed and", "is not null and"),
        ("        has_constant_rate and is_exact and", "        is_exact and"),
    ],
    "int_payout_tier_slices.sql": [("when totals.weight_total > 0 then totals.weight_total else", "when false then totals.weight_total else")],
}  # fmt: skip

#: What figures notice that are as large as the feeds' columns hold.
LARGE: dict[str, list[tuple[str, str]]] = {
    "payout_lines.sql": [
        ("// 1000000000 * cast(100000000000000 as hugeint)", "* cast(100000000000000 as hugeint)"),
        ("when coarse_units = 1 then {{ slice_end }}", "when coarse_units > 0 then {{ slice_end }}"),
    ],
    "int_payout_tier_slices.sql": [("least(15, length(cast(max(abs(weight)) as varchar))) - 35", "least(15, length(cast(max(abs(weight)) as varchar))) - 90")],
}  # fmt: skip

#: What the agreements' own cases notice.
AGREED: dict[str, list[tuple[str, str]]] = {
    "money.sql": [
        ('({{ wide }} * ({{ rate }} // (2 * {{ divisor }})) * 2 +', '({{ wide }} * ({{ rate }} // (2 * {{ divisor }})) +'),
        ("({{ unit }} // cast(split_part", "({{ unit }} * cast(split_part"),
    ],
    "int_memberships.sql": [
        ("then agreements.term_from - 400", "then agreements.term_from"),
        ("least(agreements.term_from - 400,", "least(agreements.term_from,"),
        ("coalesce(line_sets.counts_from, agreements.term_from))", "agreements.term_from)"),
        ("coalesce(line_sets.counts_from, line_sets.prior_from, agreements.term_from) as term_from", "agreements.term_from"),
        ("when line_sets.counts_from is not null then line_sets.counts_from\n", ""),
        ("agreements.pool = 'together' and spans.road <> 'own'", "false"),
        ("least(line_sets.prior_to, (select as_of from {{ source(\"terms\", \"settings\") }}))", "line_sets.prior_to"),
        ("then line_sets.prior_from - 400", "then line_sets.prior_from - 300"),
    ],
    "int_credits_split.sql": [
        ("partition by transaction_id, line order by participant_id", "partition by transaction_id order by participant_id"),
        ("dense_rank() over (order by transaction_id, line)", "dense_rank() over (order by transaction_id)"),
        ("shared.share_to - shared.share_parts", "0"),
    ],
    "int_lines_matched.sql": [
        ("where credited.share_from < credited.share_to", ""),
        ("(spans.road <> 'assignment' or lines.credit_key is null)", "true"),
        ("{% endif %}not exists (", "{% endif %}true or not exists ("),
        ("not (is_pool_piece and bool_or(is_in_term and not is_pool_piece) over same_line)", "true"),
        ('and {{ takes_part("days.counts_as") }}', ""),
        ("not held.is_prior_alone and", ""),
        ("bool_or(is_in_term) as is_in_term", "bool_and(is_in_term) as is_in_term"),
    ],
    "stg_participations_overlapping.sql": [
        ("earlier.first_day <= stated.last_day", "earlier.first_day < stated.last_day"),
        ("stated.first_day <= earlier.last_day", "stated.first_day < earlier.last_day"),
        ("(earlier.first_day, earlier.file_no, earlier.row_no) <", "(earlier.file_no, earlier.first_day, earlier.row_no) >"),
    ],
    "language.sql": [
        ("coalesce(of_line.credit_key, of_transaction.credit_key,", "coalesce(of_transaction.credit_key, of_line.credit_key,"),
        ("of_original_line.credit_key, of_original.credit_key)", "of_original.credit_key, of_original_line.credit_key)"),
        ("and of_original.credited_line is null", "and false"),
        ("between held.counts_from and held.counts_to", "between held.counts_from and held.counts_to + 1"),
        ("between held.counts_from and held.counts_to", "between held.counts_from - 1 and held.counts_to"),
        ('.share_parts * 1000000)"', '.share_parts * 999999)"'),
    ],
    "int_credits_spanned.sql": [
        ("where pool = 'each'", "where true"),
        ("    where taken.first_day is null\n", ""),
        ("greatest(above.first_day, below.first_day, between_them.first_day) as first_day", "greatest(above.first_day, below.first_day) as first_day"),
        ("case when credited.pool <> 'placed' then credited.participant_key end", "credited.participant_key"),
    ],
    "int_participations.sql": [
        ("least(matched.last_day, named.last_day, agreements.term_to) as is_in_term", "least(matched.last_day, agreements.term_to) as is_in_term"),
        ("and matched.attribute_count = needed.attribute_count", "and matched.attribute_count >= 1"),
    ],
    "int_days_converted.sql": [
        ("when conversions.rate_on = 'fixed' then fixed_rates.rate", "when conversions.rate_on = 'fixed' then fx_rates.rate"),
        ("when conversions.rate_on = 'period_end' then days.period_end", "when conversions.rate_on = 'period_end' then days.day"),
        ("counts_as > (select as_of", "counts_as >= (select as_of"),
        ("cast(power(10, 6 + minor_units) as hugeint)", "cast(power(10, 6) as hugeint)"),
        ("not is_inverse and fx_rate between", "fx_rate between"),
    ],
    "int_fx_rates_spanned.sql": [("coalesce(first_direct.first_day - 1, reverse", "coalesce(first_direct.first_day, reverse")],
    "int_products_scoped.sql": [
        ("and included.attribute_count = needed.attribute_count", "and included.attribute_count >= 1"),
        ("    where kind = 'include'\n    group by scope_key", "    group by scope_key"),
        ("where rules.kind = 'exclude'", "where rules.kind = 'include'"),
        ("where not has_include", "where true"),
    ],
    "int_payouts_measured.sql": [
        ("when 'margin' then cast(summed.amount - summed.cost as decimal(38, 12))", "when 'margin' then cast(summed.amount as decimal(38, 12))"),
        ("case when benefits.base not in ('measure', 'increment') then benefits.base end", "benefits.base"),
    ],
    "int_participants.sql": [
        ("where agreements.pool <> 'together' and participations.is_in_term", "where agreements.pool <> 'together'"),
    ],
}  # fmt: skip

#: What finance must find in its books.
BOOKED: dict[str, list[tuple[str, str]]] = {
    "int_differences_explained.sql": [
        ("coalesce(computed.accrual, 0) <> coalesce(posted.accrual, 0)", "coalesce(computed.accrual, 0) > coalesce(posted.accrual, 0)"),
        ("full join posted on computed.payout_id", "left join posted on computed.payout_id"),
        ("agreements.content_sha256 is distinct from known_agreements.content_sha256", "agreements.content_sha256 <> known_agreements.content_sha256"),
        ("files.arrival_no > coalesce(known_arrivals.arrival_no, 0)", "files.arrival_no >= coalesce(known_arrivals.arrival_no, 0)"),
        ("and lines.period_no <= least(windows.last_period, periods.period_no)", "and lines.period_no = periods.period_no"),
        ("lines.period_no >= windows.span_first_period", "lines.period_no >= windows.first_period"),
        ("true as is_from_the_first", "false as is_from_the_first"),
        ("on draws.first_agreement_id = earlier.first_agreement_id and", "on draws.benefit_key = earlier.benefit_key and"),
        ("bool_and(transactions.type = 'return')", "bool_or(transactions.type = 'return')"),
        ("then 'return' else 'late' end", "then 'late' else 'late' end"),
        ("has_conversions and exists (", "has_conversions is not null and exists ("),
        ("where feed = 'fx_rates') then 'fx'", "where feed = 'metrics') then 'fx'"),
        ("in (select agreement_id from amended) then 'amendment'", "in (select agreement_id from amended where false) then 'amendment'"),
    ],
    "int_accruals_posted.sql": [
        (" and first_periods.period <> periods.period as is_end_of_several", " as is_end_of_several"),
        ("        sum(accrual) as accrual\n    from posted\n", "        max(accrual) as accrual\n    from posted\n"),
        ("coalesce(computed.accrual, 0) - coalesce(posted.accrual, 0)", "coalesce(computed.accrual, 0)"),
        ("full join posted_by_origin as posted", "left join posted_by_origin as posted"),
        ("origins.posting_period as period", "origins.period as period"),
        ("case when origins.is_closed then coalesce(by_cause.reason, explained.reason) end as reason", "null::varchar as reason"),
        ("when origin_period <> period or is_restated then 'restatement'", "when origin_period <> period then 'restatement'"),
    ],
    "int_periods_closed.sql": [
        ("periods.period <= closed.last_period", "periods.period < closed.last_period"),
        ("select max(period) as last_period", "select min(period) as last_period"),
        ("    where is_in_force\n", "    where kind = 'close'\n"),
        ("select min(period) as period\n    from marked", "select max(period) as period\n    from marked"),
    ],
    "int_journal_entries_unposted.sql": [
        ("where not is_posted and accrual <> 0", "where accrual <> 0"),
        ("delivered.day between periods.first_day and periods.last_day", "delivered.day between periods.first_day + 1 and periods.last_day"),
        ("delivered.day between periods.first_day and periods.last_day", "delivered.day between periods.first_day and periods.last_day - 1"),
        ("where posted.payout_id is null", "where true"),
        ("then journal.credit - journal.debit else", "then journal.debit - journal.credit else"),
        ("else journal.debit - journal.credit end", "else journal.credit - journal.debit end"),
        ("moved.currency, periods.posting_period as period", "moved.currency, periods.period as period"),
        ("posted.currency, periods.posting_period as period", "posted.currency, periods.period as period"),
        ("where payout_id not in (select payout_id from", "where payout_id is null and payout_id not in (select payout_id from"),
    ],
    "fct_journal.sql": [
        ("then 'payable_liability' else 'cash' end", "then 'cash' else 'payable_liability' end"),
        ("then 'cash' else 'receivable_asset' end", "then 'cash' else 'receivable_income' end"),
        ("then 'payable_expense' else 'receivable_asset' end", "then 'payable_expense' else 'receivable_income' end"),
        ("case when (sides.line_no = 1) = (amount > 0) then", "case when (sides.line_no = 1) then"),
        ("cast(case line_no when 1 then abs(amount) else 0 end", "cast(case line_no when 1 then amount else 0 end"),
    ],
    "fct_payout.sql": [
        ("payable - settled - written_off as decimal", "payable - settled as decimal"),
        ("payable - settled - written_off as decimal", "payable - settled + written_off as decimal"),
        ("arg_max(payout, sequence) as payout", "arg_min(payout, sequence) as payout"),
    ],
    "int_payouts_paid.sql": [
        ("sum(amount) as settled", "max(amount) as settled"),
    ],
    "stg_payments.sql": [
        ("paid_on <= (select as_of", "paid_on < (select as_of"),
    ],
}  # fmt: skip

CLOSED_AGAIN: dict[str, list[tuple[str, str]]] = {
    "int_differences_explained.sql": [
        ("select max(sequence) as sequence", "select min(sequence) as sequence"),
    ],
    "int_payouts_paid.sql": [
        ("sum(amount) as written_off", "max(amount) as written_off"),
    ],
    "fct_journal.sql": [
        ("then 'payable_liability' else 'write_off' end", "then 'payable_expense' else 'write_off' end"),
        ("then 'write_off' else 'receivable_asset' end", "then 'cash' else 'receivable_asset' end"),
    ],
}  # fmt: skip

RELEASED: dict[str, list[tuple[str, str]]] = {
    "int_payouts_gathered.sql": [
        ("payouts.window_end <= settings.as_of", "payouts.window_end < settings.as_of"),
        ("payouts.window_end >= agreements.term_to as is_last", "false as is_last"),
        ("case when before.is_reached then 0 else before.waiting end as waiting", "before.waiting as waiting"),
        ("before.waiting end >= ended.minimum", "before.waiting end > ended.minimum"),
        ("rows between current row and unbounded following", "rows between 1 following and unbounded following"),
        ("before.participant_key = ended.participant_key and", ""),
    ],
    "int_payouts_released.sql": [
        ("windows.year_end + releases", "payouts.window_end + releases"),
        ("when releases.after = 'term' then agreements.term_to + releases.lag_days", "when releases.after = 'term' then agreements.term_to"),
        ("due_date <= (select as_of", "due_date < (select as_of"),
        ("earlier as (partition by payout_key order by due_date, release_no rows", "earlier as (partition by payout_key order by release_no rows"),
        ("in_order as (partition by payout_key order by due_date, release_no)", "in_order as (partition by payout_key order by release_no)"),
        ("least(greatest(settled - amount_before, 0), amount)", "greatest(settled - amount_before, 0)"),
        ("greatest(least(settled - amount_before, 0), amount)", "least(settled - amount_before, 0)"),
        ("then greatest(settled - amount_before, least(settled, 0))", "then settled - amount_before"),
    ],
    "fct_payout.sql": [
        ("coalesce(min(due_date) filter (where status <> 'paid'), max(due_date))", "min(due_date)"),
        ("payable - released - held as decimal", "payable - released as decimal"),
    ],
}  # fmt: skip

ADJUSTED: dict[str, list[tuple[str, str]]] = {
    "stg_adjustments.sql": [
        ("and date <= (select as_of", "and date < (select as_of"),
        ("= {{ as_name(\"adjustments.by\") }}, true)", "= {{ as_name(\"adjustments.by\") }}, false)"),
    ],
    "payout_rows.sql": [("10 ** (6 - {{ minor_units }})", "10 ** (5 - {{ minor_units }})")],
    "int_payouts_paid.sql": [
        ("from {{ ref(\"stg_adjustments\") }}\n    where waits_for is null\n", "from {{ ref(\"stg_adjustments\") }}\n"),
        ("payouts.payout + coalesce(adjustments.adjusted, 0)", "payouts.payout"),
    ],
    "fct_adjustment.sql": [("coalesce(adjustments.waits_for, 'booked')", "'booked'")],
    "int_rows_unresolved.sql": [("adjustments.waits_for is not null and", "adjustments.waits_for is null and")],
    "int_payouts_gathered.sql": [("payable >= minimum or is_last", "payable > minimum or is_last")],
    "int_journal_entries_unposted.sql": [
        ("from {{ ref(\"stg_adjustments\") }}\n    where waits_for is null\n", "from {{ ref(\"stg_adjustments\") }}\n"),
        ("then 'payable_expense' else 'receivable_asset' end", "then 'payable_liability' else 'receivable_asset' end"),
        ("moved.kind = posted.kind and", ""),
        ("coalesce(now.amount, 0) - posted.amount", "coalesce(now.amount, 0)"),
    ],
}  # fmt: skip

MAPPED: dict[str, list[tuple[str, str]]] = {
    "int_accounts_mapped.sql": [
        ("arg_min(rules.account, rules.place)", "arg_max(rules.account, rules.place)"),
        ("count(distinct attributes.attribute) = needed.attribute_count", "count(distinct attributes.attribute) >= 1"),
        ("and identified.participant_id = matched.partner_id", ""),
        ("where rules.condition_no is null or matched.condition_no is not null", "where matched.condition_no is not null"),
        ("where booked.payout_id is null", "where false"),
        ("arg_max(cost_centre, sequence) as account", "'' as account"),
    ],
    "fct_journal.sql": [
        ("in ('payable_expense', 'receivable_income', 'write_off', 'exchange_difference')", "not in ('cash')"),
        ("centres.account_role = 'cost_centre'", "centres.account_role = 'payable_expense'"),
        ("coalesce(unposted.document_no, substr", "coalesce(null, substr"),
    ],
}  # fmt: skip

COLLECTED: dict[str, list[tuple[str, str]]] = {
    "stg_collections.sql": [("and collected_on <=", "and collected_on <")],
    "payout_rows.sql": [
        ("{{ paid }} <= 0 then 1", "{{ paid }} < 0 then coalesce(of_line.share, 0)"),
        ("{{ share }} < 1 then 0", "{{ share }} < 0 then 0"),
        ("greatest({{ share }}, 0), 1)", "greatest({{ share }}, 0), 2)"),
        ("{{ lines }}.line = of_line.line", "true"),
        ("and of_all.line is null", "and of_all.line is not null"),
    ],
    "int_payouts_collected.sql": [
        ("least(greatest(collected_units, 0), all_units)", "least(collected_units, all_units)"),
    ],
    "int_payouts_released.sql": [
        ("collected_units < all_units and units > 0", "collected_units < all_units"),
        ("when released <> amount and released <= settled", "when released <> amount and released < settled"),
        ("case when is_due then amount - released else 0 end", "amount - released"),
    ],
}  # fmt: skip

DISPUTED: dict[str, list[tuple[str, str]]] = {
    "stg_disputes.sql": [
        ("and raised_on <=", "and raised_on <"),
        ("disputes.resolved_on <= settings.as_of then disputes.status", "disputes.resolved_on < settings.as_of then disputes.status"),
    ],
    "int_payouts_disputed.sql": [
        ("disputes.status = 'open' and disputes.amount is null as", "disputes.status = 'open' as"),
        ("and disputes.waits_for is null as is_open", "as is_open"),
        ("greatest(sum(allocated.share_units), 0)", "sum(allocated.share_units)"),
        ("case\n            when benefits.paid_when is null then 1\n", "case\n            when true then 1\n"),
        ("disputes.agreement is null or (", "("),
        (") = 1 as is_held", ") >= 1 as is_held"),
        ("then greatest(paid.payable, 0)", "then 0"),
        ("coalesce(disputes.line, allocated.line)", "allocated.line"),
    ],
    "int_payouts_released.sql": [
        ("benefits.holds_disputed then", "true then"),
        ("case when amount > 0 then least(", "case when true then least("),
        ("least(greatest(released - settled, 0), released)", "released"),
        ("greatest(released - settled, 0), released)", "greatest(released - settled, 0), released - settled)"),
        ("coalesce(sum(unpaid) over sooner, 0)", "0"),
        ("sooner as (partition by payout_key order by due_date, release_no", "sooner as (partition by payout_key order by release_no desc"),
    ],
    "fct_dispute.sql": [("coalesce(disputes.waits_for, disputes.status)", "disputes.status")],
}  # fmt: skip

PAID: dict[str, list[tuple[str, str]]] = {
    "int_payments_converted.sql": [
        ("coalesce(payments.currency = agreements.currency, payments.currency is null)", "payments.currency is null"),
        ("coalesce(payments.currency = agreements.currency, payments.currency is null)", "true"),
        ("case when amount is null then 'no_rate' end", "cast(null as varchar)"),
        ('"to_agreement.is_inverse", "agreements.payout_unit"', '"to_agreement.is_inverse", "100"'),
        ("and payments.paid_on between", "and payments.paid_on + 1 between"),
    ],
    "money.sql": [("as decimal(38, 6)) * cast(1000000", "as decimal(38, 1)) * cast(1000000")],
}  # fmt: skip
EXCHANGED: dict[str, list[tuple[str, str]]] = {
    "int_payments_converted.sql": [
        ("when payments.currency = settings.currency then payments.amount", "when payments.currency is null then payments.amount"),
        ('"to_book.rate", "to_book.is_inverse"', '"to_agreement.rate", "to_agreement.is_inverse"'),
    ],
    "payout_rows.sql": [("{{ payments }}.paid_reporting - {{", "{{ payments }}.paid_reporting + {{")],
    "int_journal_entries_unposted.sql": [
        ("journal.kind in ('settlement', 'exchange_difference') and", "journal.kind in ('settlement') and"),
        ("coalesce(delivered.currency, subjects.currency) as currency", "subjects.currency as currency"),
        ("or journal.kind = 'exchange_difference' and", "or false and"),
    ],
    "fct_journal.sql": [
        ("then 'exchange_difference' else 'cash' end", "then 'payable_liability' else 'cash' end"),
        ("then 'exchange_difference' else 'cash' end", "then 'exchange_difference' else 'receivable_asset' end"),
        ("then 'cash' else 'exchange_difference' end", "then 'exchange_difference' else 'cash' end"),
    ],
}  # fmt: skip

ARRIVED: dict[str, list[tuple[str, str]]] = {
    "fct_transaction.sql": [("when unresolved.file_no is not null then 'rejected'", "when false then 'rejected'")],
    "int_rows_replaced.sql": [
        ("order by file_no, row_no) as run_no", "order by row_no, file_no) as run_no"),
        ("rows.file_no < newest.file_no", "rows.file_no <= newest.file_no"),
        ("where runs.is_same", "where not runs.is_same"),
        ("files.status = 'withdrawn' or replaced.file_no is not null", "replaced.file_no is not null"),
        ("bool_and(files.status", "bool_or(files.status"),
        ("where json_extract_string(rejects.raw, '/corrects_file') is not null", "where false"),
    ],
    "audit_feed_file.sql": [
        ("filter (where disposition = 'superseded')", "filter (where disposition <> 'loaded')"),
    ],
    "audit_reject_resolved.sql": [
        ("order by how desc, by_file_no asc, by_row_no asc", "order by how asc, by_file_no asc, by_row_no asc"),
        ("where later.file_no > rejects.file_no or", "where later.file_no >= rejects.file_no or"),
        ("and rejects.row_no = corrections.corrects_row", "and rejects.row_no <> corrections.corrects_row"),
    ],
    "audit_reject.sql": [
        ("rejects.feed = files.feed and rejects.file_no = files.file_no", "rejects.feed = files.feed and rejects.file_no <= files.file_no"),
    ],
}  # fmt: skip

DELETED: dict[str, list[tuple[str, str]]] = {
    "int_rows_replaced.sql": [("and is_deleted = lag(is_deleted) over arrival", "")],
}

#: Why a line counts or does not.
AUDITED: dict[str, list[tuple[str, str]]] = {
    "audit_line.sql": [
        ("then lines.original_date else lines.date end as counted_date", "then lines.date else lines.date end as counted_date"),
        ("when not (is_in_term or is_in_term_itself) then 3", "when not is_in_term then 3"),
        ("least(scopes.counts_to, lines.takes_part_to)", "scopes.counts_to"),
        ("greatest(scopes.counts_from, lines.takes_part_from)", "scopes.counts_from"),
        ("when road = 'replaced' then 2", "when false then 2"),
        ("credits.share > 0 as has_share", "true as has_share"),
        ("then case when road = 'own' then 1 else 2 end", "then 1"),
        ("when not is_of_type then 4", "when false then 4"),
        ("when not is_in_scope then 5", "when false then 5"),
        ("when not (is_on_road and is_in_term) then 7", "when false then 7"),
        ("max(place) as place", "min(place) as place"),
        ("coalesce(lines.product_id, '') = coalesce(products.product_id, '')", "lines.product_id = products.product_id"),
    ],
    "dim_scope.sql": [("max(last_day) as counts_to", "max(first_day) as counts_to")],
    "fct_transaction.sql": [
        ("%}originals.first_day{%", "%}date{%"),
    ],
}

#: Lines of the prior year, and of a measure with `over`.
EARLIER: dict[str, list[tuple[str, str]]] = {
    "fct_earlier_line.sql": [
        ("coalesce(windows.prior_line_set_key, benefits.measure_line_set_key)", "benefits.measure_line_set_key"),
        ("max(windows.measured_last_period)", "min(windows.measured_last_period)"),
    ],
    "fct_prior_line.sql": [
        ("coalesce(earlier.window_start, payouts.window_start)", "payouts.window_start"),
        ("payouts.span_start and payouts.window_end", "payouts.window_start and payouts.window_end"),
    ],
}

#: In which file of a large book a line is published.
PARTED: dict[str, list[tuple[str, str]]] = {
    "int_payout_lines_allocated.sql": [('where {{ is_in_chosen_part("part") }}', "where true")],
    "int_payouts_measured.sql": [
        ("payouts.last_period = periods.period_no", "payouts.first_period = periods.period_no"),
        ("(periods.number + 2) // 3", "(periods.number + 3) // 3"),
        ("window_measure,\n        cast(sum(summed.line_count) as bigint)", "window_measure,\n        count(*)"),
    ],
}

#: What BI tools join and add up.
JOINED: dict[str, list[tuple[str, str]]] = {
    "int_partners_current.sql": [
        ("order by partners.first_day <= settings.as_of desc", "order by partners.first_day < settings.as_of desc"),
        ("abs(partners.first_day - settings.as_of)", "partners.first_day"),
        ("placed.level + 1 as level", "placed.level as level"),
        ("coalesce(placed.top_parent_id, versions.partner_id)", "placed.top_parent_id"),
    ],
    "dim_product.sql": [
        ("order by products.first_day <= settings.as_of desc", "order by products.first_day < settings.as_of desc"),
        ("abs(products.first_day - settings.as_of)", "products.first_day"),
    ],
}  # fmt: skip
ADDED_UP: dict[str, list[tuple[str, str]]] = {
    "dim_date.sql": [
        ("days.date <= settings.as_of", "days.date < settings.as_of"),
        ("isodow(days.date)", "dayofweek(days.date)"),
    ],
    "fct_payout_month.sql": [
        ("when payouts.status in ('final', 'closed') then", "when payouts.status <> 'blocked' then"),
        ("periods.last_day as date", "periods.first_day as date"),
    ],
    "int_payouts_rated.sql": [
        ("when 'payable' then -1 else 1 end", "when 'payable' then 1 else -1 end"),
    ],
}

MUTANTS: list[Mutant] = [
    *mutants_of(CREDITED, LINES),
    *mutants_of(SHARED, SHARES),
    *mutants_of(LARGE, MAGNITUDES),
    *mutants_of(AGREED, GOLDEN),
    *mutants_of(BOOKED, LATER_CLOSES),
    *mutants_of(CLOSED_AGAIN, CLOSE),
    *mutants_of(RELEASED, RELEASES),
    *mutants_of(ADJUSTED, ADJUSTMENTS),
    *mutants_of(COLLECTED, COLLECTIONS),
    *mutants_of(DISPUTED, DISPUTES),
    *mutants_of(PAID, PAYMENTS),
    *mutants_of(EXCHANGED, LATER_CLOSES),
    *mutants_of(MAPPED, ("tests/integration/ledger/test_accounts.py",)),
    *mutants_of(ARRIVED, ARRIVALS),
    *mutants_of(DELETED, DELETIONS),
    *mutants_of(PARTED, PARTS),
    *mutants_of(JOINED, ("tests/integration/publishing/test_star.py", "-k", "what_it_is_today")),
    *mutants_of(ADDED_UP, ("tests/integration/publishing/test_star.py", "-k", "calendar or months")),
    *mutants_of(AUDITED, AUDIT),
    *mutants_of(EARLIER, ("tests/golden", "-k", "add_up")),
]
