"""What the tests do once although every run of a book does it: starting dbt, and making a book that many tests read.

Belongs here: doing it once, per process or for all of them. Does not belong here: what a book holds.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@functools.cache
def prepare_engine() -> None:
    """What dbt does once per process a run does ahead of its steps; here runs follow each other in one process."""
    from assets.transform import dbt

    dbt.start_dbt = functools.cache(dbt.start_dbt)


def make_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` that `make` fills, made by the first test process that asks for it; the others wait. Tests leave it as it is."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder
