"""`tierledger simulate`: what plans would have paid, worked out by hand, and that the book is as it was.

Belongs here: costs, break-even, cliffs, other volumes and years, what a plan may be. Does not belong here: the solver (tests/unit/test_break_even.py).
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from assets.differences.states import state_of_folder
from assets.published.reader import read_manifest
from assets.runtime.book_folder import open_run
from assets.runtime.context import read_clock
from assets.runtime.warehouse import open_warehouse
from assets.simulation.costs import Costing
from assets.simulation.moved_rows import Move, agreements_with_rows, move_rows
from assets.simulation.plans import place_plan, read_plan
from assets.simulation.sales import read_sales, write_counted_lines
from assets.simulation.sections import write_paper
from assets.simulation.what_if import read_what_if
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
    tiers = [(row["benefit_id"], row["tier"], row["payouts_before"], row["before"], row["payouts_now"], row["now"]) for row in higher.tiers]
    assert tiers == [("volume", 1, 5, D("13.50"), 5, D("13.50")), ("volume", 2, 1, D(30), 1, D("37.50"))]
    people = [(row["participant_id"], row["before"], row["now"], row["change"], row["sales"], "at" in row) for row in higher.participants]
    assert people == [
        ("C2", D("34.50"), D("42.00"), D("7.50"), D("1950.00"), True),
        ("C1", D(9), D(9), 0, D("900.00"), False),
        ("C3", 0, 0, 0, 0, False),
    ]
    assert higher.liability == {"EUR": None}


def test_break_even_and_cliffs(simulated: tuple[list[Costing], Path]) -> None:
    """A quarter of 2,850 × (s − 1) pays for 51 s − 43.50; C2 alone for 42 s − 34.50 on 1,950. C2's 500 USD and C1's 900 are far from 1,000."""
    higher = simulated[0][0]
    assert higher.break_even == {"EUR": Fraction(446, 441)}
    assert higher.participants[0]["at"] == Fraction(4530, 4455)
    assert higher.near == []


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


def test_plans_stand_side_by_side(simulated: tuple[list[Costing], Path]) -> None:
    """The higher rate and what is in force, which is today's; a plan by itself has nothing beside it."""
    paper = write_paper(simulated[0], "deciding", "2026-06-30", D("0.25"), 1)
    (table,) = next(section.tables for section in paper.sections if section.title == "Side by side")
    assert [column.label for column in table.columns] == ["Volume", "Today", "higher", "in-force"]
    assert table.rows[0] == ("−20 %", "34.80 EUR", "40.80 EUR", "34.80 EUR")
    assert table.rows[4] == ("+20 %", "63.00 EUR", "77.40 EUR", "63.00 EUR")
    assert [row[0] for row in table.rows[5:]] == [f"months drawn anew, {percent}" for percent in ("P10", "P50", "P90")]
    assert "Side by side" not in [section.title for section in write_paper(simulated[0][:1], "deciding", "", D(0), 1).sections]


def test_what_is_in_force_costs_what_it_costs(simulated: tuple[list[Costing], Path]) -> None:
    in_force = simulated[0][1]
    assert in_force.changes.is_equal
    assert in_force.break_even == {"EUR": 1}
    assert not any(row["change"] or "at" in row for row in in_force.participants)


def draw_terms(seed: int) -> str:
    """The volume bonus with a curve of any kind."""
    dice = random.Random(seed)
    method = dice.choice(["whole", "graduated", "linear"])
    form = dice.choice(["rate", "amount"]) if method == "whole" else "rate" if method == "graduated" else "amount"
    starts = [0, *sorted(dice.sample(range(1, 2000), dice.randint(0, 3)))]
    tiers = ", ".join(f"{{from: {start}, {form}: {dice.randint(0, 90) / (1000 if form == 'rate' else 1)}}}" for start in starts)
    terms = VOLUME.replace("tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.02}]", f"method: {method}\n    tiers: [{tiers}]")
    return terms.replace("window: quarter", f"window: {dice.choice(['month', 'quarter', 'half_year'])}\n    limits: {{at_most: {dice.randint(1, 60)}}}")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_what_is_in_force_is_the_run(ran: Path, tmp_path: Path, seed: int) -> None:
    """To the byte, also where another plan has been there before, and whatever the curve is."""
    book = ran
    terms = VOLUME
    if seed:
        book, terms = shutil.copytree(ran, tmp_path / "book", symlinks=True), draw_terms(seed)
        (book / "agreements" / "volume.yaml").write_text(terms)
        run_book(book)
    (tmp_path / "plan.yaml").write_text(f"# in force, in a file of its own\n{terms}")
    (tmp_path / "now").mkdir()
    state, _ = state_of_folder(book, read_clock(), tmp_path / "now")
    assert place_plan(state.texts, read_plan(tmp_path / "plan.yaml")) == state.texts
    scratch = ScratchBook(tmp_path / "scratch", [state])
    scratch.run(replace(state, texts={**state.texts, "agreements/volume.yaml": HIGHER}))
    again = scratch.run(state).published_in / "current"
    published = book / "published" / "current"
    names = sorted(path.name for path in published.glob("*.parquet"))
    assert len(names) > 20
    assert [name for name in names if name != "audit_run.parquet" and (published / name).read_bytes() != (again / name).read_bytes()] == []


def test_break_even_put_back_pays_for_itself(simulated: tuple[list[Costing], Path]) -> None:
    """The volume that was solved, computed as any other: what it costs more is what a quarter of more sales brings, to a minor unit of each payout."""
    higher = simulated[0][0]
    at = higher.break_even["EUR"]
    assert at is not None
    what_if = read_what_if(open_run(simulated[1], None, read_clock()), ["VOLUME"], simulated[1] / "what-if" / "back")
    (cost,) = what_if.costs_at([D(at.numerator) / D(at.denominator)])
    gain = Fraction(1, 4) * Fraction(higher.sales["EUR"]) * (at - 1)
    assert abs(gain - (Fraction(cost["EUR"]) - Fraction(higher.changes.totals[0]["before"]))) <= Fraction(3, 100)


