"""`tierledger pay`: propose what is due as a batch, approve it with the files for the bank, cancel it, list all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.options import BookOption, JsonOption, QuietOption, command_line, make_console, parse_day, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from assets.payments.batches import Approval, Proposal
    from models.records.payment_batches import BatchRecord

_ONE = "give one of --due-by DAY, --approve N, --cancel N and --list"


def pay(
    book: BookOption,
    due_by: Annotated[str | None, typer.Option("--due-by", metavar="DAY", help="Propose a batch of what is due by this day.")] = None,
    approve: Annotated[int | None, typer.Option("--approve", metavar="N", help="Approve batch N, and write its files.")] = None,
    cancel: Annotated[int | None, typer.Option("--cancel", metavar="N", help="Cancel batch N: what is not paid can be proposed again.")] = None,
    is_list: Annotated[bool, typer.Option("--list", help="List all batches, as they were published last.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; stays in the ledger. Another person approves than proposed.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why it is cancelled; stays in the ledger.")] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Pay what is due: one person proposes a batch, another approves it and gets the files for the bank.

    A batch has every part of a payout that is released and neither paid nor in another batch, of agreements in which we pay. It nets them per payee and
    currency; where that leaves nothing to pay, they wait. What is in a batch is in no other, until the batch is cancelled.

    Approving writes CSV, XLSX and, for payees with an iban, ISO 20022 pain.001 to ledger/payments/. The payments feed confirms each part by its reference.

    [bold]Examples[/bold]

      tierledger pay --due-by 2026-04-30 --by "J. Doe"
      tierledger pay --approve 1 --by "A. Roe"
      tierledger pay --cancel 1 --reason "wrong account" --by "J. Doe"
      tierledger pay --list
    """
    if sum((due_by is not None, approve is not None, cancel is not None, is_list)) != 1:
        raise typer.BadParameter(_ONE)
    if is_list:
        _list(book, as_json)
        return
    if by is None:
        raise typer.BadParameter("say who does it: --by NAME")
    if (reason is None) != (cancel is None):
        raise typer.BadParameter("--reason TEXT belongs to --cancel N, and is needed there")
    day = parse_day(due_by) if due_by is not None else None
    from pipelines.pay import approve_payments, cancel_payments, propose_payments

    with stoppable_progress(hidden=quiet or as_json) as progress:
        if approve is not None:
            approval = approve_payments(book, approve, by, progress)
            shown, show = _approval_object(approval), partial(_show_approval, approval)
        elif cancel is not None:
            cancelled = cancel_payments(book, cancel, by, reason or "", progress)
            shown, show = _cancellation_object(*cancelled), partial(_show_cancellation, *cancelled)
        else:
            proposal = propose_payments(book, day, by, progress)
            shown, show = _proposal_object(proposal), partial(_show_proposal, proposal, book)
    if as_json:
        print_json(shown)
    elif not quiet:
        show(make_console())


def _proposal_object(proposal: Proposal) -> dict[str, Any]:
    record = proposal.record
    return {
        "batch": record and record.batch,
        "state": "proposed" if record else "nothing_to_pay",
        "head": record and record.chain_sha256,
        "payments": proposal.payments,
        "waiting": proposal.waiting,
        "live": proposal.live,
    }


