"""Versions: of the program, by the code that calculates, and of the libraries that a result depends on.

Belongs here: what is running. Does not belong here: which run of a book it is (assets/archive/run_identity.py).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: The calculation's source files. A change in one of them makes another run.
_SOURCES = {"models": (".py",), "assets": (".py",), "dbt_project": (".sql", ".yml", ".csv")}
#: Not part of it: derived files, the graph, which only displays, and the evidence, which is taken from what was published.
_LEFT_OUT = {"target", "logs", "dbt_packages", "__pycache__", "graph", "evidence"}


@cache
def code_version() -> str:
    """Version of the package and a hash of the code that calculates, as it was when this process first asked: later changes are not what runs here."""
    root = str(Path(__file__).resolve().parents[2])
    content = "\n".join(f"{name} {_sha256(os.path.join(root, name))}" for name in sorted(_sources(root)))
    return f"{package_version()}+{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _sources(root: str) -> Iterator[str]:
    """Names below `root`. As text, because hundreds of Path objects take longer than the files."""
    for name, suffixes in _SOURCES.items():
        for folder, folders, files in os.walk(os.path.join(root, name)):
            folders[:] = [each for each in folders if each not in _LEFT_OUT]
            below = folder[len(root) + 1 :].replace(os.sep, "/")
            yield from (f"{below}/{file}" for file in files if file.endswith(suffixes))


def _sha256(file: str) -> str:
    with open(file, "rb") as content:
        return hashlib.sha256(content.read()).hexdigest()


@cache
def package_version() -> str:
    """The installed version, or `unversioned` for a checkout that is not installed."""
    try:
        return importlib.metadata.version("tierledger")
    except importlib.metadata.PackageNotFoundError:
        return "unversioned"


@cache
def engine_versions() -> str:
    """The libraries a result depends on, as JSON text."""
    libraries = ("duckdb", "polars", "dbt-core", "dbt-duckdb")
    return json.dumps({"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in libraries}})
