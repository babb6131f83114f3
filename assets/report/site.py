"""The files of the report: pages from templates, sheets of long tables, and data as classic scripts, which browsers load from a disk.

Belongs here: how a page becomes a file. Does not belong here: what is on it (one module per page), when a report is made (write.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assets.published.formatting import counted, money, number, percent
from assets.report.tables import Cell, Link, Table

_HERE = Path(__file__).parent
#: Rows of a table on one page. The further ones are on sheets for readers without scripts, and in one script for the others.
ROWS = 150
_UNIT = re.compile(r"(.*\d) ([A-Z]{3}|%)")


@dataclass(frozen=True)
class Shown:
    """A table on a page. `sheets`: the pages of its rows, where there are several; `script`: all of its rows; `rows`: how many are written here."""

    table: Table
    sheets: tuple[str, ...] = ()
    script: str = ""
    rows: int = ROWS

    def body(self, root: str) -> Markup:
        """The first rows. Written here and not in a template, which takes six times as long for a table of many thousand rows."""
        table = self.table
        kinds = [column.kind for column in table.columns]
        marks = ["" if kind == "text" else f' class="{kind}"' for kind in kinds]
        lines = []
        for n, row in enumerate(table.rows[: self.rows]):
            anchor = f' id="{escape(table.ids[n])}"' if table.ids else ""
            cells = "".join(f"<td{mark}>{_cell(cell, kind, root)}</td>" for cell, kind, mark in zip(row, kinds, marks, strict=True))
            lines.append(f"<tr{anchor}>{cells}</tr>")
        return Markup("\n".join(lines))


def _cell(cell: Cell, kind: str, root: str) -> str:
    """One cell as HTML. Everything that comes from data is escaped."""
    if isinstance(cell, Link):
        more = f" <small>{escape(cell.more)}</small>" if cell.more else ""
        return f'<a href="{root}{escape(cell.href)}">{escape(cell.text)}</a>{more}'
    if kind == "number":
        return _with_quiet_unit(cell)
    if kind == "status":
        return f'<span class="badge {word(cell)}">{escape(cell)}</span>'
    if kind == "code":
        return f"<code>{str(escape(cell)).replace('_', '_<wbr>')}</code>"
    return str(with_code(cell)) if "`" in cell else escape(cell)


class Site:
    """A folder of pages. `facts`: what every page says at its foot."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts = facts
        self.pages = 0

    @cached_property
    def templates(self) -> Environment:
        """They escape all data, and a name that they do not know is an error."""
        loader = FileSystemLoader(_HERE / "templates")
        found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        found.filters |= {
            "money": money,
            "number": number,
            "percent": percent,
            "quiet_unit": quiet_unit,
            "counted": counted,
            "as_shown": Shown,
            "with_code": with_code,
        }
        return found

    def page(self, path: str, template: str, **values: Any) -> None:
        """Write a page. Links on it are relative, so that the folder can lie anywhere."""
        text = self.templates.get_template(template).render(path=path, root="../" * path.count("/"), **self.facts, **values)
        self.write(path, text)
        self.pages += 1

    def table(self, path: str, table: Table, title: str) -> Shown:
        """A table of the page at `path`, with its sheets and its script where it is long."""
        if len(table.rows) <= ROWS:
            return Shown(table)
        stem = path.removesuffix(".html")
        name = stem if "/" in stem else f"{stem}.{table.name}"  # a page in the root may have several long tables
        starts = range(0, len(table.rows), ROWS)
        sheets = (path, *(f"{name}.{n + 1}.html" for n in range(1, len(starts))))
        for n, start in enumerate(starts):
            if n:
                part = Table(table.name, table.columns, table.rows[start : start + ROWS], table.ids[start : start + ROWS])
                self.page(sheets[n], "sheet.html.j2", title=title, shown=Shown(part), sheets=sheets, number=n, section=path.partition("/")[0])
        script = f"data/{name}.{table.name}.js"
        self.script(script, {"rows": [[_plain(cell) for cell in row] for row in table.rows], "ids": list(table.ids)})
        return Shown(table, sheets, script)

    def script(self, path: str, value: Any) -> None:
        """Data as a classic script that hands it to report.js."""
        self.write(path, f"tierledger({json.dumps(path)},{json.dumps(value, ensure_ascii=False, separators=(',', ':'))});\n")

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def copy_static(self) -> None:
        for path in sorted((_HERE / "static").iterdir()):
            self.write(path.name, path.read_text(encoding="utf-8"))


def _plain(cell: str | Link) -> str | list[str]:
    return cell if isinstance(cell, str) else [cell.text, cell.href, *([cell.more] if cell.more else [])]


def quiet_unit(text: str) -> Markup:
    """`1,234.50 EUR` with its unit in a quiet colour."""
    return Markup(_with_quiet_unit(text))


def _with_quiet_unit(text: str) -> str:
    found = _UNIT.fullmatch(text)
    return f"{escape(found[1])} <i>{found[2]}</i>" if found else escape(text)


def with_code(text: str) -> Markup:
    """`keys` between backticks as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else Markup(escape(part)) for n, part in enumerate(parts))


def word(text: str) -> str:
    """The first word of a status, as the name of its colour."""
    return re.sub(r"[^a-z]", "", text.partition(" ")[0].lower())
