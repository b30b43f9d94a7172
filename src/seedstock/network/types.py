"""What columns of network data hold, told from their values; names of columns only where values leave it open."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

import numpy as np

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.network.words import ENDS, INSIDE_ENDS, PROTOCOL_NUMBERS, PROTOCOLS, STATES

SEEN = 2_000
"""Distinct values that are looked at."""
MOST = 0.8
"""Share of them that must be of a type."""

IPV4 = r"(?:(?:25[0-5]|2[0-4]\d|[01]?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_IPV4 = re.compile(IPV4)
_MAC = re.compile(r"[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.I)
_LABEL = r"(?:[A-Za-z0-9_*](?:[\w-]{0,61}[A-Za-z0-9_])?)"
_NAME = re.compile(rf"(?=.{{4,253}}$){_LABEL}(?:\.{_LABEL})*\.([A-Za-z]{{2,24}}|xn--[A-Za-z0-9-]+)\.?")
_HOST = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_][\w-]{0,62}\$?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}://\S+")
_AGENT = re.compile(
    r"(?:Mozilla|Opera|curl|Wget|python-requests|Go-http-client|Java|okhttp|Dalvik|Microsoft)\b.*", re.I
)
_SUBJECT = re.compile(r"(?:.*[,/ ])?(?:CN|OU|O|emailAddress)=.*", re.I)
_HISTORY = re.compile(r"[\^ShADdafFrRcCgGtTwWiIqQHs-]{1,60}")
_DOTTED_FLAGS = re.compile(r"[.CEUAPRSFN]{6,8}")
_LISTED_FLAGS = re.compile(r"(?:SYN|ACK|FIN|RST|PSH|URG|ECE|CWR)(?:[-,| +](?:SYN|ACK|FIN|RST|PSH|URG|ECE|CWR))*", re.I)
_KNOWN_ENDS = ENDS | INSIDE_ENDS
_PORT_NAME = re.compile(
    r"(.*[_\s.-])?[sd]?(src|dst|source|destination|dest|orig|resp|local|remote|server|client)?[_\s.-]?"
    r"(port|pt|prt|p|dport|sport)([_\s.-]?(no|num|number|src|dst))?|[sd]p",
    re.I,
)
_BARE_P = re.compile(r"(?:.*\.)?(?:orig|resp)_p|[sd]p", re.I)
_NAMED_NAME = re.compile(r".*(host|domain|query|server.?name|fqdn|dns|sni|site|answers|cname|helo|mx).*", re.I)
_HOST_NAME = re.compile(r"(.*[_\s.-])?(host_?name|host|computer|computer_?name|workstation|workstation_?name"
                        r"|client_?host|server_?host|logon_?host|device|node)", re.I)  # fmt: skip
_USER_NAME = re.compile(r"(.*[_\s.-])?(user|user_?name|account|account_?name|login|logon|subject_?user_?name|"
                        r"target_?user_?name|uname|ruser|[so]?user)", re.I)  # fmt: skip
_ADDRESS_NAME = re.compile(
    r"(?:.*[_\s.-])?(?:[sd]?ip|ipv[46]|addr|address|[sd]addr|src|dst)(?:[_\s.-].*)?", re.I
).fullmatch
_PROTOCOL_NAME = re.compile(r"(.*[_\s.-])?(proto|protocol|protocol_?type|pr)", re.I)
_FLAG_NAME = re.compile(r".*(flag|flg|history).*", re.I)
_STATE_NAME = re.compile(r".*(state|status|flag).*", re.I)
_VERSION_NAME = re.compile(r".*(version|(^|[_\s.-])ver([_\s.-]|$)|oid|release|build|firmware|kernel).*", re.I)


def is_address(text: str) -> bool:
    """Tell whether a text is one IPv4 or IPv6 address.

    >>> [is_address(t) for t in ("10.0.0.1", "fe80::1", "12:30", "1.2.3", "300.1.1.1")]
    [True, True, False, False, False]
    """
    if _IPV4.fullmatch(text):
        return True
    if text.count(":") < 2:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_mac(text: str) -> bool:
    """Tell whether a text is one MAC address."""
    return _MAC.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Tell whether a text is a domain name with an ending that is in use.

    >>> [is_name(t) for t in ("www.bank.co.uk", "wpad.lan", "setup.exe", "1.5", "a.b")]
    [True, True, False, False, False]
    """
    found = _NAME.fullmatch(text)
    return found is not None and (found[1].lower() in _KNOWN_ENDS or found[1].startswith("xn--"))


def may_be_name(text: str) -> bool:
    """Tell whether a text is written like a domain name, whatever its ending.

    >>> [may_be_name(t) for t in ("kiwi.co.nz", "setup.exe", "10.0.0.1")]
    [True, True, False]
    """
    return _NAME.fullmatch(text) is not None


