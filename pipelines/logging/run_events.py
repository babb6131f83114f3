"""Log events for the start and the end of a run.

Belongs here: the events around a run. Does not belong here: those of its steps (assets/runtime/step_events.py), lines of the log
(pipelines/logging/format.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assets.runtime.context import RunContext
from assets.runtime.events import bound_fields, is_logging, log_event


@contextmanager
def log_run(context: RunContext) -> Iterator[Callable[[str, str], None]]:
    """Log that a run starts. Call the function it yields with `status` and run id to log that it ended. The code that shows an error logs the failure."""
    began = time.perf_counter()
    with bound_fields(book=context.book.book, as_of=context.as_of):
        if is_logging():
            from assets.runtime.versions import code_version

            version = code_version()
            log_event("run_started", f"Run of {context.folder} as of {context.as_of}", folder=context.folder, version=version, is_rebuild=context.is_rebuild)

        def log_end(status: str, run_id: str) -> None:
            shown = "nothing new" if status == "nothing_new" else status
            log_event("run_finished", f"Run {run_id}: {shown}", run=run_id, status=status, seconds=round(time.perf_counter() - began, 3))

        yield log_end
