"""From one format to another: readers, passes and writers in their order."""
