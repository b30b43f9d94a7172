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
_KEPT = [ipaddress.IPv4Network(n) for n in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")]
_INSIDE_RANGES = [(int(n.network_address), n.prefixlen) for n in _INSIDE]
_KEPT_RANGES = [(int(n.network_address), n.prefixlen) for n in _KEPT]
_RESERVED, _FIRST_OCTETS = 240, 15
_SOLICITED = int(ipaddress.IPv6Address("ff02::1:ff00:0"))
_DOC6 = int(ipaddress.IPv6Address("2001:db8::"))


def role_of(value: int) -> str:
    """Return ``kept``, ``inside`` or ``outside`` for an IPv4 address as a number.

    >>> [role_of(int(ipaddress.IPv4Address(a))) for a in ("127.0.0.1", "10.1.2.3", "8.8.8.8")]
    ['kept', 'inside', 'outside']
    """
    if any(value >> (32 - bits) == base >> (32 - bits) for base, bits in _KEPT_RANGES):
        return "kept"
    return "outside" if _range_of(value) is None else "inside"


def _range_of(value: int) -> tuple[int, int] | None:
    return next(((b, k) for b, k in _INSIDE_RANGES if value >> (32 - k) == b >> (32 - k)), None)


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
            ip = ipaddress.ip_address(_plain(text))
            v4 = ip if isinstance(ip, ipaddress.IPv4Address) else ip.ipv4_mapped
            if v4 is not None:
                if role_of(int(v4)) == "outside":
                    near.add(int(v4) >> 8)
            elif _kind6(int(ip)) == "outside":
                far.add(int(ip) >> 80)
        return cls(keyed, _place(near, keyed), _slots(far, 1 << 16, keyed))

    def __call__(self, text: str) -> str:
        """Return what is given out for an address that `of` was told."""
        out = self.cache.get(text)
        if out is None:
            ip = ipaddress.ip_address(_plain(text))
            if isinstance(ip, ipaddress.IPv4Address):
                out = str(ipaddress.IPv4Address(self._v4(int(ip))))
            elif ip.ipv4_mapped is not None:
                out = f"::ffff:{ipaddress.IPv4Address(self._v4(int(ip.ipv4_mapped)))}"
            else:
                out = str(ipaddress.IPv6Address(self._v6(int(ip))))
                out = out.upper() if text != text.lower() else out
            self.cache[text] = out
        return out

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
        return 1 + self.keyed.order(f"host/{value >> 8}", 254)[host - 1]

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


def _plain(text: str) -> str:
    """Drop leading zeros, which some tools write and Python refuses."""
    return ".".join(str(int(p)) for p in text.split(".")) if ":" not in text else text


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
    room = size << 8
    for net in sorted(networks, key=lambda n: keyed.bits(f"network/{n}")):
        place = taken[net >> 8] << 8 | keyed.prefixed(net & 255, 8, f"third/{net >> 8}")
        while place in used and len(used) < room:
            place = (place + 1) % room
        used.add(place)
        out[net] = (_RESERVED << 16) + place
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
