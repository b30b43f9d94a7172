"""Differential privacy: noisy marginals along a tree that was chosen privately, and rows drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.encoding.atoms import Codes
from seedstock.encoding.ids import IdMaker
from seedstock.encoding.plan import Plan
from seedstock.encoding.texts import TextMaker
from seedstock.generators._dp_account import Ledger, checked
from seedstock.generators._dp_columns import Bins, Budget, Measure, find_bins
from seedstock.generators._dp_noise import Floats, Noise
from seedstock.generators._dp_select import learn
from seedstock.generators._dp_tree import Tree
from seedstock.generators._tabular import TabularFitted, Wanted

COVERED = (
    "Covered: the fitted model and every row drawn from it. Public, not covered: column names, kinds and written forms "
    "(declare them in a schema file), the number of rows. Not covered: findings, scores and pictures of a report, and "
    "which rows were held out to judge by; they are computed from real rows."
)


@dataclass(frozen=True, eq=False)
class PrivateFitted(TabularFitted):
    """A tree of noisy conditionals over private bins.

    Attributes
    ----------
    bins : mapping of str to Bins
    tree : Tree
    privacy : mapping
        The accounting as JSON values, and what it covers.
    """

    bins: Mapping[str, Bins]
    tree: Tree
    privacy: Mapping[str, Any]

    def draw(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        bins, _ = self.tree.draw(n, rng.child("bins"), self._evidence(n, given))
        out = {}
        for name, own in self.bins.items():
            g = rng.child("atom", name).generator()
            out[name] = _inside(own, bins[name], own.weights, g)
            if name in given:
                out[name] = np.where(given.fixed(name), given[name], out[name])
                for share, rows in given.in_sets(name):
                    out[name][rows] = _inside(own, bins[name][rows], own.weights * share, g)
        return out

    def evidence(self, n: int, wanted: Wanted, rng: Rng) -> NDArray[np.float64]:
        return self.tree.draw(n, rng, self._evidence(n, wanted))[1]

    def _evidence(self, n: int, given: Wanted) -> dict[str, Floats]:
        out = {}
        for name in given:
            own = self.bins[name]
            sums = np.bincount(own.place, own.weights, own.k)
            allowed = np.ones((n, own.k))
            held = np.flatnonzero(given.fixed(name))
            codes = given[name][held]
            allowed[held] = 0
            allowed[held, own.place[codes]] = (own.weights / sums[own.place])[codes]
            for share, rows in given.in_sets(name):
                allowed[rows] = np.bincount(own.place, own.weights * share, own.k) / sums
            out[name] = allowed
        return out

    def own_state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {}
        for i, (name, own) in enumerate(self.bins.items()):
            arrays |= {f"{i}.place": own.place, f"{i}.weights": own.weights, f"{i}.table": self.tree.tables[name]}
        meta = {
            "names": list(self.bins),
            "root": self.tree.root,
            "order": [[name, parent] for name, parent in self.tree.parents.items()],
            "privacy": dict(self.privacy),
        }
        return State(arrays, meta)

    @classmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        names, a = state.meta["names"], state.arrays
        parents = {str(name): parent for name, parent in state.meta["order"]}
        damaged = InputError("this model is damaged: its tree does not fit its columns; fit it again")
        if sorted(names) != sorted(plan.atoms) or sorted(parents) != sorted(names):
            raise damaged
        bins, tables = {}, {}
        for i, name in enumerate(names):
            bins[name] = Bins(plan.atoms[name], a[f"{i}.place"].astype(np.int64), a[f"{i}.weights"].astype(float))
            tables[name] = a[f"{i}.table"].astype(float)
            own = bins[name]
            if own.place.shape != own.weights.shape or len(own.place) != own.atoms.k or own.place.min() < 0:
                raise damaged
        root, seen = state.meta["root"], set[str]()
        for name, parent in parents.items():
            r = 1 if root is None or name == root else bins[root].k
            p = 1 if parent is None or parent == root else bins[parent].k
            if (parent is not None and parent not in seen) or tables[name].shape != (r, p, bins[name].k):
                raise damaged
            if not np.isfinite(tables[name]).all() or tables[name].min() < 0:
                raise damaged
            seen.add(name)
        return cls(plan, bins, Tree(root, parents, tables), state.meta["privacy"])


@dataclass(frozen=True)
class Private:
    """Rows with a proof: (epsilon, delta)-differential privacy, whatever anybody knows besides.

    Value lists, ranges and bins are found privately; then marginals are measured with noise along a tree of columns
    that was itself chosen privately, given the target where it has few values. One row more or less changes the
    probability of any model by a factor of exp(epsilon) at most, but for delta. Free texts and identifiers are
    placeholders; rules between columns are not searched for.

    Attributes
    ----------
    epsilon, delta : float
        The budget of one fit. Fitting again spends it again.
    bins : int
        Bins of a column at most, besides missing cells.
    noise : {"secret", "seed"}
        Where noise comes from. ``seed`` repeats it, and then gives no privacy: for tests only.
    """

    epsilon: float = 1.0
    delta: float = 1e-9
    bins: int = 16
    noise: Literal["secret", "seed"] = "secret"

    fitted: ClassVar[type[Fitted]] = PrivateFitted
    guarantee: ClassVar[str] = "differential privacy"

    def __post_init__(self) -> None:
        checked(self.epsilon, self.delta)
        if not 2 <= self.bins <= 256:
            raise InputError(f"bins must lie between 2 and 256, not {self.bins}")
        if self.noise not in ("secret", "seed"):
            raise InputError(f"noise must be secret or seed, not {self.noise!r}")

    def part(self, data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
        """Part rows by a coin for each: unlike a permutation, one row more changes no other row's side."""
        if not 0 < holdout <= 0.5:
            raise InputError(f"the holdout's share must be above 0 and at most 0.5, not {holdout}")
        held = rng.child("split").generator().random(len(data.table)) < holdout
        if held.all() or not held.any():
            raise InputError(f"{len(held)} rows are too few to hold some of them out; bring more rows")
        return data.take(~held), data.take(held)

    def fit(self, data: Dataset, rng: Rng) -> PrivateFitted:
        table, columns = data.table, data.columns
        if not len(table):
            raise InputError("a generator needs at least one row, and there is none; bring rows")
        if images := columns.of_kind("image"):
            raise InputError(f"column {images[0]!r} holds images; take an image generator for it")
        ledger = Ledger(self.epsilon, self.delta)
        m = Measure(ledger, Noise(rng.child("noise") if self.noise == "seed" else None))
        made = columns.of_kind("id", "text")
        learned = [name for name in table if name not in made]
        total = ledger.rho
        rows = float(m.counts("number of rows", np.array([len(table)]), 0.01 * total)[0][0])
        share = 0.14 * total / max(len(table.names), 1)
        empty = {}
        for name in made:
            gaps, sigma = m.counts(f"{name}: missing cells", np.array([table[name].missing.sum()]), share)
            empty[name] = float(np.clip(gaps[0] / max(rows, 1.0), 0, 1)) if gaps[0] > 4 * sigma else 0.0
        budget = Budget(share, 0.4 * self.delta / max(len(learned), 1), max(rows, 1.0), self.bins)
        found = {name: find_bins(name, table[name], columns[name], m, budget) for name in learned}
        bins = {name: own for name, (own, _) in found.items()}
        tree = learn(
            {name: codes for name, (_, codes) in found.items()},
            {name: own.k for name, own in bins.items()},
            columns.target,
            0.85 * total,
            m,
        )
        ledger.spend("rounded probabilities of the noise", "exact up to", 0.0, min(m.noise.error, 0.1 * self.delta))
        if m.noise.error > 0.1 * self.delta:
            raise InputError(f"delta {self.delta} is below what 62 random bits a draw can promise; take a larger one")
        makers: dict[str, IdMaker | TextMaker] = {name: _placeholder(data, name) for name in made}
        plan = Plan(data.schema, {name: own.atoms for name, own in bins.items()}, makers, empty)
        noise = "operating system" if self.noise == "secret" else "the seed: NO privacy, for tests only"
        return PrivateFitted(plan, bins, tree, {**ledger.to_json(), "noise": noise, "covers": COVERED})


