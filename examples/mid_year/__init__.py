"""A book that begins in July, with what a spreadsheet had until then: `tierledger init DIR --example mid-year`.

Belongs here: the files of that book. Does not belong here: what to do with them (docs/from-a-spreadsheet.md).
"""
