"""What proposed agreements would have paid on the real history: runs of a scratch copy, with them and without, and the calculation on other volumes.

Belongs here: the order of the runs. Does not belong here: texts (assets/simulation/plans.py), figures (costs.py, what_if.py there), how a run is made
(scratch_runs.py).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assets.agreements.texts import agreements_sha256
from assets.differences.findings import Findings, collect
from assets.differences.ladder import TERMS
from assets.differences.rung_tables import TABLES, add_rung, compare_as, list_attributes, open_rungs, subtract
from assets.differences.states import State, state_of_folder
from assets.published.reader import Row
from assets.runtime.context import read_clock, silent
from assets.runtime.errors import rejection
from assets.simulation import moved_rows
from assets.simulation.costs import Costing, Paid, by_participant, by_tier, find_break_even, largest_liability, near_cliffs, read_paid
from assets.simulation.moved_rows import Move, agreements_with_rows, move_rows
from assets.simulation.plans import Plan, first_day, last_day, moved, only_in, place_plan, read_plan
from assets.simulation.sales import read_sales, write_counted_lines
from assets.simulation.what_if import Cost, WhatIf, percentile, read_what_if
from models.agreements.parse import Source, parse_agreements
from pipelines.run import Clock, Progress
from pipelines.scratch_runs import ScratchBook, reading, scratch_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Volumes, in times of the history's, at which costs are told.
VOLUMES = tuple(Decimal(n) / 100 for n in (80, 90, 100, 110, 120))
_PERCENTS = (10, 50, 90)


@dataclass(frozen=True)
class History:
    """Costing the plans as if their term began in `year`, on so many times its volume."""

    year: int
    factor: Decimal = Decimal(1)

    def __str__(self) -> str:
        return str(self.year) if self.factor == 1 else f"{self.year} × {self.factor}"


@dataclass(frozen=True)
class Question:
    """What is asked: the margin of more sales, draws and their seed, other years, agreements that the plans are instead of."""

    margin: Decimal = Decimal("0.25")
    draws: int = 100
    seed: int = 1
    histories: Sequence[History] = ()
    instead_of: Sequence[str] = ()
    count: int = 10


@dataclass(frozen=True)
class _Ran:
    """A run: where its tables are, what the agreements asked about pay in it and would on other volumes, and the rows of feeds that were moved for it."""

    folder: Path
    paid: Paid
    what_if: WhatIf
    moves: Sequence[Move]
    question: Question

    @cached_property
    def by_volume(self) -> list[Cost]:
        return self.what_if.costs_at(VOLUMES)

    @cached_property
    def draws(self) -> dict[str, dict[str, Decimal]]:
        """Percentiles of the cost, by currency."""
        costs = self.what_if.costs_of_draws(self.question.seed, self.question.draws)
        currencies = sorted({currency for cost in costs for currency in cost})
        of = {currency: [cost.get(currency, Decimal(0)) for cost in costs] for currency in currencies}
        return {currency: {f"p{percent}": percentile(each, percent) for percent in _PERCENTS} for currency, each in of.items()}


def simulate_plans(
    folder: Path,
    files: Sequence[Path],
    question: Question = Question(),
    as_of: dt.date | None = None,
    progress: Progress = silent,
    keep: Path | None = None,
    clock: Clock = read_clock,
) -> tuple[list[Costing], State]:
    """Each plan against what the book has today. The book is only read. Raises InputError for wrong plans, and what a run raises."""
    plans = [read_plan(path) for path in files]
    if len({plan.name for plan in plans}) < len(plans):
        raise rejection(plans[0].name, "two plans have this name; name their files differently")
    now = clock()
    with scratch_folder(keep) as scratch:
        with reading(folder):
            (scratch / "now").mkdir()
            state, warnings = state_of_folder(folder, now, scratch / "now", as_of)
            book = ScratchBook(scratch / "book", [state], progress, None if keep else TABLES | moved_rows.TABLES)
            book.start_from(state)
        simulation = _Simulation(state, book, scratch, question)
        costings = [simulation.cost(plan, warnings) for plan in plans]
        for history in question.histories:  # year by year: two runs that follow each other differ by a plan alone
            for plan, costing in zip(plans, costings, strict=True):
                costing.histories.append(simulation.cost_in_year(plan, history))
        simulation.clear()
        return costings, state


class _Simulation:
    """The runs of one question. Today's is made once for all plans that touch the same agreements in the same year."""

    def __init__(self, state: State, book: ScratchBook, scratch: Path, question: Question) -> None:
        self.state, self.book, self.scratch, self.question = state, book, scratch, question
        self.databases = 0
        self.others: list[Row] = []
        self.parsed: dict[str, list[Source]] = {}
        self.ran: dict[tuple[object, ...], _Ran] = {}

    def cost(self, plan: Plan, warnings: Sequence[str]) -> Costing:
        question, notes = self.question, list(warnings)
        year = None
        if first_day(plan.texts) > self.state.as_of:
            year = self.state.as_of.year - 1
            notes.append(f"its term has not begun by {self.state.as_of}: costed as if it had begun in {year}")
        if (year or question.histories) and self.state.book.calendar.kind != "gregorian":
            notes.append("the calendar of the book counts weeks and terms move by days: windows at both ends may be cut, and lack their target")
        con = open_rungs(self.scratch / f"plan-{self.databases}.duckdb")
        self.databases += 1
        try:
            today = self._today(plan, year, con)
            proposed = self._proposed(plan, year, con)
            changes = self._changes(con, plan)
        finally:
            con.close()
        notes += [f"targets and participations of {move.source} are taken for {move.agreement}" for move in proposed.moves if move.source != move.agreement]
        sales = read_sales([today.paid.lines, proposed.paid.lines])
        whole, people, fixed = find_break_even(today.paid, proposed.paid, question.margin)
        if fixed:
            notes.append(
                f"{fixed} payouts hang on more than their volume (ranks, metrics, limits, earlier windows, single lines): for break-even they stay as they are"
            )
        for name, why in {**today.what_if.notes, **proposed.what_if.notes}.items():
            notes.append(f"{name} {why}")
        for name, why in {**today.what_if.left_out, **proposed.what_if.left_out}.items():
            notes.append(f"{name} {why} and is left out where months are drawn anew")
        found = Costing(
            name=plan.name,
            changes=changes,
            sales=dict(sales.whole),
            liability=largest_liability(proposed.paid),
            break_even=whole,
            participants=by_participant(today.paid, proposed.paid, sales, people),
            near=near_cliffs(today.paid, proposed.paid),
            tiers=by_tier(today.paid, proposed.paid),
            others=self.others,
            notes=notes,
        )
        found.sensitivity = [_row(str(factor), *costs) for factor, *costs in zip(VOLUMES, today.by_volume, proposed.by_volume, strict=True)]
        found.draws = {"today": today.draws, "proposed": proposed.draws}
        return found

    def cost_in_year(self, plan: Plan, history: History) -> Row:
        year = None if history.year == first_day(plan.texts).year and not self._is_elsewhere(plan, history.year) else history.year
        today, proposed = self._today(plan, year), self._proposed(plan, year)
        costs = [each.what_if.costs_at([history.factor])[0] if history.factor != 1 else each.paid.cost() for each in (today, proposed)]
        blocked = sum(row["status"] == "blocked" for row in proposed.paid.rows)
        return {**_row(str(history), *costs), "blocked": blocked}

    def clear(self) -> None:
        """Take out of the copy what only this simulation needed: what is kept of it is a book."""
        for path in self.book.root.glob("lines-*.parquet"):
            path.unlink()
        for folder in self.book.root.glob("what-if-*"):
            shutil.rmtree(folder)

    def _ids(self, plan: Plan) -> frozenset[str]:
        return plan.ids | set(self.question.instead_of)

    def _today(self, plan: Plan, year: int | None, con: DuckDBPyConnection | None = None) -> _Ran:
        """The book as it is; where the plan is costed in another year, with the agreements that it replaces moved there too."""
        texts = {} if year is None else only_in(self.state.texts, self._ids(plan))
        if year is None or not texts:
            return self._run(self.state, plan, con)
        today = moved(Plan("today", texts, self._ids(plan)), year)
        state = replace(self.state, texts=place_plan(self.state.texts, today, sorted(self._present(plan))), proposal=plan.name)
        moves = [Move(name, name, year - first_day(texts).year) for name in sorted(self._present(plan))]
        return self._run(self._in_year(state, today), plan, con, moves)

    def _proposed(self, plan: Plan, year: int | None, con: DuckDBPyConnection | None = None) -> _Ran:
        there = moved(plan, year)
        instead_of = self.question.instead_of if year is None else sorted(self._present(plan))
        state = replace(self.state, texts=place_plan(self.state.texts, there, instead_of))
        if state.texts != self.state.texts:
            state = replace(state, proposal=plan.name)
        return self._run(state if year is None else self._in_year(state, there), plan, con, self._moves(plan, there))

    def _moves(self, plan: Plan, there: Plan) -> list[Move]:
        """Rows of feeds that go where the term goes. A new agreement takes those of the one that it is instead of, if it has none of its own."""
        if not {"targets", "participations"} & set(self.state.book.feeds):
            return []
        known = agreements_with_rows(self._run(self.state, plan, None).folder)
        begins = first_day(there.texts).year
        old = self.question.instead_of[0] if len(self.question.instead_of) == 1 else None
        moves = [Move(name, name, begins - first_day(plan.texts).year) for name in sorted(plan.ids & known)]
        if old in known and old not in plan.ids and len(plan.ids - known) == 1:
            (new,) = plan.ids - known
            moves.append(Move(new, str(old), begins - first_day(only_in(self.state.texts, frozenset({str(old)}))).year))
        return [each for each in moves if each.years or each.source != each.agreement]

    def _present(self, plan: Plan) -> set[str]:
        """Those of the plan's agreements that the book has."""
        return {source.agreement.agreement for source in self._sources(self.state)} & self._ids(plan)

    def _sources(self, state: State) -> list[Source]:
        texts = _agreements(state)
        key = agreements_sha256(texts)
        if key not in self.parsed:
            self.parsed[key] = parse_agreements(texts, None, state.book.calendar)
        return self.parsed[key]

    def _is_elsewhere(self, plan: Plan, year: int) -> bool:
        """Whether an agreement that the plan replaces began in another year."""
        replaced = only_in(self.state.texts, self._ids(plan))
        return bool(replaced) and first_day(replaced).year != year

    def _in_year(self, state: State, plan: Plan) -> State:
        """As of the end of the plan's term, where that is over."""
        return replace(state, as_of=min(state.as_of, last_day(plan.texts)))

    def _run(self, state: State, plan: Plan, con: DuckDBPyConnection | None, moves: Sequence[Move] = ()) -> _Ran:
        """The state, with these rows moved; run once however often it is asked for."""
        ids = self._ids(plan) & {source.agreement.agreement for source in self._sources(state)}
        key = (agreements_sha256(_agreements(state)), state.as_of, *sorted(ids), *moves)
        if key not in self.ran:
            if moves:
                state = move_rows(state, self._run(self.state, plan, None).folder, moves)
            self.book.run(state)
            context = self.book.context
            assert context is not None, "it has just been run"
            folder = self.scratch / "sets" / str(len(self.ran))
            _keep(context.published / "current", folder)
            lines = self.book.root / f"lines-{len(self.ran)}.parquet"
            write_counted_lines(context, ids, lines)
            what_if = read_what_if(context, ids, self.book.root / f"what-if-{len(self.ran)}")
            self.ran[key] = _Ran(folder, read_paid(folder, lines, ids, self._sources(state)), what_if, moves, self.question)
        if con is not None:
            is_first = not con.execute("select count(*) from rungs").fetchall()[0][0]
            add_rung(con, self.ran[key].folder, None if is_first else TERMS)
        return self.ran[key]

    def _changes(self, con: DuckDBPyConnection, plan: Plan) -> Findings:
        """Of the agreements asked about; what others change is noted apart."""
        subtract(con)
        ids = sorted(self._ids(plan))
        other = "select direction, currency, sum(change) as change from ends where not list_contains(?, agreement_id) group by all having sum(change) <> 0"
        self.others = [dict(zip(("direction", "currency", "change"), row, strict=True)) for row in con.execute(f"{other} order by all", [ids]).fetchall()]
        for table in ("payouts", "tiers"):
            con.execute(f"delete from {table} where not list_contains(?, agreement_id)", [ids])
        if len(self.question.instead_of) == len(plan.ids) == 1:
            compare_as(con, self.question.instead_of[0], next(iter(plan.ids)))
        subtract(con)
        base, new = {"name": "today", "as_of": self.state.as_of}, {"name": plan.name, "as_of": self.state.as_of}
        return collect(con, base, new, list_attributes(con), (), self.question.count)


def _agreements(state: State) -> dict[str, str]:
    return {name: text for name, text in state.texts.items() if name != "book.yaml"}


def _keep(current: Path, target: Path) -> None:
    """A second name for every file of the set, which the scratch book removes after two more runs."""
    target.mkdir(parents=True)
    for path in current.resolve().iterdir():
        if path.is_symlink():
            (target / path.name).symlink_to(path.resolve())
        else:
            os.link(path, target / path.name)


def _row(name: str, today: Cost, proposed: Cost) -> Row:
    return {"name": name, "today": today, "proposed": proposed}
