"""The commands on a closed book: what a pack holds, what is refused, and that the same request gives the same bytes.

Belongs here: `evidence` and `verify-pack` end to end. Does not belong here: recomputing (test_recompute.py), tampering (test_verify_pack.py).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.evidence import build
from assets.evidence.terms import check_terms, read_pack_terms
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.bonus_book import BOOK, write_book
from tests.support.evidence_packs import problems_of, resealed
from tests.support.once import make_once

PAYMENTS = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\nBONUS,volume,C1,2026-01-01,22.40,2026-04-20,PAY-1\n"


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose first quarter is closed, with one rejected row that was accepted, and paid but for some cents."""

    def make(folder: Path) -> None:
        write_book(folder)
        (folder / "book.yaml").write_text(BOOK + '  payments: {files: "feeds/payments/*.csv"}\n')
        (folder / "feeds" / "payments").mkdir()
        (folder / "feeds" / "payments" / "april.csv").write_text(PAYMENTS)
        close = ["close", "2026-03", "--by", "J. Doe", "--with-earlier", "--accept-open", "one line of the old shop"]
        assert main([*close, "--book", str(folder)]) == 0
        run_book(folder)

    return make_once(tmp_path_factory, "closed-book", make)


@pytest.fixture(scope="session")
def pack(closed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("evidence") / "february.zip"
    assert main(["evidence", "2026-02", "--book", str(closed), "--output", str(target)]) == 0
    return target


def read(pack: Path, name: str) -> str:
    with zipfile.ZipFile(pack) as files:
        return files.read(name).decode()


def rows(pack: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read(pack, name))))


def test_the_pack_says_how_its_period_was_closed(pack: Path) -> None:
    about = json.loads(read(pack, "pack.json"))
    assert (about["close"]["closed_by"], about["close"]["period"]) == ("J. Doe", "2026-02")
    assert about["close"]["chain_sha256"] in read(pack, "README.md")
    assert [name for name in zipfile.ZipFile(pack).namelist() if name.endswith("close.json")] == [
        f"ledger/000{number}-close-2026-0{number}-v1/close.json" for number in (1, 2, 3)
    ]


def test_exceptions_are_in_one_table(pack: Path) -> None:
    found = {(row["kind"], row["reason"], row["by"]) for row in rows(pack, "exceptions.csv")}
    assert ("rejected row", "bad_number", "") in found
    assert ("accepted error", "one line of the old shop", "J. Doe") in found
    assert any(kind == "terms without approval" for kind, _, _ in found)
    assert json.loads(read(pack, "pack.json"))["exceptions"]["reopened period"] == 0


def test_the_journal_of_the_period_is_reconciled_by_account(pack: Path) -> None:
    found = {(row["account"], row["kind"]): (row["debit"], row["credit"]) for row in rows(pack, "reconciliation/accounts.csv")}
    entries = rows(pack, "tables/fct_journal.csv")
    assert {row["period"] for row in entries} == {"2026-02"}
    for (account, kind), sides in found.items():
        lines = [row for row in entries if (row["account"], row["kind"]) == (account, kind)]
        assert tuple(f"{sum(float(row[side]) for row in lines):.4f}" for side in ("debit", "credit")) == sides


def test_every_file_that_arrived_is_listed_with_its_hash(closed: Path, pack: Path) -> None:
    for row in rows(pack, "inputs.csv"):
        content = (closed / row["file_name"]).read_bytes()
        assert (row["sha256"], row["bytes"]) == (hashlib.sha256(content).hexdigest(), str(len(content)))
    assert {row["file_name"] for row in rows(pack, "inputs.csv")} == {
        "feeds/payments/april.csv", *(f"feeds/transactions/{day}.csv" for day in ("2026-01-05", "2026-02-10", "2026-04-01"))
    }  # fmt: skip


def test_source_rows_stand_as_they_do_in_the_files(closed: Path, pack: Path) -> None:
    found = [json.loads(line) for line in read(pack, "sample/source_rows.jsonl").splitlines()]
    assert found
    for each in found:
        assert (closed / each["source_file"]).read_text().splitlines()[each["source_line"] - 1] == each["raw"]


