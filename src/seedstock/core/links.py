"""How linked tables hang together: rows of parents, the order of tables, and what must not be parted.

A row of a child table belongs to one *main* parent, whose number of children is learned; its other links are
references. Tables that hang together by main links are a tree, and its first table is the tree's root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seedstock.core.errors import InputError
from seedstock.core.schema import Link
from seedstock.core.table import Column, Dataset

_NEARLY = 0.8

NULL, ORPHAN = -1, -2
"""In place of a parent's row number: the key is missing; no parent has it."""

FAMILIES = 30
"""Parents from which on numbers of children can be learned; with fewer, a link is a reference."""

CODES = 50
"""Rows that a list of codes has at most: a table without parents, of a key and at most one more column."""


@dataclass(frozen=True)
class Family:
    """The order and the parts of linked tables.

    Attributes
    ----------
    order : tuple of str
        All tables, parents before children.
    main : mapping of str to Link
        A table's link to its main parent; roots have none.
    others : mapping of str to tuple of Link
        A table's references: all other links, those to itself included.
    late : tuple of Link
        References that close a cycle of tables: they are set when all tables are there.
    code_lists : tuple of str
        Small tables of codes; links to them are categories.
    divided : tuple of str
        The roots whose trees may be parted by a split: those that no other tree refers to.
    lead : str
        The one of them with the most rows below it; asking for n rows means n of its rows.
    """

    order: tuple[str, ...]
    main: Mapping[str, Link]
    others: Mapping[str, tuple[Link, ...]]
    late: tuple[Link, ...]
    code_lists: tuple[str, ...]
    divided: tuple[str, ...] = ()
    lead: str = ""

    @property
    def roots(self) -> tuple[str, ...]:
        """The tables without a main parent that are no lists of codes."""
        return tuple(t for t in self.order if t not in self.main and t not in self.code_lists)

    def tree(self, table: str) -> str:
        """Return the root that a table hangs on."""
        while table in self.main:
            table = self.main[table].parent
        return table


def parent_rows(data: Dataset, link: Link) -> NDArray[np.int64]:
    """Return for each row of the child the row of its parent, `NULL` or `ORPHAN`, shape (n_child,).

    Where several parents have a key, the first of them is meant.
    """
    key, pointer = data.tables[link.parent][link.key], data.tables[link.child][link.column]
    if key.is_text != pointer.is_text or (not key.is_text and key.values.dtype.kind != pointer.values.dtype.kind):
        raise InputError(
            f"{link.child}.{link.column} and {link.parent}.{link.key} are of different types, so no row can point to "
            f"another; write both in one way"
        )
    codes, k = Column.concat([key, pointer]).codes()
    n = len(key)
    row = np.full(k + 1, ORPHAN, np.int64)
    here = np.flatnonzero(~key.missing)[::-1]
    row[codes[here]] = here
    out = row[codes[n:]]
    out[pointer.missing] = NULL
    return out


def family(data: Dataset, families: int = FAMILIES, code_rows: int = CODES) -> Family:
    """Find out how tables hang together.

    A main parent has at least `families` rows; among several, those of which the largest share has children, and of
    these the one with most rows. Cycles between tables are broken at a link with missing cells.

    Raises
    ------
    InputError
        Tables point to each other in a circle, and no link of it may be empty.
    """
    links = data.schema.links
    if not links:
        raise InputError("these tables are not linked; give the links in a schema file, or handle each table by itself")
    codes = tuple(t for t in data.tables if _is_code_list(data, t, code_rows))
    rows = {link: parent_rows(data, link) for link in links}
    order, late = _ordered(list(data.tables), [x for x in links if x.child != x.parent], rows)
    main: dict[str, Link] = {}
    others: dict[str, tuple[Link, ...]] = {}
    for table in order:
        own = [x for x in links if x.child == table]
        able = [
            x
            for x in own
            if x.parent not in codes and x.parent != table and x not in late and len(data.tables[x.parent]) >= families
        ]
        if able and table not in codes:
            covered = {x: _coverage(rows[x], len(data.tables[x.parent])) for x in able}
            most = _NEARLY * max(covered.values())
            main[table] = max(
                (x for x in able if covered[x] >= most),
                key=lambda x: (len(data.tables[x.parent]), covered[x], x.column),
            )
        others[table] = tuple(x for x in own if x is not main.get(table))
    known = Family(order, main, others, late, codes)
    roots = known.roots or order
    below = {r: sum(len(data.tables[t]) for t in order if t not in codes and known.tree(t) == r) for r in roots}
    referred = {
        known.tree(x.parent)
        for t, own in others.items()
        for x in own
        if x.parent not in codes and known.tree(x.parent) != known.tree(t)
    }
    divided = tuple(r for r in roots if r not in referred)
    lead = max(divided or roots, key=lambda r: below[r])
    return replace(known, divided=divided or (lead,), lead=lead)


