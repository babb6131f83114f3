"""Golden stories: a year and more of one agreement, told month by month in YAML, with what finance must find in its books.

A story is one document of stories/*.yaml (its README says what a document holds). All stories of a calendar live in one book, because a run costs seconds
and a story costs nothing; ids must differ.

Belongs here: reading stories, playing them, comparing. Does not belong here: figures.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from models.documents import parse_documents
from tests.histories import simulation
from tests.support.exact_text import to_yaml
from tests.support.once import prepare_engine
from tests.torture.calendars import DAY, fiscal_years

Row = dict[str, Any]
Stop = tuple[str, bool]  # the period closed, and whether it was opened again before
FOLDER = Path(__file__).parent / "stories"
FEEDS: dict[str, list[str]] = simulation.FEEDS | {"adjustments": ["adjustment_id"], "collections": [], "balances": [], "disputes": ["dispute_id"]}
SHORT_CLOSES = {"2025-08", "2025-12"}
#: The day on which a row of a feed arrives in time.
_DAYS = {
    "transactions": "date", "payments": "paid_on", "fx_rates": "date", "targets": "window_start", "adjustments": "date", "collections": "collected_on",
    "balances": "date", "disputes": "raised_on",
}  # fmt: skip
#: What the id of a story's next agreement ends with.
_NEXT = "-next"
DEFAULT_CALENDAR: Row = {"kind": "gregorian", "year_starts": "01-01"}


@dataclass(frozen=True)
class Period:
    name: str
    first: dt.date
    last: dt.date


def read_stories() -> dict[str, Row]:
    """Every story by name, with what goes without saying filled in."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for document in parse_documents(path.read_text(encoding="utf-8"), path.name):
            story: Row = document.value
            assert story["story"] not in found, f"two stories are called {story['story']}"
            found[story["story"]] = story
    return found


def short_form(stories: dict[str, Row]) -> dict[str, Row]:
    """The stories that close at the end of a few months in common: each close is two runs of the book, so these cost least."""
    return {name: story for name, story in stories.items() if {step["close"] for step in story["steps"]} <= SHORT_CLOSES}


def books(stories: dict[str, Row]) -> dict[str, list[Row]]:
    """The stories by calendar: each list plays in one book."""
    found: dict[str, list[Row]] = {}
    for story in stories.values():
        found.setdefault(str(story.get("calendar", DEFAULT_CALENDAR)), []).append(story)
    return found


def play(folder: Path, stories: Sequence[Row]) -> dict[str, list[str]]:
    """Play the stories in one book in `folder`. Returns by story what its books say otherwise than it expects."""
    prepare_engine()
    player = Player(folder, stories)
    return play_on(player, stops_of(stories))


def stops_of(stories: Sequence[Row]) -> list[Stop]:
    """Every close of the stories, in order."""
    return sorted({_stop(step) for story in stories for step in story["steps"]})


def play_on(player: Player, stops: Sequence[Stop]) -> dict[str, list[str]]:
    """Play these stops, which follow those that were played. Returns by story what its books say otherwise than it expects."""
    stories = player.stories
    findings: dict[str, list[str]] = {story["story"]: [] for story in stories}
    for period, is_reopened in stops:
        steps = {s["story"]: step for s in stories for step in s["steps"] if _stop(step) == (period, is_reopened)}
        player.close((period, is_reopened), steps)
        for story in stories:
            if story["story"] in steps:
                findings[story["story"]] += player.compare(story, steps[story["story"]])
    return findings


def _stop(step: Row) -> Stop:
    return step["close"], "reopen" in step


