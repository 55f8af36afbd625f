"""Command lines that become configs and domains."""
