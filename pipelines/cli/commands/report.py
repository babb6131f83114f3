"""`tierledger report`: the published tables as a site for people."""

from __future__ import annotations

from pipelines.cli.options import BookOption


def report(book: BookOption) -> None:
    """Write published/report/: pages for people that open from a disk, with every payout explained.

    With `publish: {report: true}` in book.yaml every run writes it.

    [bold]Examples[/bold]

      tierledger report
      tierledger report --book books/demo
    """
    from assets.report.write import write_report
    from assets.runtime.book_folder import lock_book, open_book

    settings = open_book(book)
    with lock_book(book):
        written = write_report(book / "published", settings)
    print(f"Written: open {written / 'index.html'} in a browser")
