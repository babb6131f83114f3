"""What must add up in a whole book: statements as queries over the published tables and the book rebuilt from its archive.

Belongs here: data, one statement after the other. Does not belong here: running them (assets/verification/verify.py), statements that a run checks
before it publishes (assets/transform/invariants.py).

Schema `published` holds what readers see. Every other schema belongs to the rebuilt warehouse (`raw`, `staging`, `terms`, `calc`, `ledger`).
"""

from __future__ import annotations

from dataclasses import dataclass

from models.feeds.columns import FEEDS, NUMERIC_KINDS


@dataclass(frozen=True)
class Reconciliation:
    """What must add up. `compared`: a query of one row with the numbers that were compared, named by their columns.

    `broken`: queries of the rows that break it. `absent`: a query that returns true if there is nothing to check, and the reason in words.
    """

    id: str
    holds: str
    compared: str
    broken: tuple[str, ...]
    way_out: str
    absent: tuple[str, str] | None = None


def _per_currency(amount: str, rows: str) -> str:
    """SQL of a sum as text, one amount per currency, because sums over currencies mean nothing."""
    sums = f"select currency, coalesce(sum({amount}), 0) as total from {rows} group by currency"
    return f"(select coalesce(string_agg(total || ' ' || currency, ', ' order by currency), '0') from ({sums}))"


#: The way out of what another run may correct.
RUN_AGAIN = "Run `tierledger run --force`; if it fails again, report it with the output of `tierledger doctor`"
_NOTHING_CLOSED = ("select count(*) = 0 from ledger.closes where kind = 'close'", "nothing closed")
_ROWS = " union all ".join(f"select file_no, row_no from raw.{feed}" for feed in FEEDS) + " union all select file_no, row_no from raw.rejects"
#: What each row adds to the totals that a file may declare. Rejected rows add the values that could be read.
_NUMBERS = {name: [column.name for column in feed.columns if column.kind in NUMERIC_KINDS] for name, feed in FEEDS.items()}
_ADDED = " union all ".join(
    [f"select file_no, 'rows' as total, 1::decimal(38, 12) as value from ({_ROWS})"]
    + [f"select file_no, '{column}', {column} from raw.{feed}" for feed, columns in _NUMBERS.items() for column in columns]
    + [
        f"select file_no, '{column}', try_cast(readable ->> '{column}' as decimal(38, 12)) from raw.rejects"
        for column in sorted({column for columns in _NUMBERS.values() for column in columns})
    ]
)

#: The change of the balance per entry line: positive if the balance grows.
_MOVEMENTS = """
    select journal.payout_id, journal.period, journal.currency, journal.kind,
        case directions.direction when 'payable' then credit - debit else debit - credit end as amount
    from published.fct_journal as journal
    join (
        select payout_id, direction from published.fct_payout
        union
        select payout_id, direction from ledger.accruals
    ) as directions using (payout_id)
    where account_role = case directions.direction when 'payable' then 'payable_liability' else 'receivable_asset' end"""
#: What was accrued and paid before the book began, which its journal does not have.
_OPENED = """
    select payout_id, sum(accrued) as opened_accrued, sum(settled) as opened_settled
    from published.fct_balance where status = 'counted' group by payout_id"""
#: The parts of the roll-forward: opening is 0 where a book begins.
_ROLLED = {
    "accrued": "case when kind in ('accrual', 'true_up') then amount end",
    "restated": "case when kind = 'restatement' then amount end",
    "adjusted": "case when kind = 'adjustment' then amount end",
    "paid": "case when kind = 'settlement' then -amount end",
    "written_off": "case when kind = 'write_off' then -amount end",
    "closing": "amount",
}

