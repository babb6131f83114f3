"""What is held against a file once it is read: declared totals, rows, keys and sizes, and what earlier files say."""
