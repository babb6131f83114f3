"""Files that are wrong as a whole, or in their rows' shape: what is delivered, and what must happen.

Belongs here: the cases, as data with the bytes they need. Does not belong here: running them (tests/faults/injection.py).
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import duckdb

HEADER = "transaction_id,line,date,partner_id,type,quantity,amount,currency,channel"
ROW = "G-1,1,2026-03-31,P-1,sale,2,12.50,EUR,retail"

Files = dict[str, bytes]


@dataclass(frozen=True)
class FileCase:
    """What is delivered, and what must happen: A taken whole, Q `rejects` (row number: reason), R refused with the words `says`, D no effect, W waits.

    `warns`: words of a warning; `-`: there must be none. `earlier`: what was loaded before, by default three good rows where the case has no settings.
    `touched`: the time of the files, in seconds since 1970.
    """

    fault: str
    name: str
    files: Callable[[], Files]
    expect: Literal["A", "Q", "R", "D", "W"]
    says: str = ""
    rejects: tuple[tuple[int, str], ...] = ()
    rows: int = 2
    settings: str = ""
    warns: str = ""
    earlier: dict[str, bytes] | None = None
    touched: int | None = None


def csv(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def line(**changes: object) -> str:
    row = {"transaction_id": "G-1", "line": 1, "date": "2026-03-31", "partner_id": "P-1", "quantity": 2, "amount": 12.5, "currency": "EUR"}
    return json.dumps(row | changes)


@lru_cache
def parquet() -> bytes:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        duckdb.execute(
            f"""copy (select 'G-' || i as transaction_id, date '2026-03-31' as date, 'P-1' as partner_id, 12.5::decimal(9,2) as amount, 'EUR' as currency
            from range(2000) as t(i)) to '{path}'"""
        )
        return path.read_bytes()


def one(name: str, content: bytes) -> Callable[[], Files]:
    return lambda: {name: content}


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


GOOD = csv(ROW, ROW)
SHA = hashlib.sha256(GOOD).hexdigest()
TRAILER = "totals: [TOTAL, rows, amount]"

CASES: list[FileCase] = [
    FileCase("F1", "same file, same name", one("0.csv", csv(ROW, ROW, ROW)), "D"),
    FileCase("F2", "same bytes, other name", one("again.csv", csv(ROW, ROW, ROW)), "D"),
    FileCase("F7", "no .done yet", one("a.csv", GOOD), "W", settings="done: true"),
    FileCase("F7", "with .done", lambda: {"a.csv": GOOD, "a.csv.done": b""}, "A", settings="done: true"),
    FileCase("F7", "touched a moment ago", one("a.csv", GOOD), "W", settings="settle_seconds: 600"),
    FileCase("F7", "totals not there yet", one("a.csv", GOOD), "W", settings="totals: json"),
    FileCase("F9", "cut mid-number, no line end", one("a.csv", GOOD.removesuffix(b"0,EUR,retail\n")), "R", "cut off"),
    FileCase("F9", "no final line end where one must be", one("a.csv", GOOD[:-2]), "R", "no end", settings="final_newline: true"),
    FileCase(
        "F9",
        "cut inside the last text, totals known",
        lambda: {"a.csv": GOOD[:-3], "a.csv.totals.json": b'{"rows": 2, "amount": 25}'},
        "A",
        settings="totals: json",
    ),
    FileCase(
        "F10",
        "cut at a line end, totals beside",
        lambda: {"a.csv": csv(ROW), "a.csv.totals.json": b'{"rows": 2}'},
        "R",
        "rows 2, but 1",
        settings="totals: json",
    ),
    FileCase(
        "F10", "cut at a line end, CSV totals", lambda: {"a.csv": csv(ROW), "a.csv.totals.csv": b"rows,amount\n2,25.00\n"}, "R", "25.00", settings="totals: csv"
    ),
    FileCase("F10", "cut before the trailer", one("a.csv", GOOD), "R", "line of totals", settings=TRAILER),
    FileCase("F10", "a row lost, trailer there", one("a.csv", csv(ROW, "TOTAL,2,25.00")), "R", "rows 2, but 1", settings=TRAILER),
    FileCase("F10", "an amount changed, trailer there", one("a.csv", csv(ROW, ROW, "TOTAL,2,52.00")), "R", "52.00", settings=TRAILER),
    FileCase("F10", "whole, with its trailer", one("a.csv", csv(ROW, ROW, "TOTAL,2,25.00")), "A", settings=TRAILER),
    FileCase("F11", "0 bytes", one("a.csv", b""), "R", "empty (0 bytes)"),
    FileCase("F11", "0 bytes of JSON", one("a.jsonl", b""), "R", "empty (0 bytes)"),
    FileCase("F11", "0 bytes of Parquet", one("a.parquet", b""), "R", "empty (0 bytes)"),
    FileCase("F11", "a line end alone", one("a.csv", b"\n"), "R", "a.csv"),
    FileCase("F12", "header alone", one("a.csv", csv()), "A", rows=0),
    FileCase("F12", "header alone where rows must be", one("a.csv", csv()), "R", "has no rows", settings="non_empty: true"),
    FileCase("F13", "no header", one("a.csv", (ROW + "\n" + ROW.replace("G-1", "G-2") + "\n").encode()), "R", "a.csv"),
    FileCase("F14", "header again", one("a.csv", csv(ROW, HEADER, ROW)), "Q", rejects=((2, "repeated_header"),)),
    FileCase("F14", "a footer of totals", one("a.csv", csv(ROW, ROW, "Total,,,,,4,25.00,,")), "Q", rejects=((3, "missing_value"),)),
    FileCase("F14", "a short footer", one("a.csv", csv(ROW, ROW, "Total 25.00")), "Q", rejects=((3, "wrong_field_count"),)),
    FileCase("F16", "a line of 3 MB", one("a.csv", csv(ROW, ROW.replace("retail", "x" * 3_000_000))), "R", "a.csv"),
    FileCase("F16", "a line of 3 MB of JSON", one("a.jsonl", (line() + "\n" + line(note="x" * 3_000_000) + "\n").encode()), "R", "a.jsonl"),
    FileCase("F17", "gzip bomb", one("a.csv.gz", gzip.compress(b"0" * 150_000_000)), "R", "200 times its size"),
    FileCase("F17", "gzip cut off", one("a.csv.gz", gzip.compress(csv(*[ROW] * 2000))[:-20]), "R", "unpacked"),
    FileCase("F17", "gzip that is none", one("a.csv.gz", GOOD), "R", "unpacked"),
    FileCase("F17", "zstd that is none", one("a.csv.zst", GOOD), "R", "unpacked"),
    FileCase("F19", "Parquet named .csv", lambda: {"a.csv": parquet()}, "R", "Parquet"),
    FileCase("F19", "gzip named .csv", one("a.csv", gzip.compress(GOOD)), "R", "gzip"),
    FileCase("F19", "XLSX named .csv", one("a.csv", b"PK\x03\x04" + GOOD), "R", "XLSX"),
    FileCase("F19", "PDF named .csv", one("a.csv", b"%PDF-1.7 " + GOOD), "R", "PDF"),
    FileCase("F19", "CSV named .parquet", one("a.parquet", GOOD), "R", "not a Parquet"),
    FileCase("F19", "a suffix that nobody knows", one("a.txt", GOOD), "R", "suffix"),
    FileCase("F20", "Parquet cut in half", lambda: {"a.parquet": parquet()[: len(parquet()) // 2]}, "R", "Parquet"),
    FileCase("F20", "Parquet without its end", lambda: {"a.parquet": parquet()[:-8]}, "R", "Parquet"),
    FileCase(
        "F21",
        "a bit of the Parquet flipped, hash beside",
        lambda: {"a.parquet": flipped(parquet(), 200), "a.parquet.sha256": hashlib.sha256(parquet()).hexdigest().encode()},
        "R",
        "in transit",
    ),
    FileCase("F21", "a digit changed, hash beside", lambda: {"a.csv": GOOD.replace(b"12.50", b"92.50"), "a.csv.sha256": SHA.encode()}, "R", "in transit"),
    FileCase("F21", "the right hash beside", lambda: {"a.csv": GOOD, "a.csv.sha256": f"{SHA}  a.csv\n".encode()}, "A"),
    FileCase("F23", "NaN in JSON", one("a.jsonl", f"{line()}\n{line().replace('12.5', 'NaN')}\n{line()}\n".encode()), "Q", rejects=((2, "bad_number"),)),
    FileCase(
        "F23", "an exponent in JSON", one("a.jsonl", f"{line()}\n{line().replace('12.5', '1e2')}\n{line()}\n".encode()), "Q", rejects=((2, "bad_number"),)
    ),
    FileCase(
        "F23",
        "a number too long for a double",
        one("a.jsonl", f"{line()}\n{line().replace('12.5', '1.12345678901234567')}\n{line()}\n".encode()),
        "Q",
        rejects=((2, "too_many_decimals"),),
    ),
    FileCase("F23", "a line that is no object", one("a.jsonl", f"{line()}\nnope\n[1]\n{line()}\n".encode()), "Q", rejects=((2, "bad_json"), (3, "bad_json"))),
    FileCase("F23", "a line cut off", one("a.jsonl", f"{line()}\n{line()}\n{line()[:-30]}".encode()), "Q", rejects=((3, "bad_json"),)),
    FileCase("F23", "a key twice", one("a.jsonl", f'{line()}\n{line()[:-1]}, "amount": 99}}\n{line()}\n'.encode()), "Q", rejects=((2, "duplicate_key"),)),
    FileCase("F25", "glob characters in the name", one("[a]*?.csv", GOOD), "A"),
    FileCase("F25", "quotes in the name", one('it\'s "it".csv', GOOD), "A"),
    FileCase("F25", "a line end in the name", one("a\nb.csv", GOOD), "A"),
    FileCase("F25", "right to left", one("\u202egnp.csv", GOOD), "A"),
    FileCase("F25", "255 bytes of name", one("x" * 251 + ".csv", GOOD), "A"),
    FileCase("F25", "SQL in the name", one("'); drop table raw.rejects; --.csv", GOOD), "A"),
    FileCase("P1", "semicolons", one("a.csv", GOOD.replace(b",", b";")), "R", "not separated by commas"),
    FileCase("P1", "tabs", one("a.csv", GOOD.replace(b",", b"\t")), "R", "not separated by commas"),
    FileCase("P1", "semicolons as declared", one("a.csv", GOOD.replace(b",", b";")), "A", settings='delimiter: ";"'),
    FileCase("P1", "commas where semicolons are declared", one("a.csv", GOOD), "R", "not separated by semicolons", settings='delimiter: ";"'),
    FileCase("P3", "UTF-16", one("a.csv", GOOD.decode().encode("utf-16")), "R", "UTF-16"),
    FileCase("P3", "UTF-16 without a mark", one("a.csv", GOOD.decode().encode("utf-16-le")), "R", "UTF-16"),
    FileCase("P3", "Latin-1", one("a.csv", csv(ROW, ROW.replace("P-1", "Café")).decode().encode("latin-1")), "R", "not UTF-8"),
    FileCase("P3", "UTF-16 as declared", one("a.csv", GOOD.decode().encode("utf-16")), "A", settings="encoding: utf-16"),
    FileCase(
        "P3", "Windows-1252 as declared", one("a.csv", csv(ROW, ROW.replace("P-1", "Café")).decode().encode("cp1252")), "A", settings="encoding: windows-1252"
    ),
    FileCase(
        "P3", "UTF-16 declared, cut within a letter", one("a.csv", GOOD.decode().encode("utf-16")[:-1]), "R", "is not utf-16 text", settings="encoding: utf-16"
    ),
    FileCase("P3", "UTF-8 with a byte order mark", one("a.csv", b"\xef\xbb\xbf" + GOOD), "A"),
    FileCase("P4", "NUL byte", one("a.csv", csv(ROW, ROW.replace("P-1", "P\x00"), ROW)), "Q", rejects=((2, "control_character"),)),
    FileCase("P6", "a line end inside quotes", one("a.csv", csv(ROW, ROW.replace("retail", '"re\ntail"'))), "A"),
    FileCase("P6", "doubled quotes", one("a.csv", csv(ROW, ROW.replace("retail", '"re""tail"'))), "A"),
    FileCase("P6", "CRLF and LF mixed", one("a.csv", GOOD.replace(b"\n", b"\r\n", 2)), "A"),
    FileCase("P6", "carriage returns alone", one("a.csv", GOOD.replace(b"\n", b"\r")), "R", "carriage return"),
    FileCase("P6", "a quote that is never closed", one("a.csv", csv(ROW, '"' + ROW, ROW)), "R", "not valid CSV"),
    FileCase("P6", "text behind a closed quote", one("a.csv", csv(ROW, '"G"x' + ROW[3:])), "R", "not valid CSV"),
    FileCase("P6", "one field too few", one("a.csv", csv(ROW, ROW.removesuffix(",retail"), ROW)), "Q", rejects=((2, "wrong_field_count"),)),
    FileCase("P6", "one field too many", one("a.csv", csv(ROW, ROW + ",more", ROW)), "Q", rejects=((2, "wrong_field_count"),)),
    FileCase("P6", "an unquoted comma in an amount", one("a.csv", csv(ROW, ROW.replace("12.50", "1,250.00"), ROW)), "Q", rejects=((2, "wrong_field_count"),)),
    FileCase("P6", "blank lines", one("a.csv", csv(ROW, "", ROW, "")), "A"),
    FileCase(
        "X1",
        "columns in another order",
        one("a.csv", csv(*["12.50,EUR,2026-03-31,G-1,P-1,2"] * 2, header="amount,currency,date,transaction_id,partner_id,quantity")),
        "A",
    ),
    FileCase("X3", "a new column", one("a.csv", csv(*[ROW + ",x"] * 2, header=HEADER + ",shop")), "A"),
    FileCase(
        "X3",
        "a new column, strict",
        one("a.csv", csv(*[ROW + ",x"] * 2, header=HEADER + ",shop")),
        "R",
        "shop",
        settings="strict: true, columns: {channel: channel}",
    ),
    FileCase("X3", "a needed column is gone", one("a.csv", GOOD.replace(b"amount", b"betrag")), "R", "has no column amount"),
    FileCase("X5", "a column twice", one("a.csv", GOOD.replace(b"channel", b"amount")), "R", "more than once"),
    FileCase("X5", "a column twice but for capitals", one("a.csv", GOOD.replace(b"channel", b"AMOUNT")), "R", "more than once"),
    FileCase("X5", "a column without a name", one("a.csv", GOOD.replace(b"line", b"")), "R", "without a name"),
    FileCase(
        "X6",
        "texts after 20,000 numbers",
        one("a.csv", csv(*[ROW] * 20_000, ROW.replace("12.50", "twelve"))),
        "Q",
        rejects=((20_001, "bad_number"),),
        rows=20_000,
    ),
    *[
        FileCase("U1", f"a column {name}", one("a.csv", csv(*[ROW + ",2"] * 2, header=f"{HEADER},{name}")), "A")
        for name in ("partner_key", "rowid", "file_no", "file_index", "fault", "t0", "M", "Due")
    ],
    FileCase("U1", "a key of JSON that is one of ours", one("a.jsonl", f"{line(row_no=7)}\n{line(row_no=8)}\n".encode()), "A"),
    FileCase("U2", "touched in the year 2100", lambda: {"a.csv": GOOD}, "W", settings="settle_seconds: 600", touched=4102444800),
    FileCase(
        "U3", "a header of decomposed letters", one("a.csv", GOOD.replace(b"channel", "re\u0301gion".encode())), "A", settings="columns: {channel: région}"
    ),
    FileCase("U4", "every row rejected", one("a.csv", GOOD.replace(b"12.50", b"12,5O")), "R", "wrong_field_count"),
    FileCase("U4", "every amount unreadable", one("a.csv", GOOD.replace(b"12.50", b"12.5O")), "R", "all of its rows are rejected (2 of them: bad_number"),
    FileCase(
        "U4",
        "a row of three rejected",
        one("a.csv", csv(ROW, ROW, ROW.replace("12.50", "x"))),
        "Q",
        rejects=((3, "bad_number"),),
        warns="1 of 3 rows is rejected",
    ),
    FileCase(
        "U4",
        "as many rejected as the feed allows",
        one("a.csv", csv(ROW, ROW, ROW.replace("12.50", "x"))),
        "Q",
        rejects=((3, "bad_number"),),
        settings="max_rejected: 0.34",
        warns="-",
    ),
    FileCase(
        "U6",
        "one key twice, other amounts",
        one("a.csv", csv(ROW, ROW.replace("G-1", "G-2"), ROW.replace("2,12.50", "1,6.25"))),
        "Q",
        rejects=((1, "key_repeated"), (3, "key_repeated")),
        rows=1,
        settings="key: [transaction_id, line]",
        warns="key",
    ),
    FileCase(
        "U6",
        "a correction without a key",
        lambda: {"a.csv": csv(ROW, ROW, ROW.replace("G-1", "G-2"))},
        "A",
        rows=3,
        earlier={"a.csv": csv(ROW, ROW)},
        warns="2 of 3 rows were in the earlier file of this name",
    ),
    FileCase("U6", "an empty snapshot", one("a.csv", csv()), "R", "has no rows, and feeds.transactions is a snapshot", settings="snapshot: true"),
    FileCase("U7", "an id that a spreadsheet shortened", one("a.csv", GOOD.replace(b"P-1", b"8.96529E+19")), "A", warns="8.96529E+19"),
    FileCase("U11", "keys of JSON that differ in capitals", one("a.jsonl", f"{line(Amount=99)}\n{line(Amount=99)}\n".encode()), "R", "upper and lower case"),
    FileCase("U11", "an empty key of JSON", one("a.jsonl", f'{line()[:-1]}, "": 1}}\n{line()}\n'.encode()), "A"),
    FileCase("U11", "the last object cut off", one("a.jsonl", f"{line()}\n{line()}\n{line()[:60]}".encode()), "Q", rejects=((3, "bad_json"),)),
    FileCase("U13", "an apostrophe before an amount", one("a.csv", csv(ROW, ROW, ROW.replace("12.50", "'-12.50"))), "Q", rejects=((3, "bad_number"),)),
    FileCase("X7", "a column of one file alone", lambda: {"a.csv": csv(ROW, ROW), "b.csv": csv(ROW + ",x", ROW + ",y", header=HEADER + ",shop")}, "A", rows=4),
]
