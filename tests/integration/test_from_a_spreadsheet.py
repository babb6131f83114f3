"""docs/from-a-spreadsheet.md: its commands run as they stand there, on the example that `init` copies, and give the amounts that it names.

Belongs here: that page and examples/mid_year. Does not belong here: what opening balances do (tests/golden/balances.yaml).
"""

from __future__ import annotations

import re
import shlex
from decimal import Decimal as D
from pathlib import Path

import duckdb
import pytest

from pipelines.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "from-a-spreadsheet.md"
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S) for line in block.splitlines()]


def test_an_example_is_copied_whole_and_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "book"), "--example", "mid-year"]) == 0
    assert "docs/from-a-spreadsheet.md walks through it:" in capsys.readouterr().out
    names = {path.relative_to(tmp_path / "book").as_posix() for path in (tmp_path / "book").rglob("*") if path.is_file()}
    assert names == {"book.yaml", "agreements/dealers-2026.yaml", "feeds/partners/dealers.csv", "feeds/balances/opening.csv"} | {
        f"feeds/transactions/2026-0{month}.csv" for month in (7, 8)
    }
    assert main(["validate", "--book", str(tmp_path / "book")]) == 0
    opening = (tmp_path / "book" / "feeds" / "balances" / "opening.csv").read_text()
    shown = re.search(r"```\n(agreement,benefit.*?)```", PAGE.read_text(), re.S)
    assert shown
    assert set(shown[1].splitlines()) <= set(opening.splitlines())


def test_an_example_has_its_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "book"), "--example", "mid-year", "--currency", "GBP"]) == 2
    assert "leave out --feed and --currency, or --example" in capsys.readouterr().err
    assert not (tmp_path / "book").exists()


@pytest.mark.long
def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) > 8
    for command in COMMANDS:
        name, *arguments = shlex.split(command)
        assert name == "tierledger"
        assert main(arguments) == 0, command
        shown = capsys.readouterr().out
        if "explain" in command:
            assert "440.00" in shown
    with duckdb.connect(str(tmp_path / "july" / "published" / "tierledger.duckdb"), read_only=True) as con:
        found = con.execute("select participant_id, benefit_id, accrual from fct_accrual where period = '2026-07' and accrual <> 0 order by all").fetchall()
        assert found == [
            ("D-100", "quarter-bonus", D("107.5")),
            ("D-100", "year-bonus", D(1250)),
            ("D-200", "quarter-bonus", D(30)),
            ("D-200", "year-bonus", D(60)),
        ]
        assert con.execute("select count(*) from fct_journal where period < '2026-07'").fetchall() == [(0,)]
        assert con.execute("select participant_id, amount, state from fct_payment_batch").fetchall() == [("D-100", D(440), "approved")]
        assert con.execute("select count(*) from fct_balance where status <> 'counted'").fetchall() == [(0,)]
    assert (tmp_path / "july" / "ledger" / "payments" / "0002-approve-1" / "pain.001-1.xml").is_file()
