"""Small breakages of books that are kept in a store: what may be overwritten, what comes first, what is believed.

Belongs here: what is changed, and the tests that must notice. Does not belong here: running them (tests/tools/mutants/__main__.py).
"""

from __future__ import annotations

from tests.tools.mutants.mutant import Mutant, mutants_of

SETTINGS = ("tests/unit/test_storage_settings.py",)
STORED = ("tests/integration/test_stored_sets.py", "tests/integration/test_stored_books.py")

URLS: dict[str, list[tuple[str, str]]] = {
    "models/store_urls.py": [
        ('if ":" in host or', "if"),
        ("is_hidden = parts[0]", "is_hidden = False and parts[0]"),
        ('if any(part in (".", "..") for part', 'if any(part in (".",) for part'),
    ],
    "models/book/storage_settings.py": [
        ("self.options[max(fitting, key=len)]", "self.options[fitting[0]]"),
        ("if _SECRET.match(str(name)) and not is_variable:", "if False:"),
        ('        if self.archive and self.published and f"{self.published}/".startswith', '        if False and f"{self.published}/".startswith'),
    ],
}

KEPT: dict[str, list[tuple[str, str]]] = {
    "assets/runtime/stores.py": [
        ('self.client.put(key, content, mode="create")\n                except', "self.client.put(key, content)\n                except"),
        ("if version and _version(found.meta) != version:", "if False:"),
        ("                    if _version(self.client.head(key)) != version:\n                        return False\n", ""),
    ],
    "assets/archive/stored_archive.py": [
        ("        if file_sha256(staged) !=", "        if False and file_sha256(staged) !="),
        ("if entry and entry.size == arrival.bytes:", "if entry:"),
        ("if entry is None and path.exists() and", "if False and"),
        ("    if not found.startswith(known) and not known.startswith(found):", "    if False:"),
        ("    if starts != [0,", "    if False and starts != [0,"),
        ("            if path.exists() and file_sha256(path) != path.name:", "            if False:"),
    ],
    "assets/archive/run_history.py": [
        ("        if run in read_runs(archive):  #", "        if False:  #"),
    ],
    "assets/archive/receipts.py": [
        ("            if are_copies:\n", "            if False:\n"),
    ],
    "assets/feeds/load.py": [
        ("                share_archived(load.context, {arrival.sha256 for arrival in load.landing.new})\n", ""),
        ("shared_log(load.context, MANIFEST)):", "None):"),
    ],
    "assets/publishing/stored_set.py": [
        ("    if (found and found[1]) != version:\n        raise _overtaken(store, found and found[0])\n", "    version = found and found[1]\n"),
        ("for name, key in before.objects.items() if key in there}", "for name, key in before.objects.items()}"),
        ("if entry.key not in kept and entry.modified < old", "if entry.modified < old"),
        ("describe_tables(con, store.url, inside)", "describe_tables(con, str(published), inside)"),
        ("seal == stored.seal and set", "set"),
    ],
    "assets/publishing/pulled_set.py": [
        ("if not store.fetch(key, path) or file_sha256(path) != sha256:", "if not store.fetch(key, path):"),
        ("if local is not None and not only_read:", "if False:"),
        ("        _give_back(store, published, stored, set() if only_read else missing)\n", "        pass\n"),
        ("            if file_sha256(scratch) != sha256:\n", "            if False:\n"),
        ("        replace_database(published)\n", ""),
    ],
}  # fmt: skip

MUTANTS: list[Mutant] = [*mutants_of(URLS, SETTINGS), *mutants_of(KEPT, STORED)]
