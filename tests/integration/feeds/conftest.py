"""Fixtures of the tests of feeds."""

from __future__ import annotations

import pytest

import assets.feeds.load


@pytest.fixture
def rejected_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of nothing but rejected rows is taken in, for tests of single values. test_whole_files.py tests that it is refused."""
    monkeypatch.setattr(assets.feeds.load, "check_rejected", lambda *_: ([], []))
