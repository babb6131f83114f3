"""`tierledger agreements`: agreements from and to a worksheet with one row per tier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption, as_called, command_line

HELP = """Write agreements in a spreadsheet: a template, the import, and what the book has.

[bold]Examples[/bold]

  tierledger agreements template terms.xlsx
  tierledger agreements import terms.xlsx
  tierledger agreements export terms.xlsx
"""
app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=as_called(HELP))
WorkbookArgument = Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="The workbook.")]


def template(workbook: WorkbookArgument) -> None:
    """Write a workbook to fill in: one row per tier, two examples, and a sheet that says what every column takes.

    [bold]Examples[/bold]

      tierledger agreements template terms.xlsx
    """
    from assets.agreements.worksheets import template as make

    _write(workbook, make())
    print(f"{workbook} has two examples. Replace them, then: {command_line(f'agreements import {workbook}', Path())}")


def import_(
    book: BookOption,
    workbook: WorkbookArgument,
    replace: Annotated[bool, typer.Option("--replace", help="Write files anew that are there already.")] = False,
) -> None:
    """Write the agreements of a workbook into agreements/, one file each. Nothing is written while a cell is wrong.

    A mistake is named with its cell. Check what was written with tierledger validate; it is not approved yet.

    [bold]Examples[/bold]

      tierledger agreements import terms.xlsx
      tierledger agreements import terms.xlsx --replace
    """
    from assets.agreements.worksheets import import_agreements

    for name in import_agreements(book, workbook, replace):
        print(f"{book / name} written")


def export(book: BookOption, workbook: WorkbookArgument) -> None:
    """Write the book's agreements into a workbook that can be imported again. Approvals are left out, since they are of the files.

    [bold]Examples[/bold]

      tierledger agreements export terms.xlsx
    """
    from assets.agreements.worksheets import export_agreements

    content, count = export_agreements(book)
    _write(workbook, content)
    print(f"{count} agreement{'' if count == 1 else 's'} written to {workbook}")


def _write(path: Path, content: bytes) -> None:
    from assets.runtime.durable_files import write_atomically

    write_atomically(path, content)


for name, command in (("template", template), ("import", import_), ("export", export)):
    app.command(name, help=as_called(command.__doc__ or ""))(command)
