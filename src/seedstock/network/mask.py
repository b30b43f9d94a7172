"""A data set with addresses and names that nobody has, in the place of the real ones.

This is done once, before anything is checked, split or fitted. A model therefore never holds a real address, and the
rows that are held out are judged on the same terms as those drawn.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seedstock.core.schema import TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.network.addresses import Addresses
from seedstock.network.keyed import Keyed
from seedstock.network.names import Macs, Names
from seedstock.network.types import IPV4, is_address, is_mac, is_name, may_be_name, types_of

_ENCODED = r"(?<=%[0-9A-Fa-f][0-9A-Fa-f])"
"""Just after a character that is written as in URLs, such as %2F."""
_PLACE = rf"(?P<v4>(?:{_ENCODED}|(?<![A-Za-z0-9.%])(?<![A-Za-z]/)){IPV4}(?![A-Za-z0-9]|\.\d))"
_PLACE6 = r"(?P<v6>(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:]))"
_PLACE_MAC = r"(?P<mac>(?<![\w:-])[0-9A-Fa-f]{2}(?P<sep>[:-])(?:[0-9A-Fa-f]{2}(?P=sep)){4}[0-9A-Fa-f]{2}(?![\w:-]))"
_ANYWHERE = re.compile(f"{_PLACE_MAC}|{_PLACE}|{_PLACE6}")
_TOKEN = re.compile(rf"(?:{_ENCODED}|(?<![\w@.%-]))[\w*-]+(?:\.[\w*-]+)+\.?(?![\w@-])")
_URL_HOST = re.compile(
    r"(?:(?<=://)|(?<=%3A%2F%2F)|(?<=%3a%2f%2f))(?:(?P<user>[^/@%\s]*)@)?(?P<host>[^/:?#%\s\[\]\"',;]+)"
)
_SAID = re.compile(r"\b\w*(?:host|hostname|domain|server|site)=(?P<host>[\w.-]+)", re.I)
_MAY_LINK = re.compile("://|%3A%2F%2F", re.I)
_VERSION = re.compile(
    r".*(version|(^|[_\s.-])ver([_\s.-]|$)|(^|[_\s.-])oid|release|build|firmware|kernel|agent).*", re.I
)
Secret = bytes | Callable[[], tuple[bytes, str]]
_NAMED = ("domain", "host", "certificate subject")


@dataclass(frozen=True)
class Masked:
    """A data set without real addresses, and what the record says about it.

    Attributes
    ----------
    data : Dataset
    facts : mapping
        ``kept``: false; ``key``: the public name of the key; ``columns``: table -> column -> what it held;
        ``distinct``: how many distinct values of each kind were replaced. Empty where the data hold no addresses.
    texts : callable
        Replaces addresses in any JSON value, such as the conditions of a draw.
    tables : callable
        Replaces addresses in a further table of the same columns.
    """

    data: Dataset
    facts: Mapping[str, Any]
    texts: Callable[[Any], Any]
    tables: Callable[[Table], Table]


def mask(data: Dataset, secret: Secret) -> Masked:
    """Replace all network addresses and names of a data set, consistently.

    Parameters
    ----------
    data : Dataset
        Any tables; texts that hold no addresses stay as they are, and numbers always do.
    secret : bytes, or callable that returns bytes and their public name
        Key of the map. The same key and data give the same map; without the key nobody goes back. It is asked for only
        where there is something to replace.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema
    >>> schema = Schema({"t": TableSchema({"src": ColumnSchema("category")})})
    >>> data = Dataset({"t": Table({"src": Column.of_texts(["8.8.8.8", "8.8.8.9", "8.8.8.8"])})}, schema)
    >>> a, b, c = mask(data, b"secret").data.table["src"].texts()
    >>> a == c, a.split(".")[:3] == b.split(".")[:3], a.startswith(("192.0.2.", "198.51.100.", "203.0.113."))
    (True, True, True)
    """
    types = types_of(data)
    found = _Seen()
    for name, table in data.tables.items():
        for column in table:
            found.column(table[column], column, types[name].get(column))
    if not (found.addresses or found.names or found.macs):
        return Masked(data, {}, lambda value: value, lambda table: table)
    key, key_name = (secret, "") if isinstance(secret, bytes) else secret()
    keyed = Keyed(hashlib.blake2b(key=key[:64], person=b"seedstock-addr", digest_size=32).digest())
    work = _Work(Addresses.of(found.addresses, keyed), keyed, found)
    linked = {(end, column) for x in data.schema.links for end, column in ((x.child, x.column), (x.parent, x.key))}
    columns, tables, schemas = {}, {}, {}
    for name, table in data.tables.items():
        tables[name] = work.table(table, name, types[name])
        columns[name] = {c: types[name].get(c, "text") for c in work.changed.get(name, ())}
        free = {c: k for c, k in types[name].items() if (name, c) not in linked}
        schemas[name] = _relearned(data.schema.tables[name], free, work.value)
    facts = {
        "kept": False,
        "key": key_name,
        "columns": {t: c for t, c in columns.items() if c},
        "distinct": {"addresses": len(found.addresses), "macs": len(found.macs), "names": len(found.names)},
    }
    new = replace(
        data,
        tables=tables,
        schema=replace(data.schema, tables=schemas),
        origin=_said(data.origin, facts),
        notes=(*(work.text(n) for n in data.notes), _note(facts)),
    )
    lead = next(iter(types))
    return Masked(new, facts, work.value, lambda table: work.table(table, lead, types[lead]))


def kept(data: Dataset) -> Dataset:
    """Return data whose record says that its addresses were kept, by choice."""
    types = types_of(data)
    columns = {t: {c: k for c, k in of.items() if k in ("address", "mac", "url", *_NAMED)} for t, of in types.items()}
    columns = {t: c for t, c in columns.items() if c}
    if not columns:
        return data
    note = "Addresses and names of the source were kept, as asked: what is drawn may name real machines and people."
    origin = _said(data.origin, {"kept": True, "columns": columns})
    return replace(data, origin=origin, notes=(*data.notes, note))


def _said(origin: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an origin that says what became of the addresses, in each of its parts."""
    out = {**origin, "addresses": facts}
    if isinstance(origin.get("parts"), list):
        out["parts"] = [_said(part, facts) for part in origin["parts"]]
    return out


