"""A model of lines as dbt compiled it, and what its statements say of how it is built.

Belongs here: reading statements. Does not belong here: building (split_models.py, added_lines.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.runtime.errors import SqlError

_MAKES_IT = ("create or replace table", "create or replace view", "insert into")


@dataclass(frozen=True)
class LineModel:
    """A compiled model. `statements` build it on the driver; `meta` is what it says of lines, None where it says nothing."""

    name: str
    kind: str
    sql: str
    statements: Sequence[str]
    meta: Mapping[str, Any] | None

    @property
    def hooks(self) -> list[str]:
        """The statements before the one that makes it."""
        hooks: list[str] = []
        for statement in self.statements:
            if _begins(statement, *_MAKES_IT):
                return hooks
            hooks.append(statement)
        raise SqlError(f"{self.name}: none of its statements makes it")

    @property
    def settings(self) -> list[str]:
        """The settings that its SQL is to be run with."""
        return [statement for statement in self.hooks if _begins(statement, "set ")]

    @property
    def is_added_to(self) -> bool:
        """Whether rows are taken away and added, and the others stay: this run computes what has changed."""
        return any(_begins(statement, "insert into") for statement in self.statements)

    @property
    def taken_away(self) -> str:
        """SQL of the condition, on a row called `kept`, by which rows are taken away."""
        deletions = [statement for statement in self.hooks if _begins(statement, "delete from")]
        if len(deletions) != 1:
            raise SqlError(f"{self.name}: it adds rows and has {len(deletions)} statements that delete some; it needs one")
        return deletions[0].split(" where ", 1)[1]


def _begins(statement: str, *words: str) -> bool:
    return statement.lstrip().lower().startswith(words)
