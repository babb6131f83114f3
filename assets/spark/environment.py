"""Variables of the process that Spark and Java go by: which Java to use, what their processes inherit, where pyspark finds Java.

Belongs here: these variables alone. Does not belong here: those that a user sets for the program (pipelines/settings.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def java_home() -> str | None:
    """JAVA_HOME, if it is set."""
    return os.environ.get("JAVA_HOME") or None


def inherited(python_path: str, **more: str) -> dict[str, str]:
    """The environment of Java and of the workers below it: this one's, with `more` set and a folder that Python looks in first."""
    path = os.pathsep.join(filter(None, [python_path, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable, "PYTHONWARNINGS": "ignore", **more}


@contextmanager
def connecting_to(port: int, secret: str) -> Iterator[None]:
    """In the block pyspark connects to the Java that listens there, instead of starting one."""
    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
    own = {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            os.environ.pop(name, None)
