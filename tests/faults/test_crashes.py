"""Runs that die, disks that fill up, readers meanwhile: a sample with every `make test`, all of them with `make torture`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.injection import Scorecard
from tests.faults.machine import can_be_built
from tests.faults.readers import read_while_publishing
from tests.faults.small_disks import can_mount

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not can_be_built(), reason="needs Linux and a C compiler (cc): the machine that dies is a small library in C")
def test_a_run_that_dies_or_has_no_room_ends_as_if_nothing_had_happened() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.faults.sample"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"faults injected  {2 + can_mount()} (" in done.stdout
    assert "first run, torn 1, " in done.stdout


@pytest.mark.skipif(not can_be_built(), reason="needs Linux and a C compiler (cc): the machine that dies is a small library in C")
def test_a_payment_that_dies_is_made_once() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.faults.payments", "--short"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{act} " in done.stdout for act in ("propose", "approve", "cancel")), done.stdout


def test_readers_see_one_run_while_others_are_published(tmp_path: Path) -> None:
    card = Scorecard()
    assert read_while_publishing(card, tmp_path, 60) > 2
    assert card.message == []
    assert card.injected.total() == 60


def test_what_differs_is_told(tmp_path: Path) -> None:
    for book, data in (("one", b"1"), ("other", b"2")):
        current = tmp_path / book / "published" / "current"
        current.mkdir(parents=True)
        (current / "a.parquet").write_bytes(data)
        (current / f"{book}.parquet").write_bytes(data)
        (tmp_path / book / "archive").mkdir()
        (tmp_path / book / "archive" / "receipt.json").write_text('{"contents": {"files": 1}}')
    message = lives.differences(tmp_path / "one", tmp_path / "other")
    assert message == ["published/a.parquet differs", "published/one.parquet is there", "published/other.parquet is missing"]
