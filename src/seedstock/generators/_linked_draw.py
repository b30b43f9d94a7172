"""Drawing linked tables: tables in order, children below their parents, references to drawn rows only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedstock.core.links import NULL
from seedstock.core.rng import Rng
from seedstock.core.schema import Link
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators._linked_slots import distinct_pairs, grown, matched
from seedstock.generators._linked_table import Cells, eldest
from seedstock.generators._linked_view import attributes, columns_without_links, copied_cells, of_parent

if TYPE_CHECKING:
    from seedstock.generators.linked import LinkedFitted

Rows = NDArray[np.int64]


class Draw:
    """One draw of n rows of the lead table, and of what belongs to them."""

    def __init__(self, fitted: LinkedFitted, n: int, rng: Rng) -> None:
        self.fitted, self.rng = fitted, rng
        self.seen: dict[str, Cells] = {}
        self.tables: dict[str, Table] = {}
        self.sizes: dict[str, int] = {}
        self.parents: dict[Link, Rows] = {}
        self.pointers: dict[tuple[str, str], Column] = {}
        for name in fitted.known.order:
            if name in fitted.codes:
                self.tables[name] = fitted.codes[name]
            else:
                self._table(name, n, rng.child("table", name))

    def dataset(self) -> Dataset:
        """Return all tables with their keys and references."""
        fitted, notes = self.fitted, []
        for link in fitted.known.late:
            self._late(link)
        for name, pointers in fitted.distinct.items():
            if self._no_pair_twice(name, pointers):
                notes.append(f"Some rows of {name!r} refer to the same rows as others do: there were not enough pairs.")
        out: dict[str, Table] = {}
        # Keys that are references themselves are known once their parents are.
        for name in fitted.known.order:
            table = self.tables[name]
            for link in (x for x in fitted.schema.links if x.child == name):
                if (name, link.column) in self.pointers:
                    table = table.assign({link.column: self.pointers[name, link.column]})
                else:
                    key = (out[link.parent] if link.parent in out else self.tables[link.parent])[link.key]
                    table = table.assign({link.column: _pointer(key, self.parents[link])})
            out[name] = table.select(list(fitted.schema.tables[name].columns))
        tables = {t: out[t] for t in fitted.schema.tables}
        return Dataset(tables, fitted.schema, notes=tuple(notes))

    def _table(self, name: str, n: int, rng: Rng) -> None:
        fitted = self.fitted
        model, main = fitted.models[name], fitted.known.main.get(name)
        parents, first = None, None
        parent: Cells = {}
        copied: Cells = {}
        if main is None:
            size = n if name == fitted.lead else (max(1, round(n * fitted.sizes[name])) if n else 0)
        else:
            parents = self._children(main, rng.child("count"))
            size, first = len(parents), eldest(parents)
            parent = of_parent(self.seen[main.parent], parents, main.parent)
            self.parents[main] = parents
            copied = copied_cells(self.tables[main.parent], fitted.schema, main.parent, parents, main.parent)
        self.sizes[name] = size
        references = model.choose(size, parent, first, rng.child("choose"))
        others: Cells = {}
        for link in fitted.known.others[name]:
            if link in fitted.classes:
                wanted = references[f"class by {link.column}"]
                self.parents[link] = self._references(link, wanted, rng.child("refer", link.column))
                others |= of_parent(self.seen[link.parent], self.parents[link], link.column)
                copied |= copied_cells(
                    self.tables[link.parent], fitted.schema, link.parent, self.parents[link], link.column
                )
            elif link.parent in fitted.codes:
                self.pointers[name, link.column] = self._codes(link, references[link.column])
        self.tables[name] = model.draw(size, references, parent, others, copied, first, rng.child("draw"))
        own = columns_without_links(fitted.schema, name)
        self.seen[name] = attributes(self.tables[name], own, references, parent)
        for link in fitted.known.others[name]:
            if link.parent == name:
                depth = references[f"level by {link.column}"].values
                self.parents[link] = self._upward(link, depth, rng.child("upward", link.column))

    def _children(self, link: Link, rng: Rng) -> Rows:
        """Return the parents of a child table's rows: as many of each as were drawn, then rows without a parent."""
        counts = self.fitted.counts[link]
        n_parents = self.sizes[link.parent]
        drawn = counts.draw(n_parents, self.seen[link.parent], rng) if n_parents else np.zeros(0, np.int64)
        parents = np.repeat(np.arange(n_parents), drawn)
        return np.concatenate([parents, np.full(round(len(parents) * counts.without), NULL)]).astype(np.int64)

    def _counts(self, link: Link, total: int, rng: Rng) -> Rows:
        counts, n = self.fitted.counts[link], self.sizes[link.parent]
        drawn = counts.draw(n, self.seen[link.parent], rng.child("number")) if n else np.zeros(0, np.int64)
        return grown(drawn, total, counts.spread, rng.child("urn").generator())

    def _references(self, link: Link, wanted: Column, rng: Rng) -> Rows:
        out = np.full(len(wanted), NULL, np.int64)
        rows = np.flatnonzero(~wanted.missing)
        if not len(rows) or not self.sizes[link.parent]:
            return out
        kinds = self.fitted.classes[link].of(self.seen[link.parent], self.sizes[link.parent])
        counts = self._counts(link, len(rows), rng)
        out[rows] = matched(wanted.values[rows].astype(np.int64), counts, kinds, rng.child("match").generator())
        return out

    def _upward(self, link: Link, depth: Rows, rng: Rng) -> Rows:
        """Return each row's parent in its own table: a row one level higher, so that no circle arises."""
        n = len(depth)
        out = np.full(n, NULL, np.int64)
        if not n:
            return out
        g = rng.child("pick").generator()
        if not self.fitted.trees[link]:
            rows = np.flatnonzero(depth > 0)
            counts = self._counts(link, len(rows), rng)
            out[rows] = g.permutation(np.repeat(np.arange(n), counts))
            return out
        drawn = self.fitted.counts[link].draw(n, self.seen[link.child], rng.child("number"))
        # Levels without one above them close up, and somebody is at the top.
        _, level = np.unique(depth, return_inverse=True)
        for k in range(1, int(level.max()) + 1):
            rows, above = np.flatnonzero(level == k), np.flatnonzero(level == k - 1)
            counts = grown(drawn[above], len(rows), self.fitted.counts[link].spread, g)
            out[rows] = g.permutation(np.repeat(above, counts))
        return out

    def _late(self, link: Link) -> None:
        """Set a reference that closes a circle of tables."""
        rng = self.rng.child("late", link.child, link.column)
        counts, n = self.fitted.counts[link], self.sizes[link.child]
        total = round(n / (1 + counts.without)) if self.sizes[link.parent] else 0
        g = rng.child("pick").generator()
        out = np.full(n, NULL, np.int64)
        out[g.permutation(n)[:total]] = np.repeat(np.arange(self.sizes[link.parent]), self._counts(link, total, rng))
        self.parents[link] = out

    def _codes(self, link: Link, chosen: Column) -> Column:
        """Return a list's keys for the categories that stand for them."""
        key = self.fitted.codes[link.parent][link.key]
        if key.is_text:
            return chosen
        texts = chosen.texts()
        values = np.array([0 if t is None else int(t) for t in texts], key.values.dtype)
        return Column(values, chosen.missing)

    def _no_pair_twice(self, name: str, pointers: tuple[str, ...]) -> int:
        """Swap references until no two rows refer to the same rows; return how many still do."""
        links = [x for x in self.fitted.schema.links if x.child == name and x.column in pointers]
        main = self.fitted.known.main.get(name)
        free = [x for x in links if x != main and x.parent != name]
        if not free:
            return 0
        link = free[0]
        first = np.zeros(self.sizes[name], np.int64)
        for x in links:
            if x != link:
                codes = self.pointers[name, x.column].codes()[0] if (name, x.column) in self.pointers else None
                own = self.parents[x] if codes is None else codes
                first = np.unique(first * (int(own.max(initial=0)) + 2) + own + 1, return_inverse=True)[1]
        g = self.rng.child("pairs", name).generator()
        if (name, link.column) in self.pointers:
            column = self.pointers[name, link.column]
            codes, left = distinct_pairs(first, np.arange(len(column)), g, column.codes()[0])
            self.pointers[name, link.column] = column.take(codes)
        else:
            rows, left = distinct_pairs(first, np.arange(len(first)), g, self.parents[link])
            self.parents[link] = self.parents[link][rows]
        return left


def _pointer(key: Column, rows: Rows) -> Column:
    if not len(key):
        return Column(np.zeros(len(rows), key.values.dtype), np.ones(len(rows), bool), key.levels)
    taken = key.take(np.maximum(rows, 0))
    return Column(taken.values, taken.missing | (rows < 0), taken.levels)
