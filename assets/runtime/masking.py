"""Secrets of the environment, masked in everything the program writes: log lines, errors, Dagster's failures.

Belongs here: what is secret, and masking it. Does not belong here: reading the environment (pipelines/settings.py registers every secret here).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MASK = "***"
#: Shorter values are not secrets, and masking them would make every text unreadable.
SHORTEST = 4
_PASSWORDS = (re.compile(r"://[^:@/?#\s]*:([^@/\s]+)@"), re.compile(r"password\s*=\s*'?([^\s&']+)", re.IGNORECASE))
_secrets: set[str] = set()


def keep_secret(value: str) -> None:
    """From now on, mask the value, and the password in it if it is an address."""
    found = [value, *(password for pattern in _PASSWORDS for password in pattern.findall(value))]
    _secrets.update(form for each in found for form in (each, unquote(each)) if len(form) >= SHORTEST)


def mask(text: str) -> str:
    """The text with every secret masked."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def mask_values(value: Any) -> Any:
    """The same for all texts in nested lists and mappings."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: mask_values(inner) for key, inner in value.items()}
    return [mask_values(inner) for inner in value] if isinstance(value, list | tuple) else value
