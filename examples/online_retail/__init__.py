"""A book over real transactions: the UCI "Online Retail" data, 305 daily files that are not part of this project, or a sample of invented lines."""
