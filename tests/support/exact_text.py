"""Values as text with every digit: YAML documents and CSV cells for books that tests write.

Belongs here: exact numbers as text. Does not belong here: what a book holds (casebook.py, tests/torture/books.py).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml


def to_yaml(value: Any) -> str:
    """YAML text with exact numbers."""
    return yaml.dump(value, Dumper=_ExactDumper, allow_unicode=True, sort_keys=False)


def to_cell(value: Any) -> str:
    """The text of a CSV cell; empty for None."""
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


class _ExactDumper(yaml.SafeDumper):
    """Writes Decimals as they are, and equal values twice rather than as aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = f"{value:f}"
    return dumper.represent_scalar("tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int", text)


_ExactDumper.add_representer(Decimal, _represent)
