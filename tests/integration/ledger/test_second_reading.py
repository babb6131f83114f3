"""The archived files read a second time: every payout line shows its own row, in every format and mapping, and one that does not is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.archive.manifest import read_manifest
from assets.runtime.book_folder import open_book
from assets.transform import dbt
from assets.verification.second_reading import Reading, read_again
from models.sql_text import literal
from pipelines.cli.main import main
from pipelines.run import run_book

BOOK = """book: again
currency: EUR
as_of: 2026-06-30
feeds:
  transactions:
    files: "feeds/*"
"""
AGREEMENT = """agreement: A
title: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C2, "17850"]
benefits:
  - {id: b, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}
"""
PLAIN = "transaction_id,date,partner_id,product_id,amount,currency,partner_key"
ROWS = ("1,2026-01-02,C1,P1,100.00,EUR,2", "2,2026-01-02,C2,,5000.00,EUR,1", "3,2026-01-02,C1,P1,oops,EUR,2", "", '4,2026-01-03, C2 ,"P,2",7.50,EUR,1')


def make(folder: Path, files: dict[str, bytes], settings: str = "") -> Path:
    (folder / "agreements").mkdir(parents=True)
    (folder / "feeds").mkdir()
    (folder / "book.yaml").write_text(BOOK + "".join(f"    {line}\n" for line in settings.splitlines()))
    (folder / "agreements" / "a.yaml").write_text(AGREEMENT)
    for name, content in files.items():
        (folder / "feeds" / name).write_bytes(content)
    run_book(folder)
    return folder


def read(book: Path, change: str = "") -> Reading:
    """The second reading of what is published, after a change to the published lines."""
    lines = literal(str(book / "published" / "current" / "fct_payout_line.parquet"))
    with duckdb.connect() as con:
        con.execute(f"create schema published; create table published.fct_payout_line as from read_parquet({lines})")
        if change:
            assert con.execute(f"update published.fct_payout_line set {change}").fetchall() != [(0,)]
        return read_again(con, book / "archive", read_manifest(book / "archive"), open_book(book).feeds["transactions"])


def csv(*rows: str, header: str = PLAIN) -> bytes:
    return "".join(f"{row}\n" for row in (header, *rows)).encode()


def parquet(columns: dict[str, pa.Array]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


OBJECTS: list[dict[str, object]] = [
    {"transaction_id": 1, "date": "2026-01-02", "partner_id": "C1", "amount": 100.10, "currency": "EUR", "": "x"},
    {"amount": 1},
]
TYPED = {
    "transaction_id": pa.array([1, 2]), "date": pa.array(["2026-01-02", "2026-01-02"]), "partner_id": pa.array(["C1", "C2"]),
    "amount": pa.array([12.5, 3.25]), "currency": pa.array(["EUR", "EUR"]), "file_index": pa.array(["1", "0"]),
}  # fmt: skip
ABROAD = b"Nr;Datum;Kunde;Betrag\r\n1;02.01.2026;C1;1.234,50\r\n2;02.01.2026;N/A;7,00\r\nTOTAL;2;;\r\n"


@pytest.mark.parametrize(
    ("files", "settings", "lines", "computed"),
    [
        ({"a.csv": csv(*ROWS)}, "", 3, 0),
        pytest.param({"a.csv.gz": gzip.compress(csv(*ROWS)), "b.csv": csv("9,2026-01-02,C1,P1,1.00,EUR,2")}, "", 4, 0, marks=pytest.mark.long),
        ({"a.csv": csv("1,2026-01-02,C1,P1,1.00,EUR,2,more", "2,2026-01-02,C2,P1,2.00,EUR,2,")}, "", 1, 0),
        ({"a.jsonl": "".join(json.dumps(each) + "\n \n" for each in OBJECTS).encode()}, "", 1, 0),
        pytest.param(
            {"a.jsonl": "".join(json.dumps({**each, "money": {"sum": 7.255, "of": [{"who": "C1"}]}}) + "\n" for each in OBJECTS).encode()},
            "columns: {partner_id: money.of.0.who, amount: 'round(Money.sum, 2)'}",
            1,
            1,
            marks=pytest.mark.long,
        ),
        ({"a.parquet": parquet(TYPED)}, "", 2, 0),
        (
            {"a.csv": csv("1,2026-01-02,17850.0,6,2.55,EUR", "2,2026-01-02,,6,2.55,EUR", header="Invoice No,date,Customer,Quantity,Price,currency")},
            "columns: {transaction_id: Invoice No, partner_id: \"COALESCE(REPLACE(Customer, '.0', ''), 'C1')\", amount: 'quantity * Price'}",
            2,
            2,
        ),
        (
            {"a.csv": ABROAD.decode().encode("utf-16")},
            'columns: {transaction_id: Nr, date: Datum, partner_id: Kunde, amount: Betrag}\ndefaults: {partner_id: C2, currency: EUR}\nnulls: ["N/A"]\n'
            'encoding: utf-16\ndelimiter: ";"\ndecimal: ","\nthousands: "."\ndates: "%d.%m.%Y"\ntotals: [TOTAL, rows]',
            2,
            0,
        ),
    ],
    ids=["csv", "packed, two files", "a ragged row", "json", "paths into json", "parquet", "formulas", "another dialect"],
)
def test_what_is_published_is_what_the_files_say(tmp_path: Path, files: dict[str, bytes], settings: str, lines: int, computed: int) -> None:
    book = make(tmp_path / "book", files, settings)
    assert read(book) == Reading(files=len(files), lines=lines, computed=computed)
    assert "published amount" in read(book, "amount = amount + 0.01").wrong


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("again") / "book", {"a.csv": csv(*ROWS)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # what a column partner_key of the file once did
        ("partner_id = case partner_id when 'C1' then 'C2' else 'C1' end", "feeds/a.csv, line 2 (row 1): published partner_id is C2, and the file says C1"),
        ("product_id = 'P1' where source_row = 2", "feeds/a.csv, line 3 (row 2): published product_id is P1, and the file says nothing"),
        ("amount = 7.51 where source_row = 4", "feeds/a.csv, line 6 (row 4): published amount is 7.51, and the file says 7.5"),
        ("source_row = 2 where source_row = 1", "feeds/a.csv, line 2 (row 2): published transaction_id is 1, and the file says 2"),
        ("source_row = 5 where source_row = 4", "feeds/a.csv has no row 5, which a line of transaction 4 names"),
        ("source_line = 5 where source_row = 4", "feeds/a.csv, line 5 (row 4): the file has this row in line 6 (row 4)"),
        ("source_sha256 = 'x'", "feeds/a.csv: no file with the bytes x arrived for the feed transactions"),
    ],
)
def test_a_line_that_is_not_its_row_is_named(book: Path, change: str, message: str) -> None:
    assert read(book, change).wrong == message


@pytest.mark.long
def test_verify_finds_a_key_that_was_taken_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The fault itself, put back into the SQL in memory: the book is made with it, and made again with it, so that every table agrees."""
    manifest = dbt.load_manifest(has_tests=False)
    (macro,) = (macro for macro in manifest.macros.values() if macro.name == "with_keys")
    assert "partners.partner_key," in macro.macro_sql
    macro.macro_sql = macro.macro_sql.replace("partners.partner_key,", 'cast(lines."attribute:partner_key" as integer) as partner_key,')
    monkeypatch.setattr(dbt, "_target", lambda: tmp_path)  # what is kept of the true project is not for this one
    monkeypatch.setattr(dbt, "_models_alone", lambda: manifest)
    damaged = make(tmp_path / "book", {"a.csv": csv(*ROWS)})
    assert main(["verify", "--book", str(damaged), "--json"]) == 1
    last = json.loads(capsys.readouterr().out)["statements"][-1]
    assert (last["id"], last["status"]) == ("I16", "failed")
    assert last["message"] == "feeds/a.csv, line 3 (row 2): published partner_id is 17850, and the file says C2"
