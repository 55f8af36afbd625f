"""A running VM between the stacks."""
