"""URLs of object stores, as book.yaml writes them.

Belongs here: which URLs are understood, their parts, whether one matches a pattern. Does not belong here: reading a store (assets/runtime/stores.py).
"""

from __future__ import annotations

import fnmatch
import re
from functools import cache

from models.unicode_form import composed

SCHEMES = ("s3", "gs", "abfss", "file")
EXAMPLES = "s3://bucket/folder, gs://bucket/folder, abfss://container@account.dfs.core.windows.net/folder, file:///folder"
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)", re.DOTALL)
_MAGIC = re.compile(r"[*?\[]")


def is_url(text: str) -> bool:
    """Whether this is a URL and not a path."""
    return _URL.fullmatch(text) is not None


def problem_with_url(text: str) -> str | None:
    """What is wrong with the URL of a folder in a store, or of files there; None: nothing. The text may hold a password, so it is not repeated."""
    match = _URL.fullmatch(text)
    if match is None:
        return f"the URL of a folder in a store is needed here: {EXAMPLES}"
    scheme, rest = match.groups()
    host, _, path = rest.partition("/")
    if scheme not in SCHEMES:
        return f"{scheme}:// is no store that is understood; allowed: {EXAMPLES}"
    if ":" in host or ("@" in host and scheme != "abfss"):
        return "a URL holds no user, password or port; set them in storage.options, secrets as env:NAME"
    if scheme == "file" and host:
        return "a file URL has three slashes: file:///folder"
    if scheme != "file" and not host:
        return f"the URL names no bucket: {EXAMPLES}"
    if scheme == "abfss" and not re.fullmatch(r"[^@]+@[^@.]+\.dfs\.[^@/]+", host):
        return "write container and account: abfss://container@account.dfs.core.windows.net/folder"
    if any(part in (".", "..") for part in path.split("/")) or "//" in path or re.search(r"[\0-\x1f\\]", path):
        return "the path in a URL has no empty part, no `.`, `..` or backslash"
    return None


def split_url(url: str) -> tuple[str, str]:
    """The root of the store, and the path below it without slashes at its ends."""
    scheme, rest = _URL.fullmatch(url).groups()  # type: ignore[union-attr]  # it was checked
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", path.strip("/")


def fixed_part(pattern: str) -> str:
    """The folders of a pattern before its first part with a wildcard: what has to be listed."""
    parts = pattern.split("/")
    fixed = next((i for i, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
    return "/".join(parts[:fixed])


def is_match(pattern: str, key: str) -> bool:
    """Whether a key matches, as a path does: `*` stays within a folder, `**` is any number of folders, and neither finds names that begin with a dot."""
    return _matches(tuple(composed(pattern).split("/")), tuple(composed(key).split("/")))


@cache
def _matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not pattern or not parts:
        return pattern == parts
    if pattern[0] == "**":
        return _matches(pattern[1:], parts) or (not parts[0].startswith(".") and _matches(pattern, parts[1:]))
    is_hidden = parts[0].startswith(".") and not pattern[0].startswith(".")
    return not is_hidden and fnmatch.fnmatchcase(parts[0], pattern[0]) and _matches(pattern[1:], parts[1:])
