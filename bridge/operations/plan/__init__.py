"""A migration as shell commands: what to copy, convert and define for VMs to run on another host, in an order that can be run again."""
