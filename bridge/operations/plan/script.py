"""A plan as a POSIX shell script."""

from __future__ import annotations

import hashlib
import re
import shlex
from importlib.resources import files

from ...core.digest import digest
from .step import Plan, Step, VMPlan

ONE_BY_ONE = """
failed=
trap 'kill $! 2>/dev/null; exit 130' INT TERM HUP

# ended NAME: what came of the VM; the next one is tried in any case.
ended() { if ! wait $!; then echo "error: $1 is not moved" >&2; failed="$failed $1"; fi; }
"""
_NOT_PLAIN = re.compile(r"[^ -~]+")


def script(plan: Plan) -> str:
    """The script. Everything that comes from a config is quoted, or stands in a here-document without expansion."""
    out = [files(__package__).joinpath("script.sh").read_text(encoding="utf-8")]
    tools = sorted({command[0] for step in plan.steps() for command in step.commands} - {"test"})
    out += [f'check "{tool} is missing" command -v {shlex.quote(tool)}' for tool in tools]
    out += [_step(step) for step in plan.first]
    if plan.keep_going:
        out.append(ONE_BY_ONE)
    for vm in plan.vms:
        steps = list(map(_step, vm.steps))
        # with || behind it the list would not end at its first error; behind `wait` it does not stand
        out += [_heading(vm), "(", *steps, ") &", f"ended {shlex.quote(vm.name)}"] if plan.keep_going else [_heading(vm), *steps]
    if plan.keep_going:
        out.append('[ -z "$failed" ] || die "not moved, the others are:$failed"')
    names = ", ".join(vm.name for vm in plan.vms)
    out.append(f"\necho {shlex.quote('all done: ' + names)}\n")
    return "\n".join(out)


def comment(text: str) -> str:
    """Text that cannot leave its comment."""
    return "# " + _NOT_PLAIN.sub(" ", text)


def _heading(vm: VMPlan) -> str:
    notes = [f"not copied: {line}" for line in vm.stays]
    lines, left = digest(vm.findings)
    notes += [f"{line.first.severity}: {line.text}" + (f" -> {line.hint}" if line.hint else "") for line in lines]
    if left or len(lines) < len(vm.findings):
        notes.append("virt-qm plan -v lists all there is to know of it, --as json too")
    return "\n".join(["", comment(f"--- VM {vm.vmid}, {vm.name}, from {vm.file}"), *map(comment, notes)])


def _step(step: Step) -> str:
    if step.kind == "check":
        return "\n".join(shlex.join(["check", step.about, *command]) for command in step.commands)
    body = [shlex.join(["free", step.makes])] if step.makes else []
    lines = [shlex.join(command) for command in step.commands]
    if step.document is not None:
        first = lines.pop(0) if lines else f"cat > {shlex.quote(f'{step.makes}.part')}"
        lines.insert(0, _with_document(first, step.document))
    for unless in reversed(step.unless):
        lines = [f"if ! {shlex.join(unless)} >/dev/null 2>&1; then", *lines, "fi"]
    body += [*lines, shlex.join(["mark", step.id])]
    whole = [f"if {shlex.join(['todo', step.id, step.about])}; then", *body, "fi"]
    if step.makes:
        whole.append(shlex.join(["named", step.makes]))
    return "\n".join(whole)


def _with_document(command: str, document: str) -> str:
    end = "END-" + hashlib.sha256(document.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{command} <<'{end}'\n{document.rstrip(chr(10))}\n{end}"
