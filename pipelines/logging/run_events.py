"""When a run or a step begins and ends, as events of the log.

Belongs here: the events around runs and steps. Does not belong here: what a step tells as it works (assets/), lines of the log (pipelines/logging/format.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.runtime.events import bind, bound_fields, is_listened_to, log_event
from models.documents import InputError


@contextmanager
def log_run(context: RunContext) -> Iterator[Callable[[str, str], None]]:
    """Tell that a run starts, and by the function that is handed out that it ended: `status`, run id. A run that fails is told by who shows the error."""
    began = time.perf_counter()
    with bound_fields(book=context.book.book, as_of=context.as_of):
        if is_listened_to():
            from assets.archive.run_identity import code_version

            version = code_version()
            log_event("run_started", f"Run of {context.folder} as of {context.as_of}", folder=context.folder, version=version, is_rebuild=context.is_rebuild)

        def tell_end(status: str, run_id: str) -> None:
            said = "nothing new" if status == "nothing_new" else status
            log_event("run_finished", f"Run {run_id}: {said}", run=run_id, status=status, seconds=round(time.perf_counter() - began, 3))

        yield tell_end


@contextmanager
def log_step(context: RunContext, name: str, title: str) -> Iterator[Callable[[StepReport], None]]:
    """Tell that a step starts, and by the function that is handed out that it ended with its report; or that it failed.

    Once a step has named the run, every event after it does.
    """
    began = time.perf_counter()
    named: dict[str, str] = {}

    def log_report(report: StepReport) -> None:
        seconds = round(time.perf_counter() - began, 3)
        figures = {key: value for key, value in report.figures.items() if isinstance(value, int | str)}
        named.update({"run": report.figures["run_id"]} if "run_id" in figures else {})
        for warning in report.figures.get("warnings", ()):
            log_event("warning", warning, logging.WARNING)
        for problem in report.figures.get("unreadable", ()):
            log_event("file_refused", str(problem), logging.ERROR, file=problem.file, reason=problem.message)
        if name == "publish":
            log_event("published", f"Published in {context.published / 'current'}", folder=context.published / "current", rows=report.rows, **named)
        message = "".join(f"{key.replace('_', ' ')} {value}, " for key, value in figures.items())
        log_event("step_finished", f"{title}: {message}done in {seconds} s", seconds=seconds, figures=figures, rows=report.rows, **named)

    with bound_fields(step=name):
        log_event("step_started", title)
        try:
            yield log_report
        except Exception as error:
            _tell_failed_step(title, error, round(time.perf_counter() - began, 3))
            raise
    bind(**named)


def _tell_failed_step(title: str, error: Exception, seconds: float) -> None:
    if isinstance(error, CheckFailed):
        log_event("check_failed", f"Check failed: {error.check}: {error.finding}", logging.ERROR, check=error.check, finding=error.finding)
    if isinstance(error, InputError):
        for problem in error.problems:
            if problem.file.startswith("feeds/"):
                log_event("file_refused", str(problem), logging.ERROR, file=problem.file, line=problem.line, reason=problem.message)
    log_event("step_failed", f"{title}: failed after {seconds} s", logging.ERROR, seconds=seconds, error=type(error).__name__)
