"""`tierledger contracts`: data contracts of the published tables and the feeds, and the metrics, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def contracts(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the files; it is made if it does not exist.")],
) -> None:
    """Write a data contract (ODCS 3.1) for every published table and every feed, and the metrics for dbt and as an Apache Ossie model.

    They are the same for every book: what a feed carries along is not in them.

    [bold]Examples[/bold]

      tierledger contracts contracts
      tierledger contracts /srv/catalogue/tierledger
    """
    from assets.contracts.write import write_contracts

    written = write_contracts(folder)
    print(f"{len(written)} files written to {folder}")
