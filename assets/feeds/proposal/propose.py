"""The proposal: how a feed should read a file that nobody has described.

Belongs here: the order of the steps, and what no step could find. Does not belong here: detection (the neighbours), trying the proposal out (trial.py),
writing the book (pipelines/cli/commands/init.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from assets.feeds.proposal.amounts import Amounts, finish, map_amounts
from assets.feeds.proposal.column_names import NAMES, bare
from assets.feeds.proposal.dates import map_date
from assets.feeds.proposal.day_forms import day_form
from assets.feeds.proposal.exchange_rates import find_rate_table, propose_rates
from assets.feeds.proposal.layout import Layout, find_layout
from assets.feeds.proposal.mapping_text import whole
from assets.feeds.proposal.number_forms import NumberForm, further_settings, number_form, symbol_in, value_of
from assets.feeds.proposal.proposal import Proposal
from assets.feeds.proposal.roles import Roles, candidates, choose_roles
from assets.feeds.proposal.row_kinds import map_kinds, map_states
from assets.feeds.proposal.sample import WIDE, Column, Sample, read_sample
from assets.runtime.errors import rejection
from models.feeds.attributes import folded
from models.feeds.columns import FEEDS

_MEANINGS = {"transaction_id": "a document", "date": "a day", "partner_id": "a customer", "amount": "an amount"}
_MOST_CANDIDATES = 5


def propose(path: Path, currency: str | None) -> Proposal:
    """The proposal for a file. `currency`: of the book, if the user named one. Raises InputError when the file has no header or no rows."""
    sample = read_sample(path)
    layout = find_layout(sample.records) if sample.records else Layout(list(sample.columns))
    if layout is None:
        raise rejection(path.name, "no line looks like a header, the names of its columns, above rows; export it with one", 1)
    times = Counter(folded(column.name) for column in layout.columns)
    if twice := [column.name for column in layout.columns if times[folded(column.name)] > 1]:
        raise rejection(path.name, f"its header names {twice[-1]} more than once, and nothing says which is meant; export it with each column once", 1)
    if not layout.columns or not layout.columns[0].cells:
        raise rejection(path.name, "has no rows to look at")
    table = find_rate_table(layout.columns)
    proposal = propose_rates(table, currency) if table else Proposal("transactions", len(layout.columns[0].cells))
    proposal.settings |= sample.settings | layout.settings
    proposal.reasons |= sample.reasons | layout.reasons
    has_points = any((day.format or "").startswith("%d.%m") for column in layout.columns[:WIDE] if (day := day_form(column)))
    numbers = number_form(table.columns if table else layout.columns, has_points or sample.delimiter == ";", are_rates=table is not None)
    if table:
        _write_number_form(proposal, numbers, table.columns)
        map_date(proposal, layout, Roles({"date": table.date}, day=day_form(table.date)), sample.delimiter, currency or "")
    else:
        _map_transactions(proposal, sample, layout, numbers, currency)
    places = {column.name: place for place, column in enumerate(FEEDS[proposal.feed].columns)}
    proposal.columns = dict(sorted(proposal.columns.items(), key=lambda item: places[item[0]]))
    return proposal


def _map_transactions(proposal: Proposal, sample: Sample, layout: Layout, numbers: NumberForm, currency: str | None) -> None:
    roles = choose_roles(layout.columns, numbers.form, layout.key, layout.of_order)
    _write_number_form(proposal, numbers, roles.numbers())
    _write_amounts(proposal, _amounts(proposal, layout, roles, numbers, currency))
    for name in ("transaction_id", "line", "partner_id", "product_id"):
        if name in roles.chosen:
            proposal.columns[name] = whole(roles.chosen[name])
    map_date(proposal, layout, roles, sample.delimiter, currency or proposal.defaults.get("currency", ""))
    _identify_rows(proposal, layout.columns, roles)
    _fill_gaps(proposal, layout.columns, roles, numbers)
    proposal.stated_total = _stated_total(layout, roles, numbers)


def _write_number_form(proposal: Proposal, numbers: NumberForm, columns: Sequence[Column]) -> None:
    for place, (name, value) in enumerate(numbers.settings().items()):
        proposal.add(name, value, f"such as {numbers.evidence}" if numbers.evidence and place == 0 else "")
    if numbers.is_ambiguous:
        mark = "," if "," in numbers.evidence else "."
        proposal.ask("decimal", mark, f"if {numbers.evidence} is a little more than one, or a thousand: nothing in the file shows which")
        proposal.ask("thousands", mark, f"if {numbers.evidence} is a thousand" + ("" if mark == "," else '; then also decimal: ","'))
    further, reasons = further_settings(columns, numbers.form)
    for name, words in further.items():
        proposal.add(name, words, reasons[name])


def _amounts(proposal: Proposal, layout: Layout, roles: Roles, numbers: NumberForm, currency: str | None) -> Amounts:
    in_totals = [found for column in layout.aside for cell in column.cells if (found := symbol_in(cell, numbers.form))]
    in_totals += [cell for column in layout.aside if bare(column.name) in NAMES["currency"] for cell in column.values()]
    amounts = map_amounts(roles, [*proposal.settings.get("symbols", []), *in_totals], currency)
    map_kinds(amounts, layout.columns, roles)
    map_states(amounts, layout.columns)
    finish(amounts, roles)
    return amounts


def _write_amounts(proposal: Proposal, amounts: Amounts) -> None:
    proposal.columns |= amounts.columns
    proposal.defaults |= amounts.defaults
    if "ignore" in proposal.settings and "ignore" in amounts.settings:
        amounts.settings["ignore"] = f"({proposal.settings['ignore']}) OR {amounts.settings['ignore']}"
        amounts.reasons["ignore"] = f"{proposal.reasons['ignore']}; {amounts.reasons['ignore']}"
    proposal.settings |= amounts.settings
    proposal.reasons |= amounts.reasons
    for name, (value, why) in amounts.others.items():
        proposal.ask(name, value, why, is_column=name in proposal.columns)


def _identify_rows(proposal: Proposal, columns: Sequence[Column], roles: Roles) -> None:
    """Without a column of documents: one with a value of its own in every row, or else the customer, and a corrected file replaces the earlier one."""
    if "transaction_id" in proposal.columns:
        return
    used = {column.name for column in roles.chosen.values()}
    for column in columns:
        is_unique = all(column.cells) and len(set(column.cells)) == len(column.cells) > 1
        if is_unique and column.name not in used and not any("." in cell or "," in cell for cell in column.cells[:50]):
            proposal.columns["transaction_id"] = whole(column)
            proposal.reasons["transaction_id"] = "it has a value of its own in every row"
            return
    if "partner_id" in proposal.columns:
        proposal.columns["transaction_id"] = proposal.columns["partner_id"]
        proposal.reasons["transaction_id"] = "no column names a document: the customer is used"
        proposal.add("replace", "file", "rows have no id, so a corrected file must have the same name")


def _fill_gaps(proposal: Proposal, columns: Sequence[Column], roles: Roles, numbers: NumberForm) -> None:
    """Required columns that no name points to: the one candidate there is, else a line for a person with all of them."""
    for name in proposal.missing:
        found = candidates(name, columns, roles, numbers.form) if name != "date" else []
        if len(found) == 1:
            proposal.columns[name] = whole(found[0])
            proposal.reasons[name] = "no name says so, but no other column could be it"
            continue
        listed = ", ".join(f"{column.name} ({len(set(column.values())):,} values)" for column in found[:_MOST_CANDIDATES])
        why = f"no column is called like {_MEANINGS.get(name, name)}; "
        why += f"candidates: {listed}" if found else "any column, or an expression over columns, may be named"
        proposal.ask(name, whole(found[0]) if found else "?", why, is_column=True)


def _stated_total(layout: Layout, roles: Roles, numbers: NumberForm) -> Decimal | None:
    """The amount in the last line of totals."""
    amount = roles.chosen.get("amount")
    column = next((column for column in layout.aside if amount and column.name == amount.name), None)
    totals = [value for cell in (column.values() if column else []) if (value := value_of(cell, numbers.form)) is not None]
    return totals[-1] if totals else None
