"""Files of a feed: which are read, alike in every format, and which are refused whole, with nothing left behind.

Belongs here: bytes, formats, names, sizes. Does not belong here: rows (test_feed_rows.py), the same file twice (test_feed_arrivals.py).
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from models.documents import InputError
from tests.support.feed_books import HEADER, ROW, add_file, csv, load, query, rejects, tables, write_book

PARQUET = "PAR1 and then nothing PAR1"


def test_line_ends_may_be_mixed(tmp_path: Path) -> None:
    content = f"\ufeff{HEADER}\r\n{ROW}\n{ROW}\r\n{ROW}"
    book = write_book(tmp_path, files={"transactions/a.csv": content, "transactions/b.csv": content.replace("\r\n", "\n").replace("\n", "\r\n")})
    load(book)
    assert query(book, "select rows_read from raw.feed_files order by file_no") == [(3,), (3,)]


def test_a_header_alone_is_a_file_of_no_rows(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": HEADER + "\n"})
    load(book)
    assert query(book, "select status, rows_read from raw.feed_files") == [("loaded", 0)]


def test_columns_are_taken_by_name_in_any_order(tmp_path: Path) -> None:
    reordered = "amount,quantity,partner_id,date,Transaction_ID,currency\n12.50,2,P-1,2026-03-31,A-1,EUR\n"
    book = write_book(tmp_path, files={"transactions/a.csv": reordered})
    load(book)
    assert query(book, "select transaction_id, quantity, amount from raw.transactions") == [("A-1", 2, Decimal("12.5"))]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "empty (0 bytes)"),
        ("a.csv", csv(ROW).replace(",", ";"), "not separated by commas"),
        ("a.csv", csv(ROW).replace("amount", "Amont"), "has no column amount"),
        ("a.csv", ROW + "\n", "has no column"),
        ("a.csv", csv(ROW).replace("channel", "AMOUNT"), "more than once"),
        ("a.csv", csv(ROW.removesuffix("retail"), ROW).replace("channel", ""), None),
        ("a.csv", csv(ROW).replace("line", ""), "without a name"),
        ("a.csv", csv(ROW).encode("utf-16"), "UTF-16"),
        ("a.csv", csv(ROW.replace("P-1", "Café")).encode("latin-1"), "not UTF-8"),
        ("a.csv", csv(ROW, '"A' + ROW[1:], ROW), "is not valid CSV"),
        ("a.csv", csv(ROW, '"A"x' + ROW[1:], ROW), "is not valid CSV"),
        ("a.csv", csv(ROW).removesuffix(",EUR,retail\n"), "cut"),
        ("a.csv", csv(ROW).replace("\n", "\r"), "carriage return"),
        ("a.csv", csv("x" * 3_000_000 + ROW), "is not valid CSV"),
        ("a.csv", PARQUET, "Parquet"),
        ("a.csv", gzip.compress(csv(ROW).encode()), "gzip"),
        ("a.csv.gz", csv(ROW), "unpacked"),
        ("a.csv.gz", gzip.compress(csv(*[ROW] * 2000).encode())[:-20], "unpacked"),
        ("a.csv.zst", csv(ROW), "unpacked"),
        ("a.csv.gz", gzip.compress(b"\0" * 150_000_000), "times its size"),
        ("a.parquet", PARQUET, "Parquet"),
        ("a.parquet", csv(ROW), "not a Parquet"),
        ("a.txt", csv(ROW), "suffix"),
        ("a.jsonl", '{"transaction_id": "A"}\n', "has no column"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_whole(tmp_path: Path, name: str, content: str | bytes, message: str | None) -> None:
    book = write_book(tmp_path, files={"transactions/0.csv": csv(ROW)})
    load(book)
    before = tables(book)
    manifest = (book / "archive" / "manifest.jsonl").read_bytes()
    add_file(book, "transactions/1.csv", csv(ROW, ROW))
    add_file(book, f"transactions/{name}", content)
    if message is None:  # a column without a name at the end holds nothing but what a trailing comma leaves, or rows of a wrong width
        load(book)
        assert rejects(book) == [(2, "wrong_field_count", None)]
        return
    with pytest.raises(InputError) as refused:
        load(book)
    assert message in str(refused.value)
    assert f"feeds/transactions/{name}" in str(refused.value)
    assert tables(book) == before
    assert (book / "archive" / "manifest.jsonl").read_bytes() == manifest
    (book / "feeds" / "transactions" / name).unlink()
    load(book)
    assert query(book, "select count(*) from raw.transactions") == [(3,)]


def test_links_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", files={"transactions/a.csv": csv(ROW)})
    outside = tmp_path / "outside.csv"
    outside.write_text(csv(ROW))
    (book / "feeds" / "transactions" / "b.csv").symlink_to(outside)
    (book / "feeds" / "transactions" / "c.csv").mkdir()
    os.mkfifo(book / "feeds" / "transactions" / "d.csv")
    with pytest.raises(InputError) as refused:
        load(book)
    assert len(refused.value.problems) == 3
    shutil.rmtree(book / "feeds")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_text(csv(ROW))
    (book / "feeds").mkdir()
    (book / "feeds" / "transactions").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="leaves the book"):
        load(book)
    write_book(book, f'transactions: {{files: "{tmp_path}/elsewhere/*.csv"}}')
    load(book)
    assert query(book, "select file_name from raw.feed_files") == [("a.csv",)]


@pytest.mark.parametrize(("kind", "packing"), [*itertools.product(("csv", "jsonl"), ("", ".gz", ".zst")), ("parquet", "")])
def test_formats_give_the_same_rows(tmp_path: Path, kind: str, packing: str) -> None:
    rows = [ROW, ROW.replace("A-1", "A-2").replace("12.50", "-123456789012.123456"), ROW.replace("P-1", '"P ""1\\"')]
    reference = write_book(tmp_path / "csv", files={"transactions/a.csv": csv(*rows)})
    load(reference)
    content = csv(*rows).encode()
    names = HEADER.split(",")
    if kind == "jsonl":
        shown = f'{", ".join(names[:6])}, amount::decimal(38,6)::varchar, currency, "attribute:channel"'
        texts = query(reference, f"select {shown} from raw.transactions order by row_no")
        lines = []
        for cells in texts:
            members = [f'"{n}": {json.dumps(str(c)) if n not in ("line", "quantity", "amount") else c}' for n, c in zip(names, cells, strict=True)]
            lines.append("{" + ", ".join(members) + "}")
        content = "\n\n".join(lines).encode()
    if kind == "parquet":
        path = tmp_path / "a.parquet"
        columns = 'transaction_id, line, date::timestamp as date, partner_id, type, quantity, amount, currency, "attribute:channel" as channel'
        duckdb.connect(str(reference / "warehouse.duckdb"), read_only=True).execute(
            f"copy (select {columns} from raw.transactions order by row_no) to '{path}'"
        )
        content = path.read_bytes()
    if packing:
        with pa.CompressedOutputStream(str(tmp_path / "packed"), {".gz": "gzip", ".zst": "zstd"}[packing]) as stream:
            stream.write(content)
        content = (tmp_path / "packed").read_bytes()
    book = write_book(tmp_path / "book", files={f"transactions/a.{kind}{packing}": content})
    load(book)
    assert query(book, "from raw.transactions order by all") == query(reference, "from raw.transactions order by all")


def test_odd_file_names_are_harmless(tmp_path: Path) -> None:
    names = ["[a]*?.csv", "quote'\".csv", "new\nline.csv", "\u202ertl.csv", "x" * 251 + ".csv"]
    book = write_book(tmp_path, files={f"transactions/{name}": csv(ROW.replace("A-1", f"A-{i}")) for i, name in enumerate(names)})
    load(book)
    assert {name for (name,) in query(book, "select file_name from raw.feed_files")} == {f"feeds/transactions/{name}" for name in names}


def test_many_small_files_are_read_together(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"transactions/{i:04}.csv": csv(ROW.replace("A-1", f"A-{i}"), *(["bad"] if i % 100 == 0 else [])) for i in range(600)}
    book = write_book(tmp_path, files=files)
    load(book)
    assert query(book, "select count(*), min(file_no), max(file_no), max(row_no) from raw.transactions") == [(600, 1, 600, 1)]
    assert query(book, "select count(*), min(row_no) from raw.rejects") == [(6, 2)]


def test_rows_of_a_large_file_keep_their_order(tmp_path: Path) -> None:
    rows = 400_000
    book = write_book(tmp_path)
    (book / "feeds" / "transactions").mkdir(parents=True)
    target = book / "feeds" / "transactions" / "a.csv"
    expression = "case when i % 50000 = 7 then 'x' else i::varchar end as amount, 'A'||i as transaction_id, repeat('x', 100) as note"
    duckdb.execute(f"copy (select {expression}, '2026-03-31' as date, 'P' as partner_id, 'EUR' as currency from range({rows}) t(i)) to '{target}'")
    load(book)
    assert query(book, "select count(*), count(*) filter (amount != row_no - 1 or transaction_id != 'A' || (row_no - 1)) from raw.transactions") == [
        (rows - 8, 0)
    ]
    assert [row for row, _, _ in rejects(book)] == [50000 * k + 8 for k in range(8)]
    assert query(book, "select row_no, raw ->> '$.transaction_id' from raw.rejects where raw ->> '$.transaction_id' != 'A' || (row_no - 1)") == []
