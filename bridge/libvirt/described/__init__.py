"""A machine that somebody runs, written as a domain as it stands: what a config has no key for, too."""
