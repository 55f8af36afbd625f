"""What acts on files and hosts: each stands on the public API."""
