"""IP addresses that nobody has, in the place of real ones: same networks together, inside stays inside.

============================  =========================================================================
real                          given out
============================  =========================================================================
unspecified, loopback,        as it is: it says nothing about anybody
broadcast, multicast
private, shared, link-local   the same range; all prefixes up to /24 kept together
other IPv4, three /24 or      the documentation ranges 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
less of them in the data
other IPv4, more of them      240.0.0.0/4, reserved and routed nowhere: what shared its first octet, its /16 or
                              its /24 does so again
other IPv6                    2001:db8::/32: /48 and /64 kept together
============================  =========================================================================

Source: RFC 1918, 5737, 1112, 3849, 6890 for the ranges; `Keyed.prefixed` for the prefixes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from seedstock.network.keyed import Keyed

DOCUMENTATION = ("192.0.2.0", "198.51.100.0", "203.0.113.0")
_INSIDE = [ipaddress.IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                                              "169.254.0.0/16")]  # fmt: skip
_INSIDE_RANGES = [(int(n.network_address), n.prefixlen) for n in _INSIDE]
_RESERVED, _FIRST_OCTETS = 240, 15
_SOLICITED = int(ipaddress.IPv6Address("ff02::1:ff00:0"))
_DOC6 = int(ipaddress.IPv6Address("2001:db8::"))


def role_of(value: int) -> str:
    """Return ``kept``, ``inside`` or ``outside`` for an IPv4 address as a number.

    >>> [role_of(int(ipaddress.IPv4Address(a))) for a in ("127.0.0.1", "10.1.2.3", "8.8.8.8")]
    ['kept', 'inside', 'outside']
    """
    first = value >> 24
    if first in (0, 127) or 224 <= first < 240 or value == (1 << 32) - 1:
        return "kept"
    return "outside" if _range_of(value) is None else "inside"


def _range_of(value: int) -> tuple[int, int] | None:
    for base, bits in _INSIDE_RANGES:
        if value >> (32 - bits) == base >> (32 - bits):
            return base, bits
    return None


def number_of(text: str) -> int:
    """Return an IPv4 address as a number; zeros before a number, which some tools write, are no octal."""
    a, b, c, d = text.split(".")
    return int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)


def _dotted(value: int) -> str:
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


@dataclass(frozen=True, eq=False)
class Addresses:
    """A consistent map of IP addresses under a key.

    Attributes
    ----------
    keyed : Keyed
    networks : mapping of int to int
        Upper 24 bits of outside IPv4 addresses -> upper 24 bits of what is given out.
    far : mapping of int to int
        Upper 48 bits of outside IPv6 addresses -> third group of what is given out.

    Examples
    --------
    >>> a = Addresses.of(["8.8.8.8", "8.8.8.4", "10.0.0.7"], Keyed(b"key"))
    >>> a("8.8.8.8").rsplit(".", 1)[0] == a("8.8.8.4").rsplit(".", 1)[0], a("10.0.0.7").startswith("10.")
    (True, True)
    """

    keyed: Keyed
    networks: dict[int, int] = field(default_factory=dict)
    far: dict[int, int] = field(default_factory=dict)
    cache: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, addresses: Iterable[str], keyed: Keyed) -> Addresses:
        """Make the map for all addresses of a data set; the order in which they come does not matter."""
        near, far = set(), set()
        for text in addresses:
            if ":" not in text:
                value = number_of(text)
                if role_of(value) == "outside":
                    near.add(value >> 8)
                continue
            ip = ipaddress.IPv6Address(text)
            if ip.ipv4_mapped is not None:
                if role_of(int(ip.ipv4_mapped)) == "outside":
                    near.add(int(ip.ipv4_mapped) >> 8)
            elif _kind6(int(ip)) == "outside":
                far.add(int(ip) >> 80)
        return cls(keyed, _place(near, keyed), _slots(far, 1 << 16, keyed))

    def __call__(self, text: str) -> str:
        """Return what is given out for an address that `of` was told."""
        out = self.cache.get(text)
        if out is None:
            out = self.cache[text] = self._v4_text(text) if ":" not in text else self._v6_text(text)
        return out

    def _v4_text(self, text: str) -> str:
        return _dotted(self._v4(number_of(text)))

    def _v6_text(self, text: str) -> str:
        ip = ipaddress.IPv6Address(text)
        if ip.ipv4_mapped is not None:
            return f"::ffff:{_dotted(self._v4(int(ip.ipv4_mapped)))}"
        out = str(ipaddress.IPv6Address(self._v6(int(ip))))
        return out.upper() if text != text.lower() else out

    def _v4(self, value: int) -> int:
        role = role_of(value)
        if role == "kept":
            return value
        if role == "inside":
            base, bits = _range_of(value) or (0, 0)
            width = 24 - bits
            part = (value >> 8) & ((1 << width) - 1)
            upper = base >> 8 | self.keyed.prefixed(part, width, f"inside/{base}")
        else:
            upper = self.networks[value >> 8]
        return upper << 8 | self._host(value)

    def _host(self, value: int) -> int:
        """Turn the last octet; 0 and 255, which mean the network and all its hosts, stay."""
        host = value & 255
        if host in (0, 255):
            return host
        return self.keyed.octet(host, f"host/{value >> 8}")

    def _v6(self, value: int) -> int:
        kind = _kind6(value)
        if kind == "kept":
            return value
        if kind == "solicited":
            return _SOLICITED | self.keyed.integer(f"solicited/{value & 0xFFFFFF}", 1 << 24)
        subnet, low = (value >> 64) & 0xFFFF, value & (1 << 64) - 1
        # Short interface numbers (::1, ::53) are set by hand, and stay short.
        room = 1 << 16 if low < 1 << 16 else 1 << 64
        low = low if low == 0 else 1 + self.keyed.integer(f"interface/{value}", room - 1)
        if kind == "link":
            return 0xFE80 << 112 | low
        net = value >> 80
        subnet ^= self.keyed.integer(f"subnet/{net}", 1 << 16)
        if kind == "local":
            return 0xFD << 120 | self.keyed.integer(f"local/{net}", 1 << 40) << 80 | subnet << 64 | low
        return _DOC6 | self.far[net] << 80 | subnet << 64 | low


def _kind6(value: int) -> str:
    if value >> 104 == _SOLICITED >> 104 and value >> 24 == _SOLICITED >> 24:
        return "solicited"
    if value < 2 or value >> 120 == 0xFF:
        return "kept"
    if value >> 118 == 0xFE80 >> 6:
        return "link"
    return "local" if value >> 121 == 0xFC >> 1 else "outside"


def _place(networks: set[int], keyed: Keyed) -> dict[int, int]:
    """Return for each /24 another one that nobody has."""
    if len(networks) <= len(DOCUMENTATION):
        places = [int(ipaddress.IPv4Address(a)) >> 8 for a in DOCUMENTATION]
        spots = _slots(networks, len(places), keyed)
        return {n: places[k] for n, k in spots.items()}
    wide = {n >> 8 for n in networks}
    taken: dict[int, int] = {}
    held: set[int] = set()
    size = _FIRST_OCTETS << 8
    sharing = len(wide) > size
    for net in sorted(wide, key=lambda n: keyed.bits(f"wide/{n}")):
        slot = (
            keyed.integer(f"octet/{net >> 8}", _FIRST_OCTETS) << 8 | keyed.order(f"second/{net >> 8}", 256)[net & 255]
        )
        while slot in held and not sharing:
            slot = (slot + 1) % size
        taken[net] = slot
        held.add(slot)
    out: dict[int, int] = {}
    used: set[int] = set()
    filled = [0] * size
    for net in sorted(networks, key=lambda n: keyed.bits(f"network/{n}")):
        block = taken[net >> 8]
        for _ in range(size):
            if filled[block] < 256:
                break
            block = (block + 1) % size
        third = keyed.prefixed(net & 255, 8, f"third/{net >> 8}")
        while block << 8 | third in used and filled[block] < 256:
            third = (third + 1) & 255
        filled[block] += 1
        used.add(block << 8 | third)
        out[net] = (_RESERVED << 16) + (block << 8 | third)
    return out


def _slots(names: set[int], size: int, keyed: Keyed) -> dict[int, int]:
    """Give each number a slot of its own, as long as there are enough."""
    out: dict[int, int] = {}
    used: set[int] = set()
    for name in sorted(names, key=lambda n: keyed.bits(f"slot/{n}")):
        slot = keyed.integer(f"slot/{name}", size)
        while slot in used and len(used) < size:
            slot = (slot + 1) % size
        used.add(slot)
        out[name] = slot
    return out
