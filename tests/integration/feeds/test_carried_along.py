"""Columns that a file carries along, under every name that occurs in our SQL: none of them changes a result, and all of them can be used.

Belongs here: names of columns in files. Does not belong here: names of partners, agreements and files (test_hostile_names.py).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.documents import InputError
from models.feeds.attributes import folded, name_columns
from models.feeds.columns import FEEDS
from models.feeds.reject_reasons import CORRECTION_COLUMNS
from models.sql_text import literal
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.feed_books import ROW, add_file, load, write_book
from tests.support.feed_books import query as raw_query

ROOT = Path(__file__).resolve().parents[3]
#: Each part costs a run and a compilation.
PARTS = 2
Rows = list[dict[str, Any]]
Writer = Callable[[Path, Rows], None]

ODD = [
    "", " ", "1", "null", "true", "-", "*", "%", "a b", 'a"b', '"', "it's", "a\\b", "a/b~c", "{{ 7*7 }}", "{% raw %}", "${HOME}",
    "x; drop table raw.transactions; --",
    "select", "from", "to", "M", "due", "rowid", "file_index", "filename", "file_row_number", "file_no", "row_no", "C1", "a_1", "c0", "t0", "v0", "f0", "p0",
    "fault",
    "fault_raw", "text", "object", "é", "Straße", "İ", "名前", "attribute:Region", "attribute:", "corrects_row", "reject_reason", "measured_0", "line\nbreak",
]  # fmt: skip

BOOK = """book: named
currency: EUR
as_of: 2026-06-30
feeds:
  transactions: {files: "feeds/transactions/*", key: [transaction_id, line]}
  partners: {files: "feeds/partners/*", key: [partner_id]}
  products: {files: "feeds/products/*"}
  assignments: {files: "feeds/assignments/*"}
"""
AGREEMENTS = """agreement: ALL
title: All
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: {region: [north]}
scope: {products: {include: {family: [food]}}}
returns: original
include_children: true
benefits:
  - {id: graduated, clause: "1", window: quarter, method: graduated, tiers: [{from: 0, rate: 0.01}, {from: 500, rate: 0.05}]}
  - {id: points, clause: "2", window: quarter, measure: points, tiers: [{from: 0, rate: 0.5}]}
  - {id: retail, clause: "3", window: quarter, scope: {where: "channel = 'retail'"}, tiers: [{from: 0, rate: 0.1}]}
---
agreement: NET
title: Net
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C2]
combine: {rule: net_of, agreements: [ALL]}
benefits:
  - {id: whole, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}
---
agreement: POOL
title: Pool
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C3]
pool: together
payee: C1
combine: {rule: exclusive, group: g}
benefits:
  - {id: whole, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}
