"""A mutant: one small change of one file, and the tests of which one must fail.

Belongs here: its shape. Does not belong here: which there are, or running them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]

#: In place of tests: the golden stories are played up to their first close unchanged, once for all mutants, and from there on with the mutant.
LATER_CLOSES = ("the later closes of tests/histories/stories",)


class Mutant(NamedTuple):
    """`old` occurs in `file` exactly once; `tests` are arguments of pytest, or LATER_CLOSES.

    `file` is the path of a module, or the name of a file of dbt_project, which may lie in any of its folders.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def is_sql(self) -> bool:
        return self.file.endswith(".sql")

    @property
    def path(self) -> Path:
        """The file that is changed. Raises ValueError for a name that no file or more than one has."""
        return _sql_file(self.file) if self.is_sql else ROOT / self.file


@cache
def _sql_file(name: str) -> Path:
    (file,) = (ROOT / "dbt_project").glob(f"m*/**/{name}")
    return file


def mutants_of(changes: Mapping[str, Sequence[tuple[str, str]]], tests: tuple[str, ...]) -> list[Mutant]:
    """Changes of several files that the same tests must notice."""
    return [Mutant(file, old, new, tests) for file, pairs in changes.items() for old, new in pairs]
