"""What the tests do once although every run of a book does it: reading dbt's manifest, and making a book that many tests read.

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
    """Runs read dbt's manifest three times; here one is kept for the process. That of the tests' own, with its tests, is read each time."""
    from assets import dbt

    read, start = dbt.load_manifest, functools.cache(dbt.start_dbt)
    read_models = functools.cache(functools.partial(read, has_tests=False))
    dbt.load_manifest = lambda has_tests=True: read() if has_tests else read_models()
    dbt.start_dbt = start


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
