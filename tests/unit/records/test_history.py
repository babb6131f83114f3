"""The history of runs, what a day knew, and the first difference of two tables."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest

from assets.archive.run_history import append_run, keep_terms, read_runs, read_terms, torn_line
from assets.ledger.folder import Ledger
from assets.verification.comparison import first_difference
from assets.verification.rebuild import snapshot_of_day
from models.documents import InputError
from models.records.chain import NO_HASH
from models.records.run_history import EndedRun, as_line, last_published_before, parse_runs

HASH = "a" * 64


def ended(day: str, status: str = "published", run_id: str = "r") -> EndedRun:
    moment = f"{day}T10:00:00Z"
    hashes = dict.fromkeys(("agreements_sha256", "inputs_sha256", "settings_sha256", "terms_sha256"), HASH)
    heads = {"ledger_sha256": NO_HASH, "write_offs_sha256": NO_HASH}
    about = {"run_id": run_id, "started_at": moment, "finished_at": moment, "as_of": "2026-01-31", "code_version": "1", "engine_versions": "{}"}
    figures = {"rows": 1, "payouts": 1, "payout_total": "{}", "status": status, "arrivals": {"transactions": 1}}
    return EndedRun.model_validate_json(json.dumps({**about, **hashes, **heads, **figures}))


def test_runs_are_read_as_they_were_written(tmp_path: Path) -> None:
    runs = [ended("2024-07-01"), ended("2024-07-02", "failed")]
    for run in runs:
        append_run(tmp_path, run)
    assert read_runs(tmp_path) == runs
    assert (tmp_path / "runs.jsonl").read_bytes() == b"".join(map(as_line, runs))


@pytest.mark.parametrize("left", [1, 50, -1])
def test_a_line_cut_short_does_not_count_and_is_replaced(tmp_path: Path, left: int) -> None:
    first, second = ended("2024-07-01"), ended("2024-07-02")
    (tmp_path / "runs.jsonl").write_bytes(as_line(first) + as_line(second)[:left])
    assert read_runs(tmp_path) == [first]
    assert torn_line(tmp_path) == as_line(second)[:left]
    append_run(tmp_path, second)
    assert (tmp_path / "runs.jsonl").read_bytes() == as_line(first) + as_line(second)


@pytest.mark.parametrize(
    "damage", [(b'"rows":1', b'"rows":"1"'), (b'"status":"published"', b'"status":"done"'), (b"{", b""), (b'"rows":1', b'"rows":1,"more":2')]
)
def test_a_changed_line_is_named(damage: tuple[bytes, bytes]) -> None:
    data = as_line(ended("2024-07-01"))
    with pytest.raises(InputError, match=r"archive/runs.jsonl:2: .*restore the file from a backup"):
        parse_runs(data + data.replace(*damage, 1))


def test_the_last_run_of_a_day_is_the_last_that_published_in_the_order_of_lines() -> None:
    runs = [ended("2024-07-01"), ended("2024-07-09", run_id="wrong clock"), ended("2024-07-02"), ended("2024-07-02", "failed"), ended("2024-07-05")]

    def last(day: int) -> int | None:
        return last_published_before(runs, dt.datetime(2024, 7, day, tzinfo=dt.UTC))

    assert [last(day) for day in (1, 2, 3, 4, 6, 10)] == [None, 0, 2, 2, 4, 4]


def test_terms_are_kept_to_the_byte(tmp_path: Path) -> None:
    book = tmp_path / "book"
    (book / "agreements" / "north").mkdir(parents=True)
    (book / "book.yaml").write_bytes(b"\xef\xbb\xbfbook: b\r\n")
    (book / "agreements" / "north" / "ä.yaml").write_bytes("title: Ü\r\n".encode())
    name = keep_terms(tmp_path / "archive", book)
    assert keep_terms(tmp_path / "archive", book) == name
    assert [path.name for path in (tmp_path / "archive" / "terms").iterdir()] == [f"{name}.json"]
    texts = read_terms(tmp_path / "archive", name)
    assert {key: text.encode() for key, text in texts.items()} == {key: (book / key).read_bytes() for key in ("book.yaml", "agreements/north/ä.yaml")}
    (book / "agreements" / "north" / "ä.yaml").write_bytes(b"title: U\r\n")
    assert keep_terms(tmp_path / "archive", book) != name


def test_a_day_knows_what_came_before_what_it_knows(tmp_path: Path) -> None:
    """A clock that ran ahead for one delivery hides nothing, and feeds count for themselves."""
    (tmp_path / "agreements").mkdir()
    (tmp_path / "agreements" / "a.yaml").write_text("agreement: A\n")
    (tmp_path / "book.yaml").write_text("book: b\ncurrency: EUR\nfeeds: {transactions: {files: '*.csv'}}\n")
    (tmp_path / "archive").mkdir()
    came = [("transactions", 1, "01"), ("transactions", 2, "09"), ("transactions", 3, "02"), ("transactions", 4, "03"), ("payments", 1, "03")]
    lines = [
        {"feed": feed, "file_name": f"{no}.csv", "sha256": HASH, "arrival_no": no, "arrived_at": f"2024-07-{day} 23:59:59.999999", "bytes": 1, "suffix": ".csv"}
        for feed, no, day in came
    ]
    (tmp_path / "archive" / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def knew(day: int) -> list[tuple[str, int]]:
        return [(each.feed, each.arrival_no) for each in snapshot_of_day(tmp_path, dt.date(2024, 7, day), None).arrivals]

    assert knew(1) == [("transactions", 1)]
    assert knew(2) == [("transactions", 1), ("transactions", 2), ("transactions", 3)]
    assert len(knew(3)) == 5
    snapshot = snapshot_of_day(tmp_path, dt.date(2024, 7, 1), None)
    assert (snapshot.as_of, snapshot.run, snapshot.is_same, snapshot.ledger) == (dt.date(2024, 7, 1), None, False, Ledger([], []))
    with pytest.raises(InputError, match="nothing was known on 2024-06-30: the first file arrived on 2024-07-01"):
        snapshot_of_day(tmp_path, dt.date(2024, 6, 30), None)


ROWS = "select * from (values ('p1', '2026-01', 1.10), ('p2', '2026-01', 2.20), ('p2', '2026-01', 2.20), ('p3', null, null)) t(payout_id, period, accrual)"


@pytest.mark.parametrize(
    ("published", "message"),
    [
        (ROWS, None),
        (f"{ROWS} order by payout_id desc", None),
        (ROWS.replace("1.10", "1.11"), "row 1 (payout_id=p1, period=2026-01): accrual is 1.11 and should be 1.10"),
        (f"{ROWS} where payout_id <> 'p3'", "a row is missing: payout_id=p3"),
        (f"{ROWS} union all {ROWS} limit 5", "row 1 (payout_id=p1, period=2026-01) should not be there"),
        (f"select distinct * from ({ROWS}) order by all", "a row is missing: payout_id=p2, period=2026-01"),
        (f"select payout_id, accrual from ({ROWS})", "its columns are payout_id, accrual, and should be payout_id, period, accrual"),
    ],
)
def test_the_first_difference_is_reported_with_its_row(tmp_path: Path, published: str, message: str | None) -> None:
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "[theirs].parquet"
    with duckdb.connect() as con:
        con.execute(f"copy ({published}) to '{ours}' (format parquet)")
        con.execute(f"copy ({ROWS}) to '{theirs}' (format parquet)")
        assert first_difference(con, [ours], [theirs]) == message
        assert first_difference(con, [ours], [theirs], ("period",)) == (message and message.replace(", period=2026-01", "")) or "columns" in str(message)
