"""Small books that are about to do something, and what must be true of them whatever happened meanwhile.

Belongs here: drawing a book, its acts, comparing it with one that was left in peace. Does not belong here: the faults (kills.py, full_disks.py, corruption.py).
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import random
import shutil
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.machine import in_child

BOOK = """
book: small
currency: EUR
as_of: 2026-06-30
limits: {disk_free: 1MB}
feeds:
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id, line]}
  targets: {files: "feeds/targets/*.csv"}
"""
AGREEMENT = """
agreement: BONUS
title: Bonus
currency: EUR
term: {{from: 2026-01-01, to: 2026-12-31}}
participants: [C1, C2, C3]
benefits:
  - id: volume
    clause: "1"
    window: quarter
    tiers: [{{from: 0, rate: 0.01}}, {{from: 1000, rate: {rate}}}]
  - id: goal
    clause: "2"
    window: quarter
    by: attainment
    target: feed
    tiers: [{{from: 0, rate: 0}}, {{from: 1, rate: 0.005}}]
"""
NOW = dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)


class _Clock(dt.datetime):
    """Stands still, so that equal books are equal to the byte."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return NOW


def warm_up() -> None:
    """Import what a run needs and stop its clock. It starts no thread, so that children can be forked."""
    import assets.archive.run_identity
    import assets.runtime.context
    import pipelines.close
    import pipelines.run  # noqa: F401
    from assets.transform import dbt
    from pipelines.cli import main  # noqa: F401
    from tests.support.once import prepare_engine

    prepare_engine()
    for name in (
        "assets.closing.load_ledger",
        "assets.feeds.load",
        "assets.agreements.load",
        "assets.transform.calculate",
        "assets.publishing.parquet_set",
        "assets.closing.close",
        "pipelines.rebuild",
    ):
        __import__(name)
    if os.fork() == 0:  # where dbt has to parse the project first it starts threads that stay
        dbt.load_manifest(has_tests=False)
        os._exit(0)
    os.wait()
    dbt.start_dbt()
    clock = types.SimpleNamespace(**{name: getattr(dt, name) for name in ("UTC", "date", "timedelta")}, datetime=_Clock)
    assets.runtime.context.dt = clock  # type: ignore[assignment, attr-defined]


@dataclass(frozen=True)
class Act:
    """One thing a book does. `prepare` gets the folder of an empty book and leaves it ready; `perform` is what is disturbed, and done again afterwards."""

    name: str
    prepare: Callable[[Path, int], None]
    perform: Callable[[Path], None]


def run(folder: Path) -> None:
    from pipelines.run import run_book

    run_book(folder)


def close(folder: Path) -> None:
    from pipelines.close import close_book

    close_book(folder, "2026-01", "J. Doe", accept_open="drawn")


def rebuild(folder: Path) -> None:
    from pipelines.run import run_book

    run_book(folder, rebuild=not _is_rebuilt(folder))


def _is_rebuilt(folder: Path) -> bool:
    """Whether an interrupted rebuild has begun: then a plain run goes on with it."""
    return _receipt(folder)["contents"] is None


def _receipt(folder: Path) -> dict[str, Any]:
    receipt: dict[str, Any] = json.loads((folder / "archive" / "receipt.json").read_bytes())
    return receipt


def _new_book(folder: Path, seed: int) -> None:
    dice = random.Random(seed)
    for name in ("agreements", "feeds/transactions", "feeds/targets"):
        (folder / name).mkdir(parents=True)
    (folder / "book.yaml").write_text(BOOK)
    (folder / "agreements" / "bonus.yaml").write_text(AGREEMENT.format(rate="0.02"))
    for month in (1, 2):
        _deliver(folder, month, dice)
    targets = [f"BONUS,goal,C{n},2026-0{m}-01,{dice.randint(500, 3000)}" for n in (1, 2, 3) for m in (1, 4)]
    (folder / "feeds/targets/2026.csv").write_text("agreement,benefit,participant_id,window_start,target\n" + "\n".join(targets) + "\n")


def _run_book_with_news(folder: Path, seed: int) -> None:
    _new_book(folder, seed)
    run(folder)
    dice = random.Random(f"{seed} later")
    for month in (3, 4):
        _deliver(folder, month, dice)
    (folder / "agreements" / "bonus.yaml").write_text(AGREEMENT.format(rate=f"0.0{dice.randint(3, 9)}"))


def _run_book(folder: Path, seed: int) -> None:
    _new_book(folder, seed)
    run(folder)


