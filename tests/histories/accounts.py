"""What the published tables and the ledger must say after every step: one query per statement, over what readers see and the ledger's own files.

Belongs here: queries whose rows break a statement. Does not belong here: hashes, other books, the reference (evidence.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from tests.torture.drawing import Row

SHOWN = 3


@dataclass(frozen=True)
class Facts:
    """What the simulation knows by itself. `allowed`: reasons by cluster; `payments`: those known by as_of; `just_closed`: nothing came since the close."""

    first_open: str
    allowed: dict[str, set[str]]
    payments: Sequence[Row]
    just_closed: bool


def first_open(periods: Sequence[tuple[str, dt.date, dt.date]], last_closed: str | None) -> str:
    return next(name for name, _, _ in periods if last_closed is None or name > last_closed)


def open_tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """The published tables under their names, and the ledger's files as `kept_<table>`, everything in them text but the money."""
    con = duckdb.connect(config={"threads": 1})
    for path in (folder / "published" / "current").glob("*.parquet"):
        con.execute(f"create view {path.stem} as from read_parquet('{path}')")
    for table, empty in _KEPT.items():
        paths = sorted(map(str, (folder / "ledger").glob(f"[0-9]*/{table}.csv")))
        if paths:
            con.execute(
                f"""create table kept_{table} as select cast(regexp_extract(filename, '/([0-9]+)-[^/]*/[^/]*$', 1) as integer) as sequence, *
                from read_csv({paths}, all_varchar = true, filename = true, header = true, nullstr = '', delim = ',', quote = '"')"""
            )
        else:
            con.execute(f"create table kept_{table} ({empty})")
    lines = folder / "ledger" / "write_offs.jsonl"
    if lines.exists():
        con.execute(
            f"""create table kept_write_offs as select payout_id, period, cast(amount as decimal(18, 4)) as amount
            from read_json('{lines}', columns = {{payout_id: 'varchar', period: 'varchar', amount: 'varchar'}})"""
        )
    else:
        con.execute("create table kept_write_offs (payout_id varchar, period varchar, amount decimal(18, 4))")
    return con


_KEPT = {
    "accruals": "sequence integer, payout_id varchar, agreement_id varchar, direction varchar, period varchar,"
    " origin_period varchar, reason varchar, accrual varchar",
    "journal": "sequence integer, entry_id varchar, line_no varchar, date varchar, period varchar, origin_period varchar, account varchar, debit varchar,"
    " credit varchar, currency varchar, kind varchar, payout_id varchar",
    "payouts": "sequence integer, payout_id varchar, payout varchar",
}


def payout_id(row: Row) -> str:
    key = (row["agreement"], row["benefit"], row["participant_id"], row["window_start"])
    return "p" + hashlib.sha256(chr(31).join(map(str, key)).encode()).hexdigest()[:20]


def check_accounts(folder: Path, facts: Facts) -> tuple[list[str], int]:
    """What breaks a statement, and how many statements were checked."""
    with open_tables(folder) as con:
        paid = [{"payout_id": payout_id(row), "amount": Decimal(row["amount"])} for row in facts.payments]
        con.register("paid", pl.DataFrame(paid, schema={"payout_id": pl.String, "amount": pl.Decimal(18, 4)}).to_arrow())
        allowed = [{"cluster": cluster, "reason": reason} for cluster, reasons in facts.allowed.items() for reason in reasons]
        con.register("allowed", pl.DataFrame(allowed, schema={"cluster": pl.String, "reason": pl.String}).to_arrow())
        con.execute("set variable first_open = ?", [facts.first_open])
        con.execute("set variable just_closed = ?", [facts.just_closed])
        con.execute(_SETTLED)
        findings = []
        for name, query in STATEMENTS.items():
            broken = con.sql(f"from ({query}) limit {SHOWN}")
            rows = broken.fetchall()
            findings += [f"{name}: " + ", ".join(f"{c} {v}" for c, v in zip(broken.columns, row, strict=True)) for row in rows]
        return findings, len(STATEMENTS)


#: What of an entry is cash: positive where money went as the payout says.
_SETTLED = """
    create table settled as
    select payout_id, sum(if(kind = 'settlement' and account = '1000', if(direction = 'payable', credit - debit, debit - credit), 0)) as cash,
        sum(if(account in ('2200', '1300'), if(direction = 'payable', credit - debit, debit - credit), 0)) as balance
    from fct_journal
    join (select payout_id, direction from fct_payout union select payout_id, direction from kept_accruals) using (payout_id)
    group by payout_id"""

