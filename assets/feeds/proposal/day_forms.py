"""How a column writes its days: the format, which of day and month comes first, and the zone of its moments.

Belongs here: reading texts as days, and why one reading is right. Does not belong here: which column is the date (roles.py).
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from assets.feeds.proposal.sample import Column

#: A column holds days if so many of its values are days in one format. A few bad days are rejected rows, not another format.
ENOUGH = 0.95
EXCEL = "excel"
_LOOKED_AT = 5_000
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?")
_TIME = r"(?:[ T](?P<time>\d{1,2}:\d\d(?P<seconds>:\d\d)?)(?P<half> ?[AaPp][Mm])?)?(?P<offset> ?(?:Z|[+-]\d\d:?\d\d))?"
_DAYS = (
    (rf"\d{{4}}(?P<mark>[./-])\d{{1,2}}(?P=mark)\d{{1,2}}{_TIME}", ("%Y{0}%m{0}%d",)),
    (rf"\d{{1,2}}(?P<mark>[./-])\d{{1,2}}(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_TIME}", ("%d{0}%m{0}{1}", "%m{0}%d{0}{1}")),
    (rf"\d{{1,2}}(?P<mark>[ -])[A-Za-z]{{3}}(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_TIME}", ("%d{0}%b{0}{1}",)),
    (rf"[A-Za-z]{{3}} \d{{1,2}}, (?P<year>\d{{4}}){_TIME}", ("%b %d, {1}",)),
    (rf"(?:19|20)\d{{6}}{_TIME}", ("%Y%m%d",)),
)
_SHAPES = tuple((re.compile(shape), formats) for shape, formats in _DAYS)
#: Zones that the offsets of moments are compared with, the most likely first.
_ZONES = (
    *("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/Athens"),
    *("Europe/Istanbul", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "America/Sao_Paulo", "Africa/Johannesburg"),
)


@dataclass(frozen=True)
class DayForm:
    """How a column's days are written. `format`: None for ISO, `excel` for serial numbers. `why`: how the order of day and month is known.

    `rival`: a format that reads every value too, where nothing decides. `zone`: of moments with an offset, and `zone_why`.
    """

    format: str | None
    has_time: bool = False
    has_offset: bool = False
    why: str = ""
    rival: str = ""
    zone: str = ""
    zone_why: str = ""
    days: tuple[dt.date, ...] = ()


def day_form(column: Column) -> DayForm | None:
    """The form of a column's days; None: it holds no days."""
    values = column.values()[:_LOOKED_AT]
    if not values:
        return None
    if _is_declared_moment(column):
        return _iso(values)
    readings = {value: _readings(value) for value in dict.fromkeys(values)}
    times = Counter(form for value in values for form in readings[value])
    likely = [form for form, count in times.items() if count >= ENOUGH * len(values)]
    if not likely:
        return None
    if None in likely:
        return _iso(values)
    best, why, rival = _decide(likely, values, readings)
    found = [readings[value][best] for value in values if best in readings[value]]
    form = DayForm(best, "%M" in best, "%z" in best, why, rival, days=tuple(each.date() for each in found))
    return _with_zone(form, found) if form.has_offset else form


def serial_days(column: Column) -> bool:
    """Whether a column may hold days as spreadsheets count them. So may any column of whole numbers, so its name must say date."""
    values = column.values()
    return bool(values) and all(re.fullmatch(r"[345]\d{4}(\.\d+)?", value) for value in values)


def _is_declared_moment(column: Column) -> bool:
    return column.type.startswith(("TIMESTAMP", "DATE"))


def _readings(value: str) -> dict[str | None, dt.datetime]:
    """Every format that reads the value as a day, with the moment it gives."""
    if found := _ISO.fullmatch(value):
        try:
            return {None: dt.datetime.fromisoformat(value)}
        except ValueError:
            return {}
    readings: dict[str | None, dt.datetime] = {}
    for shape, formats in _SHAPES:
        if (found := shape.fullmatch(value)) is None:
            continue
        parts = found.groupdict()
        year = "%y" if len(parts.get("year") or "") == 2 else "%Y"
        time = ""
        if parts["time"]:
            time = value[found.start("time") - 1] + ("%I" if parts["half"] else "%H") + ":%M" + (":%S" if parts["seconds"] else "")
            time += (parts["half"] or "")[:-2] + "%p" if parts["half"] else ""
        if parts["offset"]:
            time += (" " if parts["offset"].startswith(" ") else "") + "%z"
        for each in formats:
            form = each.format(parts.get("mark") or "", year) + time
            try:
                readings[form] = dt.datetime.strptime(value, form)
            except ValueError:
                continue
    return readings


