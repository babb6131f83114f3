"""Bad inputs of the catalogue: a sample with every `make test`, all of them with `make torture`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import assets.feeds.landing
from models.documents import InputError
from tests.faults.files import CASES, GOOD, ROW, csv
from tests.faults.injection import Scorecard, cell_cases, inject, inject_cells
from tests.support.feed_books import add_file, load, query, write_book


def test_there_are_as_many_cases_as_promised() -> None:
    assert len({case.name for case in cell_cases()}) + len(CASES) >= 150
    assert len({case.fault for case in cell_cases()} | {case.fault for case in CASES}) >= 30


def test_a_sample_of_the_faults_does_what_it_must() -> None:
    card = inject(every=9)
    assert card.message == []
    assert (card.rows_lost, card.paid_twice, card.wrong_figures) == (0, 0, 0)


def test_every_fault_that_was_found_in_use_does_what_it_must() -> None:
    card = inject(only="^U[0-9]")
    assert card.message == []
    assert card.survived == sum(case.fault.startswith("U") for case in CASES) > 20


def test_the_scorecard_notices_what_goes_wrong(tmp_path: Path) -> None:
    """Every case that must be refused is entered as one that must be taken: none survives."""
    cases = [case for case in cell_cases() if case.expect == "Q"][:20]
    card = Scorecard()
    inject_cells(card, [type(case)(**(vars(case) | {"expect": "A"})) for case in cases], tmp_path)
    assert (card.survived, card.wrong_figures) == (0, 20)


@pytest.mark.parametrize("fault", ["denied", "gone"])
def test_a_file_that_cannot_be_read_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": GOOD, "transactions/b.csv": csv(ROW)})
    copy = assets.feeds.landing.archive_file

    def copied(landed: assets.feeds.landing.Landed, archive: Path) -> object:
        if landed.path.name == "a.csv":
            raise PermissionError(13, "Permission denied") if fault == "denied" else FileNotFoundError(2, "gone")
        return copy(landed, archive)

    monkeypatch.setattr(assets.feeds.landing, "archive_file", copied)
    report = load(book)
    assert query(book, "select file_name from raw.feed_files") == [("feeds/transactions/b.csv",)]
    assert [problem.file for problem in report.unreadable_files] == (["feeds/transactions/a.csv"] if fault == "denied" else [])
    assert report.files_still_written == (0 if fault == "denied" else 1)
    monkeypatch.undo()
    load(book)
    assert query(book, "select count(*) from raw.transactions") == [(3,)]


def test_links_pipes_and_folders_are_refused_by_name(tmp_path: Path) -> None:
    book = write_book(tmp_path, files={"transactions/a.csv": GOOD})
    folder = book / "feeds/transactions"
    (folder / "link.csv").symlink_to(folder / "a.csv")
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    with pytest.raises(InputError) as refused:
        load(book)
    assert [Path(problem.file).name for problem in refused.value.problems] == ["folder.csv", "link.csv", "pipe.csv"]


def test_readers_never_let_the_engine_guess() -> None:
    """Rows that do not fit must be seen, and columns never matched by luck (P8, X7)."""
    root = Path(__file__).parents[2]
    sources = [path for folder in ("assets", "models", "pipelines", "dbt_project/models", "dbt_project/macros") for path in (root / folder).rglob("*.*")]
    lines = [(path.name, line) for path in sources if path.suffix in (".py", ".sql") for line in path.read_text(encoding="utf-8").splitlines()]
    # what tasks on Spark wrote has declared types; a column that came later is empty in the files before
    lines = [(name, line) for name, line in lines if name != "line_tables.py"]
    banned = ("ignore_errors", "union_by_name", "null_padding")
    assert [(name, word) for name, line in lines for word in banned if word in line and "rmtree" not in line] == []


@pytest.mark.long
def test_ten_thousand_tiny_files_are_one_batch(tmp_path: Path) -> None:
    book = write_book(tmp_path)
    for i in range(10_000):
        add_file(book, f"transactions/{i:05}.csv", csv(ROW.replace("G-1", f"G-{i}")))
    load(book)
    assert query(book, "select count(*) from raw.transactions") == [(10_000,)]
