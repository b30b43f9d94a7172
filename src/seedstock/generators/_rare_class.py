"""A class of few examples: near to them in the columns that tell it apart, like everybody else in the others.

For each column a Bayes factor weighs "the examples have a distribution of their own" against "they are drawn from the
population" (Kass and Raftery 1995). Columns that speak for the former are drawn from the examples, smoothed: numbers by
a smoothed bootstrap that keeps mean and variance (Silverman 1986, section 6.4.1), categories by the posterior
predictive distribution around the population's shares. All other columns are left to the model of the whole population,
given these: so the few examples do not decide what they know too little about.

Cells that are smoothed apart may not belong together. A row with two cells that no real row has together, or that
breaks a rule, keeps its example's own cells instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri

from seedstock.core.schema import TableSchema
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.rules.keep import mend
from seedstock.encoding.rules.rule import Rule

Floats = NDArray[np.float64]

MANY = 30
"""With this many examples or more, the model of the population has learned the class itself."""
SEPARATES = float(np.log(3.0))
"""Logarithm of the Bayes factor from which a column counts as one that separates."""
_STRENGTHS = np.array([0.5, 1, 2, 4, 8, 16, 32])
_FEW_VALUES = 12
_SPIKE = 0.1
_PARTS = 8
_NEVER = ("id", "text", "image")


@dataclass(frozen=True, eq=False)
class RareClass:
    """What draws the separating columns of a class.

    Attributes
    ----------
    examples : int
    evidence : mapping of str to float
        Column -> logarithm of its Bayes factor; above `SEPARATES` it is drawn from the examples.
    columns : mapping of str to Numbers or Names
        The separating columns.
    given : tuple of str
        Columns that the class is made by.
    rules : tuple of Rule
        What a smoothed row must not break.
    known : Table
        The examples.
    together : mapping of (str, str) to int64 ndarray
        The pairs of kinds of two separating columns' cells that rows of the population have.
    """

    examples: int
    evidence: Mapping[str, float]
    columns: Mapping[str, Numbers | Names]
    given: tuple[str, ...]
    rules: tuple[Rule, ...]
    known: Table
    together: Mapping[tuple[str, str], Codes]

    @classmethod
    def fit(
        cls, table: Table, schema: TableSchema, member: Mask, given: Sequence[str], rules: Sequence[Rule] = ()
    ) -> RareClass:
        """Learn a class from a table of everybody and a mask of its members, shape (n,).

        Parameters
        ----------
        given : sequence of str
            Columns that the class is made by; they are set anyway.
        rules : sequence of Rule
            A column that one of them computes from others is left to it.
        """
        computed = {r.columns[-1] for r in rules if r.computes}
        evidence: dict[str, float] = {}
        columns: dict[str, Numbers | Names] = {}
        kinds: dict[str, Codes] = {}
        for name, column in table.columns.items():
            if name in given or schema[name].kind in _NEVER:
                continue
            atoms, codes = Atoms.fit(column, schema[name])
            if atoms.k < 2:
                continue
            made: Numbers | Names
            numeric = atoms.ordered and atoms.values.dtype != bool and len(atoms.values) > _FEW_VALUES
            gap = column.missing & member
            if numeric and not gap.any():
                if atoms.counts.max() > _SPIKE * len(column):
                    # Ties have no normal scores: what counts is in which part of the population the examples lie.
                    part = _parts(atoms)
                    shares = np.bincount(part, weights=atoms.counts).astype(np.int64)
                    evidence[name] = _of_names(shares, part[codes[member]])
                else:
                    evidence[name] = _of_numbers(atoms, codes, codes[member])
                made = Numbers.fit(atoms, codes, codes[member])
            else:
                evidence[name] = _of_names(atoms.counts, codes[member])
                made = Names.fit(atoms, codes[member])
            if evidence[name] > SEPARATES and name not in computed:
                columns[name], kinds[name] = made, made.kinds(codes)
        kept = tuple(r for r in rules if not r.violations and set(r.columns) <= set(table.columns))
        together = {(a, b): np.unique(_pair(kinds[a], kinds[b])) for a, b in combinations(columns, 2)}
        own = tuple(name for name in given if name in table)
        return cls(int(member.sum()), evidence, columns, own, kept, table.take(member), together)

    def draw(self, n: int, g: np.random.Generator) -> Table:
        """Return n rows of the separating columns."""
        pick = g.integers(self.examples, size=n)
        codes = {name: part.draw(pick, g) for name, part in self.columns.items()}
        drawn = {name: part.atoms.column(codes[name], g) for name, part in self.columns.items()}
        own = self.known.take(pick)
        apart = np.zeros(n, bool)
        for (a, b), seen in self.together.items():
            one, other = self.columns[a].kinds(codes[a]), self.columns[b].kinds(codes[b])
            apart |= ~np.isin(_pair(one, other), seen)
        if self.rules and n:
            # All other cells are the example's own, as far as the rules do not compute them anew.
            fixed = {name: np.ones(n, bool) for name in (*self.columns, *self.given)}
            apart |= mend(own.assign(drawn), self.rules, fixed, g).broken
        rows = np.where(apart, n + np.arange(n), np.arange(n))
        return Table({name: Column.concat([c, own[name]]).take(rows) for name, c in drawn.items()}, n)

    def facts(self) -> dict[str, Any]:
        """Return what was decided, as JSON values."""
        return {
            "examples": self.examples,
            "near_the_examples": sorted(self.columns),
            "log_bayes_factors": {k: round(v, 3) for k, v in self.evidence.items()},
        }


@dataclass(frozen=True, eq=False)
class Numbers:
    """A number of a class: its examples, on a scale without heavy tails, and the width of the kernel."""

    atoms: Atoms
    scaled: Floats
    middle: float
    unit: float
    width: float

    @classmethod
    def fit(cls, atoms: Atoms, everybody: Codes, examples: Codes) -> Numbers:
        x = _numbers(atoms)
        low, middle, high = np.quantile(x[everybody[everybody < len(x)]], [0.25, 0.5, 0.75])
        unit = float(high - low) or float(x[-1] - x[0]) or 1.0
        # asinh: straight in the middle, a logarithm in the tails, and back again without loss.
        return cls(atoms, np.arcsinh((x[examples] - middle) / unit), float(middle), unit, 1.06 * len(examples) ** -0.2)

    def kinds(self, codes: Codes) -> Codes:
        """Return whether each cell is missing: numbers that differ may come together."""
        return (codes >= len(self.atoms.values)).astype(np.int64)

    def draw(self, pick: Codes, g: np.random.Generator) -> Codes:
        """Return a code near each picked example's."""
        mean, sd = float(self.scaled.mean()), float(self.scaled.std())
        x = self.scaled[pick] - mean + self.width * sd * g.normal(size=len(pick))
        scaled = mean + x / np.sqrt(1 + self.width**2)
        values = self.middle + self.unit * np.sinh(scaled)
        known = _numbers(self.atoms)
        right = np.clip(np.searchsorted(known, values), 0, len(known) - 1)
        left = np.maximum(right - 1, 0)
        return np.where(np.abs(values - known[left]) < np.abs(known[right] - values), left, right).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Names:
    """A category of a class: the examples' values, and how often the population's stand in for them."""

    atoms: Atoms
    examples: Codes
    strength: float

    @classmethod
    def fit(cls, atoms: Atoms, examples: Codes) -> Names:
        return cls(atoms, examples, float(_STRENGTHS[np.argmax(_log_marginals(atoms.counts, examples))]))

    def kinds(self, codes: Codes) -> Codes:
        """Return the codes: each value is a kind."""
        return codes

    def draw(self, pick: Codes, g: np.random.Generator) -> Codes:
        """Return each picked example's code, or one of the population's."""
        cumulative = np.cumsum(self.atoms.counts)
        others = np.searchsorted(cumulative, g.random(len(pick)) * cumulative[-1], side="right")
        stay = g.random(len(pick)) * (len(self.examples) + self.strength) < len(self.examples)
        return np.where(stay, self.examples[pick], others).astype(np.int64)


