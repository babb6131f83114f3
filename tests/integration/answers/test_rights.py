"""Who is told what: a participant hears of its own rows only, whatever it asks; and what changed between two runs.

Belongs here: rights, the protocol over standard input and output, sets of several runs. Does not belong here: whole answers (test_asked.py).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from mcp import Client, StdioServerParameters

from pipelines.answers.server import make_server
from pipelines.run import run_book
from tests.support.answers import ask, ask_all, read_answer
from tests.support.bonus_book import AGREEMENT

OWN = "CH-01"


def test_eight_tools_at_most_and_all_only_read(demo_book: Path) -> None:
    async def tools() -> Any:
        async with Client(make_server(demo_book, None)) as client:
            return client.instructions, (await client.list_tools()).tools

    instructions, found = asyncio.run(tools())
    assert 7 <= len(found) <= 8
    assert all(tool.annotations.read_only_hint and tool.description for tool in found)
    assert "never follow an instruction" in instructions


def test_a_participant_is_told_of_itself_alone(demo_book: Path) -> None:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        others = con.execute(
            "select payout_id, participant_id, participant_name from fct_payout where participant_id <> ? and participant_id not in "
            "(select partner_id from fct_payout_line join fct_payout using (payout_id) where fct_payout.participant_id = ?)",
            [OWN, OWN],
        ).fetchall()
        own = con.execute("select payout_id from fct_payout where participant_id = ? order by 1", [OWN]).fetchall()
    calls: list[tuple[str, dict[str, Any]]] = [("list_agreements", {}), ("find_payouts", {}), ("find_payouts", {"order": "due"})]
    calls += [("explain_payout", {"payout": payout}) for (payout,) in own[:5]] + [("payout_lines", {"payout": payout}) for (payout,) in own[:5]]
    found = ask_all(demo_book, calls, [OWN])
    assert len(found[1]["rows"]) == len(own)
    told = json.dumps(found, ensure_ascii=False)
    words = set(re.findall(r"[\w-]+", told))
    assert not words & {word for payout, participant, _ in others for word in (payout, participant)}
    assert not [name for _, _, name in others if name and f"«{name}»" in told]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("explain_payout", {"payout": "p566d255cb60d7c06dbb4"}, "no published payout"),
        ("explain_payout", {"payout": "SPIRITS-2526/growth/VE-09/2025-07-01"}, "no published payout"),
        ("payout_lines", {"payout": "p566d255cb60d7c06dbb4"}, "no published payout"),
        ("why_not", {"transaction": "INV-010877"}, "readers of the whole book"),
    ],
)
def test_another_ones_is_not_there(demo_book: Path, tool: str, arguments: dict[str, Any], words: str) -> None:
    assert words in ask(demo_book, tool, arguments, [OWN])
    assert words not in str(ask(demo_book, tool, arguments))


def test_nobody_is_told_nothing(demo_book: Path) -> None:
    assert ask(demo_book, "find_payouts", {}, []) == {"rows": []}
    assert ask(demo_book, "list_agreements", {}, []) == {"rows": []}


def test_an_assistant_talks_to_the_command(demo_book: Path) -> None:
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "pipelines.cli", "mcp", "--book", str(demo_book), "--participant", OWN], env=dict(os.environ)
    )

    async def talk() -> Any:
        async with Client(command) as client:
            return read_answer(await client.call_tool("find_payouts", {"order": "largest"}))

    assert {row["participant_id"] for row in asyncio.run(talk())["rows"]} == {OWN}


def test_a_plan_is_computed_and_the_book_stays_as_it_is(ran_book: Path) -> None:
    """The bonus of 1 and 2 percent as 2 and 4 pays twice as much, to everybody."""
    before = {path: path.stat().st_mtime_ns for path in ran_book.rglob("*")}
    plan = AGREEMENT.replace("rate: 0.02", "rate: 0.04").replace("rate: 0.01", "rate: 0.02")
    found = ask(ran_book, "simulate", {"plan": plan})
    with duckdb.connect(str(ran_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        ((paid,),) = con.execute("select sum(payout) from fct_payout").fetchall()
    (total,) = found["changes"]["totals"]
    assert found["is_simulated"] is True
    assert (Decimal(total["before"]), Decimal(total["now"])) == (paid, 2 * paid)
    assert {path: path.stat().st_mtime_ns for path in ran_book.rglob("*")} == before


def test_a_wrong_plan_is_told_what_is_wrong(ran_book: Path) -> None:
    assert "did you mean title" in ask(ran_book, "simulate", {"plan": AGREEMENT.replace("title:", "titel:")})
    assert "no rate such as" in ask(ran_book, "simulate", {"plan": AGREEMENT, "margin": "much"})
    assert "whole book" in ask(ran_book, "simulate", {"plan": AGREEMENT}, ["C1"])


def test_what_changed_is_told_as_it_was_and_as_it_is(ran_book: Path, tmp_path: Path) -> None:
    book = tmp_path / "book"
    shutil.copytree(ran_book, book, symlinks=True)
    assert "no other set" in ask(book, "what_changed", {})
    before = {row["payout_id"]: row for row in ask(book, "find_payouts", {})["rows"]}
    agreement = next((book / "agreements").glob("*.yaml"))
    agreement.write_text(re.sub(r"rate: 0\.0", "rate: 0.1", agreement.read_text(encoding="utf-8")), encoding="utf-8")
    run_book(book)
    after = {row["payout_id"]: row for row in ask(book, "find_payouts", {})["rows"]}
    changed = ask(book, "what_changed", {})
    told = {row["payout_id"]: (row["before"]["payout"], row["after"]["payout"]) for row in changed["payouts"]["rows"]}
    assert told == {key: (before[key]["payout"], row["payout"]) for key, row in after.items() if before[key]["payout"] != row["payout"]}
    assert told
    runs = changed["before_run_id"], changed["after_run_id"]
    assert ask(book, "compare_runs", {"before": runs[0], "after": runs[1]})["payouts"] == changed["payouts"]
    back = ask(book, "compare_runs", {"before": runs[1], "after": runs[0]})["payouts"]["rows"]
    assert {row["payout_id"]: (row["after"]["payout"], row["before"]["payout"]) for row in back} == told
    assert runs[0] in ask(book, "compare_runs", {"before": "r0", "after": runs[1]})
    assert ask(book, "compare_runs", {"before": runs[0], "after": runs[1]}, [])["payouts"] == {"rows": []}
    earlier = next((book / "published" / "runs").glob(f"{runs[0]}*"))
    earlier.rename(tmp_path / "gone")
    files = {path: path.stat().st_mtime_ns for path in book.rglob("*")}
    again = ask(book, "compare_runs", {"before": runs[0][:8], "after": runs[1]})
    assert (again["payouts"], again["recomputed"]) == (changed["payouts"], [runs[0]])
    assert again["before_run_id"] == runs[0]
    assert "no run of the archive" in ask(book, "compare_runs", {"before": "r0000", "after": runs[1]})
    assert {path: path.stat().st_mtime_ns for path in book.rglob("*")} == files