STATEMENTS: dict[str, str] = {
    "posted rows are the ledger's": """
        with kept as (
            select payout_id, period, origin_period, sum(accrual::decimal(18, 4)) as accrual from kept_accruals group by all
        ),
        shown as (select payout_id, period, origin_period, sum(accrual) as accrual from fct_accrual where is_posted group by all)
        (select 'ledger' as only_in, * from (from kept except all from shown)) union all (select 'published', * from (from shown except all from kept))""",
    "posted entries are the ledger's": """
        with kept as (
            select entry_id, line_no::int as line_no, date::date as date, period, origin_period, account, debit::decimal(18, 4) as debit,
                credit::decimal(18, 4) as credit, currency, kind, payout_id from kept_journal
        ),
        shown as (
            select entry_id, line_no, date, period, origin_period, account, debit, credit, currency, kind, payout_id from fct_journal
            where period < getvariable('first_open')
        )
        select * from (from shown except all from kept)
        union all
        select * from (from kept except all
            select entry_id, line_no, date, period, origin_period, account, debit, credit, currency, kind, payout_id from fct_journal)""",
    "nothing unposted stands in a closed period": """
        select payout_id, agreement_id, period, origin_period, accrual from fct_accrual where not is_posted and period < getvariable('first_open')""",
    "differences stand in the first open period, others in their own": """
        select agreement_id, payout_id, period, origin_period, reason from fct_accrual
        where not is_posted and period <> greatest(origin_period, getvariable('first_open'))""",
    "a difference has a reason, nothing else has": """
        select agreement_id, payout_id, period, origin_period, reason from fct_accrual
        where (reason is not null) <> (period <> origin_period)""",
    "the reason is one of what happened": """
        select agreement_id, payout_id, benefit_id, participant_id, window_start, period, origin_period, reason, accrual from fct_accrual as a
        where not is_posted and reason is not null
            and not exists (select 1 from allowed where cluster = split_part(a.agreement_id, '-', 1) and allowed.reason = a.reason)
            -- a line of the open period, in a currency without a rate, blocks what closed periods accrued as well
            and not (reason in ('reference', 'fx') and exists (select 1 from fct_payout as p where p.payout_id = a.payout_id and p.status = 'blocked'))""",
    "a close leaves no difference": """
        select agreement_id, payout_id, origin_period, accrual from fct_accrual
        where getvariable('just_closed') and not is_posted and origin_period < getvariable('first_open')""",
    "a row of accruals stands once": """
        select payout_id, period, origin_period, reason, is_posted, count(*) as times from fct_accrual group by all having count(*) > 1""",
    "before and after differ by the accrual": "select payout_id, period from fct_accrual where accrued_before + accrual <> accrued_to_date",
    "ended windows have accrued their payout": """
        select agreement_id, payout_id, payout, sum(accrual) as accrued from fct_payout left join (select payout_id, accrual from fct_accrual) using (payout_id)
        where status in ('final', 'closed', 'blocked') group by all having payout <> coalesce(sum(accrual), 0)""",
    "gone payouts have accrued nothing": """
        select agreement_id, payout_id, sum(accrual) as accrued from fct_accrual anti join fct_payout using (payout_id)
        group by all having sum(accrual) <> 0""",
    "closed payouts show what was frozen last": """
        select agreement_id, payout_id, status, closed_payout, frozen.payout as frozen
        from fct_payout left join (
            select payout_id, arg_max(payout::decimal(18, 4), sequence) as payout from kept_payouts group by all
        ) as frozen using (payout_id)
        join dim_period as periods on window_end between first_day and last_day
        where closed_payout is distinct from if(periods.period < getvariable('first_open'), frozen.payout, null)
            or (status = 'closed') <> (periods.period < getvariable('first_open') and status <> 'blocked')""",
    "a close freezes what is paid": """
        select agreement_id, payout_id, payout, closed_payout from fct_payout
        where getvariable('just_closed') and status = 'closed' and payout is distinct from closed_payout""",
    "entries balance": """
        select entry_id, currency, period, sum(debit) as debit, sum(credit) as credit, count(*) as lines from fct_journal
        group by all having sum(debit) <> sum(credit) or count(*) <> 2 or min(debit) < 0 or min(credit) < 0""",
    "an entry stands once": "select entry_id, line_no, count(*) as times from fct_journal group by all having count(*) > 1",
    "entries of accruals are the accruals": """
        with booked as (
            select payout_id, period, origin_period, sum(case when account in ('4100', '1300') then debit - credit else 0 end) as booked
            from fct_journal where kind in ('accrual', 'true_up', 'restatement') group by all
        ),
        accrued as (select payout_id, period, origin_period, sum(accrual) as accrued from fct_accrual group by all)
        select payout_id, period, origin_period, accrued, booked from accrued full join booked using (payout_id, period, origin_period)
        where coalesce(accrued, 0) <> coalesce(booked, 0)""",
    "settled is what was paid": """
        select agreement_id, payout_id, settled, amount as paid from fct_payout
        left join (select payout_id, sum(amount) as amount from paid group by all) using (payout_id)
        where settled <> coalesce(amount, 0)""",
    "entries of settlements are the payments": """
        with known as (select payout_id, sum(amount) as amount from paid group by all)
        select payout_id, cash, amount as paid from settled full join known using (payout_id)
        where coalesce(cash, 0) <> coalesce(amount, 0) and payout_id in (select payout_id from fct_accrual)""",
    "payable is released, held and waiting, and so are its parts": """
        with parts as (
            select payout_id, sum(amount) as amount, sum(released) as released, sum(held) as held, sum(settled) as settled, sum(disputed) as disputed,
                bool_or(disputed < 0 or disputed > held or (disputed > 0 and released > settled)) as is_odd
            from fct_release group by all
        )
        select agreement_id, payout_id, payable, fct_payout.released, fct_payout.held, waiting, parts.* exclude (payout_id)
        from fct_payout left join parts using (payout_id)
        where payable <> fct_payout.released + fct_payout.held + waiting or payable is distinct from amount
            or fct_payout.released <> parts.released or fct_payout.held <> parts.held or fct_payout.settled <> parts.settled or is_odd""",
    "payable is payout and adjustments": """
        with added as (select payout_id, sum(amount) as amount from fct_adjustment where status = 'booked' group by all)
        select agreement_id, payout_id, payout, adjusted, payable, amount from fct_payout left join added using (payout_id)
        where payable <> payout + adjusted or adjusted <> coalesce(amount, 0)""",
    "closing balances of accounts are what was accrued and added, less what was paid and written off": """
        with owed as (
            select currency, if(direction = 'payable', '2200', '1300') as account,
                sum(coalesce(accrued, 0) + adjusted - settled - written_off) as balance
            from fct_payout left join (select payout_id, sum(accrual) as accrued from fct_accrual group by all) using (payout_id) group by all
        ),
        booked as (
            select currency, account, sum(if(account = '2200', credit - debit, debit - credit)) as balance
            from fct_journal where account in ('2200', '1300') group by all
        )
        select currency, account, owed.balance, booked.balance as booked from owed full join booked using (currency, account)
        -- what was paid for payouts that are gone stays in the journal
        where coalesce(owed.balance, 0) <> coalesce(booked.balance, 0) and not exists (from fct_journal anti join fct_payout using (payout_id))""",
    "of every account and period, opening balance and entries come to what had happened by its end": """
        with moved as (
            select payout_id, origin_period as period, accrual as amount, 'accrued' as what from fct_accrual
            union all select payout_id, period, amount, 'accrued' from fct_adjustment join dim_period on date between first_day and last_day
            where status = 'booked'
            union all select payout_id, period, amount, 'paid' from fct_payment join dim_period on paid_on between first_day and last_day
            union all select payout_id, period, amount, 'written_off' from kept_write_offs
            union all select payout_id, period, exchange_difference, 'exchanged' from fct_payment join dim_period on paid_on between first_day and last_day
        ),
        signed as (
            select payout_id, period, what, coalesce(amount, 0) as amount, direction = 'payable' as is_payable,
                if(what = 'exchanged', (select any_value(currency) from fct_journal where kind = 'exchange_difference'), currency) as currency
            from moved join fct_payout using (payout_id)
        ),
        happened as (
            select period, currency, if(is_payable, '4100', '5100') as account, if(is_payable, amount, -amount) as amount from signed where what = 'accrued'
            union all
            select period, currency, if(is_payable, '2200', '1300'), if((what = 'accrued') = is_payable, -amount, amount) from signed where what <> 'exchanged'
            union all select period, currency, '1000', if(is_payable, -amount, amount) from signed where what in ('paid', 'exchanged')
            union all select period, currency, '6900', if(is_payable, -amount, amount) from signed where what = 'written_off'
            union all select period, currency, '6950', if(is_payable, amount, -amount) from signed where what = 'exchanged'
        ),
        booked as (select * from fct_journal semi join fct_payout using (payout_id)),  -- what was paid for payouts that are gone stays in the journal
        movements as (
            select period, currency, account, sum(amount) as happened, 0 as entries from happened group by all
            union all select period, currency, account, 0, sum(debit - credit) from booked group by all
        ),
        closings as (
            select distinct period, currency, account, sum(happened) over upwards as happened, sum(entries) over upwards as entries
            from movements window upwards as (partition by currency, account order by period)
        )
        -- what came for closed periods is booked in the first open one: before it, closing balances are what the closes booked
        select * from closings
        where happened <> entries and period >= greatest(getvariable('first_open'), (select coalesce(max(period), '') from kept_journal))""",
    "entries of every period balance in each currency": """
        select period, currency, sum(debit) as debit, sum(credit) as credit from fct_journal group by all having sum(debit) <> sum(credit)""",
    "what is carried of a draw is what it topped up less what it took back": """
        select agreement_id, payout_id, carried, topped_up_less_recovered from (
            select payouts.*,
                sum(payout) over in_order as topped_up_less_recovered,
                bool_or(status = 'blocked') over in_order as is_blocked
            from fct_payout as payouts
            semi join (from dim_benefit where draw_recovers) as draws on draws.agreement_id = payouts.agreement_id and draws.benefit_id = payouts.benefit_id
            window in_order as (partition by agreement_id, benefit_id, participant_id order by window_start)
        )
        where not is_blocked and carried <> topped_up_less_recovered""",
    "what is on its way is a part of its line, of live batches alone": """
        select reference, state, amount, pending_amount from fct_payment_batch
        where (cancelled_by is not null and pending_amount <> 0) or pending_amount not between least(amount, 0) and greatest(amount, 0)""",
    "a line of a batch is paid, pending or cancelled, once": """
        select reference, state, amount, confirmed_amount, pending_amount, count(*) over (partition by reference) as times from fct_payment_batch
        qualify times > 1
            or pending_amount <> case
                when state not in ('proposed', 'approved') then 0
                when amount > 0 then greatest(amount - greatest(confirmed_amount, 0), 0)
                else least(amount - least(confirmed_amount, 0), 0)
            end
            or (state = 'confirmed') <> (if(amount > 0, confirmed_amount - amount, amount - confirmed_amount) >= 0)""",
    "exchange differences are those of the payments": """
        with paid as (select payout_id, sum(exchange_difference) as of_payments from fct_payment group by all),
        booked as (
            select payout_id, sum(if(direction = 'payable', credit - debit, debit - credit)) as booked
            from fct_journal join (select payout_id, direction from fct_payout) using (payout_id)
            where kind = 'exchange_difference' and account = '1000' group by all
        )
        select payout_id, of_payments, booked from fct_payout left join paid using (payout_id) left join booked using (payout_id)
        where coalesce(of_payments, 0) <> coalesce(booked, 0)""",
    "open is payable less settled less written off": """
        select agreement_id, payout_id, payable, settled, open_amount, amount as written_off
        from fct_payout left join (select payout_id, sum(amount) as amount from kept_write_offs group by all) using (payout_id)
        where open_amount <> payable - settled - coalesce(amount, 0)""",
    "the balance of an ended window is what is open": """
        select agreement_id, payout_id, open_amount, balance from fct_payout left join settled using (payout_id)
        where status in ('final', 'closed') and open_amount <> coalesce(balance, 0)""",
    "kinds are what they say": """
        select entry_id, kind, period, origin_period from fct_journal
        where (kind = 'restatement' and period < origin_period) or (kind in ('accrual', 'true_up', 'write_off') and period <> origin_period)
            or (kind = 'settlement' and period < origin_period)""",
}
