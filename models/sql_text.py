"""Text as SQL: quoted literals and identifiers.

Belongs here: quoting. Does not belong here: SQL of any step.
"""

from __future__ import annotations


def literal(text: object) -> str:
    """A text as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """The name of a table or column as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
