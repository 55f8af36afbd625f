"""`python -m bridge` is `virt-qm`."""

from .cli import main

main(prog_name="virt-qm")
