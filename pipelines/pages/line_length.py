"""Lines of the generated pages as short as those of the pages written by hand, which tests/architecture/test_markdown_lines.py holds.

Belongs here: where a line of Markdown breaks. Does not belong here: what a page says.
"""

from __future__ import annotations

from textwrap import fill

LONGEST = 100


def break_long_lines(page: str) -> str:
    """The page with every long paragraph broken. Rows of tables and code have to keep their lines."""
    is_code = False
    lines = []
    for line in page.splitlines():
        is_code ^= line.startswith("```")
        is_fixed = is_code or line.startswith("|")
        lines.append(line if is_fixed else fill(line, LONGEST, break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines) + "\n"