def _show_proposal(proposal: Proposal, book: Path, console: Console) -> None:
    from rich.markup import escape

    from assets.published.formatting import counted, money

    if proposal.record is None:
        console.print("Nothing to pay: no part is due and open.")
    else:
        parts = sum(row["parts"] for row in proposal.payments)
        number = proposal.record.batch
        console.print(f"[bold]Batch {number}[/bold] proposed: {counted(len(proposal.payments), 'payment')} of {counted(parts, 'part')}.")
        for row in proposal.payments[:20]:
            console.print(f"  {row['payment_reference']}  {escape(row['participant_id']):<24} {money(row['amount'], row['currency']):>20}", soft_wrap=True)
        if len(proposal.payments) > 20:
            console.print(f"  … and {len(proposal.payments) - 20} more")
        for currency in sorted({row["currency"] for row in proposal.payments}):
            total = sum(row["amount"] for row in proposal.payments if row["currency"] == currency)
            console.print(f"  Total [bold]{money(total, currency)}[/bold]")
    for row in proposal.waiting[:20]:
        net = money(row["net"], row["currency"])
        console.print(f"  [dim]{escape(row['participant_id'])} waits: what is due comes to {net}[/dim]", soft_wrap=True)
    for row in proposal.live:
        pending, who = money(row["pending_amount"], row["currency"]), escape(row["approved_by"] or row["proposed_by"])
        console.print(f"  [dim]{pending} in batch {row['batch_no']}, {row['state']} by {who}[/dim]", soft_wrap=True)
    if proposal.record is not None:
        _print_head(console, proposal.record.chain_sha256)
        approve = escape(command_line(f"pay --approve {proposal.record.batch} --by NAME", book))
        console.print(f"[bold]Next[/bold]  [cyan]{approve}[/cyan]   by another person", soft_wrap=True)


def _approval_object(approval: Approval) -> dict[str, Any]:
    record, export = approval.record, approval.export
    return {
        "batch": record.batch,
        "state": "approved" if approval.is_new else "already_approved",
        "approved_by": record.by,
        "files": approval.files,
        "totals": export.totals if export else [],
        "not_for_bank": export.without_bank if export else {},
        "head": record.chain_sha256,
    }


def _show_approval(approval: Approval, console: Console) -> None:
    from rich.markup import escape

    from assets.published.formatting import counted, money

    record = approval.record
    if approval.is_new:
        console.print(f"[bold]Batch {record.batch}[/bold] approved.")
    else:
        console.print(f"[bold]Batch {record.batch}[/bold] was approved by {escape(record.by)} on {record.as_of}; nothing was written.")
    if approval.export:
        for row in approval.export.totals:
            console.print(f"  {counted(row['payments'], 'payment')}, {money(row['amount'], row['currency'])}")
        for why, count in approval.export.without_bank.items():
            console.print(f"  [yellow]{counted(count, 'payment')} not in the file for the bank[/yellow]: {escape(why)}", soft_wrap=True)
    for file in approval.files:
        console.print(f"  {escape(str(file))}", soft_wrap=True)
    _print_head(console, record.chain_sha256)


def _cancellation_object(record: BatchRecord, is_new: bool) -> dict[str, Any]:
    state = "cancelled" if is_new else "already_cancelled"
    return {"batch": record.batch, "state": state, "cancelled_by": record.by, "reason": record.reason, "head": record.chain_sha256}


def _show_cancellation(record: BatchRecord, is_new: bool, console: Console) -> None:
    from rich.markup import escape

    if is_new:
        console.print(f"[bold]Batch {record.batch}[/bold] cancelled: what is not paid of it can be proposed again.")
    else:
        console.print(f"[bold]Batch {record.batch}[/bold] was cancelled by {escape(record.by)} ({escape(record.reason or '')}); nothing was written.")
    _print_head(console, record.chain_sha256)


def _print_head(console: Console, head: str) -> None:
    console.print(f"Head  [cyan]{head}[/cyan]   keep it in another place: it proves that nothing before it was changed", soft_wrap=True)


def _list(book: Path, as_json: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    from assets.payments.batches import list_all
    from assets.published.formatting import money, number

    rows = list_all(book)
    if as_json:
        print_json({"batches": rows})
        return
    console = make_console()
    if not rows:
        console.print("No batch has been proposed.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("batch", "state", "due by", "proposed by", "approved by"):
        table.add_column(heading)
    for heading in ("payees", "parts", "amount", "paid", "on its way"):
        table.add_column(heading, justify="right")
    for row in rows:
        amounts = (money(row[name], row["currency"]) for name in ("amount", "confirmed_amount", "pending_amount"))
        people = (escape(row["proposed_by"]), escape(row["approved_by"] or ""))
        table.add_row(str(row["batch_no"]), row["state"], str(row["due_by"]), *people, number(row["payees"]), number(row["parts"]), *amounts)
    console.print(table)
