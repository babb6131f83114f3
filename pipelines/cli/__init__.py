"""The command line. Imported first of all, so start-up is measured from here."""

import time

BEGAN = time.perf_counter()
