"""What `diff` tells, as a paper.

Belongs here: titles, sentences and tables. Does not belong here: queries (findings.py), how a paper is shown (assets/report).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from assets.differences.findings import Findings
from assets.differences.ladder import place_of
from assets.differences.reasons import reason_of
from assets.published.formatting import counted, money, number
from assets.published.reader import Row
from assets.report.figures import days
from assets.report.papers import Paper, Section
from assets.report.tables import Column, Table

_PAYS = {"payable": "we pay", "receivable": "we receive"}
_CAUSES = {"data": "Data", "reference": "Reference", "terms": "Terms", "code": "Program", "inputs": "Inputs"}
#: Rows of a table of groups: what is less than the last of them is added up.
_MOST = 12


def write_paper(found: Findings, names: bool = True, over: Sequence[Row] = (), limit: str = "") -> Paper:
    """names: participants by id and name; otherwise they are numbered. over: the totals that changed by more than `limit`."""
    who = Who(names)
    title = f"{found.new['name']}: what changes against {found.base['name']}"
    foot = f"As of {found.base['as_of']} → {found.new['as_of']}. Causes are runs with one more change each; they add up to the total."
    return Paper(title, _head(found, over, limit), list(_sections(found, who)), foot)


class Who:
    """How participants are called: by name and id, or by a number that means nothing outside the paper."""

    def __init__(self, names: bool) -> None:
        self.names = names
        self.numbers: dict[str, int] = {}

    def __call__(self, row: Row) -> str:
        identifier, name = row["participant_id"], row["participant_name"]
        if not self.names:
            return f"participant {self.numbers.setdefault(identifier, len(self.numbers) + 1)}"
        return f"{name} ({identifier})" if name and name != identifier else str(identifier)

    def agreement(self, row: Row) -> str:
        """By its id where participants are not named: a title may name one."""
        title = row["agreement_title"]
        return f"{title} ({row['agreement_id']})" if self.names and title and title != row["agreement_id"] else str(row["agreement_id"])


def _head(found: Findings, over: Sequence[Row], limit: str) -> Section:
    changed = [row for row in found.totals if row["changed"]]
    lead = []
    if not changed:
        lead.append("No payout changes.")
    for row in changed:
        share = _share(row["change"], row["before"])
        word = f"{_PAYS[row['direction']]} {money(abs(row['change']), row['currency'])} {'more' if row['change'] > 0 else 'less'}"
        word = word if row["change"] else f"{_PAYS[row['direction']]} as much in {row['currency']} as before"
        changes = f"{counted(row['changed'], 'payout')} of {counted(row['participants_changed'], 'participant')} changed"
        by = f" ({share})" if row["change"] and share else ""
        lead.append(f"{word[:1].upper()}{word[1:]}{by}: {changes}.")
    for row in over:
        lead.append(f"Over the limit of {limit}: {_PAYS[row['direction']]}, {row['currency']}.")
    lead += found.notes
    causes = _causes_of(found)
    rows = [
        (
            f"{_PAYS[row['direction']]}, {row['currency']}",
            _bare(row["before"], row),
            *(_signed(row["causes"].get(cause, Decimal(0)), row["currency"]) for cause in causes),
            _bare(row["now"], row),
            _signed(row["change"], row["currency"]),
            _share(row["change"], row["before"]) or "–",
        )
        for row in found.totals
    ]
    labels = ("Before", *(_cause(cause) for cause in causes), "Now", "Change", "In %")
    return Section("", lead, [Table("totals", (Column("Payouts"), *(Column(label, "number") for label in labels)), rows)])


def _sections(found: Findings, who: Who) -> Iterator[Section]:
    if found.largest:
        yield Section("Largest changes", [], [tell_largest(found, who)])
        yield Section("Who gains and loses", ["Participants by how much their payouts change, each once per direction and currency."], [tell_bands(found)])
        yield Section("By agreement", [_concentration(found)], [_agreements(found, who)])
        yield Section("By tier", ["Payouts that change, by the tier that they reach."], [_tiers(found)])
    for name, rows in found.by_attribute.items():
        yield Section(f"By {name}", [], [_attribute(name, rows)])
    if found.accruals or found.journal:
        yield Section("Accruals and journal", [_closed(found)], [table for table in (_accruals(found), _restated(found), _journal(found)) if table.rows])
    if found.lint_new or found.lint_gone:
        lint = [("new", text) for text in found.lint_new] + [("gone", text) for text in found.lint_gone]
        yield Section("Warnings about the agreements", [], [Table("lint", (Column("It is", "status"), Column("Warning")), lint)])


def tell_largest(found: Findings, who: Who) -> Table:
    rows = [
        (
            who(row),
            f"{who.agreement(row)}, {row['benefit_id']}",
            days(row["window_start"], row["window_end"]),
            _bare(row["before_payout"], row),
            _bare(row["now_payout"], row),
            _signed(row["change"], row["currency"]),
            f"{_led(row)}: {reason_of(row)}",
        )
        for row in found.largest
    ]
    columns = (Column("Participant"), Column("Agreement"), Column("Window", "day"), Column("Before", "number"), Column("Now", "number"))
    return Table("largest", (*columns, Column("Change", "number"), Column("Why")), rows)


def tell_bands(found: Findings) -> Table:
    rows = [
        (_PAYS[row["direction"]], row["band"], number(row["participants"]), _bare(row["before"], row), _signed(row["change"], row["currency"]))
        for row in found.bands
    ]
    return Table("bands", (Column("Direction"), Column("Band"), Column("Participants", "number"), Column("Before", "number"), Column("Change", "number")), rows)


def _concentration(found: Findings) -> str:
    """How few agreements make up most of what changes."""
    sentences = []
    for row in found.totals:
        of = [abs(each["change"]) for each in found.by_agreement if _place(each) == _place(row)]
        if whole := sum(of):
            count, added = 0, Decimal(0)
            for size in sorted(of, reverse=True):
                count, added = count + 1, added + size
                if added * 10 >= whole * 8:
                    break
            share = _share(added, whole).removeprefix("+")
            make = f"{counted(count, 'agreement')} of {len(of)} {'makes' if count == 1 else 'make'} up"
            sentences.append(f"{make} {share} of what changes ({_PAYS[row['direction']]}, {row['currency']})")
    return "; ".join(sentences) + "." if sentences else "What changes adds up to nothing in every agreement."


def _agreements(found: Findings, who: Who) -> Table:
    causes = _causes_of(found)
    rows = [
        (
            who.agreement(row),
            _PAYS[row["direction"]],
            number(row["changed"]),
            _bare(row["before"], row),
            *(_signed(row["causes"].get(cause, Decimal(0)), row["currency"]) for cause in causes),
            _signed(row["change"], row["currency"]),
        )
        for row in found.by_agreement[:_MOST]
    ]
    if rest := len(found.by_agreement) - _MOST:
        rows += [(f"{counted(rest, 'more agreement')}", "", "", "", *("" for _ in causes), "")] if rest > 0 else []
    labels = ("Changed", "Before", *(_cause(cause) for cause in causes), "Change")
    return Table("agreements", (Column("Agreement"), Column("Direction", "day"), *(Column(label, "number") for label in labels)), rows)


def _tiers(found: Findings) -> Table:
    rows = [
        (_PAYS[row["direction"]], f"{row['tier_before']} → {row['tier_now']}", number(row["payouts"]), _signed(row["change"], row["currency"]))
        for row in found.by_tier[:_MOST]
    ]
    return Table("tiers", (Column("Direction"), Column("Tier", "day"), Column("Payouts", "number"), Column("Change", "number")), rows)


def _attribute(name: str, rows: Sequence[Row]) -> Table:
    cells = [
        (
            row["value"] or "none",
            _PAYS[row["direction"]],
            number(row["participants"]),
            _bare(row["before"], row),
            _signed(row["change"], row["currency"]),
            _share(row["change"], row["before"]) or "–",
        )
        for row in rows[:_MOST]
    ]
    labels = ("Participants", "Before", "Change", "In %")
    return Table(f"by-{name}", (Column(name.capitalize()), Column("Direction", "day"), *(Column(label, "number") for label in labels)), cells)


def _closed(found: Findings) -> str:
    if not found.closed_periods:
        return "No period is closed."
    if not found.restated:
        return f"The {counted(found.closed_periods, 'closed period')} stay as they are."
    periods = sorted({row["origin_period"] for row in found.restated})
    return f"Differences of closed periods ({', '.join(periods)}) are booked in the first open one; what was closed stays as it was closed."


def _accruals(found: Findings) -> Table:
    rows = [
        (row["period"], _PAYS.get(row["direction"], ""), _bare(row["before"], row), _bare(row["now"], row), _signed(row["change"], row["currency"]))
        for row in found.accruals
    ]
    labels = ("Before", "Now", "Change")
    return Table("accruals", (Column("Accrued in", "day"), Column("Direction", "day"), *(Column(label, "number") for label in labels)), rows)


def _restated(found: Findings) -> Table:
    rows = [(row["origin_period"], row["period"], _PAYS.get(row["direction"], ""), _bare(row["before"], row), _bare(row["now"], row)) for row in found.restated]
    labels = ("Before", "Now")
    columns = (Column("Of", "day"), Column("Booked in", "day"), Column("Direction", "day"), *(Column(label, "number") for label in labels))
    return Table("restated", columns, rows)


def _journal(found: Findings) -> Table:
    rows = [
        (str(row["account"]), _kind(row["kind"]), _bare(row["before"], row), _bare(row["now"], row), _signed(row["change"], row["currency"]))
        for row in found.journal
    ]
    labels = ("Balance before", "Now", "Change")
    return Table("journal", (Column("Account", "day"), Column("Kind", "day"), *(Column(label, "number") for label in labels)), rows)


def _causes_of(found: Findings) -> list[str]:
    """In the order in which they are told."""
    return sorted(found.causes, key=place_of)


def _cause(cause: str) -> str:
    return " and ".join(_CAUSES.get(part, part) for part in cause.split(" and "))


def _led(row: Row) -> str:
    """The causes of a change, the largest first."""
    causes = sorted(dict(row["causes"]).items(), key=lambda each: (-abs(each[1]), each[0]))
    return ", ".join(_cause(cause).lower() for cause, _ in causes)


def _kind(kind: object) -> str:
    return str(kind).replace("_", " ")


def _place(row: Row) -> tuple[object, object]:
    return row["direction"], row["currency"]


def _bare(amount: Decimal | None, row: Row) -> str:
    return money(amount, row["currency"])


def _signed(amount: Decimal, currency: str) -> str:
    return "–" if not amount else f"{'+' if amount > 0 else ''}{money(amount, currency)}"


def _share(change: Decimal, before: Decimal) -> str:
    """The change as a percentage, with a sign. Empty where there was nothing."""
    if not before:
        return ""
    share = change * 100 / abs(before)
    return "–" if not share else f"{'+' if share > 0 else ''}{round(share, 1 if abs(share) >= 1 else 2):,f} %"
