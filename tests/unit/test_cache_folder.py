"""Where files lie that can be made again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.runtime.cache_folder import open_cache, store


def test_one_folder_for_each_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    folder = open_cache("dbt", "a1")
    assert folder == tmp_path / "tierledger" / "dbt" / "a1"
    (folder / "file").touch()
    assert open_cache("dbt", "a1") == folder
    assert (folder / "file").is_file()


def test_the_folders_used_last_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    for day in range(8):
        os.utime(open_cache("dbt", f"old {day}"), (day, day))
    open_cache("dbt", "old 0")
    open_cache("dbt", "new")
    assert {each.name for each in (tmp_path / "tierledger" / "dbt").iterdir()} == {"new", "old 0", *(f"old {day}" for day in range(2, 8))}


def test_where_no_cache_can_be_written_a_private_folder_ends_with_the_process(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    places = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    code = "from assets.runtime.cache_folder import open_cache, store; folder = open_cache('dbt', 'a1'); (folder / 'file').touch(); print(folder)"
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ, **places}, capture_output=True, text=True, check=True)
    folder = Path(ended.stdout.strip())
    assert folder.parent == tmp_path
    assert not folder.exists()


def test_a_file_that_cannot_be_written_whole_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path / "kept" / "a.json", b"whole")
    write = Path.write_bytes

    def run_out_of_space(path: Path, content: bytes) -> int:
        write(path, content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", run_out_of_space)
    store(tmp_path / "kept" / "a.json", b"newer")
    assert {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()} == {"a.json": b"whole"}
