"""Facts as tables, no logic."""
