"""Addresses that are made up where each row needs one of its own: none of them belongs to anybody."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from seedstock.network.addresses import number_of, role_of
from seedstock.network.types import IPV4, is_address, is_mac

ROOM = {"ipv4": 15 * 2**16 * 254, "private": 2**16 * 254, "ipv6": 2**62, "mac": 2**40}
"""How many there are: in 240.0.0.0/4, in 10.0.0.0/8, in 2001:db8::/32, and locally administered."""
_SEEN = 1_000
_IPV4 = re.compile(rf"(?<![A-Za-z0-9.]){IPV4}(?![A-Za-z0-9]|\.\d)")


def form_of(texts: Sequence[str]) -> str:
    """Return ``ipv4``, ``private`` (IPv4), ``ipv6`` or ``mac`` where all texts are such addresses, else nothing.

    >>> [form_of(t) for t in (["10.0.0.1", "8.8.8.8"], ["10.0.0.1"], ["08:00:27:7f:09:e1"], ["10.0.0.1", "x"])]
    ['ipv4', 'private', 'mac', '']
    """
    some = texts[:_SEEN]
    if all(map(is_mac, some)):
        return "mac"
    if not all(map(is_address, some)):
        return ""
    if any(":" in t for t in some):
        return "ipv6"
    return "private" if all(role_of(number_of(t)) == "inside" for t in some) else "ipv4"


def without_addresses(text: str) -> str:
    """Return an identifier with all IPv4 addresses in it as 0.0.0.0: digits drawn in their place could be somebody's.

    >>> without_addresses("8.8.8.8-10.0.0.1-53-6")
    '0.0.0.0-0.0.0.0-53-6'
    """
    return _IPV4.sub("0.0.0.0", text) if text.count(".") >= 3 else text


def made_addresses(numbers: NDArray[np.int64] | Iterable[int], form: str) -> list[str]:
    """Return the addresses of numbers below `ROOM`, each its own.

    >>> made_addresses([0, 254], "ipv4"), made_addresses([255], "mac"), made_addresses([7], "ipv6")
    (['240.0.0.1', '240.0.1.1'], ['02:00:00:00:00:ff'], ['2001:db8::7'])
    """
    if form in ("ipv4", "private"):
        first = 240 if form == "ipv4" else 10
        return [str(ipaddress.IPv4Address((first << 24) + (int(k) // 254 << 8) + int(k) % 254 + 1)) for k in numbers]
    if form == "ipv6":
        base = int(ipaddress.IPv6Address("2001:db8::"))
        return [str(ipaddress.IPv6Address(base + int(k))) for k in numbers]
    hexes = (f"{(2 << 40) + int(k):012x}" for k in numbers)
    return [":".join(h[i : i + 2] for i in range(0, 12, 2)) for h in hexes]
