"""recompute.py on a bare Python: it agrees with what was published, and with nothing else.

Belongs here: what it recomputes and what it finds. Does not belong here: hashes and tampering (test_verify_pack.py).
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assets.evidence.build import Request, build_pack
from assets.evidence.recompute import Book
from assets.evidence.recompute_terms import Clause
from assets.evidence.recomputed import PROGRAM, RECOMPUTE
from assets.published.reader import fetch, open_published
from tests.support.evidence_packs import change_rows, read_rows

#: What makes a benefit one of a kind.
KIND = (
    "method", "by_axis", "dim_benefit.measure", "dim_benefit.base", "accumulate", "ties", "boundary", "clawback", "prorate", "target_source",
    "baseline_source", "combine_rule", "pool", "returns", "fx_rate_on", "status_reason", "each",
)  # fmt: skip
#: Between them, these periods have every method, axis and rule of the demo.
PERIODS = ("2025-12", "2026-03")
#: A placed pool, order by order, line by line, a ratio of sums, distinct values, a score of another benefit, contract years, a draw.
OF_LINES_AND_OTHERS = {
    "CHAIN-ALLIANCE-2526", "NEW-SELLER-2026", "ORDER-BONUS-2026", "FIELD-STAIRS-2026", "MARGIN-BONUS-2526", "RANGE-BONUS-2026", "CHAIN-SCORECARD-2026",
    "SUNPRESS-2426",
}  # fmt: skip


def recompute(place: Path, *options: str, program: Path | None = None) -> dict[str, Any]:
    """The answer of recompute.py, started without packages, environment or this repository."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program or place / "recompute.py"), *options, "--json"], cwd="/", env={}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def folder(small_pack: Path, tmp_path: Path) -> Path:
    shutil.unpack_archive(small_pack, tmp_path / "pack")
    return tmp_path / "pack"


def test_it_needs_nothing_but_python() -> None:
    for program in PROGRAM:
        tree = ast.parse(program.read_text())
        names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert names - {"recompute_terms"} <= set(sys.stdlib_module_names) - {"socket", "urllib", "http", "ssl", "subprocess", "ctypes", "importlib"}
        assert len(program.read_text().splitlines()) <= 600


def test_it_recomputes_50_payouts_of_every_kind(demo_book: Path, tmp_path: Path) -> None:
    found, seen, agreed = 0, set(), set()
    for period in PERIODS:
        chosen = _of_every_kind(demo_book, period, 25)
        seen |= {tuple(row.values())[1:] for row in chosen}
        pack = tmp_path / f"{period}.zip"
        build_pack(demo_book, Request(period, payouts=tuple(row["payout_id"] for row in chosen), of_sample_only=True), pack)
        shutil.unpack_archive(pack, tmp_path / period)
        answer = recompute(tmp_path / period)
        agreed |= {each["name"].split("/")[0] for each in answer["payouts"] if each["outcome"] == "agrees"}
        assert (answer["agrees"], answer["differs"], answer["cannot"]) == (len(chosen), 0, 0)
        found += len(chosen)
    assert found >= 50
    assert agreed >= OF_LINES_AND_OTHERS
    with open_published(demo_book) as con:
        for place, name in ((0, "method"), (1, "by_axis"), (2, "measure"), (11, "combine_rule"), (12, "pool"), (13, "returns"), (14, "fx_rate_on")):
            table = "dim_benefit" if place < 11 else "dim_agreement"
            every = {value for (value,) in con.execute(f"select distinct {name} from {table}").fetchall()}
            assert {kind[place] for kind in seen} == every, name


def _of_every_kind(book: Path, period: str, at_least: int) -> list[dict[str, Any]]:
    """The first payout of every kind in the period, and others up to a number."""
    with open_published(book) as con:
        return fetch(
            con,
            f"""select payout_id, {", ".join(KIND)} from fct_payout
            join dim_benefit using (agreement_id, agreement_version, benefit_id) join dim_agreement using (agreement_id, agreement_version)
            semi join (from fct_achievement where period = $1) as achievement using (payout_id)
            qualify row_number() over (partition by {", ".join(KIND)} order by payout_id) = 1
                or row_number() over (order by payout_id) <= {at_least}
            order by payout_id""",
            [period],
        )


@pytest.mark.long
def test_it_recomputes_every_payout_of_the_period(whole_pack: Path) -> None:
    answer = recompute(whole_pack, str(whole_pack), "--all", program=RECOMPUTE)  # the zip as it is
    assert answer["differs"] == answer["cannot"] == 0
    assert answer["agrees"] == len({each["payout_id"] for each in answer["payouts"]}) > 100
    with zipfile.ZipFile(whole_pack) as pack:
        assert json.loads(pack.read("recomputed.json")) == answer


def _first(rows: list[dict[str, str]], **wanted: str) -> dict[str, str]:
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def _change_payout(folder: Path, payout_id: str, column: str, value: str) -> None:
    change_rows(folder, "fct_payout", lambda rows: _first(rows, payout_id=payout_id).update({column: value}))


