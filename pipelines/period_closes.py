"""Closing by Dagster: one partition per fiscal period, several of them in one run, with checks of their own.

Belongs here: the asset, its partitions, job and month-end schedule. Does not belong here: what closing is (pipelines/close.py, assets/closing/close.py).
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from assets.published.reader import fetch, open_published
from assets.runtime.book_folder import open_book
from models.calendars import Period, make_periods
from models.documents import InputError
from pipelines import tables
from pipelines.failures import as_failure, cause
from pipelines.hooks import explain_failure
from pipelines.resources import BookFolder

KEY = tables.key("closes", "closed_periods")
#: How far back periods are offered; older ones are closed with the command.
YEARS_BACK = 5
#: Statements about one closed period in the published tables: what breaks each.
CHECKS = {
    "period_is_closed": "select ? as period where $1 not in (select period from audit_close where kind = 'close' and is_in_force)",
    "nothing_of_the_period_is_unposted": "select payout_id, origin_period, accrual from fct_accrual where period = ? and not is_posted and accrual <> 0",
    "journal_of_the_period_balances": "select entry_id from fct_journal where period = ? group by all having sum(debit) <> sum(credit)",
}


class CloseConfig(dg.Config):
    """Who closes, and what they accept."""

    closed_by: str = Field(description="Who closes; stays in the ledger.")
    accept_open: str | None = Field(default=None, description="Close although payouts are blocked or rows rejected; the reason stays in the ledger.")


def list_periods(folder: Path, today: dt.date) -> list[Period]:
    """The periods of the book's calendar that have ended, from some years back; none where the book cannot be read."""
    try:
        calendar = open_book(folder).calendar
    except InputError:
        return []
    first = today.replace(year=today.year - YEARS_BACK, day=1)
    return [period for period in make_periods(calendar, first, today) if period.last_day < today]


def close_parts(folder: Path, today: dt.date) -> tuple[dg.AssetsDefinition, list[Any]]:
    """The asset that closes, and what launches it: a job for any periods, and a schedule for the one that ended last."""
    names = [period.name for period in list_periods(folder, today)]
    partitions = dg.StaticPartitionsDefinition(names)
    specs = [dg.AssetCheckSpec(name, asset=KEY, description=name.replace("_", " ").capitalize() + ".") for name in CHECKS]

    @dg.asset(
        key=KEY,
        deps=[tables.key("published", name) for name in ("fct_accrual", "fct_journal", "fct_payout")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=specs,
        group_name=KEY.path[0],
        owners=[tables.OWNERS[KEY.path[0]]],
        kinds={"csv"},
        hooks={explain_failure},
        description="Fiscal periods frozen in the ledger. Materializing a partition closes it, as `tierledger close` does; several are closed in order.",
    )
    def closed_periods(context: dg.AssetExecutionContext, config: CloseConfig, book: BookFolder) -> Iterator[Any]:
        from pipelines.close import close_book

        heads = {}
        try:
            for name in sorted(context.partition_keys):
                closing = close_book(book.path, name, config.closed_by, accept_open=config.accept_open)
                context.log.info(f"{name}: {'closed' if closing.closed else 'was closed before'}; head {closing.head}")
                heads[name] = closing.head
        except Exception as error:
            raise as_failure(error) from cause(error)
        yield dg.MaterializeResult(metadata={"head": closing.head, **{f"head after {name}": head for name, head in heads.items()}})
        with open_published(book.path) as con:
            for check, query in CHECKS.items():
                broken = {name: rows for name in heads if (rows := fetch(con, query, [name]))}
                yield dg.AssetCheckResult(passed=not broken, check_name=check, metadata={name: str(rows[:3]) for name, rows in broken.items()})

    close_periods = dg.define_asset_job(
        "close_periods",
        selection=dg.AssetSelection.assets(KEY),
        partitions_def=partitions,
        description="Closes the periods chosen, in order. The same as `tierledger close`, one after the other.",
    )

    @dg.schedule(
        name="month_end",
        job=close_periods,
        cron_schedule="0 6 5 * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="On the fifth of the month at 06:00 UTC, closes the period that ended last.",
    )
    def month_end(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        ended = list_periods(folder, context.scheduled_execution_time.date())
        if not ended or ended[-1].name not in names:
            return dg.SkipReason("no period has ended that this code location knows; reload it")
        return dg.RunRequest(partition_key=ended[-1].name, run_config={"ops": {"closes__closed_periods": {"config": {"closed_by": "schedule month_end"}}}})

    return closed_periods, [close_periods, month_end]
