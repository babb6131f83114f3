"""Books whose feeds, archive and published sets are in an object store, against two real servers on this machine: moto and SeaweedFS.

Belongs here: what only a server can show: conditions, races, writers that are killed. Does not belong here: what holds of a folder by its file:// URL too
(test_stored_books.py), what URLs and settings may say (tests/unit/test_storage_settings.py).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.archive.run_history import read_runs
from assets.publishing.parquet_set import publish
from assets.publishing.pulled_set import first_difference_in_store, pull_published
from assets.publishing.stored_set import StoredSet, commit_set, published_store, read_stored_set
from assets.runtime.book_folder import Overtaken
from assets.runtime.context import ChecksPassed, RunContext
from assets.runtime.stores import ONE_REQUEST, Store, open_store, refuse_without_conditions
from models.book.settings import parse_book
from models.book.storage_settings import StorageSettings
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.run import run_book
from tests.support.bonus_book import BOOK, DAYS, HEADER, published_tables, write_book
from tests.support.killed_publisher import make_stored_book, run_killed
from tests.support.publishing_books import change_run
from tests.support.store_servers import BUCKET, KEY, PROGRAMS, SECRET, ignoring_conditions, running_moto, running_seaweedfs, storage

VALUES = {KEY: "key-of-the-tests", SECRET: "secret-of-the-tests"}
SERVERS = {"moto": running_moto, "seaweedfs": running_seaweedfs}
#: For what takes longer: the one that is a store as people run them; the other in `make torture`.
first_seaweedfs = pytest.mark.parametrize("endpoint", ["seaweedfs", pytest.param("moto", marks=pytest.mark.long)], indirect=True)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session", params=SERVERS)
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (PROGRAMS / "weed").exists():
        pytest.skip("`make stores` installs the servers")
    with SERVERS[request.param](tmp_path_factory.mktemp("server") / request.param) as address:
        yield address


@pytest.fixture
def store(endpoint: str, tmp_path: Path) -> Store:
    """A folder of its own in the server's bucket."""
    return open_store(f"s3://{BUCKET}/{tmp_path.name}", settings(endpoint, tmp_path.name), VALUES.get)


def settings(endpoint: str, folder: str) -> StorageSettings:
    return parse_book(BOOK + storage(endpoint, folder)).storage


