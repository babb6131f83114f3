-- joined in the order in which it is written where a model over all lines asks for it (join_as_written)
{{ with_keys(source("raw", "transactions")) }}