"""
DATA: dict[str, Rows] = {
    "transactions": [
        {"transaction_id": f"T{i}", "line": "1", "date": f"2026-0{1 + i % 5}-1{i % 9}", "partner_id": f"C{1 + i % 3}", "product_id": f"P{1 + i % 2}",
         "quantity": str(i), "amount": f"{100 * i}.50", "cost": "1.00", "currency": "EUR", "channel": ("retail", "web")[i % 2], "points": str(10 + i)}
        for i in range(1, 13)
    ] + [
        {"transaction_id": "R1", "line": "1", "date": "2026-05-01", "partner_id": "C1", "product_id": "P1", "type": "return", "quantity": "-1",
         "amount": "-50.00", "cost": "-1.00", "currency": "EUR", "original_transaction_id": "T3", "channel": "retail", "points": "-3"},
        {"transaction_id": "U1", "line": "1", "date": "2026-02-11", "partner_id": "NOBODY", "product_id": "P2", "quantity": "1", "amount": "7.00",
         "cost": "1.00", "currency": "EUR", "channel": "web", "points": "11"},
        {"transaction_id": "B1", "line": "1", "date": "2026-02-11", "partner_id": "C1", "product_id": "P2", "quantity": "1", "amount": "seven",
         "cost": "1.00", "currency": "EUR", "channel": "web", "points": "11"},
        {"transaction_id": "T1", "line": "1", "date": "2026-02-11", "partner_id": "C2", "product_id": "P2", "quantity": "1", "amount": "100.50",
         "cost": "1.00", "currency": "EUR", "channel": "web", "points": "11"},
    ],
    "partners": [
        {"partner_id": "C1", "name": "One", "region": "north"}, {"partner_id": "C2", "name": "Two", "region": "north"},
        {"partner_id": "C3", "name": "Three", "parent_id": "C2", "region": "south"},
    ],
    "products": [{"product_id": "P1", "name": "Bread", "family": "food"}, {"product_id": "P2", "name": "Soap", "family": "home"}],
    "assignments": [{"partner_id": "C2", "participant_id": "C1", "share": "0.5"}],
}  # fmt: skip
#: What shows the file itself, or what it carries along.
OF_THE_FILE = {
    "sha256",
    "source_sha256",
    "source_line",
    "line_number",
    "resolved_by_line",
    "source_file",
    "file_name",
    "run_id",
    "attributes",
    "raw",
    "arrived_at",
    "resolved_by_file",
}


@pytest.fixture(scope="module")
def our_names(plain: Path) -> list[str]:
    """Every column of the warehouse, and every alias and common table of the SQL, before dbt and after."""
    with duckdb.connect(str(plain / "warehouse.duckdb"), read_only=True) as con:
        found = {name for (name,) in con.execute("select column_name from duckdb_columns() union select table_name from duckdb_tables()").fetchall()}
        found |= {name for (name,) in con.execute("select view_name from duckdb_views() where not internal").fetchall()}
    texts = [path.read_text() for path in (ROOT / "dbt_project").rglob("*.sql")]
    python = [path.read_text() for path in (ROOT / "assets").rglob("*.py")]
    texts += [re.sub(r"^\s*(with|import|from|except) .*", "", text, flags=re.MULTILINE) for text in python]  # Python's own `as` gives no name in SQL
    for text in texts:
        found |= set(re.findall(r"\bas (\w+)\b", text)) | set(re.findall(r"\b(\w+) as (?:not materialized )?\(", text))
    canonical = {folded(column.name) for feed in FEEDS.values() for column in feed.columns if feed.attributes}
    used = {"channel", "points", "region", "family", "corrects_file"}
    names = {folded(name): name for name in sorted(found) + ODD if folded(name) not in canonical | used}
    return sorted(names.values())


def with_columns(rows: Rows, names: Iterable[str]) -> Rows:
    """The rows with these columns too, their values as like to keys of ours as can be, and others in each record."""
    return [{name: str((sum(map(ord, next(iter(row.values())))) + len(name)) % 4) for name in names} | row for row in rows]


def all_columns(rows: Rows) -> list[str]:
    return list(dict.fromkeys(column for row in rows for column in row))


def write_csv(path: Path, rows: Rows) -> None:
    rows = [{column: value for column, value in row.items() if column.strip()} for row in rows]  # a header has no column without a name
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, all_columns(rows))
        writer.writeheader()
        writer.writerows(rows)


def write_json(path: Path, rows: Rows) -> None:
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_parquet(path: Path, rows: Rows) -> None:
    columns = all_columns(rows)
    pq.write_table(
        pa.Table.from_arrays([pa.array([row.get(column) for row in rows], pa.string()) for column in columns], columns), path.with_suffix(".parquet")
    )


def write(folder: Path, data: dict[str, Rows], writers: Sequence[Writer], agreements: str = AGREEMENTS) -> Path:
    """A book with as many files of each feed as there are writers, the rows dealt out among them."""
    (folder / "agreements").mkdir(parents=True)
    (folder / "agreements" / "a.yaml").write_text(agreements)
    (folder / "book.yaml").write_text(BOOK)
    for feed, rows in data.items():
        (folder / "feeds" / feed).mkdir(parents=True)
        for n, writer in enumerate(writers):
            if rows[n :: len(writers)]:
                writer(folder / "feeds" / feed / f"{n}", rows[n :: len(writers)])
    return folder


def published(book: Path, like: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Every published table, without what shows the file itself; of the columns, those that it has in the book `like`."""
    tables = {}
    with duckdb.connect() as con:
        for path in sorted((book / "published" / "current").glob("*.parquet")):
            relation = con.sql(f"from read_parquet({literal(str(path))}, hive_partitioning = false)")
            names = con.read_parquet(str(like / "published" / "current" / path.name), hive_partitioning=False).columns if like else relation.columns
            columns = ", ".join(f'"{column}"' for column in names if column not in OF_THE_FILE)
            if path.stem not in ("audit_run", "column_lineage"):  # which names the columns of the files
                tables[path.stem] = con.sql(f"select {columns} from relation order by all").fetchall()
    return tables


