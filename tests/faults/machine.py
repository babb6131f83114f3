"""A machine that dies at a chosen call or fills up at a chosen byte: machine.c, put under this process.

Belongs here: building and steering it, and children that may die. Does not belong here: what they do (lives.py), what must hold then.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).with_name("machine.c")
_PRELOAD = "LD_PRELOAD"


def can_be_built() -> bool:
    """Whether there is a compiler, and a system that knows LD_PRELOAD."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def put_under(module: str, arguments: list[str]) -> None:
    """Start this process anew with the machine under it, unless it is there."""
    library = str(_library())
    if library not in os.environ.get(_PRELOAD, ""):
        os.execve(sys.executable, [sys.executable, "-m", module, *arguments], {**os.environ, _PRELOAD: library, "OPENBLAS_NUM_THREADS": "1"})


def _library() -> Path:
    path = Path(tempfile.gettempdir()) / f"tierledger-machine-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not path.exists():
        beside = path.with_suffix(f".{os.getpid()}")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(beside), str(SOURCE), "-ldl"], check=True)
        beside.replace(path)
    return path


class Machine:
    """The machine under this process: it looks at what happens below one folder."""

    def __init__(self, folder: Path) -> None:
        self.library = ctypes.CDLL(os.environ[_PRELOAD])
        for name in ("machine_calls", "machine_refused"):
            getattr(self.library, name).restype = ctypes.c_longlong
        self.library.machine_first_refused.restype = ctypes.c_char_p
        self.library.machine_watch(os.fsencode(folder))

    def kill_at(self, call: int, torn: bool) -> None:
        """Kill the process at that call (from 1): before it, or, `torn`, after a half of what it writes."""
        self.library.machine_kill_at(ctypes.c_longlong(call), int(torn))

    def full_at(self, call: int) -> None:
        """From that call on (from 1) nothing can be written any more: the disk is full."""
        self.library.machine_full_at(ctypes.c_longlong(call))

    @property
    def calls(self) -> int:
        return int(self.library.machine_calls())

    @property
    def refused(self) -> int:
        return int(self.library.machine_refused())

    @property
    def first_refused(self) -> str:
        """The file that was to be written when there was no room for the first time; empty: there always was."""
        return os.fsdecode(self.library.machine_first_refused()) if self.refused else ""


def in_child(work: Callable[[], str], log: Path) -> tuple[int, str]:
    """What a forked child's work returned, with its exit code: -9 and nothing when it was killed, 70 and the error when it raised."""
    if threads := _working_threads():
        raise RuntimeError(f"a child would miss {', '.join(threads)}")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code, message = 0, ""
        try:
            os.close(reading)
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            message = work()
        except BaseException as error:
            code, message = 70, f"{type(error).__name__}: {error}"
            with log.open("a") as file:
                traceback.print_exc(file=file)
        with os.fdopen(writing, "w") as pipe:
            pipe.write(message)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        message = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), message


def kill_in(cpu_seconds: float) -> None:
    """Kill this process after so much CPU: as `kill -9`, because nobody handles the signal."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


def _working_threads() -> list[str]:
    """Threads that would be missing in a forked child. Those that only clean up now and then are not missed."""
    names = [Path(f"/proc/self/task/{task}/comm").read_text().strip() for task in os.listdir("/proc/self/task") if int(task) != os.getpid()]
    return [name for name in names if name not in ("jemalloc_bg_thd", "polars-ooc-clea")]