def _note(facts: Mapping[str, Any]) -> str:
    d = facts["distinct"]
    parts = [f"{d[k]:,} {w}" for k, w in (("addresses", "IP addresses"), ("macs", "MAC addresses"), ("names", "names"))
             if d[k]]  # fmt: skip
    return (
        f"{', '.join(parts)} of machines were replaced before anything was learned, one for one, by ones that belong "
        f"to nobody (same networks together; private ones stay private); --keep-addresses would keep the real ones."
    )


class _Seen:
    """Collects the distinct addresses and names of a data set."""

    def __init__(self) -> None:
        self.addresses: set[str] = set()
        self.macs: set[str] = set()
        self.names: set[str] = set()

    def column(self, column: Column, name: str, kind: str | None) -> None:
        for text in _levels(column):
            self.text(text, name, kind)

    def text(self, text: str, name: str = "", kind: str | None = None) -> None:
        if _may_hold(text) and not (_VERSION.fullmatch(name) and kind != "address"):
            names = False
            for match in _ANYWHERE.finditer(text):
                if match["mac"]:
                    self.macs.add(match["mac"].lower())
                elif is_address(match[0]):
                    self.addresses.add(match[0])
                    names = True
            if names:
                # A message that names an address may name the machine as well: ns.bank.com [8.8.8.8].
                self.names.update(m[0] for m in _TOKEN.finditer(text) if _likely(m[0]))
        if "=" in text:
            self.names.update(m["host"] for m in _SAID.finditer(text) if _likely(m["host"]))
        if kind == "address":
            self.addresses.update(t for t in _parts(text) if is_address(t))
        if kind == "mac" and is_mac(text.strip()):
            self.macs.add(text.strip().lower())
        if kind in _NAMED:
            self.names.update(t for t in _parts(text) if may_be_name(t) or (kind == "host" and t))
        if _MAY_LINK.search(text):
            self.names.update(m["host"] for m in _URL_HOST.finditer(text) if may_be_name(m["host"]))


