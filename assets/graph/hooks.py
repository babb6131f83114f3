"""What happens when a step of a run fails: one entry in the run's log with the cause and the way out.

Belongs here: hooks. Does not belong here: the wording per kind of error (assets/graph/failures.py).
"""

import logging

import dagster as dg

from assets.graph.failures import KEPT_MESSAGE, attached_way_out


@dg.failure_hook(name="explain_failure")
def explain_failure(context: dg.HookContext) -> None:
    """Log which step failed, why, and the way out."""
    log_failure(context.log, context.op.name, context.op_exception)


def log_failure(log: logging.Logger, step: str, error: BaseException | None) -> None:
    """The log entry, also for checks, which cannot have a hook."""
    reason = (error.description if isinstance(error, dg.Failure) else None) or error or "it was stopped"
    log.error(f"{step} failed: {reason}\nNothing was published by this run. {KEPT_MESSAGE}\nWay out: {attached_way_out(error)}")