def _iso(values: list[str]) -> DayForm:
    moments = [moment for value in values for form, moment in _readings(value).items() if form is None]
    has_time = any(len(value) > 10 for value in values)
    form = DayForm(None, has_time, any(moment.tzinfo for moment in moments), days=tuple(moment.date() for moment in moments))
    return _with_zone(form, moments) if form.has_offset else form


def _decide(likely: list[str | None], values: list[str], readings: dict[str, dict[str | None, dt.datetime]]) -> tuple[str, str, str]:
    """The format, how it is known, and a rival that nothing excludes."""
    forms = [form for form in likely if form is not None]
    if len(forms) == 1:
        only = forms[0]
        return only, _excluded(only, values, readings), ""
    counts = {form: sum(form in readings[value] for value in values) for form in forms}
    if len(set(counts.values())) > 1:
        best = max(forms, key=counts.__getitem__)
        return best, f"{counts[best]:,} of {len(values):,} values are days when read so", ""
    if with_points := [form for form in forms if form.startswith("%d.%m")]:
        return with_points[0], "with points, the day comes first", ""
    found = {form: [readings[value][form].date() for value in values if form in readings[value]] for form in forms}
    in_order = [form for form, days in found.items() if len(set(days)) > 2 and days in (sorted(days), sorted(days, reverse=True))]
    if len(in_order) == 1:
        return in_order[0], "read so, the rows are in order of their days", ""
    months = {form: len({(day.year, day.month) for day in days}) for form, days in found.items()}
    fewest = min(forms, key=months.__getitem__)
    others = [form for form in forms if form != fewest]
    if len(set(found[fewest])) > 2 and months[fewest] * 3 <= min(months[form] for form in others):
        return fewest, f"read so, all days are in {months[fewest]} month{'s' if months[fewest] > 1 else ''}", ""
    day_first = next((form for form in forms if form.startswith("%d")), forms[0])
    rival = next(form for form in forms if form != day_first)
    return day_first, "", rival


def _excluded(only: str, values: list[str], readings: dict[str, dict[str | None, dt.datetime]]) -> str:
    """A value that only this order of day and month can read."""
    if not only.startswith(("%d", "%m")) or "%b" in only:
        return ""
    evidence = next((value for value in values if set(readings[value]) == {only}), "")
    first = "the day comes first" if only.startswith("%d") else "the month comes first"
    return f"{first}, as {evidence} shows" if evidence else first


def month_first(form: DayForm) -> DayForm:
    """The same days with the rival order. For files of a country that writes the month first."""
    return replace(form, format=form.rival, rival=form.format or "") if form.rival else form


def _with_zone(form: DayForm, moments: list[dt.datetime]) -> DayForm:
    """The zone whose clock shows every offset. UTC decides nothing: it is how systems store moments of any zone."""
    aware = [moment for moment in moments if moment.tzinfo]
    offsets = sorted({moment.utcoffset() or dt.timedelta() for moment in aware})
    fitting = [zone for zone in _ZONES if all(moment.astimezone(ZoneInfo(zone)).utcoffset() == moment.utcoffset() for moment in aware)]
    if offsets == [dt.timedelta()]:
        return replace(form, zone="UTC", zone_why="the file has moments in UTC")
    if not fitting:
        return replace(form, zone="UTC", zone_why="the file has moments of several zones")
    texts = {moment.utcoffset() or dt.timedelta(): f"{moment:%z}" for moment in aware}
    shown = " and ".join(f"{texts[offset][:3]}:{texts[offset][3:5]}" for offset in offsets)
    return replace(form, zone=fitting[0], zone_why=f"its clock shows the offsets in the file ({shown})")


def days_that_move(moments: Column, zone: str, other: str) -> int:
    """How many moments of a column fall on another day in another zone."""
    found = [moment for value in moments.values() for moment in _readings(value).values()]
    aware = [moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC) for moment in found]
    return sum(moment.astimezone(ZoneInfo(zone)).date() != moment.astimezone(ZoneInfo(other)).date() for moment in aware)