def lead_rows(data: Dataset) -> int:
    """Return how many rows to ask for, to get as many as the data have: of linked tables, those of the lead."""
    return len(data.tables[family(data).lead]) if data.domain == "linked" else len(data.table)


def units(data: Dataset, known: Family) -> dict[str, NDArray[np.int64]]:
    """Return for each table that can be divided the number of the unit that each row belongs to.

    Rows that hang together by main links, or by links within their tree, are a unit. A tree that another one refers to
    is not divided, so that its rows stand on both sides of a split: its tables are absent here.
    """
    tables = [t for t in known.order if t not in known.code_lists and known.tree(t) in known.divided]
    start = dict(zip(tables, np.cumsum([0, *(len(data.tables[t]) for t in tables)]), strict=False))
    total = sum(len(data.tables[t]) for t in tables)
    left: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    right: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for table in tables:
        for link in (known.main.get(table), *known.others[table]):
            if link is None or link.parent not in start:
                continue
            parents = parent_rows(data, link)
            here = np.flatnonzero(parents >= 0)
            left.append(start[table] + here)
            right.append(start[link.parent] + parents[here])
    a, b = np.concatenate(left), np.concatenate(right)
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(total, total))
    unit = connected_components(graph, directed=False)[1].astype(np.int64)
    return {t: unit[start[t] : start[t] + len(data.tables[t])] for t in tables}


def _coverage(parents: NDArray[np.int64], n: int) -> float:
    return len(np.unique(parents[parents >= 0])) / max(n, 1)


def _is_code_list(data: Dataset, table: str, most: int) -> bool:
    if any(x.child == table for x in data.schema.links) or not any(x.parent == table for x in data.schema.links):
        return False
    columns = data.schema.tables[table]
    keys = {x.key for x in data.schema.links if x.parent == table}
    rest = [c for c in columns.columns if c not in keys]
    plain = all(columns[c].kind in ("category", "boolean", "number", "text") for c in rest)
    points = sum(len(data.tables[x.child]) for x in data.schema.links if x.parent == table)
    n = len(data.tables[table])
    return len(rest) <= 1 and plain and 0 < n <= most and points >= 5 * n


def _ordered(
    tables: list[str], links: list[Link], rows: Mapping[Link, NDArray[np.int64]]
) -> tuple[tuple[str, ...], tuple[Link, ...]]:
    """Return the tables, parents first, and the links that had to be set aside for that."""
    left, open_, late = list(tables), list(links), []
    order: list[str] = []
    while left:
        free = [t for t in left if not any(x.child == t for x in open_)]
        if free:
            order += free
            left = [t for t in left if t not in free]
            open_ = [x for x in open_ if x.parent not in free]
            continue
        ring = [x for x in open_ if x.parent in left and _reaches(x.parent, x.child, open_)]
        empty = [x for x in ring if (rows[x] == NULL).any()]
        if not empty:
            names = " -> ".join(dict.fromkeys(x.child for x in ring))
            raise InputError(
                f"the tables {names} point to each other in a circle, and no link of it is ever empty, so none of them "
                f"can come first; leave one of these links out of the schema"
            )
        broken = max(empty, key=lambda x: float((rows[x] == NULL).mean()))
        late.append(broken)
        open_.remove(broken)
    return tuple(order), tuple(late)


def _reaches(start: str, goal: str, links: list[Link]) -> bool:
    """Tell whether a table hangs, over any number of links, on another."""
    seen, todo = {start}, [start]
    while todo:
        table = todo.pop()
        if table == goal:
            return True
        for x in links:
            if x.child == table and x.parent not in seen:
                seen.add(x.parent)
                todo.append(x.parent)
    return False
