"""`tierledger simulate`: proposed agreements on the real history."""

from __future__ import annotations

import re
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.options import BookOption, parse_day
from pipelines.cli.paper import Format, show_paper

if TYPE_CHECKING:
    from assets.simulation.costs import Costing
    from pipelines.simulation import History

_HISTORY = re.compile(r"(\d{4})(?:\s*[*x×]\s*(\d{1,6}(?:\.\d{1,12})?))?")


def simulate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Proposed agreements: each file, or folder of files, is a plan. Several are set side by side.")
    ],
    book: BookOption,
    instead_of: Annotated[
        list[str] | None, typer.Option("--instead-of", metavar="AGREEMENT", help="An agreement of the book that each plan is instead of.")
    ] = None,
    margin: Annotated[str, typer.Option("--margin", metavar="RATE", help="What more sales bring, for break-even: 25% or 0.25.")] = "25%",
    history: Annotated[
        list[str] | None, typer.Option("--history", metavar="YEAR", help="Cost it also as if its term began in that year: 2024, or 2025*0.9 of its volume.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, max=10_000, help="How often each participant's months are drawn anew.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed draws the same months.")] = 1,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DAY", help="Last day that counts; default: as_of of book.yaml, else today.")] = None,
    format: Annotated[Format, typer.Option("--format", help="text, json, markdown or html (one page in the look of the report).")] = "text",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it there instead of to standard output.")] = None,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Call participants by id and name, or number them.")] = True,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the scratch copy in this empty folder, instead of a temporary one.")] = None,
) -> None:
    """Show what proposed agreements would have paid on the real history, against today's. The book is only read.

    An agreement of the same id and version as one of the book takes its place; one with a higher version amends it; any other is new.

    [bold]Examples[/bold]

      tierledger simulate plan-2027.yaml
      tierledger simulate plan-a.yaml plan-b.yaml plan-c.yaml --instead-of SALES-2026
      tierledger simulate plan.yaml --history 2024 --history 2025 --history 2025*0.9 --margin 18%
      tierledger simulate plan.yaml --format html --out plan.html
    """
    rate, years = rate_of(margin), [_history(text) for text in history or ()]
    from assets.simulation.sections import write_paper
    from pipelines.simulation import Question, simulate_plans

    question = Question(rate, draws, seed, years, instead_of or ())
    with stoppable_progress(hidden=format == "json") as progress:
        costings, state = simulate_plans(book, files, question, parse_day(as_of) if as_of else None, progress, keep)
    paper = write_paper(costings, state.book.book, state.as_of, rate, seed, names)
    show_paper(paper, format, out, {"as_of": state.as_of, "margin": rate, "seed": seed, "plans": [as_object(each, names) for each in costings]})


def rate_of(text: str) -> Decimal:
    """A rate between 0 and 1, written 25% or 0.25."""
    try:
        rate = Decimal(text.strip().removesuffix("%").strip())
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no rate such as 25% or 0.25", param_hint="--margin") from None
    rate = rate / 100 if text.strip().endswith("%") else rate
    if not 0 <= rate <= 1:
        raise typer.BadParameter(f"{text!r} is not between 0 and 100 %", param_hint="--margin")
    return rate


def _history(text: str) -> History:
    from pipelines.simulation import History

    found = _HISTORY.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is neither a year such as 2025 nor a part of one such as 2025*0.9", param_hint="--history")
    return History(int(found[1]), Decimal(found[2] or 1))


def as_object(costing: Costing, names: bool) -> dict[str, Any]:
    """Fractions as texts of numerator and denominator, so that nobody rounds them."""
    from assets.differences.sections import Who

    who = Who(names)
    value = _plain(asdict(costing))
    for listed in (value["participants"], value["near"], value["changes"]["largest"]):
        for row in listed:
            if not names:
                row["participant"] = who(row)
                for column in ("payout_id", "participant_id", "participant_name", "agreement_title"):
                    row.pop(column, None)
    if not names:
        for row in value["changes"]["by_agreement"]:
            del row["agreement_title"]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Fraction) else value