def type_of(column: Column, schema: ColumnSchema, name: str) -> str | None:
    """Return what a column holds, in the words of the field, or None.

    One of ``address``, ``mac``, ``domain``, ``url``, ``certificate subject``, ``user agent``, ``port``, ``protocol``,
    ``tcp flags``, ``connection state``, ``connection history``, ``host`` and ``user``.

    >>> of = lambda name, *texts: type_of(Column.of_texts(texts), ColumnSchema("category"), name)
    >>> of("a", "8.8.8.8", "10.0.0.1"), of("b", "tcp", "udp"), of("c", "SF", "S0", "REJ"), of("d", ".A..S.", "......")
    ('address', 'protocol', 'connection state', 'tcp flags')
    """
    if column.values.ndim > 1:
        return None
    if not column.is_text:
        return _of_numbers(column, schema, name)
    assert column.levels is not None
    used = np.unique(column.values[~column.missing])[:SEEN]
    texts = [str(t).strip() for t in column.levels[used]] if len(used) else []
    if not texts or _VERSION_NAME.fullmatch(name):
        return None
    return next((kind for kind, test in _TESTS if test(texts, name)), None)


def _share(texts: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(t)) for t in texts) / len(texts)


def _listed(texts: Sequence[str]) -> list[str]:
    return [p for t in texts for p in re.split(r"""[\[\](){}"',;|\s]+""", t) if p] or ["?"]


def _domains(texts: Sequence[str], name: str) -> bool:
    told = _NAMED_NAME.fullmatch(name) is not None
    parts = _listed(texts) if told else list(texts)
    named = _share(parts, is_name)
    if told:
        return named > 0 and _share(parts, lambda t: is_name(t) or is_address(t) or _HOST.fullmatch(t)) >= MOST
    # Without a telling name, files and packages look alike: most must end as names of the net mostly do.
    common = _share(
        parts, lambda t: is_name(t) and t.lower().rstrip(".").removesuffix(".example").rsplit(".", 1)[-1] in ENDS
    )
    return named >= MOST and common >= 0.5 and len(parts) >= 3


def _flags(texts: Sequence[str], name: str) -> bool:
    if all(map(_DOTTED_FLAGS.fullmatch, texts)):
        return any("." in t for t in texts)
    return _FLAG_NAME.fullmatch(name) is not None and _share(texts, _LISTED_FLAGS.fullmatch) >= MOST


def _states(texts: Sequence[str], name: str) -> bool:
    least = 2 if _STATE_NAME.fullmatch(name) else 3
    return len(texts) >= least and any(set(texts) <= states for states in STATES)


def _protocols(texts: Sequence[str], name: str) -> bool:
    known = _share(texts, lambda t: t.lower() in PROTOCOLS)
    if {"tcp", "udp"} & {t.lower() for t in texts} and known >= 0.5:
        return True
    return _PROTOCOL_NAME.fullmatch(name) is not None and known >= 0.5


_TESTS: tuple[tuple[str, Callable[[Sequence[str], str], bool]], ...] = (
    ("mac", lambda texts, name: _share(texts, is_mac) >= MOST),
    ("address", lambda texts, name: _share(_listed(texts), is_address) >= (0.01 if _ADDRESS_NAME(name) else 0.5)),
    ("tcp flags", _flags),
    ("connection state", _states),
    ("protocol", _protocols),
    ("connection history", lambda texts, name: "history" in name.lower() and _share(texts, _HISTORY.fullmatch) >= MOST),
    ("url", lambda texts, name: _share(texts, _URL.fullmatch) >= MOST),
    ("certificate subject", lambda texts, name: _share(texts, _SUBJECT.fullmatch) >= MOST),
    ("user agent", lambda texts, name: "agent" in name.lower() or _share(texts, _AGENT.fullmatch) >= MOST),
    ("domain", _domains),
    ("host", lambda texts, name: _HOST_NAME.fullmatch(name) is not None and _share(texts, _HOST.fullmatch) >= MOST),
    ("user", lambda texts, name: _USER_NAME.fullmatch(name) is not None),
)


def _of_numbers(column: Column, schema: ColumnSchema, name: str) -> str | None:
    here = column.values[~column.missing]
    if schema.kind not in ("number", "category", "id") or not len(here) or here.dtype.kind not in "if":
        return None
    if here.min() < 0 or (here.dtype.kind == "f" and (here != np.floor(here)).any()):
        return None
    if (_PORT_NAME.fullmatch(name) and (name.lower() != "p")) or _BARE_P.fullmatch(name):
        return "port" if here.max() <= 65_535 else None
    if _PROTOCOL_NAME.fullmatch(name) and set(np.unique(here).astype(int).tolist()) <= PROTOCOL_NUMBERS:
        return "protocol"
    return "tcp flags" if re.search(r"tcp.?fl(a)?g", name, re.I) and here.max() <= 511 else None


def types_of(data: Dataset) -> dict[str, dict[str, str]]:
    """Return table -> column -> what it holds, for the columns of network data."""
    return {name: types_in(table, data.schema.tables[name].columns) for name, table in data.tables.items()}


def types_in(table: Table, columns: dict[str, ColumnSchema] | object) -> dict[str, str]:
    """Return column -> what it holds."""
    assert isinstance(columns, dict)
    found = {name: type_of(table[name], columns[name], name) for name in table}
    return {name: kind for name, kind in found.items() if kind}
