"""What the models read of dbt's vars while they are compiled.

Belongs here: vars that note which of their values are read. Does not belong here: what the vars say (assets/transform/book_features.py), and what is kept
of compiled models (assets/transform/compiled_models.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: The names that lead to a value, from the name of the var on.
Path = tuple[str, ...]


class ReadVars(Mapping[str, Any]):
    """A mapping, with those inside it, that calls `note` with the path of every value that is read. The path of a mapping stands for its names."""

    def __init__(self, values: Mapping[str, Any], note: Callable[[Path], object], path: Path = ()) -> None:
        self._values, self._note, self._path = values, note, path

    def __getitem__(self, name: str) -> Any:
        value, path = self._values.get(name), (*self._path, name)
        if isinstance(value, Mapping):
            return ReadVars(value, self._note, path)
        self._note(path)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        self._note(self._path)
        return iter(self._values)

    def __len__(self) -> int:
        self._note(self._path)
        return len(self._values)

    def __copy__(self) -> ReadVars:
        return self

    def __deepcopy__(self, _: Any) -> ReadVars:
        return self  # a copy would note what is read where nobody looks


def value_at(values: Mapping[str, Any], path: Path) -> Any:
    """The value that a path leads to, or the names of the mapping; None where it leads nowhere."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return list(found) if isinstance(found, Mapping) else found