def _inside(own: Bins, bins: Codes, weights: Floats, g: np.random.Generator) -> Codes:
    """Draw an atom of each row's bin."""
    order = np.argsort(own.place, kind="stable")
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    first = np.searchsorted(own.place[order], np.arange(own.k))
    last = np.append(first[1:], len(order))
    low, high = cumulative[first][bins], cumulative[last][bins]
    at = np.searchsorted(cumulative, low + (high - low) * g.random(len(bins)), side="right") - 1
    picked: Codes = order[np.clip(at, first[bins], last[bins] - 1)]
    return picked


def _placeholder(data: Dataset, name: str) -> IdMaker | TextMaker:
    if data.columns[name].kind == "text":
        return TextMaker(("text",), (1,), (1,))
    if data.table[name].levels is None:
        return IdMaker((), (1, 2**53), True)
    return IdMaker(("i", "d", "-", *["0123456789"] * 12), None, False)


GENERATOR = Private
TINY = Private(epsilon=1e6, delta=1e-6, noise="seed")
SOURCE = (
    "Marginals along a private tree: McKenna, Miklau and Sheldon 2021, Winning the NIST contest (MST). "
    "Accounting: Canonne, Kamath and Steinke 2020. Quantiles: Smith 2011; Kaplan, Schnapp and Stemmer 2022."
)
