"""The wheel, installed outside the repository: it brings what its commands need, and never writes where it is installed.

The new environment takes the dependencies from this one by a line in a .pth file. That line adds a folder to the path and no more:
the .pth file of the development install is not read, so the packages can only come from the wheel.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assets.runtime.versions import code_version

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipelines", "assets", "models", "examples", "dbt_project")
LOADED = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename } } } } }"
#: Of Linux, and of no use elsewhere: what lets root write where nobody may (capabilities(7)).
_DROP_CAPABILITY, _OVERRIDE_PERMISSIONS = 24, 1


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel, and a working folder that lies elsewhere."""

    environment: Path
    packages: Path
    work: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`tierledger` with these arguments, as somebody who may not write to the installed packages."""
        command = [str(self.environment / "bin" / "tierledger"), *arguments]
        home = {"HOME": str(self.work / "home"), "XDG_CACHE_HOME": str(self.work / "home" / "cache")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIERLEDGER_", "DAGSTER_", "PYTHON"))}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=self.work, env=kept | home, text=True, preexec_fn=_obey_permissions, **pipes)  # type: ignore[call-overload]

    def run(self, *arguments: str) -> str:
        """What the command prints; it must end well."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def files(self) -> set[Path]:
        return {file for file in self.packages.rglob("*") if "__pycache__" not in file.parts}


def _obey_permissions() -> None:
    """Let permissions count for root too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DROP_CAPABILITY, _OVERRIDE_PERMISSIONS, 0, 0, 0)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip())
    (packages / "development.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "work").mkdir()
    for each in (packages, *packages.rglob("*")):
        each.chmod(each.stat().st_mode & ~0o222)
    yield Installed(environment, packages, folder / "work")
    for each in (packages, *packages.rglob("*")):
        each.chmod(each.stat().st_mode | 0o200)


def test_a_wheel_brings_every_file_that_git_has(tmp_path: Path) -> None:
    """Of the packages: SQL, templates and pictures too."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        brought = set(packed.namelist())
    kept = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    assert len(kept) > 300
    assert {name for name in kept if name} - brought == set()


@pytest.mark.long
def test_an_installed_wheel_works_where_nothing_can_be_written(installed: Installed) -> None:
    """Every step of the first five minutes, one after the other, from the same fresh environment."""
    before = installed.files()
    code = "import assets, examples, models, pipelines; print(*(m.__file__ for m in (assets, examples, models, pipelines)), sep='\\n')"
    python = installed.environment / "bin" / "python"
    imported = subprocess.run([python, "-c", code], cwd=installed.work, check=True, capture_output=True, text=True).stdout.split()
    assert [Path(each).parents[1] for each in imported] == [installed.packages] * 4

    assert installed.run("--version") == f"tierledger {code_version()}\n", "the wheel calculates by the same files as the checkout"
    demo = installed.run("demo")
    assert (installed.work / "books" / "demo" / "published" / "tierledger.duckdb").is_file()
    assert f"{installed.environment}/bin/tierledger explain" in demo, "a command that is proposed must work where it is printed"
    assert "nothing new" in installed.run("run")
    assert "index.html in a browser" in installed.run("report")
    assert list((installed.work / "home" / "cache" / "tierledger" / "dbt").glob("*/models.msgpack"))
    _open_page(installed)
    assert installed.files() == before


def _open_page(installed: Installed) -> None:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    process = installed.start("ui", "--port", str(port))
    try:
        entries = _ask(process, port)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert entries == [{"name": "tierledger", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}], output


def _ask(process: subprocess.Popen[str], port: int) -> object:
    """What the page says of the code locations, once it answers."""
    ends = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < ends:
        connection = http.client.HTTPConnection("localhost", port, timeout=60)
        try:
            connection.request("POST", "/graphql", json.dumps({"query": LOADED}), {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())["data"]["workspaceOrError"]["locationEntries"]
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise AssertionError("the page does not answer")