class _Work:
    def __init__(self, addresses: Addresses, keyed: Keyed, seen: _Seen) -> None:
        self.addresses, self.macs = addresses, Macs(keyed)
        self.names = Names(keyed, self._reverse)
        self.known = {n.lower().rstrip(".") for n in seen.names if "." in n}
        self.changed: dict[str, list[str]] = {}

    def _reverse(self, address: str) -> str:
        """Follow the map of addresses in a name that stands for one, also where the address itself never occurs."""
        try:
            return self.addresses(address)
        except KeyError:
            ip = ipaddress.ip_address(address)
            net = int(ip) >> (8 if ip.version == 4 else 80)
            fake = (240 << 16) + self.names.keyed.integer(f"network/{net}", 15 << 16)
            if ip.version == 4:
                self.addresses.networks[net] = fake
            else:
                self.addresses.far[net] = fake & 0xFFFF
            return self.addresses(address)

    def table(self, table: Table, name: str, types: Mapping[str, str]) -> Table:
        out = {c: self.column(table[c], c, types.get(c)) for c in table}
        self.changed[name] = [c for c in table if out[c] is not table[c]]
        return Table(out, len(table))

    def column(self, column: Column, name: str, kind: str | None) -> Column:
        levels = _levels(column)
        if not levels:
            return column
        if _VERSION.fullmatch(name) and kind not in ("address", "mac", "url", *_NAMED):
            return column
        new = [self.text(t, kind) for t in levels]
        if new == levels:
            return column
        index: dict[str, int] = {}
        place = np.array([index.setdefault(t, len(index)) for t in new], np.int32)
        made = np.empty(len(index), object)
        made[:] = list(index)
        return Column(place[column.values], column.missing, made)

    def text(self, text: str, kind: str | None = None) -> str:
        """Return one cell with all addresses and names replaced."""
        if kind in _NAMED:
            text = _each(text, lambda t: self.names(t) if _REPLACED[kind](t) else t)
        elif kind == "mac" and is_mac(text.strip()):
            return self.macs(text)
        elif self.known and "." in text and not is_address(text):
            text = _TOKEN.sub(self._token, text)
        if _MAY_LINK.search(text):
            text = _URL_HOST.sub(self._url, text)
        return _ANYWHERE.sub(self._place, text) if _may_hold(text) else text

    def value(self, value: Any) -> Any:
        """Return a JSON value with all texts in it replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(k): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self.value(v) for v in value)
        return value

    def _token(self, match: re.Match[str]) -> str:
        name = match[0]
        return self.names(name) if name.lower().rstrip(".") in self.known else name

    def _url(self, match: re.Match[str]) -> str:
        host = match["host"]
        done = host.endswith(".example") or not may_be_name(host)
        return ("" if match["user"] is None else "user@") + (host if done else self.names(host))

    def _place(self, match: re.Match[str]) -> str:
        if match["mac"]:
            return self.macs(match["mac"])
        if not is_address(match[0]):
            return match[0]
        return self._reverse(match[0])


_REPLACED: Mapping[str, Callable[[str], bool]] = {
    "domain": may_be_name,
    "host": lambda t: not is_address(t),
    "certificate subject": may_be_name,
}


def _levels(column: Column) -> list[str]:
    return [] if column.levels is None else [str(t) for t in column.levels]


def _likely(text: str) -> bool:
    return is_name(text) or (text.count(".") >= 2 and may_be_name(text))


def _may_hold(text: str) -> bool:
    return text.count(".") >= 3 or text.count(":") >= 2 or text.count("-") >= 5


def _parts(text: str) -> list[str]:
    return [p for p in _SEPARATORS.split(text)[::2] if p]


_SEPARATORS = re.compile(r"""([\[\](){}"',;|\s=/]+)""")


def _each(text: str, change: Callable[[str], str]) -> str:
    """Change each part of a list, and leave what stands between."""
    parts = _SEPARATORS.split(text)
    parts[::2] = [change(p) if p else p for p in parts[::2]]
    return "".join(parts)


def _relearned(schema: TableSchema, types: Mapping[str, str], value: Callable[[Any], Any]) -> TableSchema:
    """Return a schema in which unique addresses are values nevertheless: ids that are made up could be real ones."""
    out = schema
    for name, kind in types.items():
        column = schema[name]
        if kind in ("address", "mac", "domain", "host") and column.kind in ("id", "text"):
            roles = tuple(r for r in column.roles if r != "key")
            out = out.replace_column(name, kind="category", roles=roles)
    return replace(out, rules=tuple(value(dict(r)) for r in schema.rules))


def distinct_addresses(data: Dataset) -> Iterable[str]:
    """Return the distinct IP addresses anywhere in a data set's texts."""
    seen = _Seen()
    for table in data.tables.values():
        for column in table:
            seen.column(table[column], column, None)
    return sorted(seen.addresses)
