"""A group of histories in one book, step by step: files arrive, the product runs in this process, periods close; after every step everything is checked.

Belongs here: order, files, commands. Does not belong here: what a history does (events.py), what must hold (accounts.py, evidence.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.histories import events
from tests.histories.accounts import Facts, check_accounts, first_open, open_tables
from tests.histories.dying import die_first, draw_death
from tests.histories.evidence import Kept, check_fresh, check_kept, check_reference, check_rerun, check_verify, count_posted
from tests.histories.history import History
from tests.histories.paying import Sealed, check_sealed, count_paid, play_batches
from tests.histories.world import GROUP, Step, World, draw_history, draw_rate, draw_world
from tests.support.exact_text import to_yaml
from tests.support.once import prepare_engine
from tests.torture.books import KEYS
from tests.torture.drawing import FEATURES, Draw, Row

FEEDS = KEYS | {
    "payments": ["reference"],
    "adjustments": ["adjustment_id"],
    "collections": ["transaction_id", "line", "collected_on"],
    "disputes": ["dispute_id"],
}


class Broken(Exception):
    """An invariant does not hold, or the product failed. The text says after which step, and what."""


@dataclass
class Life:
    """The book of a group while it lives.

    checked: how many statements were held against it; posted: what its ledger holds at the end; killed: how many commands died and were given again.
    sealed: lines of payment batches as they were seen; paid: what happened to draws, batches, disputes and collections, at the end.
    """

    folder: Path
    world: World
    histories: list[History]
    kept: Kept = field(default_factory=Kept)
    just_closed: bool = False
    checked: int = 0
    log: list[str] = field(default_factory=list)
    posted: dict[str, int] = field(default_factory=dict)
    killed: int = 0
    sealed: Sealed = field(default_factory=Sealed)
    paid: dict[str, int] = field(default_factory=dict)


def live(folder: Path, seeds: Sequence[int], steps: int, verify: bool = True) -> Life:
    """Play the seeds of one group in a book in `folder`. Raises Broken at the first statement that does not hold."""
    prepare_engine()
    world = draw_world(seeds[0] // GROUP, steps)
    life = Life(folder, world, [draw_history(seed, world) for seed in seeds])
    (folder / "agreements").mkdir(parents=True)
    for feed in FEEDS:
        (folder / "feeds" / feed).mkdir(parents=True)
    for step in world.timetable:
        try:
            findings = _take(life, step) + _check(life, step)
            if verify and step is world.timetable[-1]:
                findings += check_verify(folder)
        except Exception as error:
            raise Broken(_tell(life, step, [f"{type(error).__name__}: {error}"])) from error
        if findings:
            raise Broken(_tell(life, step, findings))
    life.posted, life.paid = count_posted(folder), count_paid(folder)
    return life


def _tell(life: Life, step: Step, findings: list[str]) -> str:
    named = [h for h in life.histories if any(h.name in finding for finding in findings)] or life.histories
    lines = [f"seeds {life.histories[0].seed} to {life.histories[-1].seed}, after step {step.number} ({step.kind}, as of {step.as_of}):", *findings[:12]]
    lines += [f"steps: {', '.join(life.log[-12:])}", *(f"history {h.name}: {'; '.join(h.message[-4:])}" for h in named[:6])]
    replays = [f"python -m tests.histories --seed {h.seed} --steps {step.number + 1}" for h in named[:3]]
    return "\n  ".join([*lines, *(f"replay: {replay}" for replay in replays)])


def _take(life: Life, step: Step) -> list[str]:
    """Play the step. Returns what a payment batch in it broke."""
    from pipelines.close import close_book, reopen_book
    from pipelines.run import run_book

    life.log.append(f"{step.number} {step.kind}")
    life.just_closed = False
    d = Draw(random.Random(step.seed), FEATURES)
    if step.kind in ("start", "own", "month", "rates", "products"):
        _play(life, step, d)
        _die_first(life, step, None)
        run_book(life.folder)
        done, findings = play_batches(life.folder, step.seed, step.as_of)
        life.log[-1] += "".join(f" ({each})" for each in done)
        return findings
    if step.kind == "rerun":
        return []
    ended = [name for name, _, last in life.world.periods if last <= step.as_of]
    last = life.kept.last_closed()
    left = [name for name in ended if last is None or name > last]
    if step.kind in ("close", "close_all") and left:
        period = left[-1] if step.kind == "close_all" else left[0] if last else left[max(0, len(left) - 4)]
        _die_first(life, step, period)
        close_book(life.folder, period, "J. Doe", with_earlier=True, accept_open="simulated")
        life.just_closed = True
        for h in life.histories:
            h.allowed.clear()
        life.log[-1] += f" {period}"
    elif step.kind == "close_again" and last:
        assert close_book(life.folder, last, "J. Doe").closed == [], f"{last} was closed twice"
    elif step.kind == "reopen" and last:
        reopen_book(life.folder, last, "simulated", "J. Doe", "A. Roe")
        life.log[-1] += f" {last}"
    return []


def _die_first(life: Life, step: Step, period: str | None) -> None:
    """Now and then the command was given before, and killed."""
    moment = draw_death(step.seed)
    if moment is not None:
        killed = die_first(life.folder, moment, period)
        life.killed += killed
        life.log[-1] += f" ({'killed' if killed else 'through'} after {moment:.3f} s of CPU first)"


def _play(life: Life, step: Step, d: Draw) -> None:
    """What arrives in this step, as files and documents."""
    world, files = life.world, []
    con = None if step.kind == "start" else open_tables(life.folder)
    if step.kind == "start":
        files += [("products", "0", world.products), ("fx_rates", "0", world.rates)]
    if step.kind == "rates":
        rows = [row | {"rate": draw_rate(d, row["from_currency"], row["to_currency"])} for row in d.some(world.rates, 20, 60)]
        files.append(("fx_rates", "1", rows))
    if step.kind == "products":
        rows = [row | {"category": d.pick(["beverages", "snacks", "household"])} for row in d.some(world.products, 1, 3)]
        files.append(("products", "1", rows))
    for h in life.histories:
        h.files.clear()
        if step.kind == "start":
            events.start(h, step.as_of)
        elif step.kind == "month":
            events.pass_month(h, step.as_of)
        elif step.kind == "own" and con:
            payouts = con.sql(_PAYOUTS, params=[h.name + "-%"]).pl().to_dicts()
            _write_off(life, h, payouts)
            h.batched = con.sql(_BATCHED, params=[h.name + "-%"]).pl().to_dicts()
            events.play_own(h, step.as_of, payouts, world.settings["calendar"])
        elif step.kind == "rates":
            h.allowed |= {"fx"} | ({"reference"} if h.is_crossed else set())
        elif step.kind == "products":
            h.allowed.add("reference")
        for (name, version), document in h.written.items():
            (life.folder / "agreements" / f"{name}-{version}.yaml").write_text(to_yaml(document), encoding="utf-8")
        files += h.files
    feeds: dict[str, dict[str, object]] = {feed: {"files": f"feeds/{feed}/*.csv", "key": key} for feed, key in FEEDS.items()}
    feeds["transactions"]["signs"] = "as_given"  # what comes back of a line below zero is above zero
    settings = world.settings | {"as_of": step.as_of, "feeds": feeds, "publish": {"duckdb": False}}
    (life.folder / "book.yaml").write_text(to_yaml(settings), encoding="utf-8")
    for feed, name, rows in files:
        _write(life.folder / "feeds" / feed / f"{step.number:03}-{name}.csv", rows)


_PAYOUTS = """
    select payout_id, agreement_id, benefit_id, participant_id, window_start, status, open_amount, currency
    from fct_payout where agreement_id like ? order by all"""


_BATCHED = """
    select reference, agreement_id, benefit_id, participant_id, window_start, pending_amount, currency
    from fct_payment_batch where pending_amount <> 0 and state = 'approved' and agreement_id like ? order by all"""


def _write_off(life: Life, h: History, payouts: list[Row]) -> None:
    """Now and then, before anything arrives: as the command does it between its two runs."""
    from assets.closing.close import write_off_payout
    from assets.runtime.book_folder import lock_book, open_run

    found = [row for row in payouts if row["status"] in ("final", "closed") and row["open_amount"] and abs(row["open_amount"]) < 20000]
    if found and h.dice.chance(0.06):
        with lock_book(life.folder):
            context = open_run(life.folder, None, dt.datetime.now(dt.UTC))
            written = write_off_payout(context, h.dice.pick(found)["payout_id"], "simulated", "J. Doe")
        h.message.append(f"written off {written.amount} of {written.payout_id}")


def _write(path: Path, rows: list[Row]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({column: _text(value) for column, value in row.items()} for row in rows)


def _text(value: Any) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _check(life: Life, step: Step) -> list[str]:
    """Everything that must hold after the step."""
    findings = check_kept(life.folder, life.kept) + check_sealed(life.folder, life.sealed)
    allowed = {h.name: h.allowed | ({"reference"} if h.allowed and h.is_crossed else set()) for h in life.histories}
    payments = [row for h in life.histories for row in h.payments.values() if row["paid_on"] <= step.as_of]
    open_period = first_open(life.world.periods, life.kept.last_closed())
    found, count = check_accounts(life.folder, Facts(open_period, allowed, payments, life.just_closed))
    findings += found
    life.checked += count
    if life.just_closed or step.kind == "reopen" or step.number % 3 == 0:
        findings += check_reference(life.folder)
    if step.kind == "rerun" or step.number % 3 == 1:
        findings += check_rerun(life.folder, life.kept)
    if step.number and step.number % 20 == 0:
        findings += check_fresh(life.folder)
    return findings
