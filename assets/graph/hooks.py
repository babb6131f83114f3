"""What happens when a step of a run fails: one line in the run's log that says what failed and what to do.

Belongs here: hooks. Does not belong here: the wording per kind of error (assets/graph/failures.py).
"""

import logging

import dagster as dg

from assets.graph.failures import KEPT_MESSAGE, noted_way_out


@dg.failure_hook(name="explain_failure")
def explain_failure(context: dg.HookContext) -> None:
    """Say which step failed, why, and the way out."""
    log_failure(context.log, context.op.name, context.op_exception)


def log_failure(log: logging.Logger, step: str, error: BaseException | None) -> None:
    """The entry itself, also for checks, which take no hook."""
    reason = (error.description if isinstance(error, dg.Failure) else None) or error or "it was stopped"
    log.error(f"{step} failed: {reason}\nNothing was published by this run. {KEPT_MESSAGE}\nWay out: {noted_way_out(error)}")
