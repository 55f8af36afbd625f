"""What a command is made of: its options, its files, its output. `bridge.cli` imports a module here when its command is called."""
