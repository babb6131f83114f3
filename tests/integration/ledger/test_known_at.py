"""A book with a history: what was published on each day comes out again.

Belongs here: known-at on a whole book, and the history of runs. Does not belong here: lines of the history (tests/unit/records/test_history.py).
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import duckdb
import pytest

from assets.archive.run_history import RECEIPT, RUNS, TERMS, read_receipt, read_runs
from assets.published.reader import open_published
from models.documents import InputError
from models.records.chain import sha256
from models.records.receipt import FilePrefix, Receipt, as_bytes
from pipelines.cli.main import main
from pipelines.rebuild import KNOWN_AT, run_known_at
from tests.support.bonus_book import published_bytes
from tests.support.once import make_once
from tests.support.story_book import CLOSED, FIRST, LAST, LATER, SECOND, Story, command, current, make_story, open_story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Tests leave the book as it is."""
    return open_story(make_once(tmp_path_factory, "story", make_story))


@pytest.fixture
def book(story: Story, tmp_path: Path) -> Path:
    """A copy of the book to do things to."""
    return shutil.copytree(story.folder, tmp_path / "book", symlinks=True)


@pytest.mark.parametrize(
    ("day", "published_on"),
    [
        pytest.param("2024-07-03", SECOND, marks=pytest.mark.long),
        (LAST, LAST),
        *(pytest.param(day, day, marks=pytest.mark.long) for day in (FIRST, CLOSED, LATER)),
    ],
)
def test_what_was_published_on_a_day_comes_out_again_to_the_byte(story: Story, book: Path, day: str, published_on: str) -> None:
    before = {path: path.read_bytes() for path in book.rglob("*") if path.is_file() and path.name != ".lock"}
    shutil.rmtree(book / "feeds")  # what it knew then is in the archive
    result = run_known_at(book, dt.date.fromisoformat(day))
    assert result.snapshot.is_same
    assert current(book / KNOWN_AT / day) == story.sets[published_on]
    with duckdb.connect(str(book / KNOWN_AT / day / "tierledger.duckdb"), read_only=True) as con:
        assert con.execute("select distinct run_id from fct_payout").fetchall() == [(result.summary.run_id,)]
    kept = {path: data for path, data in before.items() if "feeds" not in path.parts}
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_day_ends_in_the_book_s_time_zone(book: Path) -> None:
    """The first file arrived at 10:00 UTC, when the next day began on Kiritimati."""
    with (book / "book.yaml").open("a") as settings:
        settings.write("time_zone: Pacific/Kiritimati\n")
    with pytest.raises(InputError, match=f"nothing was known on {FIRST}"):
        run_known_at(book, dt.date.fromisoformat(FIRST))


def test_known_on_a_day_as_of_an_earlier_one(story: Story, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--known-at", FIRST, "--as-of", "2026-03-31", "--book", str(book), "--json"]) == 0
    message = json.loads(capsys.readouterr().out)
    assert (message["known_at"], message["as_of"], message["is_same"]) == (FIRST, "2026-03-31", False)
    assert message["published"]["folder"] == str(book.resolve() / KNOWN_AT / FIRST / "current")
    tables = {name: data for name, data in story.earlier.items() if name not in ("audit_run.parquet", "tables.json")}
    assert current(book / KNOWN_AT / FIRST).items() >= tables.items()
    assert main(["run", "--known-at", FIRST, "--as-of", "2026-03-31", "--book", str(book)]) == 0
    said = capsys.readouterr().out
    assert "As known at the end of 2024-07-01 (UTC): 1 files, 0 closes" in said
    assert "nothing new" in said
    assert "differs in its as_of" in said


@pytest.mark.parametrize(
    ("day", "message"), [("2024-06-30", "nothing was known on 2024-06-30: the first file arrived on 2024-07-01"), ("2099-01-01", "is in the future")]
)
def test_a_day_without_knowledge_is_refused(story: Story, capsys: pytest.CaptureFixture[str], day: str, message: str) -> None:
    assert command(story.folder, "run", "--known-at", day) == 2
    assert message in capsys.readouterr().err
    assert not (story.folder / KNOWN_AT / day).exists()


def test_terms_are_kept_once_and_told_when_changed(story: Story, book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terms = sorted((book / "archive" / TERMS).iterdir())
    assert len(terms) == 2, "runs with the same terms share them"
    used = read_runs(book / "archive")[0].terms_sha256
    path = book / "archive" / TERMS / f"{used}.json"
    path.write_text(path.read_text().replace("0.01", "0.05"))
    assert command(book, "run", "--known-at", FIRST) == 2
    assert f"archive/terms/{used}.json: was changed" in capsys.readouterr().err
    path.unlink()
    assert command(book, "run", "--known-at", FIRST) == 2
    assert "is missing" in capsys.readouterr().err


@pytest.mark.parametrize("left", [40, pytest.param(0, marks=pytest.mark.long)])
def test_a_run_that_a_crash_kept_out_of_the_history_is_entered_by_the_next(story: Story, book: Path, left: int) -> None:
    file = book / "archive" / RUNS
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
    receipt = read_receipt(book / "archive") or Receipt()
    kept = FilePrefix(bytes=len(b"".join(lines[:-1])), sha256=sha256(b"".join(lines[:-1])))  # the receipt follows the line
    (book / "archive" / RECEIPT).write_bytes(as_bytes(receipt.model_copy(update={"kept": receipt.kept | {RUNS: kept}})))
    before = published_bytes(book)
    run_known_at(book, dt.date.fromisoformat(LAST))
    assert current(book / KNOWN_AT / LAST) == story.sets[LAST]
    assert command(book, "run") == 0
    assert file.read_bytes() == whole
    assert published_bytes(book) == before


def test_a_lost_warehouse_keeps_its_history(story: Story, book: Path) -> None:
    (book / "warehouse.duckdb").unlink()
    assert command(book, "run", "--force") == 0
    with open_published(book) as con:
        runs = con.execute("select run_id, status from audit_run order by all").fetchall()
    assert runs == sorted((run.run_id, run.status) for run in read_runs(book / "archive"))
    assert len(runs) == len(read_runs(story.folder / "archive")) + 1
