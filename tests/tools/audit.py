"""The dependencies: known weaknesses (pip-audit, asked of osv.dev), and all of them as a CycloneDX document. `make audit` runs it.

Belongs here: running the two tools and saying what came out. Does not belong here: which versions they look at (requirements.lock).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
BUILD = ROOT / "build"
SBOM = BUILD / "sbom.json"
_MINUTES = 10
_UNREACHED = re.compile(r"ConnectionError|ConnectTimeout|ReadTimeout|SSLError|ProxyError|ConnectionRefused|ServiceUnavailable")


def find_weaknesses(tools: Path) -> list[str] | None:
    """One line per known weakness of a locked version; None when the advisories cannot be reached: then nobody knows.

    Raises RuntimeError when the tool fails for another reason.
    """
    found = BUILD / "advisories.json"
    found.unlink(missing_ok=True)
    asked: list[str | Path] = ["--requirement", LOCK, "--require-hashes", "--disable-pip", "--vulnerability-service", "osv", "--progress-spinner", "off"]
    command: list[str | Path] = [tools / "pip-audit", *asked, "--format", "json", "--output", found]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * _MINUTES)
    if not found.exists():
        if _UNREACHED.search(ended.stderr):
            return None
        raise RuntimeError(f"pip-audit: {(ended.stderr.strip().splitlines() or ['no word'])[-1]}")
    dependencies = json.loads(found.read_text())["dependencies"]
    lines = []
    for dependency in dependencies:
        if "skip_reason" in dependency:
            lines.append(f"{dependency['name']}: was not looked at: {dependency['skip_reason']}")
        for weakness in dependency.get("vulns", []):
            fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
            lines.append(f"{dependency['name']} {dependency['version']}: {weakness['id']}, fixed in {fixed}")
    return lines


def write_bill_of_materials(tools: Path) -> int:
    """Every locked dependency with version and hashes, as CycloneDX 1.6, the same bytes for the same lock. Returns how many there are."""
    read: list[str | Path] = ["requirements", LOCK, "--pyproject", LOCK.parent / "pyproject.toml"]
    written: list[str | Path] = ["--output-reproducible", "--of", "JSON", "--sv", "1.6", "--output-file", SBOM]
    subprocess.run([tools / "cyclonedx-py", *read, *written], capture_output=True, check=True)
    return len(json.loads(SBOM.read_text())["components"])


def main(tools: Path) -> int:
    """Print what came out. 1: there are known weaknesses; where advisories cannot be reached that is said, and is no failure."""
    BUILD.mkdir(exist_ok=True)
    print(f"{write_bill_of_materials(tools)} dependencies in {SBOM.relative_to(ROOT)} (CycloneDX 1.6)")
    weaknesses = find_weaknesses(tools)
    if weaknesses is None:
        print("NOT LOOKED FOR: known weaknesses. osv.dev cannot be reached from here; run `make audit` where it can")
        return 0
    print(f"{len(weaknesses)} known weaknesses", *weaknesses, sep="\n  ")
    return int(bool(weaknesses))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
