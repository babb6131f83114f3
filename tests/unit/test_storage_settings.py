"""The key `storage` of book.yaml, URLs, and which objects a pattern matches."""

from __future__ import annotations

import pytest

from models.book.settings import parse_book
from models.documents import InputError
from models.store_urls import fixed_part, is_match, split_url

BOOK = 'book: b\ncurrency: EUR\nfeeds:\n  transactions: {files: "feeds/*.csv"}\n'


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/a/b", "s3://bucket", "gs://bucket/a", "abfss://box@account.dfs.core.windows.net/a", "file:///mnt/a"],
)
def test_these_stores_are_understood(url: str) -> None:
    storage = parse_book(f"{BOOK}storage: {{archive: {url}}}\n").storage
    assert storage.archive == url
    assert storage.published is None


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("archive: archive2", "the URL of a folder in a store is needed here: s3://bucket/folder"),
        ("archive: 7", "the URL of a folder in a store is needed here"),
        ("archive: ftp://host/a", "ftp:// is no store that is understood; allowed: s3://"),
        ("archive: https://bucket.s3.amazonaws.com/a", "https:// is no store that is understood"),
        ("published: s3:///a", "the URL names no bucket"),
        ("published: s3://key:hidden@bucket/a", "a URL holds no user, password or port"),
        ("published: s3://bucket:9000/a", "a URL holds no user, password or port"),
        ("published: s3://bucket/a/../b", "the path in a URL has no empty part"),
        ("published: file://host/a", "a file URL has three slashes"),
        ("published: abfss://account/a", "write container and account: abfss://container@account"),
        ("ledger: s3://bucket/ledger", "ledger: cannot be in a store, because the ledger is a chain of folders"),
        ("receipts: s3://bucket/a", "receipts: cannot be in a store"),
        ("warehouse: s3://bucket/a", "warehouse: cannot be in a store"),
        ("archive: s3://b/a, published: s3://b/a", "archive: is in the folder of published"),
        ("archive: s3://b/a/c, published: s3://b/a", "archive: is in the folder of published"),
        ("archive: s3://b/a, published: s3://b/a/c", "published: is in the folder of archive"),
        ("arkive: s3://b/a", "did you mean archive?"),
        ("options: {region: x}", "options are written by the beginning of the URLs they are for"),
        ('options: {"s3://": x}', "options with values are needed here"),
        ('options: {"s3://": {secret_access_key: hidden}}', "secret_access_key holds a secret; name the environment variable"),
        ('options: {"s3://": {aws_session_token: hidden}}', "aws_session_token holds a secret"),
        ('options: {"abfss://": {sas_key: hidden}}', "sas_key holds a secret"),
        ('options: {"s3://": {region: [x]}}', "region needs a text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(storage: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_book(f"{BOOK}storage: {{{storage}}}\n")
    assert message in str(error.value)
    assert "hidden" not in str(error.value)
    assert error.value.problems[0].line == 5


@pytest.mark.parametrize("key", ["archive: s3://b/a", "published: s3://b/a", "ledger: s3://b/a", "receipts: s3://b/a"])
def test_places_belong_below_storage(key: str) -> None:
    with pytest.raises(InputError, match="is said below `storage`; ledger and receipts stay in the book's folder"):
        parse_book(f"{BOOK}{key}\n")


def test_the_options_of_the_longest_beginning_count() -> None:
    options = '{"s3://": {region: one}, s3://landing: {region: two, sse_kms_key_id: id}, "gs://": {service_account_key: "env:KEY"}}'
    storage = parse_book(f"{BOOK}storage: {{options: {options}}}\n").storage
    assert storage.options_for("s3://other/a") == {"region": "one"}
    assert storage.options_for("s3://landing/a") == {"region": "two", "sse_kms_key_id": "id"}
    assert storage.options_for("file:///a") == {}


def test_the_url_of_a_feed_is_checked_too() -> None:
    with pytest.raises(InputError, match="ftp:// is no store"):
        parse_book(BOOK.replace("feeds/*", "ftp://host/*"))


def test_a_spill_folder_is_on_a_disk() -> None:
    with pytest.raises(InputError, match="a folder is needed here"):
        parse_book(f"{BOOK}limits: {{spill: s3://b/a}}\n")


@pytest.mark.parametrize(
    ("pattern", "key", "does"),
    [
        ("a/*.csv", "a/b.csv", True),
        ("a/*.csv", "a/b/c.csv", False),
        ("a/*.csv", "a/.b.csv", False),
        ("a/**/*.csv", "a/b/c/d.csv", True),
        ("a/**/*.csv", "a/d.csv", True),
        ("a/**/*.csv", "a/.b/d.csv", False),
        ("a/20[0-9][0-9]-??.csv", "a/2026-01.csv", True),
        ("a/B.csv", "a/b.csv", False),
        ("a/é.csv", "a/e\u0301.csv", True),
    ],
)
def test_a_pattern_goes_by_keys_as_by_paths(pattern: str, key: str, does: bool) -> None:
    assert is_match(pattern, key) is does


def test_only_the_fixed_folders_of_a_pattern_are_listed() -> None:
    assert split_url("s3://bucket/a/b/*.csv") == ("s3://bucket", "a/b/*.csv")
    assert fixed_part("a/b/*.csv") == "a/b"
    assert fixed_part("a/b[1]/x.csv") == "a"
    assert fixed_part("x.csv") == ""