def _closed_book_with_news(folder: Path, seed: int) -> None:
    _run_book(folder, seed)
    close(folder)
    _deliver(folder, 1, random.Random(f"{seed} late"), "late")


ACTS = (
    Act("first run", _new_book, run),
    Act("later run", _run_book_with_news, run),
    Act("close", _run_book, close),
    Act("run after a close", _closed_book_with_news, run),
    Act("rebuild", _run_book, rebuild),
)


def _deliver(folder: Path, month: int, dice: random.Random, prefix: str = "day") -> None:
    for day in dice.sample(range(1, 28), 2):
        date = f"2026-{month:02}-{day:02}"
        lines = [f"{prefix}-{date}-{n},1,{date},C{dice.randint(1, 3)},{dice.randint(-9999, 99999) / 100:.2f},EUR" for n in range(dice.randint(3, 9))]
        lines += lines[:1] + ["X,1,2026-01-01,C1,bad,EUR"] * dice.randint(0, 1)
        (folder / "feeds/transactions" / f"{prefix}-{date}.csv").write_text("transaction_id,line,date,partner_id,amount,currency\n" + "\n".join(lines) + "\n")


@functools.cache
def stage(place: Path, act: Act, seed: int) -> tuple[Path, Path]:
    """The book before the act, and the same book after it, in `place`. Both stay as they are."""
    before, after = place / f"{act.name} {seed} before", place / f"{act.name} {seed} after"

    def prepare() -> str:
        act.prepare(_made(before), seed)
        return ""

    def perform() -> str:
        act.perform(place / "book")
        return ""

    must(in_child(prepare, place / "log"), place / "log")
    copy_book(before, place / "book")
    must(in_child(perform, place / "log"), place / "log")
    (place / "book").rename(after)
    return before, after


def must(result: tuple[int, str], log: Path) -> str:
    code, message = result
    if code:
        raise RuntimeError(f"the undisturbed book failed with {code}: {message}\n{log.read_text()}")
    return message


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def copy_book(source: Path, target: Path) -> None:
    """A copy with the times of its files, in place of what is there."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target, symlinks=True)


def finished(folder: Path) -> dict[str, bytes]:
    """All that must be the same to the byte in the end: what is published, closed and kept of files, and what the receipt says was loaded."""
    current = (folder / "published" / "current").resolve()
    found = {f"published/{path.name}": path.read_bytes() for path in current.iterdir()}
    archive = [path for path in (folder / "archive").rglob("*") if path.is_file() and path.name not in ("runs.jsonl", "receipt.json")]
    ledger = [path for path in (folder / "ledger").rglob("*") if path.is_file()]
    loaded = {"what the receipt says": json.dumps(_receipt(folder)["contents"]).encode()}
    return found | loaded | {str(path.relative_to(folder)): path.read_bytes() for path in [*archive, *ledger]}


def differences(book: Path, undisturbed: Path) -> list[str]:
    """Where a book is not what it would have been."""
    found, wanted = finished(book), finished(undisturbed)
    changed = [name for name in sorted(wanted.keys() | found.keys()) if found.get(name) != wanted.get(name)]
    return [f"{name} {'differs' if name in found and name in wanted else 'is there' if name in found else 'is missing'}" for name in changed]


def look_at_published(folder: Path) -> str:
    """What a reader finds: nothing when all is well, or when nothing was ever published."""
    import duckdb

    from assets.published.reader import DATABASE, hashes_of, open_published, read_manifest
    from assets.runtime.file_hashes import file_sha256

    published = folder / "published"
    if not (published / "current").is_symlink():
        return ""
    manifest = read_manifest(published)
    if manifest is None:
        return "there is no whole set under published/current"
    current = (published / "current").resolve()
    changed = [path.name for path, sha256 in hashes_of(current, manifest).items() if file_sha256(path) != sha256]
    with open_published(folder) as con:
        runs = con.sql(ONE_RUN).fetchall()
    with duckdb.connect(str(published / DATABASE), read_only=True) as con:
        copies = con.sql(ONE_RUN).fetchall()
    whole = [(True, True)]
    return "" if (changed, runs, copies) == ([], whole, whole) else f"readers see {runs} in Parquet, {copies} in DuckDB, changed files {changed}"


#: One run in all payouts, which is in the history, and lines and accruals that belong to its payouts.
ONE_RUN = """
    select (select count(distinct run_id) = 1 and bool_and(run_id in (select run_id from audit_run)) from fct_payout),
        (select coalesce(sum(payout), 0) from fct_payout) = (select coalesce(sum(line_payout), 0) from fct_payout_line)"""