RECONCILIATIONS: tuple[Reconciliation, ...] = (
    Reconciliation(
        "I3",
        "Every file that arrived ended once, loaded, withdrawn or as a duplicate, and readers see it",
        """select count(*) as files, count(*) filter (status = 'loaded') as loaded, count(*) filter (status = 'duplicate') as duplicate,
            count(*) filter (status = 'withdrawn') as withdrawn from raw.feed_files""",
        (
            """select feed, file_name, arrival_no, count(*) as times, any_value(status) as status from published.audit_feed_file
            group by feed, file_name, arrival_no having count(*) <> 1 or any_value(status) not in ('loaded', 'duplicate', 'withdrawn')""",
            """select feed, file_name, arrival_no from raw.feed_files anti join published.audit_feed_file using (feed, arrival_no, sha256, status)""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I4",
        "The totals delivered with files are those of their rows, rejected ones included",
        "select count(distinct file_no) as files, count(*) as totals from raw.declared_totals",
        (
            f"""select file_name, total, said as declared, coalesce(sum(value), 0) as read
            from raw.declared_totals join raw.feed_files using (feed, file_no)
            left join ({_ADDED}) using (file_no, total)
            group by feed, file_no, file_name, total, said
            having coalesce(sum(value), 0) is distinct from try_cast(replace(trim(said), ',', '.') as decimal(38, 12))""",
        ),
        "Have the file delivered again under another name; the one in the archive does not have its declared totals",
        ("select count(*) = 0 from raw.declared_totals", "no file came with totals"),
    ),
    Reconciliation(
        "I1",
        "Every row of every file is loaded, duplicate, superseded, rejected or ignored, and only one of them",
        """select count(*) as files, coalesce(sum(rows_read), 0)::bigint as rows, coalesce(sum(rows_loaded), 0)::bigint as loaded,
            coalesce(sum(rows_duplicate), 0)::bigint as duplicate, coalesce(sum(rows_superseded), 0)::bigint as superseded,
            coalesce(sum(rows_rejected), 0)::bigint as rejected, coalesce(sum(rows_ignored), 0)::bigint as ignored from published.audit_feed_file""",
        (
            """select feed, file_name, rows_read, rows_loaded, rows_duplicate, rows_superseded, rows_rejected, rows_ignored
            from published.audit_feed_file
            where rows_read <> rows_loaded + rows_duplicate + rows_superseded + rows_rejected + rows_ignored
                or least(rows_loaded, rows_duplicate, rows_superseded, rows_rejected, rows_ignored) < 0""",
            """select feed, file_name, rows_rejected, count(row_number) as rejects_listed
            from published.audit_feed_file left join published.audit_reject using (feed, file_name, sha256)
            group by feed, file_name, sha256, arrival_no, rows_rejected having rows_rejected <> count(row_number)""",
            # numbers 1 to n, each once: as many, with their sum and the sum of their squares
            f"""select feed, file_name, rows_read, count(row_no) as rows_found
            from raw.feed_files left join ({_ROWS} union all select file_no, row_no from raw.ignored_rows) using (file_no)
            where status = 'loaded'
            group by feed, file_name, file_no, rows_read
            having count(row_no) <> rows_read or coalesce(sum(row_no), 0) <> rows_read * (rows_read + 1) // 2
                or coalesce(sum(row_no::hugeint * row_no), 0) <> rows_read::hugeint * (rows_read + 1) * (2 * rows_read + 1) // 6""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I2",
        "Per file and currency, the amounts of its rows are those that count, wait, are duplicate, superseded or rejected",
        f"select count(distinct file_no) as files, {_per_currency('amount', 'raw.transactions')} as amounts from raw.transactions",
        (
            """with read_as as (select file_no, currency, sum(amount) as amount from raw.transactions group by all),
            set_aside as (
                select file_no, row_no from intermediate.int_rows_replaced where feed = 'transactions'
                union all
                select file_no, row_no from intermediate.int_rows_unresolved where feed = 'transactions'
            ),
            placed as (
                select file_no, currency, sum(amount) as amount
                from (
                    select file_no, currency, amount from staging.stg_transactions
                    union all
                    select file_no, currency, amount from raw.transactions join set_aside using (file_no, row_no)
                    union all
                    select file_no, currency, amount from raw.transactions anti join set_aside using (file_no, row_no)
                    where date > (select as_of from terms.settings)
                )
                group by all
            )
            select file_name, coalesce(read_as.currency, placed.currency) as currency, read_as.amount as in_the_file, placed.amount as accounted_for
            from read_as full join placed on read_as.file_no = placed.file_no and read_as.currency is not distinct from placed.currency
            left join raw.feed_files as files on coalesce(read_as.file_no, placed.file_no) = files.file_no
            where read_as.amount is distinct from placed.amount""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I5",
        "No line counts twice in a payout, and what counts comes from rows that are loaded",
        """select count(*) as lines, count(distinct payout_id) as payouts,
            (select count(*) from (select distinct file_no, row_no from intermediate.int_lines_credited)) as rows_credited,
            (select count(*) from staging.stg_transactions) as rows_loaded
        from published.fct_payout_line""",
        (
            """select payout_id, transaction_id, line, tier, source_file, source_row, count(*) as times from published.fct_payout_line
            group by all having count(*) > 1""",
            """select distinct file_name, row_no from intermediate.int_lines_credited anti join staging.stg_transactions using (file_no, row_no)
            left join raw.feed_files using (file_no)""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I6",
        "The lines of a payout add up to its measure and to its amount, the slices of a curve to what it pays",
        f"select count(*) as payouts, {_per_currency('payout', 'published.fct_payout')} as paid from published.fct_payout where payout <> 0",
        (
            """select payout_id, payout, sum(line_payout) as lines from published.fct_payout left join published.fct_payout_line using (payout_id)
            group by payout_id, payout having coalesce(payout, 0) <> coalesce(sum(line_payout), 0)""",
            """with lines as (
                select payout_id, sum(credited_measure) as credited from published.fct_payout_line group by payout_id having count(transaction_id) > 0
            ),
            measured as (select payout_id, sum(measure_period) as measure from published.fct_achievement group by payout_id)
            select payout_id, measure, credited from lines join measured using (payout_id) where measure <> credited""",
            """with slices as (select payout_id, sum(result) as slices from published.fct_calculation_step where step = 'slice' group by payout_id)
            select payout_id, curve_payout, slices from slices join published.fct_payout using (payout_id)
            where abs(curve_payout - slices) > 0.000000001""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I7",
        "Payouts and their lines are whole units of what is paid in their currency, so that rounded parts add up to the rounded whole",
        "select count(*) as amounts, count(distinct currency) as currencies from published.fct_payout",
        (
            """select payout_id, currency, payout from published.fct_payout join terms.currencies using (currency)
            where (payout::decimal(38, 4) * 10000)::bigint % payout_unit <> 0""",
            """select payout_id, payouts.currency, source_file, source_row, line_payout
            from published.fct_payout_line as lines join published.fct_payout as payouts using (payout_id)
            join terms.currencies as currencies on payouts.currency = currencies.currency
            where (line_payout::decimal(38, 4) * 10000)::bigint % payout_unit <> 0""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I8",
        "Debits equal credits in every entry, currency and period",
        f"""select count(distinct entry_id) as entries, {_per_currency("debit", "published.fct_journal")} as debit,
            {_per_currency("credit", "published.fct_journal")} as credit from published.fct_journal""",
        (
            """select entry_id, currency, period, sum(debit) as debit, sum(credit) as credit, count(*) as lines from published.fct_journal
            group by all having sum(debit) <> sum(credit) or count(*) <> 2 or min(least(debit, credit)) < 0""",
        ),
        RUN_AGAIN,
        ("select count(*) = 0 from published.fct_journal", "nothing posted"),
    ),
    Reconciliation(
        "I9",
        "Opening + accrued, restated and adjusted − paid − written off = closing, per payout and period, and exchange differences, in journal and tables",
        "select " + ", ".join(f"{_per_currency(amount, f'({_MOVEMENTS})')} as {name}" for name, amount in _ROLLED.items()),
        (
            f"""with booked as (
                select payout_id, period, sum(amount) as journal from ({_MOVEMENTS})
                where kind in ('accrual', 'true_up', 'restatement') group by all
            ),
            accrued as (select payout_id, period, sum(accrual) as accruals from published.fct_accrual where accrual is not null group by all)
            select payout_id, period, accruals, journal from booked full join accrued using (payout_id, period)
            where coalesce(accruals, 0) <> coalesce(journal, 0)""",
            f"""with booked as (
                select payout_id, coalesce(-sum(amount) filter (kind = 'settlement'), 0) as paid,
                    coalesce(-sum(amount) filter (kind = 'write_off'), 0) as written_off,
                    coalesce(sum(amount) filter (kind = 'adjustment'), 0) as adjusted
                from ({_MOVEMENTS}) group by all
            )
            select payout_id, settled, paid as paid_in_journal, fct_payout.written_off, booked.written_off as written_off_in_journal,
                fct_payout.adjusted, booked.adjusted as adjusted_in_journal
            from published.fct_payout left join booked using (payout_id) left join ({_OPENED}) using (payout_id)
            where settled - coalesce(opened_settled, 0) <> coalesce(paid, 0) or fct_payout.written_off <> coalesce(booked.written_off, 0)
                or fct_payout.adjusted <> coalesce(booked.adjusted, 0)""",
            f"""select payout_id, open_amount, sum(amount) as balance_in_journal
            from published.fct_payout left join ({_MOVEMENTS}) using (payout_id) left join ({_OPENED}) using (payout_id)
            where status in ('final', 'closed') group by payout_id, open_amount, opened_accrued, opened_settled
            having open_amount <> coalesce(sum(amount), 0) + coalesce(opened_accrued, 0) - coalesce(opened_settled, 0)""",
            """with paid as (select payout_id, sum(exchange_difference) as of_payments from published.fct_payment group by all),
            booked as (
                select payout_id, sum(case direction when 'payable' then credit - debit else debit - credit end) as in_journal
                from published.fct_journal join (select payout_id, direction from published.fct_payout) using (payout_id)
                where kind = 'exchange_difference' and account_role = 'cash' group by all
            )
            select payout_id, of_payments, in_journal from published.fct_payout left join paid using (payout_id) left join booked using (payout_id)
            where coalesce(of_payments, 0) <> coalesce(in_journal, 0)""",
        ),
        RUN_AGAIN,
        (
            "select count(*) = 0 or bool_or(account_role is null) from published.fct_journal",
            "nothing posted, or under accounts of an earlier book",
        ),
    ),
    Reconciliation(
        "I10",
        "One payout per agreement, benefit, participant and window, and what was posted of it adds up to what it pays",
        f"""select count(*) as payouts, (select count(*) from published.fct_accrual) as accruals,
            {_per_currency("case when status in ('final', 'closed') then payout end", "published.fct_payout")} as paid_by_ended_windows
        from published.fct_payout""",
        (
            """select agreement_id, benefit_id, participant_id, window_start, count(*) as times, count(distinct payout_id) as ids
            from published.fct_payout group by all having count(*) > 1""",
            "select payout_id, count(*) as times from published.fct_payout group by all having count(*) > 1",
            f"""select payout_id, window_start, payout, sum(accrual) as posted from published.fct_payout as payouts
            left join (select payout_id, accrual from published.fct_accrual) using (payout_id) left join ({_OPENED}) using (payout_id)
            where status in ('final', 'closed') group by payout_id, window_start, payout, opened_accrued
            having payout <> coalesce(sum(accrual), 0) + coalesce(opened_accrued, 0)""",
        ),
        RUN_AGAIN,
    ),
    Reconciliation(
        "I11",
        "What closed periods froze is what readers see of them: accruals, journal and closed payouts",
        f"""select (select count(*) from ledger.closes where kind = 'close') as closes, (select count(*) from ledger.accruals) as accruals,
            (select count(*) from ledger.journal) as journal_lines, {_per_currency("accrual", "ledger.accruals")} as posted""",
        (
            """with frozen as (select payout_id, period, origin_period, sum(accrual) as accrual from ledger.accruals group by all),
            shown as (select payout_id, period, origin_period, sum(accrual) as accrual from published.fct_accrual where is_posted group by all)
            select payout_id, period, origin_period, shown.accrual as published, frozen.accrual as closed
            from shown full join frozen using (payout_id, period, origin_period) where shown.accrual is distinct from frozen.accrual""",
            """select entry_id, line_no, period, account, debit, credit from ledger.journal
            except all select entry_id, line_no, period, account, debit, credit from published.fct_journal""",
            """select payout_id, closed_payout, frozen.payout as frozen from published.fct_payout
            join (select payout_id, arg_max(payout, sequence) as payout from ledger.payouts group by payout_id) as frozen using (payout_id)
            where closed_payout <> frozen.payout""",
        ),
        RUN_AGAIN,
        _NOTHING_CLOSED,
    ),
    Reconciliation(
        "I12",
        "What was posted over all periods adds up to what a computation from scratch says today",
        """select (select count(distinct payout_id) from published.fct_accrual) as payouts, (select count(*) from published.fct_accrual) as postings,
            (select count(*) from published.fct_accrual where origin_period <> period) as differences""",
        (
            """with due as (
                select payout_id, arg_max(accrued_to_date, period_no) - arg_min(accrued_before, period_no) as due
                from calc.accruals join intermediate.int_payouts_identified using (payout_key) group by payout_id
            ),
            posted as (select payout_id, sum(accrual) as posted from published.fct_accrual group by payout_id)
            select payout_id, due, posted from due full join posted using (payout_id) where coalesce(due, 0) <> coalesce(posted, 0)""",
        ),
        RUN_AGAIN,
        _NOTHING_CLOSED,
    ),
    Reconciliation(
        "I16",
        "Every payout leads to its rows, its clause and its run, and every line to a payout",
        """select count(*) as lines, count(distinct (source_sha256, source_row)) as rows, count(distinct source_sha256) as files
        from published.fct_payout_line where source_sha256 is not null""",
        (
            """select lines.payout_id, lines.source_file, lines.source_row, lines.transaction_id, lines.amount
            from published.fct_payout_line as lines
            left join raw.feed_files as files on lines.source_sha256 = files.sha256 and files.feed = 'transactions' and files.status = 'loaded'
            left join raw.transactions as rows on files.file_no = rows.file_no and lines.source_row = rows.row_no
            where lines.source_row is not null
                and (rows.transaction_id, rows.line, rows.amount) is distinct from (lines.transaction_id, lines.line, lines.amount)
                and (lines.payout_id, lines.source_sha256, lines.source_row) not in (
                    select (payout_id, source_sha256, source_row) from published.fct_balance where status = 'counted'
                )""",
            "select distinct lines.payout_id from published.fct_payout_line as lines anti join published.fct_payout using (payout_id)",
            "select payout_id, payout from published.fct_payout anti join published.fct_payout_line using (payout_id) where payout <> 0",
            """select payout_id, agreement_id, agreement_version, benefit_id, clause from published.fct_payout
            anti join (
                select agreement_id, agreement_version, benefit_id, clause from published.dim_benefit
                join published.dim_agreement using (agreement_id, agreement_version) where content_sha256 is not null
            ) using (agreement_id, agreement_version, benefit_id, clause)""",
            "select payout_id from published.fct_payout anti join published.fct_calculation_step using (payout_id)",
            "select distinct payout_id from published.fct_calculation_step anti join published.fct_payout using (payout_id)",
            "select payout_id, run_id from published.fct_payout anti join published.audit_run using (run_id)",
        ),
        RUN_AGAIN,
        ("select count(*) = 0 from published.fct_payout", "no payouts"),
    ),
)
