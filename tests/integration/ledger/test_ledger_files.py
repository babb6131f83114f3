"""The ledger's files under faults: an end at every single file operation leaves the ledger as it was or with the whole new folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from assets.ledger import folder as ledger_files
from assets.ledger.folder import append_folder, append_write_off, clear_unfinished, read_ledger
from models.documents import InputError
from models.records.chain import Record, seal
from models.records.write_offs import as_line
from tests.support.ledger_records import fields, frame, three


class PowerCut(BaseException):
    """Not an Exception: nothing may catch it."""


def prepared(folder: Path) -> tuple[Path, Record, dict[str, bytes]]:
    """A ledger with one close, and the next one, not yet written."""
    folder.mkdir(exist_ok=True)
    ledger = folder / "ledger"
    tables = {table: frame(table, ["p1", "p2"]) for table in ("accruals", "payouts", "journal")}
    first, files = seal(fields("2026-01"), tables, [])
    append_folder(ledger, first, files)
    return ledger, *seal(fields("2026-02"), tables, [first])


def cut_at(monkeypatch: pytest.MonkeyPatch, number: int, is_after: bool) -> list[str]:
    """End with PowerCut before, or right after, the n-th file operation from now on; returns the operations that came."""
    came: list[str] = []

    def wrapped(owner: Any, name: str) -> None:
        genuine = getattr(owner, name)

        def operation(*args: Any, **more: Any) -> Any:
            came.append(name)
            if len(came) == number and not is_after:
                raise PowerCut
            result = genuine(*args, **more)
            if len(came) == number:
                raise PowerCut
            return result

        monkeypatch.setattr(owner, name, operation)

    for owner, name in ((os, "rename"), (os, "fsync"), (os, "open"), (Path, "mkdir"), (Path, "open"), (Path, "chmod")):
        wrapped(owner, name)
    return came


def test_a_cut_at_any_file_operation_leaves_the_ledger_whole(tmp_path: Path) -> None:
    outcomes = set()
    for is_after in (False, True):
        number, has_ended = 0, False
        while not has_ended:
            number += 1
            ledger, record, files = prepared(tmp_path / f"{is_after}-{number}")
            with pytest.MonkeyPatch.context() as patch:
                came = cut_at(patch, number, is_after)
                try:
                    append_folder(ledger, record, files)
                    has_ended = True
                except PowerCut:
                    pass
            clear_unfinished(ledger)
            names = sorted(path.name for path in ledger.iterdir())
            found = [each.folder for each in read_ledger(ledger).records]
            assert names == found, "nothing is left beside"
            assert found in (["0001-close-2026-01-v1"], ["0001-close-2026-01-v1", "0002-close-2026-02-v1"])
            outcomes.add(len(found))
            if len(found) == 1:
                append_folder(ledger, record, files)
            assert len(read_ledger(ledger).records) == 2
        assert number > 20, came
    assert outcomes == {1, 2}


@pytest.mark.parametrize("at", range(5))
def test_half_a_file_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    ledger, record, files = prepared(tmp_path)
    written: list[Path] = []

    def half(path: Path, data: bytes) -> None:
        written.append(path)
        path.write_bytes(data if len(written) <= at else data[: len(data) // 2])
        if len(written) > at:
            raise PowerCut

    monkeypatch.setattr(ledger_files, "_write", half)
    with pytest.raises(PowerCut):
        append_folder(ledger, record, files)
    assert [each.period for each in read_ledger(ledger).records] == ["2026-01"], "what lies beside is not read"
    clear_unfinished(ledger)
    assert [path.name for path in ledger.iterdir()] == ["0001-close-2026-01-v1"]


def test_a_folder_that_is_there_is_never_written_again(tmp_path: Path) -> None:
    ledger, record, files = prepared(tmp_path)
    append_folder(ledger, record, files)
    before = {path: path.read_bytes() for path in ledger.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError):
        append_folder(ledger, record, dict.fromkeys(files, b"other"))
    clear_unfinished(ledger)
    assert {path: path.read_bytes() for path in ledger.rglob("*") if path.is_file()} == before
    assert {oct(path.stat().st_mode & 0o777) for path in before} == {"0o444"}


def test_one_cent_changed_on_the_disk_is_found_in_any_file(tmp_path: Path) -> None:
    ledger, record, files = prepared(tmp_path)
    append_folder(ledger, record, files)
    for path in sorted(ledger.glob("*/*.csv")):
        genuine = path.read_bytes()
        if b"12.5000" not in genuine:
            continue
        path.chmod(0o644)
        path.write_bytes(genuine.replace(b"12.5000", b"12.5001", 1))
        with pytest.raises(InputError) as caught:
            read_ledger(ledger)
        (problem,) = caught.value.problems
        assert (problem.file, problem.line) == (path.relative_to(ledger.parent).as_posix(), 2)
        assert "row 1 was changed" in problem.message
        path.write_bytes(genuine)
    assert len(read_ledger(ledger).records) == 2


def test_a_torn_write_off_counts_for_nothing_until_it_is_removed(tmp_path: Path) -> None:
    lines = [as_line(each) for each in three()]
    for cut in range(1, len(lines[1]), 23):
        ledger = tmp_path / str(cut) / "ledger"
        ledger.parent.mkdir()
        append_write_off(ledger, lines[0])
        append_write_off(ledger, lines[1][:cut])
        with pytest.raises(InputError, match=r"write_offs.jsonl:2: the last line was cut short"):
            read_ledger(ledger)
    append_write_off(tmp_path / "ledger", lines[0])
    append_write_off(tmp_path / "ledger", lines[1])
    assert len(read_ledger(tmp_path / "ledger").write_offs) == 2
