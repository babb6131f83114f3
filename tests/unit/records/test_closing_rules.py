"""Which close, reopening and write-off may come next."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from models.calendars import CalendarSettings, Period, make_periods
from models.documents import InputError
from models.records.chain import NO_HASH, Record, seal
from models.records.closing import (
    LONGEST,
    LedgerRuleViolation,
    check_as_of,
    clean_text,
    closes_in_force,
    is_closed,
    last_closed,
    next_version,
    plan_close,
    plan_reopen,
    posting_period,
)
from models.records.write_offs import WriteOff, as_line, last_sha256, parse_write_offs
from tests.support.ledger_records import fields, three, write_off

PERIODS = make_periods(CalendarSettings(), dt.date(2025, 1, 1), dt.date(2026, 12, 31))
JUNE = dt.date(2026, 6, 30)


def history(*steps: str) -> list[Record]:
    """`2026-01` closes, `-2026-01` reopens."""
    records: list[Record] = []
    for step in steps:
        period, kind = step.lstrip("-"), "reopen" if step.startswith("-") else "close"
        version = next_version(period, records) - (kind == "reopen")
        records.append(seal(fields(period, kind, version), {}, records)[0])
    return records


def names(periods: list[Period]) -> list[str]:
    return [period.name for period in periods]


@pytest.mark.parametrize(
    ("steps", "in_force", "last"),
    [
        ((), [], None),
        (("2026-01", "2026-02"), [("2026-01", 1), ("2026-02", 1)], "2026-02"),
        (("2026-01", "2026-02", "-2026-02"), [("2026-01", 1)], "2026-01"),
        (("2026-01", "-2026-01", "2026-01"), [("2026-01", 2)], "2026-01"),
        (("2026-01", "2026-02", "-2026-02", "-2026-01"), [], None),
        (("2026-01", "-2026-01", "2026-01", "-2026-01", "2026-01"), [("2026-01", 3)], "2026-01"),
    ],
)
def test_which_closes_are_in_force(steps: tuple[str, ...], in_force: list[tuple[str, int]], last: str | None) -> None:
    records = history(*steps)
    assert [(record.period, record.version) for record in closes_in_force(records)] == in_force
    assert last_closed(records) == last


def test_a_period_before_the_last_closed_one_is_closed_too() -> None:
    records = history("2026-03")
    assert is_closed("2026-01", records)
    assert not is_closed("2026-04", records)
    assert posting_period(dt.date(2026, 1, 15), PERIODS, records).name == "2026-04"
    assert posting_period(dt.date(2026, 5, 1), PERIODS, records).name == "2026-05"


@pytest.mark.parametrize("day", [1, 31])
def test_a_period_holds_its_first_and_its_last_day(day: int) -> None:
    assert posting_period(dt.date(2026, 1, day), PERIODS, []).name == "2026-01"


def test_a_calendar_that_ends_says_so() -> None:
    with pytest.raises(InputError, match="every period from 2026-11 on is closed; list the first day of the next fiscal year"):
        posting_period(dt.date(2026, 11, 1), PERIODS, history("2026-12"))


def test_plans() -> None:
    open_periods = {"2026-01", "2026-03", "2026-04"}
    assert names(plan_close("2026-01", False, JUNE, PERIODS, [], open_periods)) == ["2026-01"]
    assert names(plan_close("2026-03", True, JUNE, PERIODS, [], open_periods)) == ["2026-01", "2026-03"]
    assert names(plan_close("2026-03", False, JUNE, PERIODS, history("2026-01"), open_periods)) == ["2026-03"]
    assert plan_close("2026-03", False, JUNE, PERIODS, history("2026-03"), open_periods) == []
    with pytest.raises(LedgerRuleViolation, match="2026-01 before 2026-03 is still open"):
        plan_close("2026-03", False, JUNE, PERIODS, [], open_periods)
    assert names(plan_close("2026-06", False, JUNE, PERIODS, history("2026-05"), open_periods)) == ["2026-06"]
    for as_of in (JUNE, dt.date(2026, 7, 30)):
        with pytest.raises(LedgerRuleViolation, match="ends on 2026-07-31"):
            plan_close("2026-07", False, as_of, PERIODS, [], open_periods)


def test_reopening_takes_two_people_a_reason_and_the_last_closed_period() -> None:
    records = history("2026-01", "2026-02")
    planned = plan_reopen("2026-02", " wrong  list ", "J. Doe", "A. Roe", records)
    assert planned == {"period": "2026-02", "version": 1, "reason": "wrong list", "requested_by": "J. Doe", "approved_by": "A. Roe"}
    again = history("2026-01", "-2026-01", "2026-01")
    assert plan_reopen("2026-01", "r", "J. Doe", "A. Roe", again)["version"] == 2
    for wrong, message in [
        (("2026-02", "r", "J. Doe", "j. doe "), "two people"),
        (("2026-02", " ", "J. Doe", "A. Roe"), "--reason"),
        (("2026-02", "r", "", "A. Roe"), "--by"),
        (("2026-02", "r", "J\x1b[1m", "A. Roe"), "--by"),
    ]:
        with pytest.raises(InputError, match=message):
            plan_reopen(*wrong, records)
    with pytest.raises(LedgerRuleViolation, match="only the last closed period can be reopened, and that is 2026-02"):
        plan_reopen("2026-01", "r", "a", "b", records)
    with pytest.raises(LedgerRuleViolation, match="2026-03 is not closed; the last closed period is 2026-02"):
        plan_reopen("2026-03", "r", "a", "b", records)
    with pytest.raises(LedgerRuleViolation, match="nothing is"):
        plan_reopen("2026-03", "r", "a", "b", [])


def test_nothing_follows_a_record_of_a_later_day() -> None:
    records = [seal(fields("2026-05", as_of=JUNE), {}, [])[0]]
    check_as_of(JUNE, records)
    check_as_of(JUNE + dt.timedelta(days=1), records)
    with pytest.raises(LedgerRuleViolation, match="its ledger was last written as of 2026-06-30"):
        check_as_of(JUNE - dt.timedelta(days=1), records)


def test_a_name_has_a_longest_form() -> None:
    assert clean_text("--by", "x" * LONGEST) == "x" * LONGEST
    with pytest.raises(InputError, match=f"1 to {LONGEST} characters"):
        clean_text("--by", "x" * (LONGEST + 1))


def test_write_offs_are_a_chain_of_lines() -> None:
    written = three()
    assert [each.sequence for each in written] == [1, 2, 3]
    assert written[0].previous_sha256 == NO_HASH
    assert parse_write_offs(b"".join(map(as_line, written)), []) == (written, [])
    assert parse_write_offs(b"", []) == ([], [])


def test_a_line_says_who_approved_it_only_where_somebody_did() -> None:
    """Lines of books from before there were approvals keep their hash."""
    alone = write_off([])
    approved = write_off([], approved_by="A. Roe")
    assert b"approved_by" not in as_line(alone)
    assert b'"approved_by":"A. Roe"' in as_line(approved)
    assert parse_write_offs(as_line(approved), []) == ([approved], [])
    assert parse_write_offs(as_line(approved).replace(b"A. Roe", b"E. Roe"), [])[1] != []


def test_a_close_knows_the_write_offs_before_it_and_more_may_follow() -> None:
    written = three()
    record = seal(fields("2026-01", write_offs_sha256=last_sha256(written[:2])), {}, [])[0]
    assert parse_write_offs(b"".join(map(as_line, written)), [record]) == (written, [])


def of_another_chain() -> bytes:
    """A third line that follows other lines."""
    before: list[WriteOff] = []
    for reason in ("other", "other"):
        before.append(write_off(before, reason=reason))
    return as_line(write_off(before))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"0.1000", b"0.9000"), lines[2]], ":2: sha256: does not match the line"),
        (lambda lines: [lines[0], lines[1].replace(b"{", b"{ ", 1), lines[2]], ":2: sha256: does not match the line"),
        (lambda lines: [lines[0], lines[1], of_another_chain()], ":3: previous_sha256: does not follow"),
        (lambda lines: [lines[0], lines[2]], ":2: previous_sha256: does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], ":1: previous_sha256: does not follow"),
        (lambda lines: [*lines, lines[0]], ":4: previous_sha256: does not follow"),
        (lambda lines: [*lines, b"x\n"], ":4: is not a write-off"),
        (lambda lines: [*lines, lines[0][:-5]], ":4: the last line was cut short"),
        (lambda lines: lines[:2], ":2: write-offs that 0001-close-2026-01-v1 refers to are missing"),
    ],
)
def test_lines_tampered_with_are_named(change: Any, message: str) -> None:
    written = three()
    record = seal(fields("2026-01", write_offs_sha256=last_sha256(written)), {}, [])[0]
    (problem,) = parse_write_offs(b"".join(change([as_line(each) for each in written])), [record])[1]
    assert f"ledger/write_offs.jsonl{message}" in str(problem)
