"""The HTML pages that commands write.

Belongs here: opening a template. Does not belong here: what a page shows (templates/, and the views of each command).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


def open_page(name: str) -> Template:
    """A template of templates/. It escapes all data, and a name that it does not know is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).get_template(name)
