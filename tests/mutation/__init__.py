"""A mutation run: small faults are put into `bridge/`, one at a time, and the quick tests must notice (`tests/mutants`)."""