class Player:
    """A book while its stories play."""

    def __init__(self, folder: Path, stories: Sequence[Row]) -> None:
        self.folder, self.stories = folder, stories
        self.calendar = stories[0].get("calendar", DEFAULT_CALENDAR)
        self.periods = _periods(self.calendar)
        self.until = dt.date.min  # the last day whose lines have arrived
        self.files = 0
        self.compared: dict[str, str] = {}
        self.came: dict[str, Stop] = {}
        (folder / "agreements").mkdir(parents=True)
        for story in stories:
            self._agree(story, story["agreement"])
            if "next" in story:
                self._agree(story, story["next"], _NEXT)
        for feed in FEEDS:
            (folder / "feeds" / feed).mkdir(parents=True)
        self._write("partners", [{"partner_id": name} for story in stories for name in (story["story"], *story.get("partners", []))])

    def close(self, stop: Stop, steps: dict[str, Row]) -> None:
        """All that arrives up to the end of the period, then its close. `steps`: those that end here, by story."""
        from pipelines.close import close_book, reopen_book, write_off_difference

        period, _ = stop
        as_of = next(p.last for p in self.periods if p.name == period)
        settings = {"book": "stories", "currency": "EUR", "as_of": as_of, "calendar": self.calendar, "publish": {"duckdb": False}}
        feeds = {feed: {"files": f"feeds/{feed}/*.csv", **({"key": key} if key else {})} for feed, key in FEEDS.items()}
        (self.folder / "book.yaml").write_text(to_yaml({**settings, "feeds": feeds}), encoding="utf-8")
        reopened = [step["reopen"] for step in steps.values() if "reopen" in step]
        if reopened:
            reopen_book(self.folder, period, reopened[0]["reason"], *reopened[0]["by"])
        for feed, day in _DAYS.items():
            due = [row for story in self.stories for row in self._rows(story, story, feed) if self.until < row[day] <= as_of]
            self._write(feed, due)
            self._write(feed, [row for story, step in self._coming(stop) for row in self._rows(story, step.get("late", {}), feed)])
        for story, step in self._coming(stop):
            self.came[story["story"]] = _stop(step)
            if "amendment" in step:
                self._agree(story, {**story["agreement"], **step["amendment"]})
        self.until = as_of
        for story in self.stories:
            step = steps.get(story["story"], {})
            for row in step.get("write_off", []):
                subject = "/".join(str(row.get(key) or self._subject(story)[key]) for key in ("agreement", "benefit", "participant_id", "window_start"))
                write_off_difference(self.folder, subject, row["reason"], row["by"])
        close_book(self.folder, period, "M. Controller", with_earlier=True)

    def _coming(self, stop: Stop) -> list[tuple[Row, Row]]:
        """Stories with the step whose arrivals come now: at the first close of a later month than their step before, or at their own."""
        found = []
        for story in self.stories:
            before = self.came.get(story["story"], ("", False))
            step = next((each for each in story["steps"] if _stop(each) > before), None)
            if step and (stop[0] > before[0] or stop == _stop(step)):
                found.append((story, step))
        return found

    def compare(self, story: Row, step: Row) -> list[str]:
        """Where the books of the periods closed since the story's last step differ from it."""
        name = story["story"]
        first = step["close"] if "reopen" in step else min(p.name for p in self.periods if p.name > self.compared.get(name, ""))
        self.compared[name] = step["close"]
        named = f"agreement_id in ('{name}', '{name}{_NEXT}') and period between '{first}' and '{step['close']}'"
        found = []
        with duckdb.connect() as con:
            for path in (self.folder / "published" / "current").glob("*.parquet"):
                con.execute(f"create view {path.stem} as from '{path}'")
            accruals = con.sql(f"select window_start, period, origin_period, reason, accrual from fct_accrual where {named} and accrual <> 0 and is_posted")
            expected = [
                (row.get("window", story["agreement"]["term"]["from"]), period, row.get("origin", period), row.get("reason"), row["accrual"])
                for row in step["accruals"]
                for period in self._each(row["period"])
            ]
            found += _differ("accrual", expected, accruals.fetchall())
            if "journal" in step:
                entries = con.sql(
                    f"""select period, origin_period, kind, any_value(account) filter (debit > 0), any_value(account) filter (credit > 0), sum(debit)
                    from fct_journal where {named} group by entry_id, period, origin_period, kind"""
                )
                message = [
                    (period, row.get("origin", period), row["kind"], str(row["debit"]), str(row["credit"]), row["amount"])
                    for row in step["journal"]
                    for period in self._each(row["period"])
                ]
                found += _differ("entry", message, entries.fetchall())
            for row in step.get("payouts", []):
                columns = [column for column in row if column not in ("window", "benefit")]
                start = row.get("window", story["agreement"]["term"]["from"])
                benefit = row.get("benefit", self._subject(story)["benefit"])
                of = f"agreement_id in ('{name}', '{name}{_NEXT}') and window_start = '{start}' and benefit_id = '{benefit}'"
                got = con.sql(f"select {', '.join(columns)} from fct_payout where {of}").fetchall()
                found += _differ(f"payout of {start}", [tuple(row[column] for column in columns)], got)
        return [f"{name}, close of {step['close']}{' again' if 'reopen' in step else ''}: {finding}" for finding in found]

    def _each(self, text: str) -> list[str]:
        """A period, or `2025-01..2025-08`: each of them."""
        first, _, last = str(text).partition("..")
        return [p.name for p in self.periods if first <= p.name <= (last or first)]

    def _agree(self, story: Row, agreement: Row, after: str = "") -> None:
        """Write the agreement, or a version of it; or the one that comes after it."""
        name = f"{story['story']}{after}"
        said = {"agreement": name, "title": name, "participants": [story["story"]], "currency": "EUR", **agreement}
        (self.folder / "agreements" / f"{name}-{agreement.get('version', 1)}.yaml").write_text(to_yaml(said), encoding="utf-8")

    def _subject(self, story: Row) -> Row:
        agreement = story["agreement"]
        return {
            "agreement": story["story"], "benefit": agreement["benefits"][0]["id"], "participant_id": story["story"], "window_start": agreement["term"]["from"],
        }  # fmt: skip

    def _rows(self, story: Row, said: Row, feed: str) -> Iterator[Row]:
        """Rows of a feed, completed: whose, in which currency, with a number."""
        for n, row in enumerate(said.get(feed, []), 1):
            if feed == "transactions":
                late = "L" if said is not story else "T"
                for place, day in enumerate(self._days(row)):
                    rest = {key: value for key, value in row.items() if key not in ("every", "day")}
                    number = f"{story['story']}-{late}{n}-{place}-{self.files if late == 'L' else 0}"
                    yield {"transaction_id": number, "line": 1, "partner_id": story["story"], "currency": "EUR", "type": "sale", **rest, "date": day}
            elif feed in ("payments", "adjustments", "balances", "disputes"):
                yield {**self._subject(story), **row, "window_start": row["window"]}
            elif feed == "targets":
                yield {**self._subject(story), **row}
            else:
                yield row

    def _days(self, row: Row) -> list[dt.date]:
        if "every" not in row:
            return [row["date"]]
        return [dt.date(int(name[:4]), int(name[5:]), int(row["day"])) for name in self._each(row["every"])]

    def _write(self, feed: str, rows: list[Row]) -> None:
        if not rows:
            return
        self.files += 1
        columns = list(dict.fromkeys([*FEEDS[feed], *(column for row in rows for column in row)]))
        with (self.folder / "feeds" / feed / f"{self.files:03}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({column: f"{value:f}" if isinstance(value, Decimal) else value for column, value in row.items()} for row in rows)


def _differ(what: str, expected: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> list[str]:
    """Both as multisets, in words."""
    wanted, got = Counter(map(_plain, expected)), Counter(map(_plain, found))
    message = [f"{what} expected and not there: {' '.join(map(str, row))}" for row in sorted((wanted - got).elements(), key=str)]
    return message + [f"{what} there and not expected: {' '.join(map(str, row))}" for row in sorted((got - wanted).elements(), key=str)]


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(f"{Decimal(value):.4f}" if isinstance(value, int | Decimal) else value for value in row)


def _periods(calendar: Row) -> list[Period]:
    found = []
    named = {"kind": calendar["kind"], "year_starts": calendar.get("year_starts"), "first_days": {int(y): d for y, d in calendar.get("first_days", {}).items()}}
    for firsts in fiscal_years(named):
        year = (firsts[-1] - DAY).year if calendar["kind"] == "gregorian" else next(y for y, d in named["first_days"].items() if d == firsts[0])
        found += [Period(f"{year}-{n:02}", firsts[n - 1], firsts[n] - DAY) for n in range(1, 13)]
    return found
