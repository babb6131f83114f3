"""Line breaks in generated pages, with the same line length as in hand-written ones (tests/architecture/test_markdown_lines.py).

Belongs here: where a line of Markdown breaks. Does not belong here: what a page says.
"""

from __future__ import annotations

from textwrap import fill

LONGEST = 100


def break_long_lines(page: str) -> str:
    """The page with long paragraphs broken into lines. Rows of tables and code keep their lines."""
    is_code = False
    lines = []
    for line in page.splitlines():
        is_code ^= line.startswith("```")
        is_fixed = is_code or line.startswith("|")
        lines.append(line if is_fixed else fill(line, LONGEST, break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines) + "\n"
