"""What several tests share: dbt started, the demo book, written and run once, and how hard property tests search.

The same examples on every run; `pytest --hypothesis-profile=search` looks further.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.once import make_once, prepare_engine


def _take_one_core() -> None:
    """Where there are as many test processes as cores, each keeps to one, with all that it starts: more threads than that wait for each other."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) >= len(cores):
            os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


_take_one_core()  # before Polars is imported and counts the cores
_RELAXED: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("repeatable", max_examples=30, derandomize=True, **_RELAXED)
settings.register_profile("search", max_examples=1500, **_RELAXED)
settings.register_profile("mutants", max_examples=60, derandomize=True, phases=[Phase.explicit, Phase.generate], **_RELAXED)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    prepare_engine()


@pytest.fixture(scope="session")
def demo_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo book after one whole run. Tests read it and leave it as it is."""
    from examples.demo.generate import write_demo_book
    from pipelines.run import run_book

    def make(folder: Path) -> None:
        write_demo_book(folder)
        run_book(folder)

    return make_once(tmp_path_factory, "demo", make)
