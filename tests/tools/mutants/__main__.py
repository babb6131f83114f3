"""Do the tests notice? Breaks the program on purpose, one small way after the other, and runs on each the tests that should fail.

    make mutants                                  all of them; exit code 1 when one survives
    python -m tests.tools.mutants calculation     those of one list: calculation, checks, decisions, records, feeds, sql,
                                                  incremental, stores
    python -m tests.tools.mutants fct_payout      those of files whose path holds the word

A mutant that survives is a rule without a test. The project's own files are never touched: a mutant of Python runs in a copy, one of SQL in a
process that changes dbt's manifest in memory, so that neither dbt nor the project is read anew for each.

Belongs here: running them. Does not belong here: which there are (the other modules of this package), tests.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.mutants import calculation, checks, decisions, feeds, incremental, records, sql, stores
from tests.tools.mutants.mutant import LATER_CLOSES, ROOT, Mutant

LISTS = {
    "calculation": calculation.MUTANTS,
    "checks": checks.MUTANTS,
    "decisions": decisions.MUTANTS,
    "records": records.MUTANTS,
    "feeds": feeds.MUTANTS,
    "sql": sql.MUTANTS,
    "incremental": incremental.MUTANTS,
    "stores": stores.MUTANTS,
}
COPIED = ("models", "assets", "pipelines", "dbt_project", "examples", "tests", "pyproject.toml")
OPTIONS = ("-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
AT_ONCE = 2

#: Whether the mutant survives, and which test noticed it first.
Outcome = tuple[bool, str]


def try_python(mutant: Mutant) -> Outcome:
    """Run its tests on a copy with the change."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__")) if source.is_dir() else shutil.copy(source, target)
        path = Path(folder) / mutant.file
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            return True, f"occurs {text.count(mutant.old)} times in {mutant.file}"
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return _run_tests(mutant.tests, Path(folder))


def _run_tests(tests: tuple[str, ...], folder: Path) -> Outcome:
    command = [sys.executable, "-m", "pytest", *OPTIONS, f"--basetemp={folder}/.pytest", "-m", "not long", *tests]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)
    if result.returncode not in (0, 1):
        return True, result.stdout[-500:] + result.stderr[-500:]
    failed = re.search(r"(?:FAILED|ERROR) (\S+)", result.stdout)
    return result.returncode == 0, failed[1] if failed else ""


@dataclass(eq=False)
class _FirstFailure:
    """A plugin of pytest that remembers the first test that failed. Tests of two folders with conftests need one that can be hashed."""

    test: str = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.test = self.test or (report.nodeid if report.failed else "")


#: The golden stories up to their first close: the folder, and the player that goes on from there. Set before processes are forked.
_stories: tuple[Path, Any] | None = None


