"""The ledger's form and truth: canonical bytes, hashes, and that every way of tampering is named with folder, file and row."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.records.chain import LINES, NO_HASH, RECORD, TABLES, Folder, Record, canonical_csv, canonical_json, check_chain, head, seal

JANUARY = dt.date(2026, 1, 1)
DTYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "varchar": pl.String,
    "date": pl.Date,
    "integer": pl.Int32,
    "decimal(18, 4)": pl.Decimal(18, 4),
    "decimal(38, 12)": pl.Decimal(38, 12),
}
VALUES = {"varchar": "x", "date": JANUARY, "integer": 1, "decimal(18, 4)": Decimal("12.5"), "decimal(38, 12)": Decimal("0.25")}


def frame(table: str, payouts: list[str], **values: Any) -> pl.DataFrame:
    """One row per payout id, every other column the same."""
    columns = TABLES[table]
    rows = [{name: values.get(name, VALUES[kind]) for name, kind in columns.items()} | {"payout_id": payout} for payout in payouts]
    return pl.DataFrame(rows, schema={name: DTYPES[kind] for name, kind in columns.items()})


def fields(period: str, kind: str = "close", version: int = 1, **more: Any) -> dict[str, Any]:
    said = {"kind": kind, "period": period, "version": version, "closed_at": dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC), "closed_by": "J. Doe"}
    return {**said, "code_version": "1", "engine_versions": {}, "arrivals": {}, "agreements": {}, "overrides": [], "write_offs_sha256": NO_HASH, **more}


def make_chain(periods: tuple[str, ...] = ("2026-01", "2026-02", "2026-03"), amount: str = "12.5") -> list[Folder]:
    folders: list[Folder] = []
    records: list[Record] = []
    for period in periods:
        tables = {table: frame(table, ["p1", "p2", 'p3,"'], period=period, accrual=Decimal(amount)) for table in TABLES}
        record, files = seal(fields(period), tables, records)
        records.append(record)
        folders.append(Folder(record.folder, files))
    return folders


def message(folders: list[Folder], heads: dict[str, str] | None = None) -> str:
    return "\n".join(map(str, check_chain(folders, heads)[1]))


def changed(folders: list[Folder], at: int, file: str, data: bytes | None) -> list[Folder]:
    """The chain with one file of one folder replaced, or removed."""
    files = {**folders[at].files, file: data}
    return [*folders[:at], Folder(folders[at].name, {name: content for name, content in files.items() if content is not None}), *folders[at + 1 :]]


def test_canonical_csv_is_sorted_quoted_only_where_needed_and_exact() -> None:
    rows = {"a": ["b,c", 'q"r', None, "", "ü"], "m": pl.Series([Decimal("1.5"), None, Decimal("-0.0001"), Decimal(0), Decimal(2)], dtype=pl.Decimal(18, 4))}
    text = 'a,m,d\n,-0.0001,2026-01-01\n"",0.0000,2026-01-01\n"b,c",1.5000,2026-01-01\n"q""r",,2026-01-01\nü,2.0000,2026-01-01\n'
    assert canonical_csv(pl.DataFrame(rows).with_columns(d=JANUARY)).decode() == text


def test_canonical_json_is_one_line() -> None:
    assert canonical_json({"b": [1, None], "a": {"ü": "x"}}) == '{"a":{"ü":"x"},"b":[1,null]}\n'.encode()


def test_the_order_of_rows_makes_no_difference() -> None:
    one, other = (seal(fields("2026-01"), {"payouts": frame("payouts", order)}, [])[1] for order in (["a", "b"], ["b", "a"]))
    assert one == other


def test_a_whole_chain() -> None:
    folders = make_chain()
    records, problems = check_chain(folders)
    assert not problems
    assert [record.folder for record in records] == ["0001-close-2026-01-v1", "0002-close-2026-02-v1", "0003-close-2026-03-v1"]
    assert [record.previous_sha256 for record in records] == [NO_HASH, records[0].chain_sha256, records[1].chain_sha256]
    assert records[0].files["accruals.csv"].rows == 3
    assert head(records) == records[2].chain_sha256
    assert check_chain(list(reversed(folders)), {head(records): "a safe", records[0].chain_sha256: "an older safe"}) == (records, [])


def test_a_record_can_be_checked_with_nothing_but_a_hash_function() -> None:
    """What an auditor does by hand; the documentation says so (docs/closing.md)."""
    files = make_chain()[0].files
    record = json.loads(files[RECORD])
    for name, facts in record["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == facts["sha256"]
    chain = record.pop("chain_sha256")
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert hashlib.sha256(text.encode()).hexdigest() == chain


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("table", list(TABLES))
@pytest.mark.parametrize("row", [1, 3])
def test_one_digit_changed_is_found_with_file_and_row(at: int, table: str, row: int) -> None:
    folders = make_chain()
    lines = folders[at].files[f"{table}.csv"].splitlines(keepends=True)
    lines[row] = lines[row].replace(b"12.5000", b"12.5100", 1)
    found = message(changed(folders, at, f"{table}.csv", b"".join(lines)))
    assert found.startswith(f"ledger/{folders[at].name}/{table}.csv:{row + 1}: row {row} was changed after the close of 2026-0{at + 1}")
    assert "12.5100" in found
    assert "\n" not in found


def test_rows_cut_off_added_and_swapped() -> None:
    folders = make_chain()
    lines = folders[1].files["journal.csv"].splitlines(keepends=True)
    place = "ledger/0002-close-2026-02-v1/journal.csv"
    assert message(changed(folders, 1, "journal.csv", b"".join(lines[:-1]))).startswith(f"{place}:4: row 3 and all that followed were cut off")
    assert message(changed(folders, 1, "journal.csv", b"".join([*lines, lines[-1]]))).startswith(f"{place}:5: row 4 was changed")
    assert message(changed(folders, 1, "journal.csv", b"".join([lines[0], lines[2], lines[1], lines[3]]))).startswith(f"{place}:2: row 1 was changed")
    assert message(changed(folders, 1, "journal.csv", b"".join([b"x" + lines[0], *lines[1:]]))).startswith(f"{place}:1: the header was changed")


def test_without_its_line_hashes_the_file_is_still_named() -> None:
    folders = changed(changed(make_chain(), 1, LINES, b"gone\n"), 1, "accruals.csv", b"gone\n")
    assert message(folders).splitlines() == [
        f"ledger/0002-close-2026-02-v1/{name}: was changed after the close of 2026-02 (version 1); restore it from a backup" for name in ("accruals.csv", LINES)
    ]


def test_files_that_are_missing_or_too_many() -> None:
    folders = make_chain()
    assert message(changed(folders, 0, "payouts.csv", None)) == "ledger/0001-close-2026-01-v1/payouts.csv: is missing; restore it from a backup"
    assert message(changed(folders, 0, "notes.txt", b"x")) == "ledger/0001-close-2026-01-v1/notes.txt: was not there at the close; move it out of the ledger"
    assert message(changed(folders, 0, RECORD, None)).startswith("ledger/0001-close-2026-01-v1/close.json: is missing")
    assert message([*folders, Folder("old", {})]) == "ledger/old: is no folder of the ledger; move it out of ledger/"


def test_two_folders_swapped_are_both_named() -> None:
    one, two, three = make_chain()
    found = message([Folder(two.name, one.files), Folder(one.name, two.files), three])
    assert "ledger/0001-close-2026-01-v1/close.json:1: is the record of 0002-close-2026-02-v1" in found
    assert "ledger/0002-close-2026-02-v1/close.json:1: is the record of 0001-close-2026-01-v1" in found


def test_a_folder_deleted() -> None:
    one, two, three = make_chain()
    assert message([two, three]).startswith("ledger: folder 0001 is missing before 0002-close-2026-02-v1")
    assert "folder 0002 is missing before 0003" in message([one, three])
    assert "ledger/0003-close-2026-03-v1/close.json:1: previous_sha256: does not follow 0001-close-2026-01-v1" in message([one, three])
    assert not message([one, two]), "the end alone can be cut off unseen, were it not for the head"
    assert "does not hold the head" in message([one, two], {head(check_chain([one, two, three])[0]): "a safe"})


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"closed_by":"J. Doe"', b'"closed_by":"A. Roe"'), (b'"rows":3', b'"rows":4'), (b"{", b"{ "), (b'"approved_by":null', b'"approved_by":"X"')],
)
def test_a_record_edited_by_hand(old: bytes, new: bytes) -> None:
    folders = make_chain()
    found = message(changed(folders, 1, RECORD, folders[1].files[RECORD].replace(old, new, 1)))
    assert found.startswith("ledger/0002-close-2026-02-v1/close.json:1: chain_sha256: does not fit what the file says: it was changed after the close")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"a":1}\n'])
def test_a_record_that_is_none(data: bytes) -> None:
    assert "ledger/0002-close-2026-02-v1/close.json:1:" in message(changed(make_chain(), 1, RECORD, data))


def test_a_folder_rewritten_with_fitting_hashes_breaks_the_chain_after_it() -> None:
    folders = make_chain()
    forged = make_chain(amount="99")[:1]
    assert "ledger/0002-close-2026-02-v1/close.json:1: previous_sha256: does not follow 0001-close-2026-01-v1" in message([*forged, *folders[1:]])


def test_a_chain_rewritten_from_end_to_end_is_told_by_the_head_alone() -> None:
    genuine, forged = make_chain(), make_chain(amount="99")
    kept = head(check_chain(genuine)[0])
    assert not message(forged)
    assert f"does not hold the head {kept} of the safe" in message(forged, {kept: "the safe"})


@given(st.integers(0, 2), st.sampled_from([RECORD, LINES, "accruals.csv", "payouts.csv", "journal.csv"]), st.integers(0), st.integers(1, 255))
def test_no_changed_byte_stays_unseen(at: int, file: str, place: int, flip: int) -> None:
    folders = CHAIN
    data = bytearray(folders[at].files[file])
    data[place % len(data)] ^= flip
    assert folders[at].name in message(changed(folders, at, file, bytes(data)))


CHAIN = make_chain()
