"""A paper on the terminal, or as Markdown, a page or JSON, to standard output or into a file.

Belongs here: printing. Does not belong here: what a paper says (assets).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipelines.cli.options import make_console, print_json

if TYPE_CHECKING:
    from assets.report.papers import Paper, Section

Format = Literal["text", "json", "markdown", "html"]


def show_paper(paper: Paper, kind: Format, out: Path | None, value: Any, budget: int | None = None) -> None:
    """Print the paper, or write it to `out`. `value`: what JSON has; `budget`: the longest Markdown."""
    if kind == "text":
        if out is None:
            _print(paper)
        else:
            with out.open("w", encoding="utf-8") as file:
                _print(paper, file)
    elif kind == "json":
        if out is None:
            print_json(value)
        else:
            with out.open("w", encoding="utf-8") as file:
                print_json(value, file)
    else:
        _write(_as_text(paper, kind, budget), out)


def _as_text(paper: Paper, kind: Format, budget: int | None) -> str:
    if kind == "markdown":
        from assets.report.markdown import to_markdown

        return to_markdown(paper, budget)
    from assets.report.single_page import to_page

    return to_page(paper)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        out.write_text(text, encoding="utf-8")


def _print(paper: Paper, file: Any = None) -> None:
    from rich.markup import escape

    console = make_console(file)
    console.print(f"[bold]{escape(paper.title)}[/bold]", soft_wrap=True)
    for section in (paper.head, *paper.sections):
        if section.title:
            console.print(f"\n[bold]{escape(section.title)}[/bold]")
        _print_section(console, section)
    if paper.foot:
        console.print(f"\n[dim]{escape(paper.foot)}[/dim]", soft_wrap=True)


def _print_section(console: Any, section: Section) -> None:
    from rich.markup import escape
    from rich.table import Table

    for sentence in section.lead:
        console.print(escape(sentence), soft_wrap=True)
    for table in section.tables:
        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for column in table.columns:
            shown.add_column(column.label, justify="right" if column.kind == "number" else "left", overflow="fold")
        for row in table.rows:
            shown.add_row(*(escape(cell if isinstance(cell, str) else cell.text) for cell in row))
        console.print(shown)
