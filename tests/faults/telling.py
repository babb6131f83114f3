"""The scorecard of a suite as text that can be pasted into docs/reliability.md.

Belongs here: its lines, with versions. Does not belong here: the counts (injection.py).
"""

from __future__ import annotations

import json
import platform

from tests.faults.injection import Scorecard


def print_card(suite: str, arguments: list[str], card: Scorecard, more: list[str] | None = None) -> int:
    """Print it, and return the exit code: 1 where anything went wrong."""
    from assets.runtime.versions import code_version, engine_versions

    versions = json.loads(engine_versions())
    engines = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"suite            {suite} {' '.join(arguments)}".rstrip())
    print(f"versions         {code_version()} ({engines}; {platform.system()} {platform.machine()})")
    print(*(more or []), *card.lines(), sep="\n", flush=True)
    return int(bool(card.message))
