"""When a run or a step begins and ends, as events of the log.

Belongs here: the events around runs and steps. Does not belong here: what a step tells as it works (assets/), lines of the log (pipelines/logging/format.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.runtime.events import is_listened_to, share, sharing, tell
from models.documents import InputError


@contextmanager
def telling_run(context: RunContext) -> Iterator[Callable[[str, str], None]]:
    """Tell that a run starts, and by the function that is handed out that it ended: `status`, run id. A run that fails is told by who shows the error."""
    began = time.perf_counter()
    with sharing(book=context.book.book, as_of=context.as_of):
        if is_listened_to():
            from assets.archive.run_identity import code_version

            version = code_version()
            tell("run_started", f"Run of {context.folder} as of {context.as_of}", folder=context.folder, version=version, is_rebuild=context.is_rebuild)

        def tell_end(status: str, run_id: str) -> None:
            said = "nothing new" if status == "nothing_new" else status
            tell("run_finished", f"Run {run_id}: {said}", run=run_id, status=status, seconds=round(time.perf_counter() - began, 3))

        yield tell_end


@contextmanager
def telling_step(context: RunContext, name: str, title: str) -> Iterator[Callable[[StepReport], None]]:
    """Tell that a step starts, and by the function that is handed out that it ended with its report; or that it failed.

    Once a step has named the run, every event after it does.
    """
    began = time.perf_counter()
    named: dict[str, str] = {}

    def tell_report(report: StepReport) -> None:
        seconds = round(time.perf_counter() - began, 3)
        figures = {key: value for key, value in report.figures.items() if isinstance(value, int | str)}
        named.update({"run": report.figures["run_id"]} if "run_id" in figures else {})
        for warning in report.figures.get("warnings", ()):
            tell("warning", warning, logging.WARNING)
        for problem in report.figures.get("unreadable", ()):
            tell("file_refused", str(problem), logging.ERROR, file=problem.file, reason=problem.message)
        if name == "publish":
            tell("published", f"Published in {context.published / 'current'}", folder=context.published / "current", rows=report.rows, **named)
        told = "".join(f"{key.replace('_', ' ')} {value}, " for key, value in figures.items())
        tell("step_finished", f"{title}: {told}done in {seconds} s", seconds=seconds, figures=figures, rows=report.rows, **named)

    with sharing(step=name):
        tell("step_started", title)
        try:
            yield tell_report
        except Exception as error:
            _tell_failed_step(title, error, round(time.perf_counter() - began, 3))
            raise
    share(**named)


def _tell_failed_step(title: str, error: Exception, seconds: float) -> None:
    if isinstance(error, CheckFailed):
        tell("check_failed", f"Check failed: {error.check}: {error.finding}", logging.ERROR, check=error.check, finding=error.finding)
    if isinstance(error, InputError):
        for problem in error.problems:
            if problem.file.startswith("feeds/"):
                tell("file_refused", str(problem), logging.ERROR, file=problem.file, line=problem.line, reason=problem.message)
    tell("step_failed", f"{title}: failed after {seconds} s", logging.ERROR, seconds=seconds, error=type(error).__name__)
