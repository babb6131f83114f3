"""`tierledger diff`: what changed in every payout, and by which cause."""

from __future__ import annotations

import re
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.options import CHECK_FAILED, BookOption, parse_day
from pipelines.cli.paper import Format, show_paper

if TYPE_CHECKING:
    from assets.differences.findings import Findings
    from assets.published.reader import Row

#: A comment on GitHub takes 65,536 characters.
LONGEST = 60_000
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")


def diff(
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="The folder of another book or of a published set, the id of a run, or a git revision of the agreements.")
    ],
    book: BookOption,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DAY", help="Last day that counts; default: as_of of book.yaml, else today.")] = None,
    format: Annotated[Format, typer.Option("--format", help="text, json, markdown (for a comment) or html (one page).")] = "text",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it there instead of to standard output.")] = None,
    fail_over: Annotated[
        str | None,
        typer.Option("--fail-over", metavar="LIMIT", help="Exit with 1 where a total changes by more: 0.5% of what it was, or an amount such as 1000."),
    ] = None,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Call participants by id and name, or number them.")] = True,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="ATTRIBUTE", help="Attributes of partners to add up by; default: all that have few values.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many of the largest changes are told.")] = 10,
    max_length: Annotated[
        int, typer.Option("--max-length", min=1, help="Characters of Markdown. Sections that do not fit are left out; the head never is.")
    ] = LONGEST,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the scratch copy in this empty folder, instead of a temporary one.")] = None,
) -> None:
    """Show what changed in every payout from OTHER to this book, and by which cause: data, reference data, terms, program.

    Each cause is a run of a scratch copy with one more change, so the causes add up to the cent. The book is only read.

    [bold]Examples[/bold]

      tierledger diff origin/main
      tierledger diff r81f2c
      tierledger diff ../book-of-last-year --format html --out diff.html
      tierledger diff origin/main --format markdown --no-names --fail-over 0.5%
    """
    limit = _limit(fail_over)
    from assets.differences.findings import is_over
    from assets.differences.sections import write_paper
    from pipelines.differences import Asked, diff_book

    with stoppable_progress(hidden=format == "json") as progress:
        asked = Asked(count, by or (), lists_all=format == "json")
        found, rows = diff_book(book, other, parse_day(as_of) if as_of else None, progress, keep, asked)
    over = is_over(found.totals, *limit) if limit else []
    paper = write_paper(found, names, over, fail_over or "")
    show_paper(paper, format, out, _as_object(found, rows, over, names), max_length)
    if over:
        raise typer.Exit(CHECK_FAILED)


def _limit(text: str | None) -> tuple[Decimal, bool] | None:
    """The limit, and whether it is a share."""
    if text is None:
        return None
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is neither a percentage such as 0.5% nor an amount such as 1000", param_hint="--fail-over")
    return (Decimal(found[1]) / 100, True) if found[2] else (Decimal(found[1]), False)


def _as_object(found: Findings, rows: list[Row], over: list[Row], names: bool) -> dict[str, Any]:
    from assets.differences.reasons import reason_of
    from assets.differences.sections import Who

    who = Who(names)
    value = asdict(found)
    for listed in (value["largest"], rows):
        for row in listed:
            row["causes"] = dict(row["causes"])
            if listed is not rows:
                row["reason"] = reason_of(row)
            if not names:
                row["participant"] = who(row)
                for column in ("payout_id", "participant_id", "participant_name", "agreement_title"):
                    del row[column]
    if not names:
        for row in value["by_agreement"]:
            del row["agreement_title"]
    return {**value, "over_limit": [(row["direction"], row["currency"]) for row in over], "payouts": rows}
