"""Who may know whom, and what the house does not have: drawers for anything, long tables of contents, money as a float."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "assets", "pipelines")
MARTS = sorted((ROOT / "dbt_project" / "models" / "marts").rglob("*.yml"))


def test_layers_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts of pyproject.toml: pipelines over assets over models; models pure; Dagster in assets.graph alone, which no command imports."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)  # it would silence the program's own log for the tests that follow
    assert lint_imports(no_cache=True) == 0, "run `lint-imports` to see which import breaks which contract"


def test_every_wing_is_named_where_dagster_is_forbidden() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    named = next(contract["source_modules"] for contract in contracts if "only assets.graph" in contract["name"])
    wings = {f"assets.{path.stem}" for path in (ROOT / "assets").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert wings - {"assets.__init__", "assets.graph"} == set(named)


def test_definitions_are_a_table_of_contents() -> None:
    text = (ROOT / "pipelines" / "definitions.py").read_text()
    assert len(text.splitlines()) < 80
    assert text.count("\ndef ") == 1
    assert "\nclass " not in text


def test_environment_is_read_in_one_place() -> None:
    readers = {
        p.relative_to(ROOT).as_posix() for package in PACKAGES for p in (ROOT / package).rglob("*.py") if re.search(r"os\.environ|getenv", p.read_text())
    }
    assert readers <= {"pipelines/settings.py", "assets/spark/environment.py"}  # the second has those that Java and pyspark go by


def test_no_drawers() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
    places = [ROOT / package for package in (*PACKAGES, "examples", "tests", "dbt_project/models", "dbt_project/macros")]
    assert [p.relative_to(ROOT).as_posix() for place in places for p in place.rglob("*") if p.stem in drawers] == []


def test_no_test_module_imports_another() -> None:
    """What they share is in tests/support."""
    imports = re.compile(r"^\s*(?:from tests\.(?:\w+\.)*test_\w+ import|import tests\.(?:\w+\.)*test_\w+)", re.MULTILINE)
    assert [path for path in (ROOT / "tests").rglob("*.py") if imports.search(path.read_text(encoding="utf-8"))] == []


def test_no_test_module_is_over_400_lines() -> None:
    long = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    modules = [p for package in PACKAGES for p in (ROOT / package).rglob("*.py") if p.stat().st_size]
    assert [p.relative_to(ROOT).as_posix() for p in modules if not p.read_text().startswith('"""')] == []


@pytest.mark.parametrize("page", MARTS, ids=lambda page: page.stem)
def test_money_is_never_a_float(page: Path) -> None:
    """No column of a published table is DOUBLE, so none that holds money is."""
    columns = [(c["name"], c["data_type"].lower()) for model in yaml.safe_load(page.read_text())["models"] for c in model["columns"]]
    assert [name for name, kind in columns if any(kind.startswith(inexact) for inexact in ("double", "float", "real"))] == []


def test_marts_are_there() -> None:
    assert len(MARTS) > 10
