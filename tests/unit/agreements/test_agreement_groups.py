"""Rules between agreements: versions, groups, net_of, and years that a week calendar does not list."""

from __future__ import annotations

import datetime as dt

import pytest

from models.agreements.parse import parse_agreements
from models.agreements.rules.groups import net_levels
from models.agreements.versions import own_windows
from models.calendars import CalendarSettings, make_periods
from models.documents import InputError

PLAIN = """\
---
agreement: {id}
currency: EUR
term: {{from: 2025-01-01, to: 2025-12-31}}
participants: [P]
benefits: [{{id: b, clause: 1, window: quarter, tiers: [{{from: 0, rate: 0.1}}]}}]
"""


def plain(id: str, *changes: tuple[str, str]) -> str:
    text = PLAIN.format(id=id)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def amendment(*changes: tuple[str, str]) -> str:
    return plain("A", ("currency", "version: 2\neffective: 2025-05-01\ncurrency"), *changes)


def refusals(*texts: str, calendar: CalendarSettings | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": "".join(texts)}, calendar=calendar)
    return [str(problem) for problem in caught.value.problems]


def owned(*texts: str) -> list[tuple[int, dt.date, dt.date]]:
    """(version, first day, last day) of every window of benefit b."""
    agreements = [source.agreement for source in parse_agreements({"a.yaml": "".join(texts)})]
    periods = make_periods(CalendarSettings(), dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    listed = own_windows(agreements, periods)
    return [(a.version, w.window_start, w.window_end) for a, windows in zip(agreements, listed, strict=True) for w in windows.get("b", [])]


Q1, Q2, Q3, Q4 = (
    (dt.date(2025, 1, 1), dt.date(2025, 3, 31)),
    (dt.date(2025, 4, 1), dt.date(2025, 6, 30)),
    (dt.date(2025, 7, 1), dt.date(2025, 9, 30)),
    (dt.date(2025, 10, 1), dt.date(2025, 12, 31)),
)


def test_an_amendment_holds_from_the_next_window_on_or_restates_the_running_one() -> None:
    assert owned(plain("A"), amendment()) == [(1, *Q1), (1, *Q2), (2, *Q3), (2, *Q4)]
    assert owned(plain("A"), amendment(("currency", "amendment: restate\ncurrency"))) == [(1, *Q1), (2, *Q2), (2, *Q3), (2, *Q4)]
    on_the_first_day = amendment(("2025-05-01", "2025-07-01"))
    assert owned(plain("A"), on_the_first_day) == [(1, *Q1), (1, *Q2), (2, *Q3), (2, *Q4)]
    on_the_last_day = amendment(("2025-05-01", "2025-06-30"), ("currency", "amendment: restate\ncurrency"))
    assert owned(plain("A"), on_the_last_day) == [(1, *Q1), (2, *Q2), (2, *Q3), (2, *Q4)]


def test_a_later_version_takes_precedence_over_the_one_between() -> None:
    third = plain("A", ("currency", "version: 3\neffective: 2025-05-01\ncurrency"))
    assert owned(plain("A"), amendment(), third) == [(1, *Q1), (1, *Q2), (3, *Q3), (3, *Q4)]


def test_a_clause_that_a_version_takes_out_stops() -> None:
    without = amendment(("id: b,", "id: c,"))
    assert owned(plain("A"), without) == [(1, *Q1), (1, *Q2)]
    again = plain("A", ("currency", "version: 3\neffective: 2025-10-01\ncurrency"))
    assert owned(plain("A"), without, again) == [(1, *Q1), (1, *Q2), (3, *Q4)]


def test_windows_of_versions_neither_overlap_nor_lose_days() -> None:
    overlapping = refusals(plain("A"), amendment(("window: quarter", "window: month")))
    assert overlapping == [
        "a.yaml:14: benefits[0].id: version 1 ends a window on 2025-06-30, version 2 begins one on 2025-05-01: days would be paid twice; "
        "let it take effect where a window begins in both versions"
    ]
    monthly = plain("A", ("window: quarter", "window: month"))
    (lost,) = refusals(monthly, amendment())
    assert "version 1 ends a window on 2025-04-30, version 2 begins one on 2025-07-01: the days between would be lost" in lost
    assert len(owned(monthly, amendment(("2025-05-01", "2025-04-01")))) == 3 + 3


def test_amendments_say_from_when_and_keep_what_money_means() -> None:
    assert "needs the day from which it applies" in refusals(plain("A"), amendment(("effective: 2025-05-01\n", "")))[0]
    assert "currency was EUR in version 1 and cannot change" in refusals(plain("A"), amendment(("EUR", "USD")))[0]
    assert "direction was payable" in refusals(plain("A"), amendment(("currency", "direction: receivable\ncurrency")))[0]


def best(id: str, *changes: tuple[str, str]) -> str:
    return plain(id, ("currency", "combine: {group: G, rule: best}\ncurrency"), *changes)


def test_a_group_compares_like_with_like() -> None:
    assert parse_agreements({"a.yaml": best("A") + best("B")})
    assert "a group has one rule" in refusals(best("A"), best("B", ("rule: best", "rule: exclusive")))[0]
    assert "only payouts of one currency" in refusals(best("A"), best("B", ("EUR", "USD")))[0]
    assert "only payouts of one window" in refusals(best("A"), best("B", ("quarter", "month")))[0]
    assert "terms must be the same" in refusals(best("A", ("quarter", "term")), best("B", ("quarter", "term"), ("12-31", "11-30")))[0]
    assert parse_agreements({"a.yaml": best("A") + best("B", ("12-31", "11-30"))})


def net(id: str, of: str, *changes: tuple[str, str]) -> str:
    return plain(id, ("currency", f"combine: {{rule: net_of, agreements: [{of}]}}\ncurrency"), *changes)


def test_net_of_asks_for_agreements_that_settle_no_later() -> None:
    sources = parse_agreements({"a.yaml": plain("A") + net("B", "A") + net("C", "B, A")})
    assert net_levels([source.agreement for source in sources]) == {"A": 0, "B": 1, "C": 2}
    assert "there is no agreement AA in this book; did you mean A?" in refusals(plain("A"), net("B", "AA"))[0]
    assert "a cycle: B is net of C is net of B" in refusals(net("B", "C"), net("C", "B"))[0]
    assert "only payouts in EUR can be taken off" in refusals(plain("A", ("EUR", "USD")), net("B", "A"))[0]
    assert "ends on 2025-12-31, after one that ends here on 2025-03-31" in refusals(plain("A", ("quarter", "year")), net("B", "A"))[0]
    assert parse_agreements({"a.yaml": plain("A", ("quarter", "month")) + net("B", "A")})


def test_an_agreement_with_errors_is_not_reported_missing() -> None:
    assert [p.split(": ")[1] for p in refusals(plain("A", ("rate: 0.1", "rate: 2")), net("B", "A"))] == ["benefits[0].tiers[0].rate"]


def test_a_week_calendar_lists_the_years_that_are_needed() -> None:
    calendar = CalendarSettings(kind="4-4-5", first_days={"2025": dt.date(2024, 12, 29)})
    assert "2025-12-31 lies outside the years" in refusals(plain("A"), calendar=calendar)[0]
    inside = plain("A", ("12-31", "12-27"))
    assert parse_agreements({"a.yaml": inside}, calendar=calendar)
    looking = plain("A", ("12-31", "12-27"), ("clause: 1,", "clause: 1, baseline: {prior: year}, by: growth,"))
    assert "the year before 2025-01-01 is needed" in refusals(looking, calendar=calendar)[0]
    longer = CalendarSettings(kind="4-4-5", first_days={"2024": dt.date(2023, 12, 31), "2025": dt.date(2024, 12, 29)})
    assert parse_agreements({"a.yaml": looking}, calendar=longer)


FROM_TERM = ("term:", "windows: {from: term}\nterm:")


def test_windows_count_from_the_term_in_all_versions_or_in_none() -> None:
    assert "windows: must be the same in all versions; version 1 has none" in "\n".join(refusals(plain("A"), amendment(FROM_TERM)))
    assert "version 1 has {from: term}" in "\n".join(refusals(plain("A", FROM_TERM), amendment()))
    later = ("from: 2025-01-01", "from: 2025-01-02")
    assert "term.from: was 2025-01-01 in version 1; with windows: {from: term} all versions keep it" in "\n".join(
        refusals(plain("A", FROM_TERM), amendment(FROM_TERM, later))
    )
    assert len(owned(plain("A", FROM_TERM), amendment(FROM_TERM))) == 4


def test_windows_of_a_group_of_which_the_best_pays_begin_on_the_same_days() -> None:
    best = ("benefits:", "combine: {group: G, rule: best}\nbenefits:")
    found = refusals(plain("A", best), plain("B", best, FROM_TERM))
    assert "windows: group G has windows in A that begin on other days; only payouts of one window can be compared" in "\n".join(found)
