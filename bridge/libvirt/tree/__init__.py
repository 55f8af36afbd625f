"""Domain XML as a tree whose parts are taken: parsed, bounded, written."""