def test_every_table_has_a_sheet_with_its_numbers(pack: Path) -> None:
    names = zipfile.ZipFile(pack).namelist()
    tables = {name[len("tables/") : -len(".csv")] for name in names if name.startswith("tables/")}
    assert tables == {name[len("ipe/") : -len(".md")] for name in names if name.startswith("ipe/")}
    table = "fct_payout"
    sheet = read(pack, f"ipe/{table}.md")
    for word in ("**Source**", "**Scope**", "**Completeness**", "**Accuracy**", "**Integrity**"):
        assert word in sheet
    assert f"{len(rows(pack, 'tables/fct_payout.csv'))} rows are in the file" in sheet
    sums = dict(line.split("  ")[::-1] for line in read(pack, "SHA256SUMS").splitlines())
    assert sums["tables/fct_payout.csv"] in sheet


def test_the_data_package_describes_every_table(pack: Path) -> None:
    package = json.loads(read(pack, "datapackage.json"))
    by_path = {each["path"]: each for each in package["resources"]}
    payout = by_path["tables/fct_payout.csv"]
    assert [field["name"] for field in payout["schema"]["fields"]] == list(rows(pack, "tables/fct_payout.csv")[0])
    assert payout["schema"]["primaryKey"] == ["payout_id"]
    assert all(field["description"] for field in payout["schema"]["fields"])


def test_the_same_request_gives_the_same_bytes(closed: Path, pack: Path, tmp_path: Path) -> None:
    assert main(["evidence", "2026-02", "--book", str(closed), "--output", str(tmp_path / "again.zip")]) == 0
    assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()


def test_verify_pack_says_what_holds_and_what_does_not(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-pack", str(pack)]) == 0
    assert "11 statements hold" in capsys.readouterr().out
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "changed.zip").write_bytes(data)
    assert main(["verify-pack", str(tmp_path / "changed.zip"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"


def test_a_close_that_was_changed_breaks_the_chain(pack: Path, tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        path = folder / "ledger" / "0002-close-2026-02-v1" / "close.json"
        path.write_text(path.read_text().replace("J. Doe", "R. Roe"))

    assert any("0002-close-2026-02-v1" in problem for problem in problems_of(resealed(pack, change, tmp_path / "rewritten.zip")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1999-01"], "the book's calendar has no period 1999-01"),
        (["march"], "is not a period"),
        (["2026-12"], "no payout has a window in 2026-12"),
        (["2026-03", "--payouts", "BONUS/volume/C1/2026-04-01"], "has no window, accrual or entry in 2026-03"),
        (["2026-03", "--payouts", "nobody"], "no published payout is called 'nobody'"),
        (["2026-03", "--output", "/nowhere/pack.zip"], "there is no folder /nowhere; make it first"),
    ],
)
def test_what_cannot_be_asked_is_refused(closed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["evidence", "--book", str(closed), "--output", str(tmp_path / "pack.zip"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_is_not_proved_is_not_written(closed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    entry: dict[str, Any] = {"payout_id": "p1", "name": "BONUS/volume/C1/2026-01-01", "outcome": "cannot", "payout": "", "problems": ["no such method"]}
    monkeypatch.setattr(build, "run_recompute", lambda folder, every: {"agrees": 0, "differs": 0, "cannot": 1, "payouts": [entry]})
    assert main(["evidence", "2026-02", "--book", str(closed), "--output", str(tmp_path / "pack.zip")]) == 1
    message = capsys.readouterr().err
    assert "recompute_agrees" in message
    assert "BONUS/volume/C1/2026-01-01 cannot: no such method" in message
    assert list(tmp_path.iterdir()) == []


def test_terms_that_are_read_otherwise_today_are_refused(closed: Path) -> None:
    terms = read_pack_terms(closed)
    with duckdb.connect() as con:
        con.execute("create table dim_agreement as select 'BONUS' as agreement_id, 1 as agreement_version, ? as content_sha256", [next(iter(terms.documents))])
        check_terms(con, terms)
        con.execute("update dim_agreement set content_sha256 = 'other'")
        with pytest.raises(InputError, match="BONUS version 1 has another hash there"):
            check_terms(con, terms)
