"""Inputs made hostile: a document of ours with a few values, lines or elements exchanged for bad ones."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random

from lxml import etree

from bridge.data.options import keys

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
CONFIGS = [path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("cases/*.conf"))]
DOMAINS = [
    path.read_bytes()
    for path in sorted((*ROOT.glob("samples/*.xml"), *TESTS.glob("foreign/*.xml"), *TESTS.glob("security/cases/S*.xml")))
    if path.stat().st_size < 40_000
]
"""XML that was not written by the bridge; many of them bad already."""
OURS = [path.read_bytes() for path in sorted(TESTS.glob("cases/*.xml"))]
"""XML of the bridge, with its metadata (and findings in comments behind)."""
KEYS = keys()
SECRET = "hunter2"

VALUES = (
    *("", " ", "0", "-1", "1", "00", "+1", "1e9", "1e400", "1_0", "0x10", "1.5", "NaN", "inf", "16", "31", "32", "255", "256", "65536"),
    *("2147483648", "4294967296", "18446744073709551615", "9" * 20, "9" * 400, "9" * 5000, "\u0665", "\uff11", "\u00a01", "1\u3000"),
    *(
        "0-99999999999",
        "0-8191",
        "5-1",
        "^1",
        "0-3,^1",
        "0;1",
        "1,2",
        "a,b",
        "a=b",
        ",",
        "=",
        ";",
        "%",
        "%zz",
        "%00",
        "%0A",
        "#",
        "\\",
        "'",
    ),
    *('"', "a\nargs: -S", "a\rb", "\t", "\x7f", "\x85", "\u2028", "\u202e", "\u200b", "\U0001f600", "]]>", "<x/>", "&amp;", "$(x)", "`x`"),
    *("/", "..", "/etc/shadow", "../../etc/shadow", "/dev/mem", "/dev/sdz", "/srv/a.raw", "/proc/self/mem", "json:{}", "nbd:unix:/x"),
    *(
        "local:100/vm-100-disk-0.raw",
        "local:999/vm-999-disk-0.raw",
        "local:../x",
        "none",
        "cdrom",
        "on",
        "off",
        "yes",
        "no",
        "auto",
        "none",
    ),
    *("host", "virtio", "scsi", "ide", "sata", "usb", "file", "block", "network", "volume", "bridge", "user", "direct", "spice", "qxl"),
    *("1,multifunction=on", "snapstate: delete", "[PENDING]", "[a]", "52:54:00:12:34:56", "01:00:5e:00:00:01", "0000:00:00.0"),
    *("pc-q35-99.99", "q35", "pc", "virt", "sev", "sev-snp", "tdx", "ffffffff-ffff-ffff-ffff-ffffffffffff", "x" * 300, "x" * 70_000),
)
ATTRIBUTES = (
    *("type", "bus", "index", "queues", "port", "mode", "model", "name", "id", "size", "file", "dev", "cpuset", "unit", "value", "order"),
    *("slot", "function", "controller", "startport", "iothread", "passwd", "source", "device"),
)


def _steps(random: Random) -> range:
    return range(random.choice((1, 1, 1, 2, 3, 6)))


def domain(random: Random, document: bytes) -> bytes:
    """XML with elements or values exchanged; what cannot be parsed comes back as it is."""
    try:
        root = etree.fromstring(document)
    except etree.XMLSyntaxError:
        return document
    for _ in _steps(random):
        nodes = [node for node in root.iter() if isinstance(node.tag, str)]
        node, other, value = random.choice(nodes), random.choice(nodes), random.choice(VALUES)
        try:
            _change(random, node, other, value)
        except ValueError:  # lxml takes no such text
            continue
    return etree.tostring(root)


def _change(random: Random, node: etree._Element, other: etree._Element, value: str) -> None:
    parent = node.getparent()
    match random.randrange(9):
        case 0 | 1 | 2 if node.attrib:
            node.set(str(random.choice(list(node.attrib))), value)
        case 3:
            node.text = value
        case 4 if node.attrib:
            del node.attrib[random.choice(list(node.attrib))]
        case 5 if parent is not None:
            parent.remove(node)
        case 6 if parent is not None:
            parent.append(copy.deepcopy(node))
        case 7 if len(list(other.iter())) < 50:
            node.append(copy.deepcopy(other))
        case _:
            node.set(random.choice(ATTRIBUTES), value)


def config(random: Random, text: str) -> str:
    """A config with lines or values exchanged."""
    lines = text.split("\n")
    for _ in _steps(random):
        at, value = random.randrange(len(lines)), random.choice(VALUES)
        key, _, said = lines[at].partition(":")
        match random.randrange(10):
            case 0 | 1:
                lines[at] = f"{key}: {value}"
            case 2 | 3 if "=" in said:
                parts = said.split(",")
                n = random.randrange(len(parts))
                name, equals, _ = parts[n].partition("=")
                parts[n] = f"{name}={value}" if equals else value
                lines[at] = f"{key}:{','.join(parts)}"
            case 4:
                lines.insert(at, f"{random.choice(KEYS)}: {value}")
            case 5:
                lines.insert(at, f"{random.choice(KEYS)}:{said}")
            case 6:
                lines[at] += f",{value}"
            case 7:
                lines.insert(at, random.choice(random.choice(CONFIGS).split("\n")))
            case 8:
                lines.insert(at, f"[{value}]")
            case _:
                lines.insert(at, value)
    return "\n".join(lines)
