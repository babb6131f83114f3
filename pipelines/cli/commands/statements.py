"""`tierledger statements`: one statement per participant, to send out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption, JsonOption, print_json


def statements(
    book: BookOption,
    period: Annotated[
        str | None, typer.Argument(metavar="[PERIOD]", help="The fiscal period, such as 2026-03; without it the one that holds the last day of the data.")
    ] = None,
    participant: Annotated[
        list[str] | None, typer.Option("--participant", "-p", metavar="P", help="Only this participant; repeat the option, or separate them by commas.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Folder for the files [default: statements-PERIOD].")] = None,
    formats: Annotated[str, typer.Option("--format", metavar="FORMATS", help="Some of html, pdf, xlsx, separated by commas.")] = "html,pdf,xlsx",
    language: Annotated[str | None, typer.Option("--language", metavar="LANGUAGE", help="Instead of everyone's own: en, de, fr, nl, es, ja.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write one statement per participant for a period: what is payable and open, what changed since the last one and why, how every amount was computed.

    A statement of a closed period is final, any other a draft; that of a simulated plan has a watermark. The same set gives the same bytes. statements.csv
    in the folder lists them.

    [bold]Examples[/bold]

      tierledger statements
      tierledger statements 2026-03 --to out/march
      tierledger statements 2026-03 --participant CH-08 --format html,pdf --language de
    """
    from assets.runtime.book_folder import open_run
    from assets.runtime.context import read_clock
    from assets.runtime.limits import limits_of
    from assets.statements.write import Request, write_statements

    context = open_run(book, None, read_clock())
    named = tuple(name.strip() for each in participant or () for name in each.split(",") if name.strip())
    request = Request(period, named, tuple(name.strip() for name in formats.split(",") if name.strip()), language)
    found, folder, written = write_statements(context.folder, context.book, context.published, request, to, limits_of(context).threads)
    if as_json:
        print_json({"folder": folder, "period": found.period, "is_final": found.is_final, "statements": [vars(each) for each in written]})
        return
    from assets.published.formatting import counted

    states = {"final": "final", "draft": "drafts: the period is not closed", "simulated": f"simulated with {found.proposal}: no offers"}
    print(f"Written: {counted(len(written), 'statement')} of {found.period} to {folder}, {states[found.state]}")
