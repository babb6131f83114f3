"""What is to be paid: of every part of a payout, what is released and neither paid nor in a live batch.

Belongs here: the queries over the published tables. Does not belong here: what is published (dbt_project/models/marts), sealing a batch (batches.py).

Of a payout as a whole, open = released − paid − written off − in live batches. A payment before its day is not too much: only what exceeds all that is
payable is taken back. The parts share what is open: a part cannot have more than it released beyond its own batches and payments by reference; other
payments fill the parts by due date, as in fct_release.
"""

from __future__ import annotations

import datetime as dt

import duckdb

from assets.published.formatting import money
from assets.published.reader import Row, fetch

#: Temporary views: `open_payouts` with what is open of each payout, `open_parts` with what is open of each part.
_VIEWS = """
    create or replace temp view batched as
        select payout_id, release_no, sum(pending_amount) as pending, sum(confirmed_amount) as confirmed
        from fct_payment_batch where batch_no <> coalesce(getvariable('without_batch'), 0) group by all;
    create or replace temp view open_payouts as
        with sums as (
            select payouts.*, payouts.settled + payouts.written_off + coalesce(live.pending, 0) as gone,
                least(released, payable) as lowest, greatest(released, payable) as highest
            from fct_payout as payouts
            left join (select payout_id, sum(pending) as pending from batched group by all) as live using (payout_id)
            where direction = 'payable'
        )
        select * exclude (lowest, highest),
            case
                when gone < lowest then lowest - gone
                when gone > highest and status in ('final', 'closed') then highest - gone
                else 0
            end as to_pay
        from sums;
    create or replace temp view open_parts as
        with parts as (
            select payout_id, release_no, parts.due_date, to_pay, released - coalesce(pending, 0) - coalesce(confirmed, 0) as unused,
                case when to_pay > 0 then greatest(unused, 0) else least(unused, 0) end as room
            from (select payout_id, release_no, due_date, released from fct_release) as parts
            join (select payout_id, to_pay from open_payouts where to_pay <> 0) using (payout_id)
            left join batched using (payout_id, release_no)
        ),
        rooms as (
            select *,
                -- payments that name no part filled the first ones, so what is open is in the last
                coalesce(sum(room) over (in_order rows between 1 following and unbounded following), 0) as room_later,
                row_number() over (partition by payout_id order by due_date <= $as_of desc nulls last, due_date desc, release_no desc) = 1 as is_last_due,
                sum(room) over (partition by payout_id) as all_room
            from parts
            window in_order as (partition by payout_id order by due_date, release_no)
        )
        select payout_id, release_no, due_date,
            case
                when to_pay > 0 then least(room, greatest(to_pay - room_later, 0)) + if(is_last_due, greatest(to_pay - all_room, 0), 0)
                else greatest(room, least(to_pay - room_later, 0)) + if(is_last_due, least(to_pay - all_room, 0), 0)
            end as amount
        from rooms"""

#: The lines of a batch: the open parts that fell due, of payees whose sum in a currency is above 0.
_LINES = """
    with due as (
        select parts.*, payouts.agreement_id, payouts.benefit_id, payouts.participant_id, payouts.window_start, payouts.currency,
            sum(amount) over (partition by participant_id, currency) as net
        from open_parts as parts join fct_payout as payouts using (payout_id)
        where amount <> 0 and parts.due_date <= least($due_by, $as_of)
    ),
    numbered as (
        select *, dense_rank() over (order by participant_id, currency) as payment_no,
            row_number() over (partition by participant_id, currency order by due_date, payout_id, release_no) as line_no
        from due where net > 0
    )
    select printf('TL-%04d-%04d-%02d', $batch, payment_no, line_no) as reference, printf('TL-%04d-%04d', $batch, payment_no) as payment_reference,
        payout_id, release_no, agreement_id, benefit_id, participant_id, window_start, due_date, currency, cast(amount as decimal(18, 4)) as amount
    from numbered"""

_WAITING = """
    select participant_id, currency, sum(amount) as net, count(*) as parts
    from open_parts as parts join fct_payout using (payout_id)
    where amount <> 0 and parts.due_date <= least($due_by, $as_of)
    group by all having net <= 0 order by all"""

#: Payouts of a batch that could no longer be proposed with the amounts that it has.
_CHANGED = """
    select payout_id, any_value(agreement_id) as agreement_id, any_value(benefit_id) as benefit_id, any_value(participant_id) as participant_id,
        any_value(window_start) as window_start, any_value(currency) as currency, sum(pending_amount) as amount,
        coalesce((select to_pay from open_payouts where open_payouts.payout_id = lines.payout_id), 0) as to_pay
    from fct_payment_batch as lines where batch_no = $batch
    group by payout_id having amount <> 0 and (amount > 0 and to_pay < amount or amount < 0 and to_pay > amount)
    order by all"""

_LIVE = """
    select batch_no, currency,
        case
            when bool_or(cancelled_by is not null) then 'cancelled'
            when bool_and(state = 'confirmed') then 'confirmed'
            when bool_or(approved_by is not null) then 'approved'
            else 'proposed'
        end as state,
        any_value(proposed_by) as proposed_by, any_value(proposed_on) as proposed_on,
        any_value(due_by) as due_by, any_value(approved_by) as approved_by, any_value(cancelled_by) as cancelled_by, any_value(reason) as reason,
        count(distinct participant_id) as payees, count(*) as parts, sum(amount) as amount, sum(confirmed_amount) as confirmed_amount,
        sum(pending_amount) as pending_amount
    from fct_payment_batch
    group by batch_no, currency order by batch_no, currency"""


def view_open_parts(con: duckdb.DuckDBPyConnection, as_of: dt.date, without_batch: int = 0) -> None:
    """Make the views. `without_batch`: as if that batch had never been proposed."""
    con.execute(f"set variable without_batch = {int(without_batch)}")
    con.execute(_VIEWS.replace("$as_of", f"date '{as_of}'"))


def select_lines(con: duckdb.DuckDBPyConnection, batch: int, due_by: dt.date, as_of: dt.date) -> duckdb.DuckDBPyRelation:
    """The lines of the next batch, with their references."""
    return con.sql(_LINES, params={"batch": batch, "due_by": due_by, "as_of": as_of})


def list_waiting(con: duckdb.DuckDBPyConnection, due_by: dt.date, as_of: dt.date) -> list[Row]:
    """Payees with parts that are due, but nothing to be paid in sum."""
    return fetch(con, _WAITING, {"due_by": due_by, "as_of": as_of})


def list_changed(con: duckdb.DuckDBPyConnection, batch: int) -> list[Row]:
    """The payouts of the batch of which less is to be paid, or taken back, than it says. Needs the views without the batch."""
    return fetch(con, _CHANGED, {"batch": batch})


def describe_proposed(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The batches that wait for approval, each in a sentence."""
    amounts: dict[tuple[int, str], list[str]] = {}
    for row in list_sums(con):
        if row["state"] == "proposed" and row["pending_amount"]:
            amounts.setdefault((row["batch_no"], row["proposed_by"]), []).append(money(row["pending_amount"], row["currency"]))
    return [
        f"Payment batch {number} ({', '.join(parts)}), proposed by {by}, waits for approval: `tierledger pay --approve {number} --by NAME`"
        for (number, by), parts in amounts.items()
    ]


def list_sums(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Every batch with its state and sums, one row per batch and currency."""
    return fetch(con, _LIVE)
