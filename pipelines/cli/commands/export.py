"""`tierledger export`: the published tables as one DuckDB file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption, JsonOption, make_console, print_json


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.duckdb", help="The file to write. A file of that name is replaced in one step.")],
    book: BookOption,
    as_json: JsonOption = False,
) -> None:
    """Write every published table into one DuckDB file that needs no other.

    published/tierledger.duckdb holds tables of up to a million rows and reads larger ones from the set next to it. The exported file holds all of them.

    [bold]Examples[/bold]

      tierledger export rebates.duckdb
      tierledger export /srv/reports/rebates.duckdb --book books/emea
    """
    from assets.publishing.duckdb_file import export_database

    rows = export_database(book / "published", file)
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size, "rows": rows})
        return
    from rich.markup import escape

    from assets.published.formatting import counted

    make_console().print(f"{counted(len(rows), 'table')} with {counted(sum(rows.values()), 'row')} written to {escape(str(file))}", soft_wrap=True)
