"""Log events for the start and the end of a step.

Belongs here: the events around a step. Does not belong here: what a step logs as it works (the step itself), the events around a run
(pipelines/logging/run_events.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assets.runtime.context import CheckFailed, StepReport
from assets.runtime.events import bind, bound_fields, log_event
from models.documents import InputError


@contextmanager
def log_step(name: str, title: str) -> Iterator[Callable[[StepReport], None]]:
    """Log that a step starts, and that it failed if it does. Call the function it yields with the report to log that the step ended.

    Once a step has identified the run, every later event has the run's id.
    """
    began = time.perf_counter()
    named: dict[str, str] = {}

    def log_report(report: StepReport) -> None:
        seconds = round(time.perf_counter() - began, 3)
        if report.run_id is not None:
            named["run"] = report.run_id
        metrics = report.metrics
        message = "".join(f"{key.replace('_', ' ')} {value}, " for key, value in metrics.items())
        log_event("step_finished", f"{title}: {message}done in {seconds} s", seconds=seconds, metrics=metrics, rows=report.rows, **named)

    with bound_fields(step=name):
        log_event("step_started", title)
        try:
            yield log_report
        except Exception as error:
            _log_failure(title, error, round(time.perf_counter() - began, 3))
            raise
    bind(**named)


def _log_failure(title: str, error: Exception, seconds: float) -> None:
    if isinstance(error, CheckFailed):
        log_event("check_failed", f"Check failed: {error.check}: {error.finding}", logging.ERROR, check=error.check, finding=error.finding)
    if isinstance(error, InputError):
        for problem in error.problems:
            if problem.file.startswith("feeds/"):
                log_event("file_rejected", str(problem), logging.ERROR, file=problem.file, line=problem.line, reason=problem.message)
    log_event("step_failed", f"{title}: failed after {seconds} s", logging.ERROR, seconds=seconds, error=type(error).__name__)
