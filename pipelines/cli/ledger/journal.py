"""`tierledger journal`: the entries of a period, as a file for the general ledger."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.ledger.close import PeriodArgument
from pipelines.cli.options import BookOption, JsonOption, command_line, print_json


class Format(StrEnum):
    """The format of the file."""

    csv = "csv"
    xlsx = "xlsx"


def journal(
    book: BookOption,
    period: PeriodArgument,
    form: Annotated[Format | None, typer.Option("--format", "-f", help="Format of the file. Default: the suffix of --out, else csv.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Output file. Default: CSV to standard output, XLSX to journal-PERIOD.xlsx.")
    ] = None,
    spreadsheet: Annotated[
        bool, typer.Option("--spreadsheet", help="CSV for a spreadsheet: ids such as 0042 or 2026-03 stay as they are. Not for imports.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="KIND", help="Leave out entries of a kind, such as settlement. Repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Export the double entries of a period: accruals, true-ups, settlements, write-offs, restatements. One row per entry line.

    Debits equal credits in every entry and currency. Import a period once it is closed. Before that, its entries may still change, and the
    command warns about it. An entry has the same entry_id in every export, so that an import can skip entries it already has.

    [bold]Examples[/bold]

      tierledger journal 2026-03 > march.csv
      tierledger journal 2026-03 --format xlsx
      tierledger journal 2026-03 --without settlement > march.csv
      tierledger journal 2026-03 --spreadsheet --out march.csv
      tierledger journal 2026-03 --out march.xlsx --json
    """
    from assets.closing.journal_export import as_csv, as_xlsx, read_journal

    chosen = form or (Format.xlsx if out and out.suffix.lower() == ".xlsx" else Format.csv)
    found = read_journal(book, period, without or ())
    target = out or (Path(f"journal-{found.period.name}.xlsx") if chosen is Format.xlsx else None)
    if target:
        target.write_bytes(as_xlsx(found) if chosen is Format.xlsx else as_csv(found, spreadsheet).encode())
    elif not as_json:
        print(as_csv(found, spreadsheet), end="")
    if not found.is_closed:
        close = command_line(f"close {found.period.name} --by NAME", book)
        print(f"{found.period.name} is not closed: these entries may still change ({close})", file=sys.stderr)
    if as_json:
        print_json({"period": found.period.name, "is_closed": found.is_closed, "lines": found.lines.height, "totals": found.totals, "file": target})
    elif target:
        from assets.published.formatting import counted, money, number

        print(f"{counted(found.lines.height, 'line')} written to {target}", file=sys.stderr)
        for total in found.totals:
            sides = f"debit {money(total['debit'], total['currency'])}, credit {money(total['credit'], total['currency'])}"
            print(f"  {number(total['entries'])} entries, {sides}", file=sys.stderr)
