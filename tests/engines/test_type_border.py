"""Every type that may leave the warehouse for a file comes back as it was, at its extremes; others are refused by name."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.spark.type_border import STORED_AS, TypeRefused, from_file, no_rows, stored_type, to_file

#: By type: values as SQL, the least and the greatest among them.
EXTREMES = {
    "BOOLEAN": ["true", "false"],
    "INTEGER": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "HUGEINT": [f"{'9' * 38}::hugeint", f"-{'9' * 38}::hugeint", "9007199254740993::hugeint", "35157::hugeint // 2"],
    "DECIMAL(18,6)": ["999999999999.999999", "-999999999999.999999", "0.000001"],
    "DECIMAL(38,12)": [f"{'9' * 26}.999999999999::decimal(38, 12)", "0.000000000001::decimal(38, 12)"],
    "VARCHAR": ["''", "'é\U0001f600'", "repeat('x', 100000)", "'a' || chr(10) || 'b'"],
    "DATE": ["date '0001-01-01'", "date '9999-12-31'", "date '2024-02-29'"],
    "TIMESTAMP": ["timestamp '2025-03-30 02:30:00.123456'"],
    "TIMESTAMP WITH TIME ZONE": ["timestamptz '2025-03-30 02:30:00.123456+00'", "timestamptz '2025-10-26 02:30:00+02'"],
    "BIT": ["'0'::bit", "repeat('01', 500)::bit"],
    "ENUM('b', 'a')": ["'a'", "'b'"],
}


def there_and_back(con: duckdb.DuckDBPyConnection, file: Path, kind: str) -> None:
    con.execute(f"copy (select {to_file([('x', kind)])} from before) to '{file}' (format parquet)")
    con.execute(f"create table after as select {from_file([('x', kind)])} from read_parquet('{file}')")


@pytest.mark.parametrize("kind", EXTREMES)
def test_a_type_comes_back_as_it_was(kind: str, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute("set timezone = 'America/New_York'")
        con.execute(f"create table before (n integer, x {kind})")
        con.execute(f"insert into before values (0, null){''.join(f', ({n}, {value})' for n, value in enumerate(EXTREMES[kind], 1))}")
        there_and_back(con, tmp_path / "x.parquet", kind)
        assert con.execute("describe after").fetchall()[0][1] == con.execute("describe before").fetchall()[1][1]
        assert con.execute("select x from before order by n").fetchall() == con.execute("from after").fetchall()
        assert con.execute(no_rows([("x", kind)])).fetchall() == []


def test_every_type_of_the_border_has_extremes() -> None:
    assert {kind.split("(")[0] for kind in EXTREMES} == set(STORED_AS)


def test_an_integer_that_a_file_cannot_hold_is_refused_not_rounded(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"create table before as select (1{'0' * 38})::hugeint as x")
        with pytest.raises(duckdb.ConversionException):
            there_and_back(con, tmp_path / "x.parquet", "HUGEINT")


@pytest.mark.parametrize("kind", ["DOUBLE", "UHUGEINT", "INTEGER[]", "TIME", "INTERVAL", "STRUCT(a INTEGER)"])
def test_a_type_that_is_not_listed_is_refused(kind: str) -> None:
    with pytest.raises(TypeRefused, match="rate is"):
        stored_type("rate", kind)
