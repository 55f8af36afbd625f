"""Judgement: pure functions from a VM to a VM. They know the model, the tables and the host facts, and no format."""
