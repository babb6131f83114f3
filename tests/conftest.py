"""What several tests share: the demo book, written and run once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def demo_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo book after one whole run. Tests read it and leave it as it is."""
    from examples.demo.generate import write_demo_book
    from pipelines.steps import run_book

    folder = tmp_path_factory.mktemp("demo") / "book"
    write_demo_book(folder)
    run_book(folder)
    return folder
