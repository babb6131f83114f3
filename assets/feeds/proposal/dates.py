"""The day of a row as a mapping, with the feed's `dates` and `time_zone`.

Belongs here: what is written for days, and which order and zone a person should check. Does not belong here: reading texts as days (day_forms.py).
"""

from __future__ import annotations

from zoneinfo import available_timezones

from assets.feeds.proposal.day_forms import EXCEL, DayForm, days_that_move, month_first
from assets.feeds.proposal.layout import Layout
from assets.feeds.proposal.mapping_text import part, whole
from assets.feeds.proposal.proposal import Proposal
from assets.feeds.proposal.roles import Roles
from assets.feeds.proposal.sample import Column
from assets.feeds.proposal.short_days import find_short_days

#: The zone that a business with this currency is likely to be in.
_ZONE_OF = {"EUR": "Europe/Berlin", "GBP": "Europe/London", "USD": "America/New_York", "INR": "Asia/Kolkata", "JPY": "Asia/Tokyo", "CHF": "Europe/Zurich"}
_MONTH_FIRST = ("USD",)


def map_date(proposal: Proposal, layout: Layout, roles: Roles, delimiter: str, currency: str) -> None:
    """The mapping of `date`. `currency`: of the file, which says where the file may come from."""
    column, day = roles.chosen.get("date"), roles.day
    if column is None:
        if short := find_short_days(layout.columns, layout.preamble, delimiter):
            proposal.columns["date"] = short.expression
            proposal.add("preamble", short.preamble, f"{short.column.name} has no year: it is that of the first or last day of the file")
    elif day is None:
        proposal.columns["date"] = whole(column)
        proposal.add("dates", EXCEL, f"days as spreadsheets count them, such as {column.values()[0]}")
    else:
        if day.rival and currency in _MONTH_FIRST and proposal.settings.get("decimal") != ",":
            day = month_first(day)
        if day.rival:
            taken = "the day first" if (day.format or "").startswith("%d") else "the month first"
            proposal.ask("dates", day.rival, f"every value of {column.name} can be read in both orders; {taken} was taken")
        _write(proposal, column, day, currency)


def _write(proposal: Proposal, column: Column, day: DayForm, currency: str) -> None:
    is_utc_by_name = "utc" in column.name.lower() and day.has_time and day.format is None and not day.has_offset
    if day.format is not None:
        proposal.add("dates", day.format, day.why)
    if is_utc_by_name:
        proposal.columns["date"] = f"CAST({part(column)} || 'Z' AS DATE)"
    elif day.has_time and day.format is None and not day.has_offset:
        proposal.columns["date"] = f"CAST({part(column)} AS DATE)"
    else:
        proposal.columns["date"] = whole(column)
    if not day.has_offset and not is_utc_by_name:
        return
    zone = day.zone or "UTC"
    why = day.zone_why or f"{column.name} is in UTC"
    if column.zone in available_timezones() and zone == "UTC":
        zone, why = column.zone, f"the file says so of {column.name}"
    proposal.add("time_zone", zone, why)
    likely = _ZONE_OF.get(currency)
    if zone == "UTC" and likely and (moving := days_that_move(column, zone, likely)):
        rows = "1 row falls" if moving == 1 else f"{moving:,} rows fall"
        proposal.ask("time_zone", likely, f"if the business day is that of {likely.split('/')[1].replace('_', ' ')}: {rows} on another day there")
