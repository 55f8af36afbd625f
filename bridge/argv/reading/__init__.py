"""A command line -> the VM that it describes, kind by kind; `bridge.argv.reading.read.read` is the door."""
