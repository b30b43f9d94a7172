"""MAC addresses, domain names and URLs that nobody has, in the place of real ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from seedstock.network.keyed import Distinct, Keyed
from seedstock.network.words import COMMON_LABELS, INSIDE_ENDS, SECOND_ENDS

_HEX = re.compile(r"[0-9A-Fa-f]")
_GROUP = ("01005e", "0180c2", "3333", "01000c")
_REVERSE4 = re.compile(r"^((?:\d{1,3}\.){4})in-addr\.arpa\.?$", re.I)
_REVERSE6 = re.compile(r"^((?:[0-9a-f]\.){32})ip6\.arpa\.?$", re.I)


@dataclass(frozen=True, eq=False)
class Macs:
    """MAC addresses: one maker's stay together, and all say that they were made up (locally administered).

    Group and broadcast addresses, which belong to no device, stay as they are.

    Examples
    --------
    >>> m = Macs(Keyed(b"key"))
    >>> m("08:00:27:7f:09:e1")[:8] == m("08:00:27:00:00:01")[:8], int(m("08:00:27:7f:09:e1")[:2], 16) & 3
    (True, 2)
    >>> m("ff:ff:ff:ff:ff:ff")
    'ff:ff:ff:ff:ff:ff'
    """

    keyed: Keyed
    distinct: Distinct = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "distinct", Distinct(self._made))

    def __call__(self, text: str) -> str:
        digits = "".join(_HEX.findall(text)).lower()
        if set(digits) in ({"0"}, {"f"}) or digits.startswith(_GROUP):
            return text
        new = iter(self.distinct(digits))
        upper = text != text.lower()
        return "".join((next(new).upper() if upper else next(new)) if _HEX.match(c) else c for c in text)

    def _made(self, digits: str, attempt: int) -> str:
        maker = self.keyed.integer(f"maker/{digits[:6]}", 1 << 24)
        maker = maker & ~(3 << 16) | 2 << 16 | (int(digits[:2], 16) & 1) << 16
        return f"{maker:06x}{self.keyed.integer(f'device/{digits}/{attempt}', 1 << 24):06x}"


@dataclass(frozen=True, eq=False)
class Names:
    """Domain and host names: each label by one of its shape, under ``.example``; names inside keep their ending.

    ``www``, ``mail``, ``_ldap`` and other labels that say what a host does stay; so does the real ending, as a label
    before ``.example``. Names that stand for addresses (in-addr.arpa) follow the map of the addresses.

    Attributes
    ----------
    keyed : Keyed
    address : callable
        Real address -> address given out.

    Examples
    --------
    >>> n = Names(Keyed(b"key"), lambda a: "192.0.2.1")
    >>> name = n("www.bank.co.uk")
    >>> name.startswith("www."), name.endswith(".co.uk.example"), len(name) - len("www.bank.co.uk")
    (True, True, 8)
    >>> n("4.3.2.1.in-addr.arpa")
    '1.2.0.192.in-addr.arpa'
    """

    keyed: Keyed
    address: Callable[[str], str]
    distinct: Distinct = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "distinct", Distinct(self.keyed.word))

    def __call__(self, name: str) -> str:
        if found := _REVERSE4.match(name):
            there = self.address(".".join(reversed(found[1].rstrip(".").split("."))))
            return ".".join(reversed(there.split("."))) + name[len(found[1]) - 1 :]
        if _REVERSE6.match(name):
            return self._reverse6(name)
        dot = "." if name.endswith(".") else ""
        labels = name.rstrip(".").split(".")
        end = labels[-1].lower()
        if len(labels) == 1:
            return self._label(labels[0]) + dot
        kept = 1
        if end == "arpa":
            return name
        if end not in INSIDE_ENDS and len(end) == 2 and len(labels) > 2 and labels[-2].lower() in SECOND_ENDS:
            kept = 2
        new = [self._label(x) for x in labels[:-kept]] + labels[-kept:]
        return ".".join([*new, *([] if end in INSIDE_ENDS else ["example"])]) + dot

    def _label(self, label: str) -> str:
        low = label.lower()
        if low in COMMON_LABELS or label.startswith("_") or label in ("*", ""):
            return label
        new = self.distinct(low)
        return "".join(b.upper() if a.isupper() else b for a, b in zip(label, new, strict=True))

    def _reverse6(self, name: str) -> str:
        import ipaddress

        nibbles = name.split(".")[:32]
        groups = ["".join(reversed(nibbles))[i : i + 4] for i in range(0, 32, 4)]
        there = ipaddress.IPv6Address(self.address(":".join(groups))).exploded.replace(":", "")
        return ".".join(reversed(there)) + name[63:]
