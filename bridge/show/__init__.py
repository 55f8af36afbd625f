"""A VM as a person wants to see it: which thread serves what, on which host CPUs, and how both stacks lay it out."""
