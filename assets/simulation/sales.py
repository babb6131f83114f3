"""The sales that payouts are on, from the lines of one run or of several.

Belongs here: adding lines up. Does not belong here: what is paid on them (costs.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from assets.runtime.context import RunContext
from assets.runtime.sql import scan
from assets.runtime.warehouse import open_warehouse
from models.sql_text import literal


@dataclass(frozen=True)
class Sales:
    """In the currencies of the payouts. `whole`: of everyone, each line once; `of`: of each participant, with its share of a line that several are credited."""

    whole: Mapping[str, Decimal]
    of: Mapping[tuple[str, str], Decimal]


#: What a run counts for some agreements: each line once per currency and participant, however many windows and benefits count it.
_COUNTED = """
    with windows as (
        select distinct currency, participant_id, unnest([own_line_set_key, measure_line_set_key]) as line_set_key, participant_key, first_period, last_period
        from intermediate.int_payouts_measured
        join (select distinct agreement_id, participant_key, participant_id from intermediate.int_participants join terms.agreements using (agreement_key))
            using (agreement_id, participant_key)
        join (select distinct agreement_id, currency from terms.agreements) using (agreement_id)
        where list_contains($ids, agreement_id)
    )
    select currency, participant_id, sha256 as source_sha256, row_no as source_row,
        max(source_amount * fx_rate) as amount, max(amount_millionths) as credited_millionths
    from (from intermediate.int_lines_credited where is_in_term and line_set_key in (select line_set_key from windows)) as lines
    join windows on lines.line_set_key = windows.line_set_key and lines.participant_key = windows.participant_key
        and period_no between first_period and last_period
    join intermediate.int_days_converted using (day_key) join raw.feed_files using (file_no)
    where fx_rate is not null group by all"""
_WHOLE = """
    select currency, round(sum(amount), 2)::decimal(38, 2)
    from (select currency, max(amount) as amount from {counted} group by currency, source_sha256, source_row) group by all"""
_OF_EACH = """
    select currency, participant_id, (sum(credited) // 10000)::decimal(38, 0) * 0.01
    from (select currency, participant_id, max(credited_millionths) as credited from {counted} group by currency, participant_id, source_sha256, source_row)
    group by all"""


def write_counted_lines(context: RunContext, ids: Collection[str], target: Path) -> None:
    """Write what these agreements count in the run that is in the warehouse. The file lies in the folder of the book."""
    with open_warehouse(context) as con:
        con.execute(f"copy ({_COUNTED}) to {literal(str(target))} (format parquet)", {"ids": sorted(ids)})


def read_sales(counted: Sequence[Path]) -> Sales:
    """What is counted in any of the files."""
    with duckdb.connect(config={"threads": 2}) as con:
        whole = con.execute(_WHOLE.format(counted=scan(counted))).fetchall()
        of_each = con.execute(_OF_EACH.format(counted=scan(counted))).fetchall()
    return Sales(dict(whole), {(currency, participant): amount for currency, participant, amount in of_each})
