"""What a run leaves for the next one is believed only while it is whole: after a crash, damage or a new version everything is computed.

Belongs here: reasons for a full run, `--shadow`, what is said about it. Does not belong here: what an event reaches (test_edges.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.cli.main import main
from pipelines.run import run_book
from pipelines.shadow import run_shadow
from tests.support.edges_book import NOTHING_KEPT, EdgesBook

DAMAGED = "tables of the run before are damaged"
PLACES = {
    "calculate": "assets.transform.calculate.calculate",
    "net": "assets.transform.calculate.calculate_net",
    "publish": "assets.publishing.parquet_set.switch",
}


def nobody(con: duckdb.DuckDBPyConnection) -> None:
    """In place of find_changed_participants: nobody is computed anew."""
    con.execute("create or replace table changes.participants (participant_key integer, cause_no integer)")


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> EdgesBook:
    """A few of its agreements, run once in full. Every test leaves it as a full run does."""
    made = EdgesBook(tmp_path_factory.mktemp("kept") / "book", names=("PLAIN", "CARRY", "SALES", "NET"))
    made.run()
    return made


@pytest.mark.parametrize(
    "damage",
    [
        "update intermediate.int_lines_credited set amount_millionths = amount_millionths + 1 where rowid = 3",
        pytest.param("delete from intermediate.int_measures_summed where rowid = 3", marks=pytest.mark.long),
        pytest.param("update calc.payouts set tier = 7 where rowid = 3", marks=pytest.mark.long),
        pytest.param("update calc.calculation_steps set result = result + 1 where rowid = 3", marks=pytest.mark.long),
        "delete from previous.memberships where rowid = 3",
        pytest.param("update previous.targets set target = 1", marks=pytest.mark.long),
        pytest.param("update intermediate.int_rows_replaced set replaced_by_row_no = 9", marks=pytest.mark.long),
        pytest.param("update staging.stg_partner_keys set partner_id = partner_id || 'x' where rowid = 3", marks=pytest.mark.long),
        pytest.param("drop table previous.days", marks=pytest.mark.long),
        pytest.param("alter table previous.run drop column digest", marks=pytest.mark.long),
    ],
)
def test_damaged_tables_are_not_believed(book: EdgesBook, damage: str) -> None:
    published = book.published()
    with duckdb.connect(str(book.folder / "warehouse.duckdb")) as con:
        con.execute(damage)
    assert book.run().why_full == DAMAGED
    assert book.published() == published


@pytest.mark.parametrize("step", ["calculate", *(pytest.param(step, marks=pytest.mark.long) for step in PLACES if step != "calculate")])
def test_a_run_that_was_stopped_is_followed_by_a_full_one(book: EdgesBook, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PLACES[step], stop)
        with pytest.raises(KeyboardInterrupt):
            book.run()
    assert book.run().why_full == NOTHING_KEPT
    assert book.run().why_full is None


def test_another_version_computes_everything(book: EdgesBook, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("assets.incremental.mode.engine_versions", lambda: "another")
        assert book.run().why_full == "the program has changed"
    assert book.run().why_full == "the program has changed"


def test_where_most_lines_change_everything_is_computed(book: EdgesBook) -> None:
    book.lines(*(f"M{number},1,2026-06-01,P1,D1,sale,1,1,EUR,," for number in range(60)))
    assert book.run().why_full == "60 of 196 lines are credited anew"


def test_a_shadow_run_compares_both_ways(book: EdgesBook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    book.lines("S1,1,2026-06-01,P1,D1,sale,1,10,EUR,,")
    assert main(["run", "--shadow", "--book", str(book.folder)]) == 0
    shown = capsys.readouterr().out
    assert "Computed" in shown
    assert "new lines" in shown
    assert "a full run gave the same bytes" in shown
    book.lines("S2,1,2026-06-01,P1,D1,sale,1,10,EUR,,")
    with monkeypatch.context() as patch:
        patch.setattr("assets.transform.calculate.find_changed_participants", nobody)
        found = run_shadow(book.folder)
    assert "fct_payout" in found.differences
    assert "payout is" in found.differences["fct_payout"]
    assert found.summary.recomputed is not None
    assert found.summary.recomputed.why_full is None
    assert main(["run", "--shadow", "--full", "--book", str(book.folder)]) == 2


def test_explain_says_in_which_run_a_payout_was_computed(book: EdgesBook, capsys: pytest.CaptureFixture[str]) -> None:
    first = run_book(book.folder, force=True, full=True).run_id
    book.lines("E1,1,2026-06-02,P1,D1,sale,1,10,EUR,,")
    second = run_book(book.folder).run_id

    def explained(participant: str) -> str:
        assert main(["explain", f"{'PLAIN' if participant == 'P1' else 'CARRY'}/b/{participant}/2026-03-01", "--book", str(book.folder)]) == 0
        return " ".join(capsys.readouterr().out.split())

    assert "in this run: new lines" in explained("P1")
    assert f"in run {first} (--full was given), and not since: nothing that it is computed from has changed" in explained("P2")
    assert second != first


def test_without_its_note_explain_says_nothing_of_it(book: EdgesBook, capsys: pytest.CaptureFixture[str]) -> None:
    Path(book.folder / "published" / "computed.parquet").write_bytes(b"no parquet")
    assert main(["explain", "PLAIN/b/P1/2026-03-01", "--book", str(book.folder)]) == 0
    assert "Computed" not in capsys.readouterr().out