def try_sql(mutant: Mutant) -> Outcome:
    """Run its tests with the change in dbt's manifest. Called in a process of its own, forked with the manifest loaded."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder, (Path(folder) / "log").open("w") as log, redirect_stdout(log), redirect_stderr(log):
        _change_manifest(mutant)
        if mutant.tests == LATER_CLOSES:
            return _play_on(Path(folder) / "book")
        import pytest

        noticed = _FirstFailure()
        code = pytest.main([*OPTIONS, f"--basetemp={folder}/pytest", "-m", "not long", *mutant.tests], plugins=[noticed])
        return (code == 0 or not (noticed.test or code == 1)), noticed.test or ("" if code == 0 else f"pytest ended with {code}")


def _change_manifest(mutant: Mutant) -> None:
    from assets.transform import dbt

    for name, found in (("read_compiled", {}), ("keep_compiled", None)):
        setattr(dbt, name, lambda *_, found=found: found)  # as if nothing had been compiled before
    manifest = dbt._models_alone()
    place = mutant.path.relative_to(dbt.PROJECT).as_posix()
    nodes = [node for node in manifest.nodes.values() if node.original_file_path == place]
    macros = [macro for macro in manifest.macros.values() if macro.original_file_path == place and macro.package_name == "tierledger"]
    changed = 0
    for node in nodes:
        changed += node.raw_code.count(mutant.old)
        node.raw_code = node.raw_code.replace(mutant.old, mutant.new)
    for macro in macros:
        changed += macro.macro_sql.count(mutant.old)
        macro.macro_sql = macro.macro_sql.replace(mutant.old, mutant.new)
    if changed != 1:
        raise ValueError(f"{mutant.file}: {mutant.old!r} occurs {changed} times in the manifest")


def _play_stories(folder: Path) -> None:
    """Play the stories of the short form up to their first close."""
    global _stories
    from tests.histories.stories import Player, books, play_on, read_stories, short_form, stops_of

    (stories,) = books(short_form(read_stories())).values()
    player = Player(folder, stories)
    findings = play_on(player, stops_of(stories)[:1])
    assert not any(findings.values()), findings
    _stories = folder, player


def _play_on(folder: Path) -> Outcome:
    from tests.histories.stories import play_on, stops_of

    assert _stories
    shutil.copytree(_stories[0], folder, symlinks=True)
    player = copy.copy(_stories[1])
    player.folder = folder
    try:
        findings = play_on(player, stops_of(player.stories)[1:])
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"[:160]
    found = [finding for each in findings.values() for finding in each]
    return not found, found[0] if found else ""


def _load_engine(needs_stories: bool, folder: str) -> None:
    """What forked processes share. The stories are played in a process of its own: no thread of an engine may live on here."""
    from assets.transform import dbt

    dbt._models_alone()
    os.environ["POLARS_MAX_THREADS"] = "1"
    if needs_stories:
        _play_in_child(Path(folder) / "stories")


def _play_in_child(folder: Path) -> None:
    """Play the stories in a forked process, and take over the player that it leaves."""
    global _stories
    import pickle

    def play() -> None:
        with (folder.parent / "log").open("w") as log, redirect_stdout(log), redirect_stderr(log):
            _play_stories(folder)
        assert _stories
        (folder.parent / "player").write_bytes(pickle.dumps(_stories[1]))

    process = multiprocessing.get_context("fork").Process(target=play)
    process.start()
    process.join()
    assert process.exitcode == 0, (folder.parent / "log").read_text()[-2000:]
    _stories = folder, pickle.loads((folder.parent / "player").read_bytes())


def chosen(words: list[str]) -> list[Mutant]:
    """The mutants of these lists, or of files whose path holds one of the words; all without a word."""
    every = [(name, mutant) for name, mutants in LISTS.items() for mutant in mutants]
    return [mutant for name, mutant in every if not words or name in words or any(word in mutant.file for word in words if word not in LISTS)]


def unchanged(mutants: list[Mutant]) -> list[Mutant]:
    """A mutant that changes nothing for each choice of tests: these must pass."""
    return [mutant._replace(new=mutant.old) for mutant in {mutant.tests: mutant for mutant in mutants}.values()]


def main(words: list[str]) -> int:
    """Try them, and print what became of each. 1 when one survives, or when tests fail on the unchanged program."""
    mutants = chosen(words)
    survivors = failures = 0

    def report(mutant: Mutant, outcome: Outcome) -> None:
        nonlocal survivors, failures
        if mutant.old == mutant.new:
            passes = outcome == (True, "")  # neither a test that failed nor a pytest that broke off
            failures += not passes
            print(f"{'unchanged' if passes else 'FAILS UNCHANGED'}  {' '.join(mutant.tests)}  {outcome[1]}", flush=True)
            return
        survivors += outcome[0]
        print(f"{'SURVIVES' if outcome[0] else 'killed'}  {mutant.file}: {mutant.old!r} -> {mutant.new!r}  {outcome[1]}", flush=True)

    with tempfile.TemporaryDirectory(prefix="mutants") as folder:
        in_sql = [mutant for mutant in mutants if mutant.is_sql]
        in_sql = unchanged(in_sql) + in_sql
        if in_sql:
            _load_engine(any(mutant.tests == LATER_CLOSES for mutant in in_sql), folder)
            with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as pool:
                for mutant, outcome in zip(in_sql, pool.imap(try_sql, in_sql, chunksize=1), strict=True):
                    report(mutant, outcome)
        in_python = [mutant for mutant in mutants if not mutant.is_sql]
        in_python = unchanged(in_python) + in_python
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for mutant, outcome in zip(in_python, threads.map(try_python, in_python), strict=True):
                report(mutant, outcome)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants killed")
    return 1 if survivors or failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