#: What is changed for a payout that pays: in which table, and how a row is found and changed.
CHANGES: dict[str, Callable[[Path, str], None]] = {
    "a payout of a cent more": lambda folder, of: change_rows(
        folder, "fct_payout", lambda rows: (row := _first(rows, payout_id=of)).update(payout=f"{float(row['payout']) + 0.01:.4f}")
    ),
    "another tier": lambda folder, of: _change_payout(folder, of, "tier", "9"),
    "another measure": lambda folder, of: _change_payout(folder, of, "measure", "1.000000000000"),
    "another curve payout": lambda folder, of: _change_payout(folder, of, "curve_payout", "1.000000000000"),
    "a reason": lambda folder, of: _change_payout(folder, of, "status_reason", "combined"),
    "a line's amount": lambda folder, of: change_rows(
        folder, "fct_payout_line", lambda rows: (row := _first(rows, payout_id=of)).update(amount=f"{float(row['amount']) + 1:.6f}")
    ),
    "a line's share of the payout": lambda folder, of: change_rows(
        folder, "fct_payout_line", lambda rows: _first(rows, payout_id=of).update(line_payout="999.0000")
    ),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_figure_is_found(folder: Path, change: str) -> None:
    rows = read_rows(folder / "tables" / "fct_payout.csv")
    payout_id = _first(rows, agreement_id="AGENT-COMMISSION-2526", window_start="2026-03-01")["payout_id"]
    CHANGES[change](folder, payout_id)
    (found,) = recompute(folder, "--payout", payout_id)["payouts"]
    assert found["outcome"] == "differs"


def test_other_terms_give_other_payouts(folder: Path) -> None:
    """A rate in the agreement is what is paid: with another one, the payouts of that benefit differ, and no others do."""
    _change_terms(folder, lambda benefit: benefit["tiers"][0].update(rate="0.005"))
    assert _outcomes(folder) == {"AGENT-COMMISSION-2526": {"differs"}}


def _change_terms(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    for path in (folder / "agreements").glob("*.json"):
        document = json.loads(path.read_text())
        if document["agreement"] == "AGENT-COMMISSION-2526":
            change(document["benefits"][0])
            _rename(folder, path, json.dumps(document))


def _outcomes(folder: Path) -> dict[str, set[str]]:
    """By agreement, what became of its payouts in the sample; agreements that agree are left out."""
    found: dict[str, set[str]] = {}
    for each in recompute(folder)["payouts"]:
        if each["outcome"] != "agrees":
            found.setdefault(each["name"].split("/")[0], set()).add(each["outcome"])
    return found


def _rename(folder: Path, path: Path, text: str) -> None:
    name = hashlib.sha256(text.encode()).hexdigest()
    path.with_name(f"{name}.json").write_text(text)
    change_rows(folder, "dim_agreement", lambda rows: _first(rows, content_sha256=path.stem).update(content_sha256=name))


def test_an_agreement_that_is_not_of_its_hash_is_not_used(folder: Path) -> None:
    path = next((folder / "agreements").glob("*.json"))
    path.write_text(path.read_text().replace("EUR", "USD") + " ")
    done = subprocess.run([sys.executable, "-I", "-S", str(folder / "recompute.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{path.stem}.json is not the agreement of that hash" in done.stderr


def test_what_it_cannot_recompute_it_names(folder: Path) -> None:
    _change_terms(folder, lambda benefit: benefit.update(method="spiral"))
    assert _outcomes(folder) == {"AGENT-COMMISSION-2526": {"cannot"}}
    problems = [problem for each in recompute(folder)["payouts"] for problem in each["problems"]]
    assert problems == ["this program does not know the method spiral"]


def test_a_line_brings_its_value_times_an_attribute() -> None:
    benefit = {"id": "b", "measure": {"of": "quantity", "times": "product.points"}, "tiers": [{"from": 0, "rate": "0.1"}]}
    term = {"from": "2026-01-01", "to": "2026-12-31"}
    points = Clause({"agreement": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [benefit]}, benefit)
    line = {"quantity": "8", "share": "1/4", "measured_value": "2.5", "other_columns": ""}
    brings = partial(Book.brings, object.__new__(Book), points.sums["measure"], points)
    assert brings(line, "P") == 5
    assert brings({**line, "quantity": "-8"}, "P") == -5
    assert brings({**line, "measured_value": ""}, "P") == "attribute"
    assert brings({**line, "quantity": ""}, "P") == "quantity"


def test_lines_that_the_pack_does_not_have_are_asked_for(folder: Path) -> None:
    answer = recompute(folder, "--all")
    assert answer["agrees"] >= 4
    assert answer["cannot"] > 0
    assert all("the pack has no lines of" in each["problems"][0] for each in answer["payouts"] if each["outcome"] == "cannot")


def test_exit_codes_and_text_are_for_people(folder: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-I", "-S", str(folder / "recompute.py")], capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("0 differ, 0 could not be recomputed")
    payout_id = done.stdout.split()[1]
    _change_payout(folder, payout_id, "tier", "9")
    done = run()
    assert done.returncode == 1
    assert f"differs {payout_id}" in done.stdout
    assert "published 9" in done.stdout
