"""book.yaml's settings of one feed, validated.

Belongs here: names, types and defaults of the keys below `feeds.<feed>`. Does not belong here: a feed's canonical columns (models/feeds/columns.py),
applying the settings (assets/feeds/column_mapping.py, assets/feeds/typing_sql.py, assets/feeds/landing.py).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from models.calendars import TimeZone
from models.feeds.attributes import column_named
from models.feeds.columns import NUMERIC_KINDS, Feed
from models.store_urls import is_url, problem_with_url
from models.validation import Strict

ENCODINGS = ("utf-8", "utf-16", "latin-1", "windows-1252", "iso-8859-2", "iso-8859-15")
DELIMITERS = (",", ";", "\t", "|")
DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = (".", ",", " ", "'", "’", "\u00a0", "\u202f")
#: What may be written before or after a number: no digit, space or mark that numbers themselves have.
_SYMBOL = re.compile(r"[^\d\s,'’()+-]{1,5}")
#: The directives that a date format may contain. `%z` needs time_zone.
_DAY_FORMAT = re.compile("([^%]|%-?[aAbBdfHIjmMpSyYz]|%%)+")


#: The mapping of `line` that numbers the rows of a transaction in the order of the file.
ROW_IN_KEY = "row_in_key"


def _one_of(name: str, allowed: tuple[str, ...]) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"{name}: {value!r} is not allowed; allowed: {', '.join(map(repr, allowed))}")
        return value

    return BeforeValidator(check)


def _share(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= 1:
        raise ValueError(f"a share from 0 (never) to 1 is needed here, such as 0.5 (found {value!r})")
    return Decimal(value)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _patterns(value: Any) -> Any:
    for pattern in _as_list(value):
        if is_url(pattern) and (problem := problem_with_url(pattern)):
            raise ValueError(problem)
    return value


def _symbols(value: Any) -> Any:
    found = _as_list(value)
    if wrong := [symbol for symbol in found if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol) or symbol == "."]:
        raise ValueError(f"symbols: {wrong[0]!r} cannot be told from a part of a number; write what comes before or after it, such as $, € or EUR")
    return found


def _footer(value: Any) -> Any:
    if isinstance(value, str) and value:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"footer: {value!r} is not a regular expression ({error}); write how the first line of the footer begins") from None
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000:
        raise ValueError(f"footer: a number of last lines up to 1,000, or a regular expression that begins the footer, is needed here (found {value!r})")
    return value


def _preamble(value: Any) -> Any:
    for name, pattern in value.items() if isinstance(value, dict) else []:
        try:
            groups = re.compile(str(pattern)).groups
        except re.error as error:
            raise ValueError(f"preamble: {pattern!r} is not a regular expression ({error})") from None
        if groups != 1:
            raise ValueError(f"preamble: {pattern!r} needs one group in parentheses: the value of the column {name}")
    return value


def _sheet(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str) or value in ("", 0) or (isinstance(value, int) and value < 0):
        raise ValueError(f"sheet: the name of a sheet, or its place from 1, is needed here (found {value!r})")
    return value


class DropSettings(Strict):
    """When a file is unusually small: below these shares of the median of the last files a warning is given, or the file is rejected."""

    rows: Annotated[Decimal, BeforeValidator(_share)] = Decimal("0.5")
    amount: Annotated[Decimal, BeforeValidator(_share)] = Decimal("0.5")
    then: Literal["warn", "refuse"] = "warn"


SNAPSHOT_SPANS = ("day", "month", "quarter", "year", "whole")


class SnapshotSettings(Strict):
    """Of which spans of days a file says all there is, and which share of the rows that it replaces it may drop."""

    per: Annotated[str, _one_of("per", SNAPSHOT_SPANS)] = "whole"
    max_drop: Annotated[Decimal, BeforeValidator(_share)] = Decimal("0.5")


def _snapshot(value: Any) -> Any:
    if isinstance(value, bool):
        return SnapshotSettings() if value else None
    if not isinstance(value, dict):
        raise ValueError(f"snapshot: true or the span of a snapshot is needed here, such as {{per: month}} (found {value!r})")
    return value


def _written_day(value: Any) -> Any:
    """A day without quotes, as files write it."""
    return value.isoformat() if isinstance(value, dt.date) else value


class Unpivot(Strict):
    """A wide table as rows: each of `columns` gives one row with the values listed for it, and what its cell holds divided by `per` as `value`."""

    columns: dict[str, dict[str, str | int | Decimal | dt.date]] = Field(min_length=1, max_length=1_000)
    value: str = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees(self) -> Unpivot:
        first, *others = self.columns.items()
        if different := [name for name, values in others if values.keys() != first[1].keys()]:
            raise ValueError(f"unpivot: the columns {first[0]} and {different[0]} have different keys; give each column the same ones")
        if self.value in first[1]:
            raise ValueError(f"unpivot: {self.value!r} is `value` already; call the other one differently")
        for name, values in self.columns.items():
            per = values.get("per", 1)
            if not isinstance(per, int) or not re.fullmatch("10{0,9}", str(per)):
                raise ValueError(f"unpivot: per of {name} must be 1, 10, 100, … (found {per}), because other quotients may have no last decimal")
        return self

    @property
    def names(self) -> list[str]:
        """The columns that it adds to those of the file."""
        return [*next(iter(self.columns.values())), self.value]

    @property
    def divisors(self) -> list[int]:
        """What values are divided by, if anything but 1."""
        found = sorted({int(str(values.get("per", 1))) for values in self.columns.values()})
        return [] if found == [1] else found


class FeedSettings(Strict):
    """One feed: its files, their format, how their columns map to the canonical ones, and what must be true of files and rows."""

    files: Annotated[str | list[str], AfterValidator(_patterns)]
    columns: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, Annotated[str | int, BeforeValidator(_written_day)]] = Field(default_factory=dict)
    key: list[str] | None = None
    # the format of the files
    encoding: Annotated[str, _one_of("encoding", ENCODINGS)] = "utf-8"
    delimiter: Annotated[str, _one_of("delimiter", DELIMITERS)] = ","
    decimal: Annotated[str | None, _one_of("decimal", DECIMAL_MARKS)] = None
    thousands: Annotated[list[Annotated[str, _one_of("thousands", THOUSANDS_MARKS)]], BeforeValidator(_as_list)] = Field(default_factory=list)
    grouping: Literal["thousands", "indian"] = "thousands"
    negatives: Annotated[list[Literal["trailing", "parentheses"]], BeforeValidator(_as_list)] = Field(default_factory=list)
    symbols: Annotated[list[str], BeforeValidator(_symbols)] = Field(default_factory=list)
    dates: str | None = None
    time_zone: TimeZone | None = None
    nulls: list[str] = Field(default_factory=list)
    # which of its lines are data
    sheet: Annotated[int | str, BeforeValidator(_sheet)] = 1
    header_row: int = Field(default=1, ge=1, le=1_000)
    footer: Annotated[int | str, BeforeValidator(_footer)] = 0
    preamble: Annotated[dict[str, str], BeforeValidator(_preamble)] = Field(default_factory=dict)
    fill_down: list[str] = Field(default_factory=list)
    fill_within: str | None = None
    ignore: str | None = None
    unpivot: Unpivot | None = None
    # what must be true of a file
    totals: Literal["json", "csv"] | list[str] | None = None
    drop: DropSettings = DropSettings()
    done: bool = False
    settle_seconds: int = Field(default=0, ge=0, le=86_400)
    final_newline: bool = False
    non_empty: bool = False
    strict: bool = False
    max_rejected: Annotated[Decimal, BeforeValidator(_share)] = Decimal("0.05")
    # what must be true of a row
    max_future_days: int | None = Field(default=None, ge=0, le=36_500)
    signs: Literal["agree", "by_type", "as_given"] | None = None
    # what a newer file means
    deleted: str | None = None
    repeats: Literal["refuse", "last"] = "refuse"
    snapshot: Annotated[SnapshotSettings | None, BeforeValidator(_snapshot)] = None
    replace: Literal["file"] | None = None
    # how its rows are used
    invert: bool = False

    @property
    def patterns(self) -> list[str]:
        return [self.files] if isinstance(self.files, str) else self.files

    @property
    def numbers_lines(self) -> bool:
        """Whether the rows of a transaction are numbered, because the files have no number of the line."""
        return self.columns.get("line", "").strip() == ROW_IN_KEY

    @property
    def trailer(self) -> list[str]:
        """The fields of the trailer line: its first word, then `rows` or a column for each total; empty where files have no trailer."""
        return self.totals if isinstance(self.totals, list) else []

    @property
    def row_settings(self) -> dict[str, Any]:
        """The settings that a file's rows depend on, where they differ from the default."""
        names = ["encoding", "delimiter", "decimal", "thousands", "grouping", "negatives", "symbols", "dates", "time_zone", "nulls", "max_future_days", "signs"]
        names += ["sheet", "header_row", "footer", "preamble", "fill_down", "fill_within", "ignore", "deleted"]
        changed = {name: getattr(self, name) for name in names if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True)}
        changed |= {"unpivot": self.unpivot.model_dump(mode="json")} if self.unpivot else {}
        return changed | ({"trailer": self.trailer} if self.trailer else {})

    @model_validator(mode="after")
    def _agrees(self) -> FeedSettings:
        if (self.decimal or ".") in self.thousands:
            raise ValueError(f'thousands: {self.decimal or "."!r} is the decimal mark already; set decimal: "," where a point separates thousands')
        if self.preamble and self.header_row == 1:
            raise ValueError("preamble: a header in line 1 has no lines above it; set header_row")
        if self.fill_within is not None and (not self.fill_down or self.fill_within in self.fill_down):
            raise ValueError("fill_within: names the column whose value says which rows belong together; fill_down names others that are filled")
        if self.grouping == "indian" and not self.thousands:
            raise ValueError('grouping: indian needs the mark between the groups, such as thousands: ","')
        if self.dates is not None and self.dates != "excel":
            if not _DAY_FORMAT.fullmatch(self.dates) or not re.search("%-?[dj]", self.dates) or not re.search("%[yY]", self.dates):
                raise ValueError(f'dates: {self.dates!r} is not a date format; write %d, %m, %Y and the like, such as "%d.%m.%Y" or "%m/%d/%Y %H:%M"')
            if "%z" in self.dates and self.time_zone is None:
                raise ValueError("dates: %z needs time_zone: the zone in which a moment's day counts, such as Europe/Berlin")
        if any(not token.strip() for token in self.nulls):
            raise ValueError("nulls: an empty cell has no value anyway; name words such as NULL or N/A")
        return self

    def problem_with(self, feed: Feed) -> tuple[str, str] | None:
        """What is wrong with these settings for a feed: the key and a message; None: nothing."""
        numeric = [column.name for column in feed.columns if column.kind in NUMERIC_KINDS]
        if self.replace and self.snapshot:
            return "replace", "a snapshot replaces every earlier file already; remove `replace` or `snapshot`"
        if self.snapshot and self.snapshot.per != "whole" and feed.day is None:
            return "snapshot", f"{feed.name} have no day that could be in a {self.snapshot.per}; set snapshot: true where a file says all there is"
        if self.deleted is not None and not key_of(feed, self):
            return "deleted", f"a row takes its key back, and {feed.name} have no key; name one with `key`, such as key: [{feed.columns[0].name}]"
        if self.max_future_days is not None and feed.day is None:
            return "max_future_days", f"{feed.name} have no day that could be in the future"
        if self.unpivot and (problem := self._problem_with_unpivot(feed, self.unpivot)):
            return "unpivot", problem
        if self.invert and feed.name != "fx_rates":
            return "invert", f"{feed.name} have no rates that could be inverted; this is a setting of fx_rates"
        if self.signs and "type" not in [column.name for column in feed.columns]:
            return "signs", f"{feed.name} have no amount, quantity and type whose signs could differ; remove the setting"
        if self.trailer:
            named = [field for field in self.trailer[1:] if field]
            if not self.trailer[0].strip() or not named:
                return "totals", "a trailer begins with a word of its own and names at least one total, such as [TOTAL, rows, amount]"
            if unknown := [field for field in named if field not in ("rows", *numeric)]:
                return "totals", f'{unknown[0]!r} is not a total; allowed: rows, {", ".join(numeric)}, and "" for a field that is something else'
        return None

    def _problem_with_unpivot(self, feed: Feed, unpivot: Unpivot) -> str | None:
        if feed.attributes:
            return f"each row of {feed.name} must be a row of its file, so that a payout leads back to it; unpivot the file before you deliver it"
        if self.totals is not None:
            return "totals count the rows of the file, and unpivot makes several of each; remove one of the two"
        if unpivot.divisors and unpivot.value in self.columns:
            return f"{unpivot.value} is divided by `per`, so columns cannot map it too; call `value` differently, or leave `per` out"
        return None


def key_of(feed: Feed, settings: FeedSettings | None) -> tuple[str, ...]:
    """The columns of the feed's business key, as the user names them; empty: a row is identified by its file and place."""
    return feed.key if settings is None or settings.key is None else tuple(settings.key)


def key_columns(feed: Feed, settings: FeedSettings | None) -> tuple[str, ...]:
    """The same as columns of raw.<feed>: a key may have columns that the feed carries along."""
    return tuple(column_named(feed, name) for name in key_of(feed, settings))
