"""What is installed is what was locked, and the audit says what it knows and what it does not."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tools import audit

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("lock", ["requirements.lock", "audit.lock"])
def test_every_dependency_is_locked_with_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(requirements) > 40
    assert [each.split()[0] for each in requirements if not re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", each) or "--hash=sha256:" not in each] == []
    assert "://" not in re.sub(r"#.*", "", text), "an address in the lock file would decide where packages come from"


def test_installing_holds_every_hash() -> None:
    """Both ways to install, uv's and pip's, for both lock files."""
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if re.search(r"pip install .*(-r|--requirement) ", line)]
    assert len(installs) == 4
    assert [line for line in installs if "--require-hashes" not in line] == []


def installer() -> list[str]:
    """What `make setup` would install with, uv or pip."""
    if uv := shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)):
        return [uv, "pip", "install", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    pytest.skip("neither uv nor pip is here")


def test_a_swapped_package_is_not_installed(tmp_path: Path) -> None:
    """The same name and version with other bytes."""
    metadata = "Metadata-Version: 2.1\nName: swapped\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(tmp_path / "swapped-1.0-py3-none-any.whl", "w") as file:
        for name, text in {"METADATA": metadata, "WHEEL": wheel, "RECORD": ""}.items():
            file.writestr(f"swapped-1.0.dist-info/{name}", text)
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"swapped==1.0 --hash=sha256:{'0' * 64}\n")
    places = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / "to"), "-r", str(lock)]
    ended = subprocess.run([*installer(), "--require-hashes", "--no-deps", *places], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert re.search("hash mismatch|do not match the hashes", ended.stderr, re.IGNORECASE)
    assert not list((tmp_path / "to").glob("swapped*"))


def tool(folder: Path, name: str, script: str) -> None:
    """A stand-in for one of the two tools, which need the network and an environment of their own."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --output|--output-file) out=$2;; esac; shift; done\n{script}\n")
    (folder / name).chmod(0o755)


WEAK = {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}, {"name": "b", "version": "1", "vulns": []}]}
SOUND = {"dependencies": [{"name": "a", "version": "1", "vulns": []}]}
SKIPPED = {"dependencies": [{"name": "a", "skip_reason": "not found"}]}


@pytest.mark.parametrize(
    ("says", "code", "message"),
    [
        (f"echo '{json.dumps(SOUND)}' > $out", 0, "0 known weaknesses"),
        (f"echo '{json.dumps(WEAK)}' > $out; exit 1", 1, "a 1: CVE-1, fixed in 2"),
        (f"echo '{json.dumps(SKIPPED)}' > $out", 1, "a: was not looked at: not found"),
        ("echo 'requests.exceptions.ConnectionError: no route' >&2; exit 1", 0, "NOT LOOKED FOR: known weaknesses"),
    ],
)
def test_the_audit_says_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], says: str, code: int, message: str
) -> None:
    """Also without advisories the bill of materials is written."""
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    monkeypatch.setattr(audit, "BUILD", tmp_path)
    monkeypatch.setattr(audit, "SBOM", tmp_path / "sbom.json")
    tool(tmp_path / "bin", "cyclonedx-py", """echo '{"components": [1, 2]}' > $out""")
    tool(tmp_path / "bin", "pip-audit", says)
    assert audit.main(tmp_path / "bin") == code
    out = capsys.readouterr().out
    assert message in out
    assert "2 dependencies in sbom.json" in out


def test_an_audit_that_fails_otherwise_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BUILD", tmp_path)
    tool(tmp_path, "pip-audit", "echo 'could not read the lock file' >&2; exit 1")
    with pytest.raises(RuntimeError, match="could not read the lock file"):
        audit.find_weaknesses(tmp_path)
