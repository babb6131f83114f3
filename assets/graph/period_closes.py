"""Closed fiscal periods as an asset: one partition per period that has ended.

Belongs here: the asset, its partitions, its checks. Does not belong here: what closing is (assets/closing/close.py), the job and the schedule that close
(pipelines/period_closes.py).
The asset is external: Dagster shows it but cannot materialize it. So no selection of assets closes a period, not even all of them.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg

from assets.graph import specs
from assets.published.reader import fetch, open_published
from assets.runtime.book_folder import open_book
from models.calendars import make_periods

KEY = specs.key("closes", "closed_periods")
PERIODS = dg.DynamicPartitionsDefinition(name="fiscal_periods")
#: Statements about one closed period in the published tables, each with the query of rows that break it.
CHECKS = {
    "period_is_closed": "select ? as period where $1 not in (select period from audit_close where kind = 'close' and is_in_force)",
    "nothing_of_the_period_is_unposted": "select payout_id, origin_period, accrual from fct_accrual where period = ? and not is_posted and accrual <> 0",
    "journal_of_the_period_balances": "select entry_id from fct_journal where period = ? group by all having sum(debit) <> sum(credit)",
}


def closed_periods() -> dg.AssetSpec:
    """The asset."""
    described = "Fiscal periods frozen in the ledger. The job `close_periods` closes one, as `tierledger close` does; nothing else does."
    parents = [specs.key("published", name) for name in ("fct_accrual", "fct_journal", "fct_payout")]
    return specs.spec("closes", "closed_periods", described, parents).replace_attributes(partitions_def=PERIODS)


def list_ended(folder: Path, day: dt.date) -> list[str]:
    """The periods of the book's calendar that have ended by `day` and by book.yaml's as_of, from the first day of the published agreements.

    The command can close the same ones: a period whose last day is the last day that counts has ended.

    Raises InputError when the book cannot be read or nothing is published.
    """
    book = open_book(folder)
    last = min(day, book.as_of or day)
    with open_published(folder) as con:
        first = fetch(con, "select min(term_from) as day from dim_agreement")[0]["day"]
    if first is None or first > last:
        return []
    return [period.name for period in make_periods(book.calendar, first, last) if first <= period.last_day <= last]


def report_close(folder: Path, heads: Mapping[str, str]) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """The events that report closed periods to Dagster: the head of the ledger after each close, and whether the statements hold."""
    for period, head in heads.items():
        yield dg.AssetMaterialization(KEY, partition=period, metadata={"head": head})
    with open_published(folder) as con:
        for check, query in CHECKS.items():
            broken = {period: rows for period in heads if (rows := fetch(con, query, [period]))}
            found = {period: str(rows[:3]) for period, rows in broken.items()}
            yield dg.AssetCheckEvaluation(asset_key=KEY, check_name=check, passed=not broken, metadata=found)