def test_a_store_creates_once_and_replaces_what_was_seen(store: Store, tmp_path: Path) -> None:
    assert store.read("a") is None
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    content, seen = store.read("a") or (b"", None)
    assert content == b"1"
    assert store.replace_if("a", b"3", seen)
    assert not store.replace_if("a", b"4", seen)
    assert not store.replace_if("a", b"4", None)
    assert not store.replace_if("nothing", b"4", seen)
    assert [(entry.key, entry.size) for entry in store.entries()] == [("a", 1)]
    assert store.fetch("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"3"
    assert not store.fetch("a", tmp_path / "b", seen)
    assert not store.fetch("nothing", tmp_path / "b")
    store.delete(["a", "nothing"])
    assert not list(store.entries())


@first_seaweedfs
def test_a_file_that_is_sent_in_parts_arrives_whole(store: Store, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(1_000_000) * (ONE_REQUEST // 1_000_000 + 2))
    assert store.create("large", large)
    assert not store.create("large", large)
    assert store.fetch("large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_of_writers_at_the_same_time_one_wins(store: Store, replaces: bool) -> None:
    for _ in range(5):
        store.delete(["current"])
        if replaces:
            store.create("current", b"before")
        seen = (store.read("current") or (b"", None))[1]
        barrier, wins = threading.Barrier(8), []

        def write(number: int) -> None:
            barrier.wait()  # noqa: B023
            if store.replace_if("current", b"%d" % number, seen):  # noqa: B023
                wins.append(number)  # noqa: B023

        writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for each in writers:
            each.start()
        for each in writers:
            each.join()
        assert len(wins) == 1
        assert (store.read("current") or (b"",))[0] == b"%d" % wins[0]


def test_these_servers_are_accepted(store: Store) -> None:
    refuse_without_conditions(store, replaces=True)
    refuse_without_conditions(store, replaces=True)  # with the object that the first left
    refuse_without_conditions(store, replaces=False)


@pytest.mark.parametrize(
    ("ignored", "message"), [("If-None-Match", "overwrites an object that a write was to create"), ("If-Match", "replaces an object that has changed")]
)
def test_a_store_that_ignores_conditions_is_refused(tmp_path: Path, ignored: str, message: str) -> None:
    with ignoring_conditions(ignored) as address:
        book = write_stored_book(tmp_path / "book", address, "b")
        with pytest.raises(InputError, match=message):
            run_book(book)
    assert not (book / "published").exists()


def write_stored_book(folder: Path, endpoint: str, name: str, feeds: bool = False) -> Path:
    write_book(folder)
    text = BOOK + storage(endpoint, name)
    (folder / "book.yaml").write_text(text.replace('"feeds/', f'"s3://{BUCKET}/{name}/feeds/') if feeds else text)
    return folder


@pytest.mark.long
@first_seaweedfs
def test_a_book_in_a_store_gives_what_it_gives_in_a_folder(
    endpoint: str, store: Store, ran_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds, archive and published sets in the store; then the same from a second, empty folder."""
    name = tmp_path.name
    for day, rows in DAYS.items():
        store.create(f"feeds/transactions/{day}", (HEADER + rows).encode())
    book = write_stored_book(tmp_path / "book", endpoint, name, feeds=True)
    shutil.rmtree(book / "feeds")
    assert run_book(book).status == "published"
    here = published_tables(book)
    assert without_run(here, f"{name}/") == without_run(published_tables(ran_book))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "fetch", None)  # nothing is fetched that has not changed
        assert run_book(book).status == "nothing_new"
    second = tmp_path / "second"
    second.mkdir()
    shutil.copy(book / "book.yaml", second)
    shutil.copytree(book / "agreements", second / "agreements")
    assert main(["explain", "--book", str(second)]) == 0
    assert published_tables(second) == here
    assert main(["verify", "--book", str(second), "--quiet"]) == 0
    assert run_book(second).status == "nothing_new"
    store.create("feeds/transactions/new.csv", f"{HEADER}T9,1,2026-04-02,C2,100.00,EUR\n".encode())
    assert run_book(second).status == "published"
    assert run_book(book).status == "nothing_new"
    assert published_tables(book) == published_tables(second)


def without_run(tables: dict[str, list[tuple[object, ...]]], folder: str = "") -> dict[str, list[tuple[object, ...]]]:
    """Tables without the id of the run, which also says where the feeds are, and without this folder before the names of files."""

    def plain(value: object) -> object:
        return "run" if isinstance(value, str) and re.fullmatch("r[0-9a-f]{16}", value) else value.replace(folder, "") if isinstance(value, str) else value

    return {table: sorted((tuple(map(plain, row)) for row in rows), key=str) for table, rows in tables.items()}


def seen_by_readers(context: RunContext) -> StoredSet | None:
    """The set that readers of the store see. Every object of it has the bytes that it names."""
    store = published_store(context)
    assert store is not None
    found = read_stored_set(store)
    if found is not None:
        assert first_difference_in_store(context, found[0].manifest) is None
    return found[0] if found else None


@first_seaweedfs
def test_of_two_publishers_one_wins_and_the_next_run_of_the_other_is_right(endpoint: str, tmp_path: Path) -> None:
    books = [make_stored_book(tmp_path / folder, storage(endpoint, tmp_path.name)) for folder in ("one", "two")]
    for number in range(2):
        for place, context in enumerate(books):
            pull_published(context)
            change_run(context, f"run-{number}-{place}")
        endings: dict[int, BaseException | None] = {}
        barrier = threading.Barrier(2)

        def commit(place: int, *arguments: object) -> None:
            barrier.wait()  # noqa: B023
            commit_set(*arguments)  # type: ignore[arg-type]

        def publish_one(place: int) -> None:
            try:
                publish(books[place], ChecksPassed(checks=0))
                endings[place] = None  # noqa: B023
            except Overtaken as error:
                endings[place] = error  # noqa: B023

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("assets.publishing.parquet_set.commit_set", lambda *arguments: commit(0, *arguments))
            threads = [threading.Thread(target=publish_one, args=(place,)) for place in range(2)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        (winner,) = [place for place, error in endings.items() if error is None]
        loser = 1 - winner
        assert isinstance(endings[loser], Overtaken)
        shown = seen_by_readers(books[0])
        assert shown
        assert shown.manifest["run_id"] == f"run-{number}-{winner}"
        pull_published(books[loser])  # as its next run does at its start
        assert {path.name: path.read_bytes() for path in current(books[loser])} == {path.name: path.read_bytes() for path in current(books[winner])}
        publish(books[loser], ChecksPassed(checks=0))
        shown = seen_by_readers(books[0])
        assert shown
        assert shown.manifest["run_id"] == f"run-{number}-{loser}"


def current(context: RunContext) -> list[Path]:
    return sorted((context.published / "current").glob("*.parquet"))


def kill_publisher(folder: Path, endpoint: str, at: int, when: str) -> int:
    """Publish one set, die during the next, and check what readers see and what the next run publishes."""
    name = f"{folder.parent.name}-{folder.name}"
    context = make_stored_book(folder, storage(endpoint, name))
    publish(context, ChecksPassed(checks=0))
    change_run(context, "run-b")
    code = run_killed(folder, at, when, "publish")
    shown = seen_by_readers(context)
    assert shown
    assert shown.manifest["run_id"] in ("run-a", "run-b")
    pull_published(context)
    change_run(context, "run-c")
    publish(context, ChecksPassed(checks=0))
    shown = seen_by_readers(context)
    assert shown
    assert shown.manifest["run_id"] == "run-c"
    runs = [run.run_id for run in read_runs(context.archive)]
    assert len(runs) == len(set(runs))
    return code


@first_seaweedfs
@pytest.mark.parametrize(("at", "when"), [(1, "before"), (6, "after")])
def test_a_publisher_that_is_killed_leaves_a_set_that_is_right(endpoint: str, tmp_path: Path, at: int, when: str) -> None:
    assert kill_publisher(tmp_path / "book", endpoint, at, when) == -signal.SIGKILL


@pytest.mark.long
def test_a_publisher_that_is_killed_at_any_write(endpoint: str, tmp_path: Path) -> None:
    for at in range(1, 30):
        codes = [kill_publisher(tmp_path / f"{when}-{at}", endpoint, at, when) for when in ("before", "after")]
        if codes == [0, 0]:
            break
        assert codes == [-signal.SIGKILL] * 2
    assert at > 6  # terms, three tables, the database, current.json, the line of the run


@pytest.mark.long
def test_a_run_that_is_killed_at_any_write(endpoint: str, tmp_path: Path, ran_book: Path) -> None:
    """The whole of a run, also the archive: files, manifest, terms. The next run publishes what a run that was not killed does."""
    expected = published_tables(ran_book)
    at, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        at += 1
        book = write_stored_book(tmp_path / f"first-{at}", endpoint, f"{tmp_path.name}-{at}")
        code = run_killed(book, at, "after", "run")
        assert run_book(book).run_id
        assert published_tables(book) == expected
        second = shutil.copytree(book, tmp_path / f"second-{at}", ignore=shutil.ignore_patterns("archive", "published", "warehouse*", ".lock"))
        assert run_book(second).status == "nothing_new"
        assert published_tables(second) == expected
    assert code == 0
    assert at > 25


@pytest.mark.long
def test_two_runs_at_the_same_time(endpoint: str, tmp_path: Path) -> None:
    """Two processes with different new files: whoever is overtaken says so, and the next run of each has everything, once."""
    name = tmp_path.name
    for number in range(5):
        books = [tmp_path / f"{folder}-{number}" for folder in ("one", "two")]
        for place, book in enumerate(books):
            write_stored_book(book, endpoint, f"{name}-{number}")
            (book / "feeds" / "transactions" / f"own-{place}.csv").write_text(f"{HEADER}U{place},1,2026-04-02,C2,10.00,EUR\n")
        command = [sys.executable, "-m", "pipelines.cli", "run", "--quiet", "--book"]
        processes = [subprocess.Popen([*command, str(book)], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True) for book in books]
        endings = [(process.communicate(timeout=300)[1], process.returncode) for process in processes]
        assert any(code == 0 for _, code in endings), endings
        assert all(code == 0 or "Run again" in text for text, code in endings), endings
        for book in [*books, *books]:
            run_book(book)
        tables = [published_tables(book) for book in books]
        assert tables[0] == tables[1]
        assert len(tables[0]["audit_feed_file"]) == 5


@first_seaweedfs
def test_the_secrets_of_a_store_are_not_shown(endpoint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    book = write_stored_book(tmp_path / "book", endpoint, tmp_path.name)
    (book / "book.yaml").write_text((book / "book.yaml").read_text().replace(BUCKET, "no-such-bucket"))
    assert main(["doctor", "--book", str(book)]) == 0
    assert main(["run", "--book", str(book)]) == 1
    shown = "".join(capfd.readouterr())
    assert "no-such-bucket" in shown
    assert not any(value in shown for value in VALUES.values())
