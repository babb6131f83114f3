"""Rows as they stand in the files that arrived, in every format that is read.

Belongs here: finding a row in a file. Does not belong here: which rows are wanted (test_evidence_command.py).
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pytest

from assets.archive.manifest import Arrival, append_manifest
from assets.evidence.source_rows import PATH, write_source_rows
from models.documents import InputError
from models.feeds.settings import FeedSettings

CSV = 'id,note,amount\nA,plain,1\nB,"two\nlines",2\nC,"a ""quoted"" word",3\n'
JSON = '{"id": "A", "amount": 1}\n\n{"id": "C", "amount": 3}\n'


def _text(text: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text.encode(encoding))


def _sheet(path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (["id", "amount"], ["A", 1], ["C", 3.5]):
        workbook.active.append(row)
    workbook.save(path)


def _parquet(path: Path) -> None:
    duckdb.sql(f"copy (from (values ('A', 1), ('C', 3)) as rows (id, amount)) to '{path}' (format parquet)")


#: Suffix, how the file is written, settings; row and line that are wanted, and what stands there.
FORMATS = [
    (".csv", _text(CSV), {}, (1, 2), "A,plain,1"),
    (".csv", _text(CSV), {}, (2, 3), 'B,"two\nlines",2'),
    (".csv", _text(CSV), {}, (3, 5), 'C,"a ""quoted"" word",3'),
    (".csv", _text("\ufeffid,name\r\nA,Müller\r\n"), {}, (1, 2), "A,Müller"),
    (".csv", _text("id;name\nA;Müller\n", "cp1252"), {"encoding": "windows-1252", "delimiter": ";"}, (1, 2), "A;Müller"),
    (".csv.gz", lambda path: path.write_bytes(gzip.compress(CSV.encode())), {}, (1, 2), "A,plain,1"),
    (".jsonl", _text(JSON), {}, (2, 3), '{"id": "C", "amount": 3}'),
    (".xlsx", _sheet, {}, (2, 3), ["C", "3.5"]),
    (".parquet", _parquet, {}, (2, None), '{"id":"C","amount":3}'),
    (".csv", _text(CSV), {}, (7, None), None),
]


def write(tmp_path: Path, suffix: str, settings: dict[str, str], place: tuple[int, int | None], damage: bytes = b"") -> list[dict[str, object]]:
    """What is written of one wanted row of tmp_path/file. `damage`: what follows the file's bytes in the archive."""
    archive, folder, file = tmp_path / "archive", tmp_path / "pack", tmp_path / f"file{suffix}"
    archive.mkdir()
    folder.mkdir()
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    (archive / sha256).write_bytes(file.read_bytes() + damage)
    append_manifest(archive, [Arrival("transactions", f"feeds/file{suffix}", sha256, 1, "2026-01-01T00:00:00", 1, suffix)])
    with duckdb.connect() as con:
        con.execute("create table chosen as select 'p1' as payout_id")
        con.execute("create table fct_payout_line (payout_id varchar, source_sha256 varchar, source_row bigint, source_line bigint)")
        con.execute("insert into fct_payout_line values ('p1', ?, ?, ?), ('p2', ?, 1, 2), ('p1', null, null, null)", [sha256, *place, sha256])
        feed = FeedSettings.model_validate({"files": f"feeds/*{suffix}", **settings})
        assert write_source_rows(con, archive, feed, folder) == 1
    return [json.loads(line) for line in (folder / PATH).read_text().splitlines()]


@pytest.mark.parametrize(("suffix", "make", "settings", "place", "expected"), FORMATS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_row_is_found(
    tmp_path: Path, suffix: str, make: Callable[[Path], object], settings: dict[str, str], place: tuple[int, int | None], expected: object
) -> None:
    make(tmp_path / f"file{suffix}")
    (found,) = write(tmp_path, suffix, settings, place)
    assert (found["source_row"], found["source_line"], found["source_file"]) == (*place, f"feeds/file{suffix}")
    assert found["raw"] == expected


def test_a_file_with_other_bytes_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text(CSV)
    with pytest.raises(InputError, match="its bytes are not those that arrived"):
        write(tmp_path, ".csv", {}, (1, 2), damage=b"D,added,4\n")
