"""What the code makes of many small inputs, kept as text: a change that nobody meant shows here, entry by entry."""
