"""`tierledger simulate`: what plans would have paid, worked out by hand, and that the book is as it was.

Belongs here: costs, break-even, cliffs, other volumes and years, what a plan may be. Does not belong here: the solver (tests/unit/test_break_even.py).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from assets.differences.states import state_of_folder
from assets.runtime.book_folder import open_run
from assets.runtime.context import read_clock
from assets.simulation.costs import Costing
from assets.simulation.plans import place_plan, read_plan
from assets.simulation.what_if import cost_of_each, read_what_if
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.run import run_book
from pipelines.scratch_runs import ScratchBook
from pipelines.simulation import History, Question, simulate_plans
from tests.support.decision_book import TARGET, VOLUME, write_book

D = Decimal
HIGHER = VOLUME.replace("rate: 0.02", "rate: 0.025")
NEXT_YEAR = VOLUME.replace("VOLUME", "NEXT").replace("2026-", "2027-")


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_book(tmp_path_factory.mktemp("simulate") / "book")
    run_book(folder)
    return folder


@pytest.fixture(scope="module")
def simulated(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Costing], Path]:
    """A higher rate, then what is in force, and the scratch copy that they leave."""
    plans = tmp_path_factory.mktemp("plans")
    (plans / "higher.yaml").write_text(HIGHER)
    (plans / "in-force.yaml").write_text(VOLUME)
    before = digest(ran)
    question = Question(margin=D("0.25"), draws=7, histories=[History(2026, D("0.9"))])
    costings, _ = simulate_plans(ran, [plans / "higher.yaml", plans / "in-force.yaml"], question, keep=plans / "scratch")
    assert digest(ran) == before
    return costings, plans / "scratch" / "book"


def test_costs_and_who_gains(simulated: tuple[list[Costing], Path]) -> None:
    """C2's second quarter, 1,500 in tier 2: 30 → 37.50. The rest stays: 900 and 450 at 1 %."""
    higher = simulated[0][0]
    (total,) = higher.changes.totals
    assert (total["before"], total["now"], total["change"]) == (D("43.50"), D("51.00"), D("7.50"))
    assert {row["band"]: row["participants"] for row in higher.changes.bands} == {"unchanged": 2, "20 to 50 % more": 1}
    assert higher.sales == {"EUR": D("2850.00")}
    assert [(row["tier"], row["before"], row["now"]) for row in higher.tiers] == [(0, 0, 0), (1, D("13.50"), D("13.50")), (2, D(30), D("37.50"))][1:]
    assert higher.liability == {"EUR": None}


def test_break_even_and_cliffs(simulated: tuple[list[Costing], Path]) -> None:
    """A quarter of 2,850 × (s − 1) pays for 51 s − 43.50; C2 alone for 42 s − 34.50 on 1,950. C2's 500 USD and C1's 900 are far from 1,000."""
    higher = simulated[0][0]
    assert higher.break_even == {"EUR": Fraction(446, 441)}
    (person,) = higher.participants
    assert (person["participant_id"], person["extra_cost"]) == ("C2", Fraction(15, 2))
    assert person["at"] == Fraction(4530, 4455)
    assert higher.near_now == []


def test_other_volumes_and_years(simulated: tuple[list[Costing], Path]) -> None:
    """A tenth more or less moves no one over a threshold."""
    higher = simulated[0][0]
    costs = {row["name"]: (row["today"]["EUR"], row["proposed"]["EUR"]) for row in higher.sensitivity}
    assert costs["1"] == (D("43.50"), D("51.00"))
    assert costs["1.1"] == (D("47.85"), D("56.10"))
    assert costs["1.2"] == (D("63.00"), D("77.40")), "at 1,080 C1 is in tier 2"
    assert [(row["name"], row["today"], row["proposed"]) for row in higher.histories] == [("2026 × 0.9", {"EUR": D("39.15")}, {"EUR": D("45.90")})]
    drawn = higher.draws["proposed"]["EUR"]
    assert drawn["p10"] <= drawn["p50"] <= drawn["p90"]


def test_what_is_in_force_costs_what_it_costs(simulated: tuple[list[Costing], Path]) -> None:
    in_force = simulated[0][1]
    assert in_force.changes.is_equal
    assert in_force.break_even == {"EUR": 1}
    assert in_force.participants == []


@pytest.mark.long
def test_what_is_in_force_is_the_run(ran: Path, tmp_path: Path) -> None:
    """To the byte, also where another plan has been there before."""
    (tmp_path / "plan.yaml").write_text(f"# in force, in a file of its own\n{VOLUME}")
    (tmp_path / "now").mkdir()
    state, _ = state_of_folder(ran, read_clock(), tmp_path / "now")
    assert place_plan(state.texts, read_plan(tmp_path / "plan.yaml")) == state.texts
    scratch = ScratchBook(tmp_path / "scratch", [state])
    scratch.run(replace(state, texts={**state.texts, "agreements/volume.yaml": HIGHER}))
    again = scratch.run(state).published_in / "current"
    published = ran / "published" / "current"
    names = sorted(path.name for path in published.glob("*.parquet"))
    assert len(names) > 20
    assert [name for name in names if name != "audit_run.parquet" and (published / name).read_bytes() != (again / name).read_bytes()] == []


def test_many_volumes_at_once_are_each_by_itself(simulated: tuple[list[Costing], Path]) -> None:
    """What the scratch copy holds last, the higher rate: as many draws together as one by one."""
    context = open_run(simulated[1], None, read_clock())
    for agreements in (["VOLUME"], ["VOLUME", "TARGET", "SUPPLY"]):
        what_if = read_what_if(context, agreements)
        generator = np.random.Generator(np.random.PCG64(3))
        variants = [what_if.scaled(D("1.2")), *(what_if.drawn(generator) for _ in range(4))]
        together = cost_of_each(variants)
        assert together == [each.cost() for each in variants]
        assert len({str(cost) for cost in together}) > 2
    assert together[0]["EUR"] == D("77.40") + 50
    assert what_if.cost() == {"EUR": D("51.00"), "USD": D("30.00")}


@pytest.mark.long
def test_a_new_plan_of_next_year_instead_of_this_years(ran: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Costed on the year before as_of, of which there are no lines, and on 2026."""
    (tmp_path / "next.yaml").write_text(NEXT_YEAR)
    arguments = ["simulate", str(tmp_path / "next.yaml"), "--book", str(ran), "--instead-of", "VOLUME", "--history", "2026", "--draws", "3"]
    assert main([*arguments, "--format", "json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert [(row["today"], row["proposed"]) for row in plan["histories"]] == [({"EUR": "43.5000"}, {"EUR": "43.5000"})]
    assert any("costed as if it had begun in 2025" in note for note in plan["notes"])
    assert main([*arguments, "--format", "html", "--out", str(tmp_path / "page.html"), "--no-names"]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page
    assert "Two | Sons" not in page


def test_what_a_plan_is_not(ran: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.yaml").write_text(TARGET)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.yaml").write_text(TARGET.replace("window: half_year", "window: decade"))
    wrong = {
        "there is no such file": [tmp_path / "none.yaml"],
        "no agreement here": [tmp_path / "empty"],
        "two plans have this name": [tmp_path / "a.yaml", tmp_path / "a.yaml"],
        "decade": [tmp_path / "b"],
    }
    for message, files in wrong.items():
        with pytest.raises(InputError, match=message):
            simulate_plans(ran, files)
    with pytest.raises(InputError, match="OTHER is no agreement of the book; it has SUPPLY, TARGET, VOLUME"):
        simulate_plans(ran, [tmp_path / "a.yaml"], Question(instead_of=["OTHER"]))
