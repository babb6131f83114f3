"""`tierledger diff`: each cause is what one more change does, worked out by hand, and the causes add up.

Belongs here: what OTHER may be, causes, exit codes, what the book keeps. Does not belong here: Markdown (tests/unit/test_papers.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.published.reader import fetch, open_published, sealed
from assets.runtime.book_folder import BookLocked, lock_book
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.differences import Asked, diff_book
from pipelines.run import run_book
from tests.support.decision_book import change_at_random, commit_terms, deliver, edit, git, write_book

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "examples" / "pull_requests" / "comment-diff.sh"
D = Decimal
EUR, USD = ("payable", "EUR"), ("receivable", "USD")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run once, its agreements in a git repository."""
    folder = write_book(tmp_path_factory.mktemp("diff") / "book")
    commit_terms(folder)
    run_book(folder)
    return folder


@pytest.fixture
def book(ran: Path, tmp_path: Path) -> Path:
    return shutil.copytree(ran, tmp_path / "book", symlinks=True)


def digest(folder: Path) -> str:
    """Names and bytes of everything in the folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.parts:
            found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


def causes(book: Path, other: object) -> dict[tuple[str, str], dict[str, Decimal]]:
    found, _ = diff_book(book, str(other))
    for row in found.totals:
        assert sum(row["causes"].values()) == row["change"] == row["now"] - row["before"]
    return {(row["direction"], row["currency"]): row["causes"] for row in found.totals if row["changed"]}


@pytest.mark.long
def test_each_cause_is_what_one_more_change_does(book: Path, tmp_path: Path) -> None:
    """Against another book: 200 more of C1 reach tier 2 (9 → 22) and its target (50); at 0.80 C2 has 400 instead of 450 (4.50 → 4.00); then 3 %."""
    other = shutil.copytree(book, tmp_path / "other", symlinks=True)
    deliver(book, "transactions/2.csv", "transaction_id,line,date,partner_id,amount,currency\nT9,1,2026-03-02,C1,200.00,EUR\n")
    deliver(book, "fx_rates/2.csv", "date,from_currency,to_currency,rate\n2026-02-01,USD,EUR,0.80\n")
    edit(book, "volume.yaml", "rate: 0.02", "rate: 0.03")
    before = digest(book), digest(other)
    assert causes(book, other) == {EUR: {"data": D("63.00"), "reference": D("-0.50"), "terms": D("26.00")}}
    assert (digest(book), digest(other)) == before


@pytest.mark.long
def test_a_revision_of_git_is_its_agreements(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1500 of C2 in tier 2: 30 → 37.50. Files that have arrived since the last run count on both sides."""
    deliver(book, "transactions/2.csv", "transaction_id,line,date,partner_id,amount,currency\nT9,1,2026-05-02,C3,100.00,EUR\n")
    edit(book, "volume.yaml", "rate: 0.02", "rate: 0.025")
    before = digest(book)
    assert main(["diff", "HEAD", "--book", str(book), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert digest(book) == before
    (change,) = found["payouts"]
    assert (change["before_payout"], change["now_payout"], change["causes"]) == ("30.0000", "37.5000", {"terms": "7.5000"})
    assert found["largest"][0]["reason"] == "tier 2 pays 2 % → 2.5 %"
    bands = {row["band"]: row["participants"] for row in found["bands"] if row["currency"] == "EUR"}
    assert bands == {"20 to 50 % more": 1, "unchanged": 4}
    assert {row["account"]: row["change"] for row in found["journal"]} == {"2200": "-7.5000", "4100": "7.5000"}
    assert main(["diff", "HEAD", "--book", str(book), "--fail-over", "20%", "--format", "markdown", "--no-names", "--out", str(book / "comment.txt")]) == 0
    comment = (book / "comment.txt").read_text()
    assert "participant 1" in comment
    assert not any(name in comment for name in ("C2", "Two", "Café"))
    (book / "comment.txt").unlink()
    assert main(["diff", "HEAD", "--book", str(book), "--fail-over", "7", "--format", "html"]) == 1
    assert "Two | Sons" in capsys.readouterr().out


@pytest.mark.long
def test_a_run_of_the_archive_and_its_published_set(book: Path, ran: Path, tmp_path: Path) -> None:
    """What the run knew, also where only its tables are left."""
    run_id = json.loads((book / "published" / "current" / "tables.json").read_text())["run_id"]
    deliver(book, "transactions/2.csv", "transaction_id,line,date,partner_id,amount,currency\nT9,1,2026-05-02,C3,100.00,EUR\n")
    expected = {EUR: {"data": D("1.00")}}
    assert causes(book, run_id) == expected
    assert causes(book, book / "published") == expected
    alone = shutil.copytree((ran / "published" / "current").resolve(), tmp_path / "set")
    history = book / "archive" / "runs.jsonl"
    history.write_text("")
    shutil.rmtree(book / "published")
    assert causes(book, alone) == {EUR: {"inputs": D("1.00")}}


@pytest.mark.long
def test_another_program_is_a_cause(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program published that paid one cent less in each payout of euros, on inputs that have changed since."""
    other = shutil.copytree(book, tmp_path / "other", symlinks=True)
    monkeypatch.setattr("assets.archive.run_identity.code_version", lambda: "earlier")
    edit(other, "volume.yaml", "rate: 0.02", "rate: 0.03")
    run_book(other)
    monkeypatch.undo()
    current = (other / "published" / "current").resolve()
    payouts = current / "fct_payout.parquet"
    with duckdb.connect() as con:
        con.execute(f"create table p as select * replace ((payout - (currency = 'EUR' and payout > 0)::int * 0.01)::decimal(18, 4) as payout) from '{payouts}'")
        con.execute(f"copy p to '{payouts}' (format parquet)")
        ((cheaper,),) = con.execute("select count(*) from p where currency = 'EUR' and payout > 0").fetchall()
    manifest = json.loads((current / "tables.json").read_text())
    manifest["sha256"]["fct_payout"] = hashlib.sha256(payouts.read_bytes()).hexdigest()
    (current / "tables.json").write_text(json.dumps(sealed(manifest)))
    assert causes(book, other) == {EUR: {"code": D("0.01") * cheaper, "terms": D("-15.00")}}


@pytest.mark.long
def test_a_closed_period_stays_and_its_difference_is_booked_later(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["close", "2026-01", "--by", "ann", "--book", str(book), "--quiet"]) == 0
    edit(book, "volume.yaml", "rate: 0.01", "rate: 0.02")
    found, _ = diff_book(book, "HEAD")
    assert found.closed_periods == 1
    assert [(row["origin_period"], row["period"], row["change"]) for row in found.restated] == [("2026-01", "2026-02", D("9.00"))]
    assert all(row["period"] != "2026-01" for row in found.accruals)
    capsys.readouterr()


def test_the_script_comments_a_pull_request(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1500 of C2 in tier 2: 30 → 37.50. A branch, its base, and commands that write down what they are asked to post."""
    git(book, "checkout", "-qb", "higher-rate")
    edit(book, "volume.yaml", "rate: 0.02", "rate: 0.025")
    git(book, "commit", "-qam", "A higher rate")
    for name in ("gh", "curl"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/{name}.asked\ncat "$5" > {tmp_path}/{name}.body 2>/dev/null || true\n')
        (tmp_path / name).chmod(0o755)
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TIERLEDGER": f"{sys.executable} -m pipelines.cli", "FAIL_OVER": "10%", "PYTHONPATH": str(ROOT)}
    before = digest(book)

    def run(**more: str) -> int:
        environment = {**os.environ, **settings, **more}
        return subprocess.run([str(SCRIPT), str(book), "main"], env=environment, cwd=tmp_path, check=False).returncode

    assert run(GITHUB_ACTIONS="true", PULL_REQUEST="7") == 1, "25 % more in total is over the limit"
    assert digest(book) == before
    comment = (tmp_path / "gh.body").read_text()
    assert (tmp_path / "gh.asked").read_text().startswith("pr comment 7 --body-file")
    assert "We pay 7.50 EUR more" in comment
    assert "tier 2 pays 2 % → 2.5 %" in comment
    assert not any(name in comment for name in ("C2", "Two", "Café"))
    gitlab = {"CI_API_V4_URL": "https://gitlab.example/api/v4", "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "5", "GITLAB_TOKEN": "t"}
    assert run(GITLAB_CI="true", TIERLEDGER="true", **gitlab) == 0
    assert "https://gitlab.example/api/v4/projects/3/merge_requests/5/notes" in (tmp_path / "curl.asked").read_text()
    assert run(TIERLEDGER="sh -c 'exit 2'") == 2


WRONG = {
    "no-such-branch": "git knows no such revision",
    "r0123456789abcdef": "git knows no such revision",
    "HEAD:agreements": "git knows no such revision",
    ".": "no book (no book.yaml) and no published set",
}


@pytest.mark.parametrize("other", WRONG)
def test_what_other_is_not(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=WRONG[other].replace("(", r"\(").replace(")", r"\)")):
        diff_book(ran, other)


def test_what_cannot_be_compared_says_the_way_out(book: Path, tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "left").write_text("")
    with pytest.raises(InputError, match=r"is not empty.*name a new folder"):
        diff_book(book, "HEAD", keep=tmp_path / "keep")
    with lock_book(book), pytest.raises(BookLocked, match="a run is in progress"):
        diff_book(book, "HEAD")
    git(book, "rm", "-rq", "--cached", "agreements")
    git(book, "commit", "-qm", "Without")
    with pytest.raises(InputError, match=r"has no \*\.yaml below agreements"):
        diff_book(book, "HEAD")
    archived = next(path for path in (book / "archive").iterdir() if len(path.name) == 64)
    shutil.move(book / ".git", tmp_path / "git")
    with pytest.raises(InputError, match="is in no git repository"):
        diff_book(book, "HEAD~1")
    shutil.rmtree(book / "feeds")
    archived.unlink()
    with pytest.raises(InputError, match="restore it from a backup"):
        diff_book(book, "HEAD~1")


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 9)])
def test_causes_of_random_pairs_add_up(book: Path, tmp_path: Path, seed: int) -> None:
    """To what both books pay when they are run; and each participant is in one band."""
    other = shutil.copytree(book, tmp_path / "other", symlinks=True)
    change_at_random(book, seed)
    if seed % 2:
        change_at_random(other, 100 + seed)
    found, rows = diff_book(book, str(other), asked=Asked(lists_all=True))
    for row in rows:
        assert sum(dict(row["causes"]).values()) == row["change"]
    for end, folder in (("before", other), ("now", book)):
        run_book(folder)
        with open_published(folder) as con:
            sums = fetch(con, "select direction, currency, sum(payout) as total from fct_payout group by all order by all")
            people = fetch(con, "select direction, currency, participant_id from fct_payout group by all")
        assert [(row["direction"], row["currency"], row[end]) for row in found.totals if row[f"payouts_{end}"]] == [tuple(row.values()) for row in sums]
        assert {(row["direction"], row["currency"]) for row in people} <= {(row["direction"], row["currency"]) for row in found.bands}
    for row in found.totals:
        of = [band for band in found.bands if (band["direction"], band["currency"]) == (row["direction"], row["currency"])]
        assert sum(band["participants"] for band in of) == row["participants"]
        assert sum(band["change"] for band in of) == row["change"] == sum(row["causes"].values())


@pytest.mark.long
@pytest.mark.parametrize("seed", [21, 22])
def test_the_order_in_which_files_came_changes_nothing(book: Path, tmp_path: Path, seed: int) -> None:
    """The same files, in two books that took them in one before the other and the other before the one."""
    other = shutil.copytree(book, tmp_path / "other", symlinks=True)
    for folder, seeds in ((book, (seed, seed + 100)), (other, (seed + 100, seed))):
        for each in seeds:
            change_at_random(folder, each, terms=False)
            run_book(folder)
    found, rows = diff_book(book, str(other), asked=Asked(lists_all=True))
    assert (found.is_equal, rows) == (True, [])
    assert all(row["change"] == 0 and not row["causes"] for row in found.totals)
