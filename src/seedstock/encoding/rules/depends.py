"""The value of one column is a function of one or two others: a look-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Codes, Domain, where
from seedstock.encoding.rules.rule import TOLERATED, Fixed, Rule, is_fixed, listed, names_in, worth
from seedstock.encoding.rules.view import View, by_chance

_GLANCE = 2_000
_ALL_PAIRS = 24
_BEST = 6


@dataclass(frozen=True, eq=False, kw_only=True)
class Depends(Rule):
    """A functional dependency.

    Attributes
    ----------
    parents : tuple of str
    child : str
    domains : tuple of Domain
        Those of the parents, then the child's.
    keys : int64 ndarray, shape (m,)
        The parents' combinations that were seen, sorted.
    images : int64 ndarray, shape (m,)
        The child's code for each.
    counts : int64 ndarray, shape (m,)
        Real rows of each.
    """

    parents: tuple[str, ...]
    child: str
    domains: tuple[Domain, ...]
    keys: Codes
    images: Codes
    counts: Codes

    kind: ClassVar[str] = "depends"
    computes: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        return f"{listed(self.parents)} {'decides' if len(self.parents) == 1 else 'decide'} {self.child}"

    def _expected(self, table: Table) -> Codes:
        """Return the place of each row's key, -1 where the rule says nothing."""
        key = _key([d.codes(table[p]) for p, d in zip(self.parents, self.domains, strict=False)], self.domains)
        place = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[place] == key, place, -1)

    def tells(self, table: Table) -> Mask:
        out: Mask = self._expected(table) >= 0
        return out

    def holds(self, table: Table) -> Mask:
        place = self._expected(table)
        child = self.domains[-1].codes(table[self.child])
        holds: Mask = (place < 0) | table[self.child].missing | (self.images[place] == child)
        return holds

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n, place = len(table), self._expected(table)
        held = is_fixed(fixed, self.child, n)
        out = {}
        if (~held).any():
            new = self.domains[-1].column(self.images[place], table[self.child])
            out[self.child] = where(~held, new, table[self.child])
        if held.any():
            chosen = self._upward(table, fixed, held, g)
            weights = np.cumprod([1, *[len(d.values) for d in self.domains[-2:0:-1]]])[::-1]
            for p, d, w in zip(self.parents, self.domains, weights, strict=False):
                free = (chosen >= 0) & ~is_fixed(fixed, p, n)
                code = self.keys[chosen] // w % len(d.values)
                out[p] = where(free, d.column(code, table[p]), table[p])
        return out

    def _upward(self, table: Table, fixed: Fixed, held: Mask, g: np.random.Generator) -> Codes:
        """Choose parents for a child that is fixed, as often as they were seen with it."""
        n = len(table)
        child = self.domains[-1].codes(table[self.child])
        frozen = [is_fixed(fixed, p, n) for p in self.parents]
        codes = [d.codes(table[p]) for p, d in zip(self.parents, self.domains, strict=False)]
        group = np.stack([child, *[np.where(f, c, -1) for f, c in zip(frozen, codes, strict=True)]], axis=1)
        kinds, member = np.unique(group, axis=0, return_inverse=True)
        member = member.reshape(-1)
        parts = _unkey(self.keys, self.domains)
        chosen = np.full(n, -1, np.int64)
        for i, (image, *known) in enumerate(kinds):
            rows = np.flatnonzero((member == i) & held)
            fits = self.images == image
            for part, value in zip(parts, known, strict=True):
                fits &= (value < 0) | (part == value)
            at = np.flatnonzero(fits)
            if len(at) and len(rows):
                chosen[rows] = g.choice(at, len(rows), p=self.counts[at] / self.counts[at].sum())
        return chosen

    def settings(self) -> dict[str, Any]:
        return {
            "parents": list(self.parents),
            "child": self.child,
            "domains": [d.to_json() for d in self.domains],
            "keys": self.keys.tolist(),
            "images": self.images.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        domains = tuple(Domain.from_json(d) for d in value["domains"])
        keys, images, rows = (np.asarray(value[k], np.int64) for k in ("keys", "images", "counts"))
        parents = names_in(value, "parents")
        fits = keys.ndim == 1 and keys.shape == images.shape == rows.shape and len(domains) == len(parents) + 1
        if not fits or not len(keys) or (keys[1:] <= keys[:-1]).any() or keys[0] < 0 or images.min() < 0:
            raise InputError("a rule's look-up is damaged")
        if keys[-1] >= np.prod([len(d.values) for d in domains[:-1]]) or images.max() >= len(domains[-1].values):
            raise InputError("a rule's look-up points beyond its values")
        return cls(
            parents=parents, child=str(value["child"]), domains=domains, keys=keys, images=images, counts=rows, **counts
        )


def _key(codes: Sequence[Codes], domains: Sequence[Domain]) -> Codes:
    key, known = np.zeros(len(codes[0]), np.int64), np.ones(len(codes[0]), bool)
    for c, d in zip(codes, domains, strict=False):
        key = key * len(d.values) + c
        known &= c >= 0
    return np.where(known, key, -1)


def _unkey(keys: Codes, domains: Sequence[Domain]) -> list[Codes]:
    parts = []
    for d in reversed(domains[:-1]):
        parts.append(keys % len(d.values))
        keys = keys // len(d.values)
    return parts[::-1]


def learn(view: View, parents: Sequence[str], child: str, declared: bool = False) -> Depends | None:
    """Return the look-up of a table: each combination's most common child; None where no row tells."""
    coded = [view.coded(p) for p in (*parents, child)]
    domains = tuple(d for d, _ in coded)
    key, image = _key([c for _, c in coded[:-1]], domains), coded[-1][1]
    here = (key >= 0) & (image >= 0)
    if not here.any():
        return None
    keys, place = np.unique(key[here], return_inverse=True)
    k = len(domains[-1].values)
    pairs, counts = np.unique(place.reshape(-1) * k + image[here], return_counts=True)
    order = np.lexsort((-counts, pairs // k))
    _, first = np.unique(pairs[order] // k, return_index=True)
    best = order[first]
    rows = np.bincount(place.reshape(-1), minlength=len(keys))
    rule = Depends(
        parents=tuple(parents), child=child, domains=domains, keys=keys, images=pairs[best] % k,
        counts=counts[best], declared=declared,
    )  # fmt: skip
    tested = np.zeros(view.n, bool)
    tested[np.flatnonzero(here)] = (rows >= 2)[place.reshape(-1)]
    return rule.counted(view.table, tested & ~view.usual(child))


def find(view: View) -> list[tuple[tuple[str, ...], str]]:
    """Return (parents, child) of the dependencies in a sample that chance does not explain."""
    names = [name for name in view.names if view.repeats(name)]
    codes = {name: view.codes(name) for name in view.names}
    glance = {name: c[:_GLANCE] for name, c in codes.items()}
    found: list[tuple[tuple[str, ...], str]] = []
    error: dict[tuple[str, str], float] = {}
    tests = len(names) * len(view.names)
    for parent in names:
        for child in view.names:
            if child != parent and view.k(child) <= view.k(parent):
                error[parent, child] = _disagree(glance[parent], glance[child])
                if error[parent, child] < 0.05 and beyond_chance(codes[parent], codes[child], tests):
                    found.append(((parent,), child))
    single = {(p[0], c) for p, c in found}
    # Two columns name so many groups that a few exceptions speak against the rule: one is enough.
    for a, b, child in _pairs(view, names, single, error):
        k = view.k(b) + 1
        if pure(glance[a] * k + glance[b], glance[child]) and pure(both := codes[a] * k + codes[b], codes[child]):
            _, both = np.unique(both, return_inverse=True)
            if beyond_chance(both, codes[child], tests * len(names)):
                found.append(((a, b), child))
    return found


def _pairs(
    view: View, names: list[str], single: set[tuple[str, str]], error: Mapping[tuple[str, str], float]
) -> Iterator[tuple[str, str, str]]:
    """Yield (a, b, child) worth a look: all of them in narrow tables, the most telling ones in wide ones."""
    for child in view.names:
        if any((a, child) in single for a in names):
            continue
        able = [a for a in names if a != child]
        if len(able) > _ALL_PAIRS:
            able = sorted(able, key=lambda a: error.get((a, child), 1.0))[:_BEST]
        for a, b in combinations(able, 2):
            if view.k(a) * view.k(b) >= view.k(child) and (a, b) not in single and (b, a) not in single:
                yield a, b, child


def _disagree(parent: Codes, child: Codes) -> float:
    """Return about how often rows differ from another row with the same parent."""
    last = np.empty(int(parent.max(initial=0)) + 1, np.int64)
    last[parent] = child
    share = float((last[parent] != child).mean())
    if share < 0.05:
        return share
    last[parent[::-1]] = child[::-1]
    return min(share, float((last[parent] != child).mean()))


def pure(parent: Codes, child: Codes) -> bool:
    """Tell whether no two rows with the same parent differ in the child."""
    if parent.max(initial=0) > 2_000_000:
        parent = np.unique(parent, return_inverse=True)[1]
    last = np.empty(int(parent.max(initial=0)) + 1, np.int64)
    last[parent] = child
    return bool((last[parent] == child).all())


def beyond_chance(parent: Codes, child: Codes, tests: int) -> bool:
    """Tell whether a child agrees within its parent's values, and would not if it were drawn on its own."""
    k = int(child.max()) + 1
    keys, counts = np.unique(parent * k + child, return_counts=True)
    group = np.unique(keys // k, return_inverse=True)[1]
    size = np.bincount(group, weights=counts)
    best = np.zeros(len(size))
    np.maximum.at(best, group, counts)
    total = np.bincount(child, minlength=k)
    usual = int(np.argmax(total))
    # What is left of the child beside its usual value must be told by repeated rows, and told right.
    rare = (keys % k != usual) & (size[group] >= 2)
    told, wrong = counts[rare].sum(), (size - best).sum()
    other = len(child) - total[usual]
    if wrong > TOLERATED * told or told < 0.8 * other or len(size) > 0.5 * len(child):
        return False
    # Log-probability that groups of these sizes are pure: sum over groups of log(sum_b p_b^size); values after
    # the 50 most common count as one, which only makes chance look likelier.
    p = np.sort(total / len(child))[::-1]
    p = np.append(p[:50], p[50:].sum())
    p = p[p > 0]
    with np.errstate(divide="ignore"):
        power = np.log(p)[None, :] * best[:, None]
    top = power.max(axis=1)
    return bool((top + np.log(np.exp(power - top[:, None]).sum(axis=1))).sum() < by_chance(tests) + wrong * 10)


def fit(view: View, parents: Sequence[str], child: str) -> Depends | None:
    """Return the dependency of all rows, None where it does not hold."""
    rule = learn(view, parents, child)
    return rule if rule is not None and worth(rule, 0.0 if len(parents) > 1 else TOLERATED) else None


def declare(view: View, spec: Mapping[str, Any]) -> Depends:
    """Make a declared dependency."""
    rule = learn(view, names_in(spec, "parents"), str(spec["child"]), declared=True)
    if rule is None:
        raise InputError(
            f"no row tells how {spec['child']!r} depends on {spec['parents']!r}: they are never both there"
        )
    return rule