def published_rows(book: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    book = write(tmp_path_factory.mktemp("plain") / "book", DATA, [write_csv] * 3)
    run_book(book)
    return book


def recased(rows: Rows, change: Callable[[str], str], names: set[str]) -> Rows:
    return [{change(name) if name in names else name: value for name, value in row.items()} for row in rows]


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_a_name_of_ours_changes_nothing(plain: Path, our_names: list[str], tmp_path: Path, part: int) -> None:
    """All of them, in every format, as they are, in capitals and in title case. In parts."""
    names = list({folded(name): name for name in our_names}.values())
    assert len(names) > 500
    names = names[part::PARTS]
    wide = {feed: with_columns(rows, names if FEEDS[feed].attributes else []) for feed, rows in DATA.items()}
    writers: list[Writer] = [
        write_csv,
        lambda path, rows: write_json(path, recased(rows, str.upper, set(names))),
        lambda path, rows: write_parquet(path, recased(rows, str.title, set(names))),
    ]
    book = write(tmp_path / "a=b" / "book", wide, writers)
    run_book(book)
    expected, found = published(plain), published(book, plain)
    assert expected["fct_payout"]
    assert len(expected["audit_reject"]) == 2
    assert {table: rows for table, rows in found.items() if rows != expected[table]} == {}
    shown = dict(published_rows(book, "select partner_id, attributes from dim_partner"))
    assert json.loads(shown["C2"]) == {name: value for name, value in wide["partners"][1].items() if name not in ("partner_id", "name")}
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        row = con.sql("from dim_partner where partner_id = 'C2'").pl().row(0, named=True)
        fixed = duckdb.connect(str(plain / "published" / "tierledger.duckdb"), read_only=True).sql("from dim_partner").columns
    columns = name_columns(json.loads(shown["C2"]), [name for name in fixed if name != "region"])
    assert len(columns) > 100 / PARTS
    assert {name: row[column] for name, column in columns.items()} == json.loads(shown["C2"])
    ((waiting,),) = published_rows(book, "select raw from audit_reject where reason = 'unknown_partner'")
    assert {*names, "partner_id", "channel"} <= set(json.loads(waiting))


def test_the_columns_of_a_user_are_what_an_agreement_means_by_their_names(tmp_path: Path) -> None:
    """In `where`, as a measure, in scopes and among the participants."""
    agreements = """agreement: A
title: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: {Partner_Key: ["7"]}
scope: {products: {include: {product_key: ["x"]}}}
benefits:
  - {id: where, clause: "1", window: year, scope: {where: "partner_key = '2' AND rowid = 'it''s' AND amount > 0"}, tiers: [{from: 0, rate: 0.1}]}
  - {id: measure, clause: "2", window: year, measure: measured_0, tiers: [{from: 0, rate: 1}]}
  - {id: quoted, clause: "3", window: year, measure: 'a"b', tiers: [{from: 0, rate: 1}]}
"""
    own = [
        {"partner_key": "2", "rowid": "it's", "measured_0": "5", 'a"b': "1", "product_key": "2"},
        {"partner_key": "1", "rowid": "it's", "measured_0": "7", 'a"b': "2", "product_key": "1"},
        {"partner_key": "2", "rowid": "2", "measured_0": "11", 'a"b': "3", "product_key": "1"},
    ]
    line = {"date": "2026-02-01", "partner_id": "C1", "product_id": "P1", "amount": "100.00", "currency": "EUR"}
    data = {
        "transactions": [{"transaction_id": f"T{i}", **line, **columns} for i, columns in enumerate(own)],
        "partners": [{"partner_id": "C0", "Partner_Key": "1"}, {"partner_id": "C1", "Partner_Key": "7"}],
        "products": [{"product_id": "P0", "product_key": "1"}, {"product_id": "P1", "product_key": "x"}],
        "assignments": [{"partner_id": "C0", "participant_id": "C0"}],
    }
    book = write(tmp_path / "book", data, [write_json], agreements)
    run_book(book)
    rows = published_rows(book, "select participant_id, benefit_id, payout from fct_payout order by all")
    assert rows == [("C1", "measure", Decimal(23)), ("C1", "quoted", Decimal(6)), ("C1", "where", Decimal(10))]


def test_a_column_of_ours_is_not_one_that_an_agreement_can_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write(tmp_path / "book", DATA, [write_csv], AGREEMENTS.replace("channel = 'retail'", "partner_key = '1'"))
    assert main(["run", "--book", str(book)]) == 2
    assert "transactions have no column partner_key" in capsys.readouterr().err


@pytest.mark.parametrize("writer", [write_csv, write_parquet, write_json])
def test_names_that_differ_in_capitals_alone_are_refused_by_name(tmp_path: Path, writer: Writer) -> None:
    book = write_book(tmp_path)
    (tmp_path / "feeds" / "transactions").mkdir(parents=True)
    row = {"transaction_id": "1", "date": "2026-01-02", "partner_id": "C1", "amount": "1", "currency": "EUR", "Straße": "x", "STRASSE": "y"}
    writer(tmp_path / "feeds" / "transactions" / "a", [row])
    with pytest.raises(InputError, match=r"the header names STRASSE, Straße more than once .* rename or remove all but one"):
        load(book)


def test_a_name_is_one_column_over_all_files_however_it_is_written(tmp_path: Path) -> None:
    book = write_book(tmp_path)
    for name, header in (("a", "Café,STRASSE"), ("b", "cafe\u0301,straße")):
        add_file(tmp_path, f"transactions/{name}.csv", f"transaction_id,line,date,partner_id,type,quantity,amount,currency,{header}\n{ROW},{name}\n")
    load(book)
    assert raw_query(book, "select name from raw.attributes order by position") == [("Café",), ("STRASSE",)]
    columns = [name for (name, *_) in raw_query(book, "describe raw.transactions")][-2:]
    assert raw_query(book, f"select {', '.join(literal(c).replace(chr(39), chr(34)) for c in columns)} from raw.transactions order by file_no") == [
        ("retail", "a"),
        ("retail", "b"),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [("Amount: x", "differs from amount only in upper and lower case"), ("Note: a, note: b", "differs from note only in upper and lower case")],
)
def test_a_mapping_to_a_name_that_is_another_in_capitals_is_refused(tmp_path: Path, columns: str, message: str) -> None:
    book = write_book(tmp_path, f"transactions: {{files: 'feeds/*', columns: {{{columns}}}}}")
    with pytest.raises(InputError, match=message):
        load(book)


def test_columns_of_corrections_are_carried_along_where_a_file_is_none(tmp_path: Path) -> None:
    book = write_book(tmp_path)
    names = [name for name in CORRECTION_COLUMNS if name != "corrects_file"]
    header = f"transaction_id,line,date,partner_id,type,quantity,amount,currency,channel,{','.join(names)}"
    add_file(tmp_path, "transactions/a.csv", f"{header}\n{ROW},{','.join(names)}\n")
    load(book)
    assert [name for (name,) in raw_query(book, "select name from raw.attributes order by position")] == ["channel", *names]
    assert raw_query(book, "select count(*) from raw.corrections") == [(0,)]