def _pair(a: Codes, b: Codes) -> Codes:
    return a << 32 | b


def _numbers(atoms: Atoms) -> Floats:
    values = atoms.values.astype("i8") if atoms.values.dtype.kind in "mM" else atoms.values
    x = values.astype(float)
    finite = x[np.isfinite(x)]
    ends = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    return np.clip(np.nan_to_num(x, posinf=ends[1], neginf=ends[0]), *ends)


def _parts(atoms: Atoms) -> Codes:
    """Return for each atom its part of the population, of eight at most; a value that many share is one by itself."""
    middle = np.cumsum(atoms.counts) - atoms.counts / 2
    part = np.unique((middle * _PARTS / atoms.counts.sum()).astype(np.int64), return_inverse=True)[1].reshape(-1)
    spike = atoms.counts > _SPIKE * atoms.counts.sum()
    part = np.where(spike, part.max() + 1 + np.cumsum(spike), part)
    return np.unique(part, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _log_marginals(counts: NDArray[np.int64], examples: Codes) -> Floats:
    """Return the logarithm of the examples' Dirichlet-multinomial likelihood for each strength of the prior."""
    p = counts / counts.sum()
    seen, n = np.unique(examples, return_counts=True)
    a = _STRENGTHS[:, None] * p[seen]
    ends = gammaln(_STRENGTHS) - gammaln(_STRENGTHS + len(examples))
    return np.asarray(ends + (gammaln(a + n) - gammaln(a)).sum(axis=1), float)


def _of_names(counts: NDArray[np.int64], examples: Codes) -> float:
    """Return the log Bayes factor of shares of their own, around the population's, against the population's."""
    own = _log_marginals(counts, examples)
    top = own.max()
    population = float(np.log(counts[examples] / counts.sum()).sum())
    return float(top + np.log(np.exp(own - top).mean())) - population


def _of_numbers(atoms: Atoms, everybody: Codes, examples: Codes) -> float:
    """Return the log Bayes factor of a normal of their own against the population's, on its normal scores.

    The prior of the mean is a unit of information around 0, that of the variance inverse gamma around 1.
    """
    counts = atoms.counts[: len(atoms.values)].astype(float)
    place = (np.cumsum(counts) - counts / 2) / counts.sum()
    z = ndtri(np.clip(place, 1e-6, 1 - 1e-6))[examples]
    n, k0, a0, b0 = len(z), 1.0, 1.5, 1.0
    kn, an = k0 + n, a0 + n / 2
    bn = b0 + 0.5 * ((z - z.mean()) ** 2).sum() + 0.5 * k0 * n * z.mean() ** 2 / kn
    own = gammaln(an) - gammaln(a0) + a0 * np.log(b0) - an * np.log(bn) + 0.5 * np.log(k0 / kn)
    # Both have the factor (2 pi)^(-n/2).
    return float(own + 0.5 * (z**2).sum())
