"""recompute.py, run as an auditor runs it: on a bare Python, in a process of its own.

Belongs here: starting it and reading its answer. Does not belong here: anything it computes (recompute.py imports nothing of this program).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RECOMPUTE = Path(__file__).with_name("recompute.py")
#: The files that a pack has of it, each at most 600 lines: an auditor can read them.
PROGRAM = (RECOMPUTE, Path(__file__).with_name("recompute_terms.py"))


def run_recompute(pack: Path, every: bool, program: Path = RECOMPUTE) -> dict[str, Any]:
    """What recompute.py says of the sample, or of every payout of the period. Raises ValueError where it could not read the pack."""
    command = [sys.executable, "-I", "-S", str(program), str(pack), "--json", *(["--all"] if every else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise ValueError(done.stderr.strip() or f"recompute.py ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
