"""`tierledger evidence`: the evidence of a period as one file for the auditor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.ledger.close import PeriodArgument
from pipelines.cli.options import BookOption, JsonOption, make_console, print_json


def evidence(
    book: BookOption,
    period: PeriodArgument,
    sample: Annotated[int, typer.Option("--sample", min=1, metavar="N", help="Draw about so many payouts, by value.")] = 25,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The seed of the sample; the same seed draws the same payouts.")] = 1,
    payouts: Annotated[
        list[str] | None, typer.Option("--payouts", metavar="PAYOUT", help="Take these payouts instead; repeat the option, or separate them by commas.")
    ] = None,
    sample_only: Annotated[bool, typer.Option("--sample-only", help="Put in the lines of the sample alone: a smaller pack of a large book.")] = False,
    output: Annotated[Path | None, typer.Option("--out", "--output", "-o", metavar="FILE", help="The file to write [default: evidence-PERIOD.zip].")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the evidence of a period as one zip for the auditor: payouts with their lines, rows as they stand in the files, agreements, inputs, closes,
    reconciliations, exceptions, hashes, and a program that recomputes every payout on a bare Python.

    Nothing is written unless every check holds and that program agrees on every payout. The same book and options give the same bytes.

    [bold]Examples[/bold]

      tierledger evidence 2026-03
      tierledger evidence 2026-03 --sample 40 --seed 7 --out march.zip
      tierledger evidence 2026-03 --payouts p0df754a8,p1c2d --sample-only
    """
    from assets.evidence.build import Request, build_pack

    named = tuple(name for each in payouts or () for name in each.split(",") if name.strip())
    target = output or Path(f"evidence-{period}.zip")
    built = build_pack(book, Request(period, sample, seed, named, sample_only), target)
    if as_json:
        facts = {"file": target, "sha256": built.sha256, "bytes": target.stat().st_size, "files": built.files}
        print_json({**facts, "recomputed": built.recomputed, "sample": built.about["sample"]})
        return
    from rich.markup import escape

    from assets.published.formatting import counted, size

    console = make_console()
    console.print(f"{escape(str(target))}  {counted(built.files, 'file')}, {size(target.stat().st_size)}", soft_wrap=True)
    console.print(f"{counted(built.recomputed, 'payout')} recomputed by recompute.py, all to the cent; every check holds")
    console.print(f"sha256 {built.sha256}   keep it where nobody who can write the pack can change it", soft_wrap=True)