def test_a_line_that_two_are_credited_is_one_sale(simulated: tuple[list[Costing], Path], tmp_path: Path) -> None:
    """1,500 of T3: a third is R1's, two thirds are R2's. With the volume bonus of C2, which counts it too, it is still one sale."""
    context = open_run(simulated[1], None, read_clock())
    counted = [simulated[1] / f"{name}.parquet" for name in ("reps", "volume")]
    for path, agreement in zip(counted, ("REPS", "VOLUME"), strict=True):
        write_counted_lines(context, [agreement], path)
    reps = read_sales(counted[:1])
    assert (reps.whole, reps.of) == ({"EUR": D("1500.00")}, {("EUR", "R1"): D("500.00"), ("EUR", "R2"): D("1000.00")})
    both = read_sales(counted)
    assert both.whole == {"EUR": D("2850.00")}
    assert both.of["EUR", "C2"] == D("1950.00")


@pytest.mark.parametrize(("elsewhere", "back"), [("is_in_term = false", "is_in_term = true"), ("period_no = period_no + 900", "period_no = period_no - 900")])
def test_lines_of_other_years_and_windows_are_no_sales(simulated: tuple[list[Costing], Path], elsewhere: str, back: str) -> None:
    """What is credited for a baseline only, or lies outside the windows of the payouts."""
    context = open_run(simulated[1], None, read_clock())
    path = simulated[1] / "elsewhere.parquet"
    for change, whole in ((elsewhere, {}), (back, {"EUR": D("1500.00")})):
        with open_warehouse(context) as con:
            con.execute(f"update intermediate.int_lines_credited set {change} where transaction_id = 'T3'")
        write_counted_lines(context, ["REPS"], path)
        assert read_sales([path]).whole == whole


def test_only_a_proposal_is_marked_as_one(simulated: tuple[list[Costing], Path], ran: Path) -> None:
    assert read_manifest(simulated[1] / "published")["proposal"] == "higher"  # type: ignore[index]
    assert "proposal" not in (read_manifest(ran / "published") or {})
    assert not [path for path in simulated[1].iterdir() if path.name.startswith(("what-if-", "lines-"))]


def test_targets_go_where_the_term_goes(ran: Path, tmp_path: Path) -> None:
    """Those of 2026 stand in 2025, and another agreement has them too; rows of others stay. A share of a year is not a year: nothing else moves."""
    (tmp_path / "now").mkdir()
    state, _ = state_of_folder(ran, read_clock(), tmp_path / "now")
    folder = (ran / "published" / "current").resolve()
    assert agreements_with_rows(folder) == {"TARGET"}

    def rows(*moves: Move) -> list[str]:
        there = move_rows(state, folder, moves)
        (arrival,) = [each for each in there.arrivals if each.feed == "targets"]
        assert [each for each in there.arrivals if each.feed != "targets"] == [each for each in state.arrivals if each.feed != "targets"]
        return (there.archive / arrival.sha256).read_text().splitlines()[1:]

    assert rows(Move("TARGET", "TARGET", -1)) == ["TARGET,target,C1,2025-01-01,1000.000000,,", "TARGET,target,C2,2025-01-01,3000.000000,,"]
    assert {row.split(",")[0] + row.split(",")[3] for row in rows(Move("NEW", "TARGET", 1))} == {"NEW2027-01-01"}
    assert {row.split(",")[0] + row.split(",")[3] for row in rows(Move("OTHER", "NONE", 1))} == {"TARGET2026-01-01"}


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


@pytest.mark.long
def test_a_plan_by_targets_is_costed_with_those_of_what_it_replaces(ran: Path, tmp_path: Path) -> None:
    """A new id for 2027, costed in 2025, whose lines reach no target; moved to 2026, C2's 3,000 is missed and C1's 1,000 too, and at 900 it is reached."""
    plan = TARGET.replace("TARGET", "NEXT").replace("2026-", "2027-").replace("from: 1, amount: 50", "from: 0.9, amount: 50")
    (tmp_path / "next.yaml").write_text(plan)
    question = Question(draws=1, histories=[History(2026), History(2026, D("1.2"))], instead_of=["TARGET"])
    (costing,), _ = simulate_plans(ran, [tmp_path / "next.yaml"], question)
    assert "targets and participations of TARGET are taken for NEXT" in costing.notes
    assert costing.changes.largest == []
    assert [(row["name"], row["today"], row["proposed"], row["blocked"]) for row in costing.histories] == [
        ("2026", {"EUR": D(0)}, {"EUR": D(50)}, 0),
        ("2026 × 1.2", {"EUR": D(50)}, {"EUR": D(50)}, 0),
    ]


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
    (tmp_path / "keep").mkdir()
    for keep in (tmp_path / "keep", tmp_path / "new"):  # what was refused may be asked again
        with pytest.raises(InputError, match="OTHER is no agreement"):
            simulate_plans(ran, [tmp_path / "a.yaml"], Question(instead_of=["OTHER"]), keep=keep)
    assert list((tmp_path / "keep").iterdir()) == []
    assert not (tmp_path / "new").exists()
    with pytest.raises(InputError, match="OTHER is no agreement of the book; it has REPS, SUPPLY, TARGET, VOLUME"):
        simulate_plans(ran, [tmp_path / "a.yaml"], Question(instead_of=["OTHER"]))
