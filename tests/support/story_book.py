"""A book with a history of eight days: files that come one by one, a close, a correction, a reopening, a write-off.

Belongs here: making it, and what readers saw at the end of each day. Does not belong here: tests.
"""

from __future__ import annotations

import datetime as dt
import shutil
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.cli.main import main
from tests.support.bonus_book import BOOK, DAYS, deliver, write_book

PAYMENTS = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\nBONUS,volume,C1,2026-01-01,22.40,2026-04-20,PAY-1\n"
FIRST, SECOND, CLOSED, LATER, LAST = (f"2024-07-0{day}" for day in (1, 2, 4, 5, 8))
EARLIER = "as of an earlier day"

Set = dict[str, bytes]


@dataclass(frozen=True)
class Story:
    """A book after its last day, and the sets that readers saw at the end of each day. `earlier`: the set of a run as of an earlier day, on the first."""

    folder: Path
    sets: dict[str, Set]
    earlier: Set


class _Clock(dt.datetime):
    """The machine's clock, set by the tests."""

    shows = FIRST

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return dt.datetime.fromisoformat(f"{cls.shows}T10:00:00+00:00")


def files_of(folder: Path) -> Set:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def current(folder: Path) -> Set:
    """The set that readers of this folder of published tables see."""
    return files_of((folder / "current").resolve())


def command(book: Path, *arguments: str) -> int:
    return main([*arguments, "--book", str(book), "--quiet"])


def make_story(folder: Path) -> None:
    """Play the days in `folder`: the book, and beside it what readers saw at the end of each day."""
    book = write_book(folder / "book", {})
    (book / "book.yaml").write_text(BOOK + '  payments: {files: "feeds/payments/*.csv", totals: json}\nclose: {write_off_limit: 0.50}\n')
    names = list(DAYS)

    def keep(name: str) -> None:
        shutil.copytree((book / "published" / "current").resolve(), folder / "sets" / name)

    with pytest.MonkeyPatch.context() as patch:
        clock = types.SimpleNamespace(**{name: getattr(dt, name) for name in ("UTC", "date", "timedelta")}, datetime=_Clock)
        patch.setattr("assets.runtime.context.dt", clock)
        deliver(book, {names[0]: DAYS[names[0]]})
        assert command(book, "run", "--as-of", "2026-03-31") == 0
        keep(EARLIER)
        assert command(book, "run") == 0
        keep(FIRST)
        patch.setattr(_Clock, "shows", SECOND)
        deliver(book, {names[1]: DAYS[names[1]]})
        (book / "feeds" / "payments").mkdir()
        (book / "feeds" / "payments" / "april.csv").write_text(PAYMENTS)
        (book / "feeds" / "payments" / "april.csv.totals.json").write_text('{"rows": 1, "amount": "22.40"}')
        assert command(book, "run") == 0
        keep(SECOND)
        patch.setattr(_Clock, "shows", CLOSED)
        assert command(book, "close", "2026-03", "--by", "J. Doe", "--with-earlier", "--accept-open", "one line of the old shop") == 0
        keep(CLOSED)
        patch.setattr(_Clock, "shows", LATER)
        deliver(book, {names[2]: DAYS[names[2]]})  # a line of January, corrected
        bonus = book / "agreements" / "bonus.yaml"
        bonus.write_text(bonus.read_text().replace("rate: 0.02", "rate: 0.03"))
        assert command(book, "run") == 0
        keep(LATER)
        patch.setattr(_Clock, "shows", LAST)
        assert command(book, "reopen", "2026-03", "--reason", "wrong rate", "--by", "J. Doe", "--approved-by", "A. Roe") == 0
        assert command(book, "close", "2026-03", "--by", "J. Doe") == 0
        assert command(book, "write-off", "BONUS/volume/C1/2026-01-01", "--amount", "0.10", "--reason", "bank charge", "--by", "J. Doe") == 0
        keep(LAST)


def open_story(folder: Path) -> Story:
    """What make_story left in `folder`."""
    sets = {path.name: files_of(path) for path in (folder / "sets").iterdir()}
    return Story(folder / "book", sets, sets.pop(EARLIER))
