"""`tierledger why-not`: which agreements count a row of a file, and why the others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import BookOption, make_console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from assets.published.audited_lines import AuditedLine
    from assets.published.reader import Row


def why_not(
    book: BookOption,
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION", help="A transaction by its id, or one of its lines as ID/LINE.")],
    agreement: Annotated[str | None, typer.Option("--agreement", "-a", help="This agreement alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Show which benefits count a transaction, and for every other agreement the first reason why it does not.

    [bold]Examples[/bold]

      tierledger why-not INV-100482
      tierledger why-not INV-100482/3
      tierledger why-not INV-100482 --agreement ACME-2026
    """
    from assets.published.audited_lines import audit_lines

    found = audit_lines(book, transaction, agreement)
    if as_json:
        print_json({"rows": [{**vars(each), "verdicts": [{**verdict, "words": say_why(each.row, verdict)} for verdict in each.verdicts]} for each in found]})
        return
    console = make_console()
    for each in found:
        _print(console, each)


def _print(console: Console, found: AuditedLine) -> None:
    from rich.markup import escape

    from assets.published.formatting import number

    row = found.row
    place = f"{row['source_file']}, row {row['source_row']}" + (f", line {row['source_line']}" if row["source_line"] else "")
    amount = f"{number(row['amount'], 2)} {row['currency']}" if row["amount"] is not None else ""
    facts = [row["type"], str(row["date"] or ""), row["partner_id"] or "", row["product_id"] or "", amount]
    name = f"{row['transaction_id']}" + (f"/{row['line']}" if row["line"] is not None else "")
    console.print(f"\n[bold]{escape(name)}[/bold]  {escape('  '.join(filter(None, facts)))}", soft_wrap=True)
    console.print(f"[dim]{escape(place)}[/dim]", soft_wrap=True)
    if row["disposition"] != "loaded":
        console.print(f"[bold red]{row['disposition']}[/bold red]: {escape(say_disposition(found))}", soft_wrap=True)
        reached = [each["agreement_id"] for each in found.verdicts if each["agreement_id"]]
        if reached:
            console.print(f"It could have reached {escape(', '.join(reached))}.", soft_wrap=True)
        return
    for each in found.counted:
        pays = f"brings {number(each['credited_measure'])}, pays {number(each['line_payout'], 2)} {each['currency']}"
        if each["line_payout"] is None:
            pays = f"the payout is {'blocked: ' + each['status_reason'] if each['status'] == 'blocked' else 'as good as 0: no line of it is listed'}"
        where = f"{each['agreement_id']}  {each['benefit_id']} (clause {each['clause']}) for {each['participant_id']}"
        console.print(f"  [green]counted[/green]  {escape(where)}, {each['window_start']} to {each['window_end']}: {escape(pays)}", soft_wrap=True)
    for verdict in found.verdicts:
        if verdict["reason"] != "counted" and verdict["agreement_id"]:
            console.print(f"  [yellow]{verdict['reason']}[/yellow]  {escape(verdict['agreement_id'])}  {escape(say_why(row, verdict))}", soft_wrap=True)
    if not any(verdict["agreement_id"] for verdict in found.verdicts):
        console.print(f"  No agreement can be reached from partner {escape(row['partner_id'])}.", soft_wrap=True)
    if found.left_out:
        console.print(f"  … and {found.left_out} more agreements; name one with --agreement", soft_wrap=True)


def say_disposition(found: AuditedLine) -> str:
    """Why a row counts nowhere."""
    row = found.row
    if row["disposition"] == "rejected":
        return str(found.reject["message"] if found.reject else row["reason"])
    if row["disposition"] == "waiting":
        return f"its day, {row['waits_until']}, is after the day up to which the run counts"
    if row["disposition"] == "ignored":
        return "it is no data, by `ignore`, `header_row` or `footer` of the feed"
    by = f"{row['replaced_by_file']}" + (f", row {row['replaced_by_row']}" if row["replaced_by_row"] else "")
    if row["disposition"] == "duplicate":
        return f"it repeats a row that came before: {by}"
    return f"replaced by {by}"


def say_why(row: Row, verdict: Row) -> str:
    """The reason in words, with what decided."""
    reason, benefit = verdict["reason"], f"{verdict.get('benefit_id')} (clause {verdict.get('clause')})"
    day = verdict.get("counted_date") or row["date"]
    if verdict.get("valid_from") is None:
        return f"partner {row['partner_id']} is no participant, belongs to none and is assigned to none" if reason == "partner" else ""
    road = f"from {verdict['valid_from']} to {verdict['valid_to']}"
    by_credits = {
        "named": {
            "assignment": f"the feed credits names {verdict['participant_id']}, who takes part {road}, and the day is {day}",
            "share 0": f"the feed credits names {verdict['participant_id']} with the share 0",
        },
        "replaced": {"assignment": f"the feed credits names others for it, so the assignment to {verdict['participant_id']} does not hold"},
    }
    if words := by_credits.get(str(verdict["road"]), {}).get(str(reason)):
        return words
    if reason == "term" and not verdict["takes_part_from"] <= day <= verdict["takes_part_to"]:
        return f"{verdict['participant_id']} takes part from {verdict['takes_part_from']} to {verdict['takes_part_to']}, and the day is {day}"
    return {
        "partner": f"partner {row['partner_id']} counts for {verdict['participant_id']} {road}, and the day is {day}",
        "assignment": f"partner {row['partner_id']} is assigned to {verdict['participant_id']} {road}, and the day is {day}",
        "term": f"the day {day} is not in its term, {verdict['term_from']} to {verdict['term_to']}"
        if not verdict["term_from"] <= day <= verdict["term_to"]
        else f"version {verdict['agreement_version']} measures {verdict['counts_from']} to {verdict['counts_to']}, and the day is {day}",
        "type": f"{benefit} counts {verdict['types']}, and this is a {row['type']}",
        "product": f"product {row['product_id'] or '(none)'} is not in the scope of {benefit}: {verdict['products']}",
        "where": f"the condition of {benefit} does not hold: {verdict['condition']}",
        "original": f"it counts on the day of its original {row['original_transaction_id']}, {day}, which is not in {verdict['counts_from']} to "
        f"{verdict['counts_to']}, or not a day of {verdict['participant_id']}",
        "exclusive": f"agreement {verdict['kept_by']} of the group {verdict['combine_group']} keeps the line",
        "share 0": f"partner {row['partner_id']} is assigned to {verdict['participant_id']} with the share 0 {road}",
    }.get(str(reason), "")
