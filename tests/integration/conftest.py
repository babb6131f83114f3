"""A book that has run, for tests that start from one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.run import run_book
from tests.support.bonus_book import write_book
from tests.support.once import make_once


@pytest.fixture(scope="session")
def ran_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bonus book after one whole run, made once for all processes. Tests copy it."""
    return make_once(tmp_path_factory, "bonus", lambda folder: run_book(write_book(folder)))
