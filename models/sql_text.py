"""Text as SQL: literals and identifiers of the engines, in which every letter stands for itself.

Belongs here: quoting. Does not belong here: SQL of any step.
"""

from __future__ import annotations


def literal(text: object) -> str:
    """A text as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name of a table or column."""
    return '"' + name.replace('"', '""') + '"'
