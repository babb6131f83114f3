"""The feeds step on small books: what is taken, what is refused as a row, what is refused as a file, and what a second run does."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import unicodedata
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from models.documents import InputError
from tests.integration.feed_books import HEADER, PLAIN, ROW, add_file, load, query, rejects, tables, write_book


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def test_a_plain_file_becomes_typed_rows(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW, ROW.replace("A-1,1", "A-2,"))})
    load(book)
    rows = query(book, "select file_no, row_no, transaction_id, line, date::varchar, amount, cost, posted_on=date, channel from raw.transactions order by all")
    assert rows == [
        (1, 1, "A-1", 1, "2026-03-31", Decimal("12.500000"), None, True, "retail"),
        (1, 2, "A-2", 1, "2026-03-31", Decimal("12.500000"), None, True, "retail"),
    ]
    assert query(book, "select file_no, feed, file_name, arrival_no, status, rows_read from raw.feed_files") == [
        (1, "transactions", "feeds/transactions/a.csv", 1, "loaded", 2)
    ]


def test_every_feed_has_a_table(tmp_path: Path) -> None:
    book = write_book(tmp_path)
    load(book)
    found = {name for (name,) in query(book, "select table_name from duckdb_tables() where schema_name = 'raw'")}
    assert {"transactions", "partners", "products", "targets", "metrics", "fx_rates", "payments", "assignments", "feed_files", "rejects", "feed_keys"} <= found


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("amount", " 12 ", "bad_number"),
        ("amount", "+5", "bad_number"),
        ("amount", "1_000", "bad_number"),
        ("amount", "0x10", "bad_number"),
        ("amount", "1e3", "bad_number"),
        ("amount", '"12,50"', "bad_number"),
        ("amount", "٣", "bad_number"),
        ("amount", "１２", "bad_number"),
        ("amount", ".5", "bad_number"),
        ("amount", "5.", "bad_number"),
        ("amount", "NaN", "bad_number"),
        ("amount", "-", "bad_number"),
        ("amount", "1'234", "bad_number"),
        ("amount", "1\u00a0234", "bad_number"),
        ("amount", "1.2345678", "too_many_decimals"),
        ("amount", "1234567890123", "out_of_range"),
        ("amount", "", "missing_value"),
        ("quantity", "x", "bad_number"),
        ("line", "1.0", "bad_number"),
        ("line", "9999999999", "bad_number"),
        ("date", "2026-02-29", "bad_date"),
        ("date", "03/04/2026", "bad_date"),
        ("date", "2026-3-31", "bad_date"),
        ("date", "2026-03-31 00:00:00", "bad_date"),
        ("date", " 2026-03-31", "bad_date"),
        ("date", "infinity", "bad_date"),
        ("date", "0001-01-01", "bad_date"),
        ("date", "", "missing_value"),
        ("currency", "eur", "unknown_currency"),
        ("currency", "XXX", "unknown_currency"),
        ("currency", "", "missing_value"),
        ("type", "Sale", "unknown_type"),
        ("partner_id", "   ", "missing_value"),
        ("partner_id", "P\x00", "control_character"),
        ("partner_id", "P\x1b[1m", "control_character"),
        ("partner_id", "P\x85", "control_character"),
        ("channel", "a\x07", "control_character"),
    ],
)
def test_a_row_that_breaks_a_rule_is_kept_with_its_reason(tmp_path: Path, column: str, text: str, reason: str) -> None:
    names = HEADER.split(",")
    cells = ROW.split(",")
    cells[names.index(column)] = text
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW, ",".join(cells), ROW)})
    load(book)
    assert rejects(book) == [(2, reason, column)]
    assert query(book, "select row_no from raw.transactions order by 1") == [(1,), (3,)]
    ((message, raw),) = query(book, "select message, raw from raw.rejects")
    assert message.startswith(f"{column}: ")
    assert json.loads(raw)[column] == (text.strip('"') or None)


@pytest.mark.parametrize("text", ["-0", "007", "0.000001", "-999999999999.999999", "1.500000"])
def test_odd_but_plain_numbers_are_taken(tmp_path: Path, text: str) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW.replace("12.50", text))})
    load(book)
    assert query(book, "select amount from raw.transactions") == [(Decimal(text).quantize(Decimal("0.000001")),)]


def test_ids_are_trimmed_and_normalised(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Café")
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW.replace("P-1", f" {decomposed}\u00a0"), ROW.replace("P-1", '"u 0 A\tB"'))})
    load(book)
    assert query(book, "select partner_id from raw.transactions order by row_no") == [("Café",), ("u 0 A\tB",)]


def test_rows_of_another_width_are_rejects_and_cost_no_other_row(tmp_path: Path) -> None:
    content = csv(ROW, ROW.removesuffix(",retail"), ROW + ",more", '"A\n""4"' + ROW[3:], ROW + ",", "", ROW)
    book = write_book(tmp_path, files={"transactions/a.csv": content})
    load(book)
    assert rejects(book) == [(2, "wrong_field_count", None), (3, "wrong_field_count", None)]
    assert query(book, "select row_no, transaction_id from raw.transactions order by 1") == [(1, "A-1"), (4, 'A\n"4'), (5, "A-1"), (6, "A-1")]
    assert json.loads(query(book, "select raw from raw.rejects where row_no = 3")[0][0])["(10)"] == "more"


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


PARQUET = "PAR1 and then nothing PAR1"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "empty (0 bytes)"),
        ("a.csv", csv(ROW).replace(",", ";"), "not separated by commas"),
        ("a.csv", csv(ROW).replace("amount", "Amont"), "has no column amount"),
        ("a.csv", ROW + "\n", "has no column"),
        ("a.csv", csv(ROW).replace("channel", "AMOUNT"), "more than once"),
        ("a.csv", csv(ROW).replace("channel", ""), None),
        ("a.csv", csv(ROW).replace("line", ""), "without a name"),
        ("a.csv", csv(ROW).replace("channel", "row_no"), "reserved"),
        ("a.csv", csv(ROW).encode("utf-16"), "UTF-16"),
        ("a.csv", csv(ROW.replace("P-1", "Café")).encode("latin-1"), "not UTF-8"),
        ("a.csv", csv(ROW, '"A' + ROW[1:], ROW), "is no valid CSV"),
        ("a.csv", csv(ROW, '"A"x' + ROW[1:], ROW), "is no valid CSV"),
        ("a.csv", csv(ROW).removesuffix(",EUR,retail\n"), "cut"),
        ("a.csv", csv(ROW).replace("\n", "\r"), "carriage return"),
        ("a.csv", csv("x" * 3_000_000 + ROW), "is no valid CSV"),
        ("a.csv", PARQUET, "Parquet"),
        ("a.csv", gzip.compress(csv(ROW).encode()), "gzip"),
        ("a.csv.gz", csv(ROW), "unpacked"),
        ("a.csv.gz", gzip.compress(csv(*[ROW] * 2000).encode())[:-20], "unpacked"),
        ("a.csv.zst", csv(ROW), "unpacked"),
        ("a.csv.gz", gzip.compress(b"\0" * 150_000_000), "times its size"),
        ("a.parquet", PARQUET, "Parquet"),
        ("a.parquet", csv(ROW), "no Parquet"),
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
        assert rejects(book) == [(1, "wrong_field_count", None)]
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


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_formats_give_the_same_rows(tmp_path: Path, kind: str, packing: str) -> None:
    if kind == "parquet" and packing:
        pytest.skip("Parquet is packed inside")
    rows = [ROW, ROW.replace("A-1", "A-2").replace("12.50", "-123456789012.123456"), ROW.replace("P-1", '"P ""1\\"')]
    reference = write_book(tmp_path / "csv", files={"transactions/a.csv": csv(*rows)})
    load(reference)
    content = csv(*rows).encode()
    names = HEADER.split(",")
    if kind == "jsonl":
        texts = query(reference, f"select {', '.join(names[:6])}, amount::decimal(38,6)::varchar, currency, channel from raw.transactions order by row_no")
        lines = []
        for cells in texts:
            members = [f'"{n}": {json.dumps(str(c)) if n not in ("line", "quantity", "amount") else c}' for n, c in zip(names, cells, strict=True)]
            lines.append("{" + ", ".join(members) + "}")
        content = "\n\n".join(lines).encode()
    if kind == "parquet":
        path = tmp_path / "a.parquet"
        columns = "transaction_id, line, date::timestamp as date, partner_id, type, quantity, amount, currency, channel"
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


def test_lines_that_are_no_json_object_are_rejects(tmp_path: Path) -> None:
    good = '{"transaction_id": "A", "date": "2026-03-31", "partner_id": "P", "amount": 0.10, "currency": "EUR"}'
    lines = [good, "nope", '["list"]', good.replace("0.10", '0.10, "amount": 2'), good.replace("0.10", "1e2"), good.replace("0.10", "NaN"), good]
    book = write_book(tmp_path, files={"transactions/a.jsonl": "\n".join(lines)})
    load(book)
    assert [(row, reason) for row, reason, _ in rejects(book)] == [(2, "bad_json"), (3, "bad_json"), (4, "duplicate_key"), (5, "bad_number"), (6, "bad_number")]


def test_numbers_in_json_keep_every_digit(tmp_path: Path) -> None:
    feeds = PLAIN + '\nmetrics: {files: "feeds/metrics/*"}'
    line = '{"participant_id": "P", "metric": "m", "date": "2026-03-31", "value": 123456789012.123456789012}'
    book = write_book(tmp_path, feeds, {"metrics/a.jsonl": line})
    load(book)
    assert query(book, "select value::varchar from raw.metrics") == [("123456789012.123456789012",)]


def test_a_floating_point_column_of_parquet_is_taken_where_its_text_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    amounts = "(values ('A', 0.1::double), ('B', 0.1::double + 0.2), ('C', 1e20), ('D', 12.5)) as t(transaction_id, amount)"
    duckdb.execute(f"copy (select *, date '2026-03-31' as date, 'P' as partner_id, 'EUR' as currency from {amounts}) to '{path}'")
    book = write_book(tmp_path / "book", files={"transactions/a.parquet": path.read_bytes()})
    load(book)
    assert query(book, "select transaction_id, amount from raw.transactions order by 1") == [("A", Decimal("0.1")), ("D", Decimal("12.5"))]
    assert rejects(book) == [(2, "too_many_decimals", "amount"), (3, "bad_number", "amount")]


def test_the_same_bytes_load_once_per_feed(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW), "transactions/b.csv": csv(ROW)})
    load(book)
    assert query(book, "select arrival_no, status, rows_read from raw.feed_files order by 1") == [(1, "loaded", 1), (2, "duplicate", 0)]
    before = tables(book)
    report = load(book)
    assert report.figures["files_new"] == 0
    assert tables(book) == before
    assert len((book / "archive" / "manifest.jsonl").read_text().splitlines()) == 2


def test_one_file_may_serve_several_feeds(tmp_path: Path) -> None:
    feeds = 'transactions: {files: "feeds/all/*.csv"}\npartners: {files: "feeds/all/*.csv", columns: {channel: channel, line: "NULL"}}'
    book = write_book(tmp_path, feeds, {"all/a.csv": csv(ROW)})
    load(book)
    assert query(book, "select count(*) from raw.transactions") == [(1,)]
    described = [name for (name, *_) in query(book, "describe raw.partners")]
    assert "line" not in described
    assert "channel" in described
    assert sorted(path.name for path in (book / "archive").iterdir() if len(path.name) < 64) == ["manifest.jsonl", "receipt.json"]
    assert len(list((book / "archive").iterdir())) == 3


def test_a_corrected_file_of_the_same_name_is_a_new_arrival(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    add_file(book, "transactions/a.csv", csv(ROW.replace("12.50", "13.00")))
    load(book)
    assert query(book, "select file_no, amount from raw.transactions order by 1") == [(1, Decimal("12.5")), (2, Decimal("13"))]


def test_all_at_once_day_by_day_and_from_the_archive_are_the_same(tmp_path: Path) -> None:
    feeds = PLAIN + '\npartners: {files: "feeds/partners/*"}'
    days = [
        (f"transactions/{day}.csv", csv(ROW.replace("A-1", f"A-{day}"), "bad")) if day % 3 else (f"transactions/{day}.csv", f"{HEADER},extra{day}\n{ROW},x\n")
        for day in range(10, 19)
    ]
    days += [(f"partners/{day}.csv", f"partner_id,region\nP-{day},north\n") for day in range(10, 19)]
    at_once = write_book(tmp_path / "once", feeds, dict(days))
    load(at_once)
    daily = write_book(tmp_path / "daily", feeds)
    for name, content in sorted(days, key=lambda each: each[0][-6:]):
        add_file(daily, name, content)
        load(daily)
    assert tables(daily) == tables(at_once)
    shutil.rmtree(daily / "feeds")
    (daily / "warehouse.duckdb").unlink()
    load(daily)
    assert tables(daily) == tables(at_once)


def test_other_settings_load_the_feed_again_from_the_archive(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW, ROW.replace("EUR", ""))})
    load(book)
    assert rejects(book) == [(2, "missing_value", "currency")]
    shutil.rmtree(book / "feeds")
    write_book(book, 'transactions: {files: "feeds/transactions/*", columns: {amount: "-amount"}, defaults: {currency: GBP}}')
    load(book)
    assert query(book, "select amount, currency from raw.transactions order by row_no") == [(Decimal("-12.5"), "EUR"), (Decimal("-12.5"), "GBP")]
    assert rejects(book) == []


@pytest.mark.parametrize("damage", ["flip", "missing"])
def test_a_damaged_archive_is_noticed_when_it_is_read(tmp_path: Path, damage: str) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    shutil.rmtree(book / "feeds")
    (book / "warehouse.duckdb").unlink()
    archived = next(path for path in (book / "archive").iterdir() if len(path.name) == 64)
    if damage == "flip":
        archived.write_bytes(archived.read_bytes().replace(b"12.50", b"92.50"))
    else:
        archived.unlink()
    with pytest.raises(InputError, match=archived.name):
        load(book)


def test_a_manifest_line_without_its_rows_is_loaded_by_the_next_run(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": csv(ROW)})
    load(book)
    before = tables(book)
    with duckdb.connect(str(book / "warehouse.duckdb")) as con:
        con.execute("delete from raw.feed_files")
        con.execute("delete from raw.transactions")
    manifest = book / "archive" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes() + b'{"feed": "transactions", "cut')
    load(book)
    assert tables(book) == before
    add_file(book, "transactions/b.csv", csv(ROW, ROW))
    load(book)
    assert len(manifest.read_bytes().splitlines()) == 2


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


@pytest.mark.parametrize(
    ("feed", "key", "message"),
    [
        ("{files: 'x/*', columns: {amount: 'sum(amount)'}}", "feeds.transactions.columns.amount", "not allowed"),
        ("{files: 'x/*', columns: {date: 'a * 2'}}", "feeds.transactions.columns.date", "gives a number"),
        ("{files: 'x/*', columns: {note: \"regexp_replace(a, '(', '')\"}}", "feeds.transactions.columns.note", "cannot be computed"),
        ("{files: 'x/*', defaults: {currency: eur}}", "feeds.transactions.defaults.currency", "no currency"),
        ("{files: 'x/*', defaults: {note: x}}", "feeds.transactions.defaults.note", "no column"),
        ("{files: 'x/*', key: [transaction_id, position]}", "feeds.transactions.key", "no column"),
        ("{files: '../x/*.csv'}", "feeds.transactions.files", "leaves the book"),
    ],
)
def test_settings_that_cannot_be_carried_out_are_refused_by_key(tmp_path: Path, feed: str, key: str, message: str) -> None:
    book = write_book(tmp_path / "book", f"transactions: {feed}")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.csv").write_text(csv(ROW))
    with pytest.raises(InputError) as refused:
        load(book)
    assert refused.value.problems[0].file == "book.yaml"
    assert refused.value.problems[0].key.startswith(key)
    assert message in str(refused.value)


def test_a_mapping_of_a_real_export(tmp_path: Path) -> None:
    """Prices per unit, days with a time, ids that a spreadsheet turned into decimals, cancellations by prefix."""
    feed = """transactions:
  files: "feeds/transactions/*"
  columns:
    transaction_id: Invoice No
    date: "CAST(Day AS DATE)"
    partner_id: "CAST(Customer AS INTEGER)"
    amount: "Quantity * Price"
    quantity: Quantity
    type: "CASE WHEN \\"Invoice No\\" LIKE 'C%' THEN 'return' ELSE 'sale' END"
    revenue: "Quantity * Price * 1.00"
    Agent: "NULL"
  defaults: {currency: GBP}"""
    rows = [
        "1,2026-03-31 08:26:00,17850.0,6,2.55,UK,x",
        "C1,2026-03-31 08:26:00,17850.0,-6,2.550,UK,x",
        "2,2026-03-31 08:26:00,17850.0,0.001,0.0001,UK,x",
        "3,2026-03-31 08:26:00,,1,1,UK,x",
        "4,31.03.2026,17850.0,1,1,UK,x",
        "5,2026-03-31 08:26:00,17850.5,1,1,UK,x",
        "6,2026-03-31 08:26:00,17850.0,999999999999,999,UK,x",
        '7,2026-03-31 08:26:00,17850.0,1,"1,50",UK,x',
        "8,2026-03-31 08:26:00,17850.0,1,,UK,x",
    ]
    book = write_book(tmp_path, feed, {"transactions/a.csv": "\n".join(["Invoice No,Day,Customer,Quantity,Price,Country,Agent", *rows])})
    load(book)
    assert query(book, "select transaction_id, date::varchar, partner_id, amount, type, currency, revenue from raw.transactions order by row_no") == [
        ("1", "2026-03-31", "17850", Decimal("15.3"), "sale", "GBP", "15.3"),
        ("C1", "2026-03-31", "17850", Decimal("-15.3"), "return", "GBP", "-15.3"),
    ]
    assert rejects(book) == [
        (3, "too_many_decimals", "amount"),
        (4, "missing_value", "partner_id"),
        (5, "bad_date", "date"),
        (6, "bad_value", "partner_id"),
        (7, "out_of_range", "amount"),
        (8, "bad_number", "amount"),
        (9, "missing_value", "amount"),
    ]
    assert [name for (name, *_) in query(book, "describe raw.transactions")][-2:] == ["revenue", "Country"]


def test_a_file_without_a_mapped_column_is_refused(tmp_path: Path) -> None:
    book = write_book(tmp_path, 'transactions: {files: "feeds/transactions/*", columns: {amount: "Price * quantity"}}', {"transactions/a.csv": csv(ROW)})
    with pytest.raises(InputError, match=r"a.csv:1: feeds.transactions.columns.amount.*no column 'Price'"):
        load(book)
