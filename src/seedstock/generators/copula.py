"""The Gaussian copula: every column's own distribution, tied together by correlated normals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._copula_blocks import Block, Floats, NominalBlock, OrderedBlock
from seedstock.generators._copula_cells import Features, nominal_block, placement
from seedstock.generators._copula_condition import GivenColumn, given_cells, loosened
from seedstock.generators._copula_correlation import first_guess, moments, refine, shrinkage
from seedstock.generators._tabular import TabularFitted, Wanted
from seedstock.generators._wanted import FREE, SET

_BLOCKS: dict[str, type[OrderedBlock] | type[NominalBlock]] = {b.kind: b for b in (OrderedBlock, NominalBlock)}
_CHUNK_ROWS = 50_000
_PLACEMENT_ROWS = 20_000
_REFINE_CELLS = 2_000_000
_REFINE_AXES = 400
_AXES = 1_000


@dataclass(frozen=True, eq=False)
class CopulaFitted(TabularFitted):
    """Latent axes of each column that has more than one value, and the correlation of all axes.

    Attributes
    ----------
    blocks : mapping of str to Block
    correlation : float64 ndarray, shape (p, p)
    sweeps : int
        Gibbs sweeps when conditions are given.
    shrinkage : float
        Share by which the correlations of different columns were drawn toward 0.
    """

    shrinks_classes: ClassVar[bool] = True
    """A class of few examples moves its columns and keeps everybody's correlations: it needs no `RareClass`."""

    blocks: Mapping[str, Block]
    correlation: Floats
    sweeps: int
    shrinkage: float

    def draw(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        g = rng.generator()
        noise = g.normal(size=(n, len(self.correlation)))
        held: dict[str, Codes] = {}
        if any(name in self.blocks for name in given):
            z, held = self._draw_given(n, noise, given, g)
        else:
            z = noise @ self._root.T
        out = {}
        for name, atoms in self.plan.atoms.items():
            if name not in self.blocks:
                out[name] = np.zeros(n, np.int64)
                continue
            codes = self.blocks[name].decode(z[:, self._axes[name]], g)
            if name in held:
                codes = np.where(held[name] == FREE, codes, held[name])
            out[name] = np.minimum(codes, atoms.k - 1)
        return out

    def _draw_given(
        self, n: int, noise: Floats, given: Wanted, g: np.random.Generator
    ) -> tuple[Floats, dict[str, Codes]]:
        """Return the latent normals, and the codes of the columns with conditions, `FREE` where there is none."""
        names = [name for name in self.blocks if name in given]
        on = np.stack([given[name] != FREE for name in names], axis=1)
        patterns, which = np.unique(on, axis=0, return_inverse=True)
        which = which.reshape(-1)
        z = np.empty_like(noise)
        held = {name: given[name].copy() for name in names}
        for k, pattern in enumerate(patterns):
            rows = np.flatnonzero(which == k)
            here = [name for name, own in zip(names, pattern, strict=True) if own]
            if not here:
                z[rows] = noise[rows] @ self._root.T
                continue
            a = np.concatenate([np.arange(s.start, s.stop) for s in (self._axes[name] for name in here)])
            f = np.setdiff1d(np.arange(len(self.correlation)), a)
            r = self.correlation
            r_aa, kept = loosened(r[np.ix_(a, a)])
            r_af = np.sqrt(kept) * r[np.ix_(a, f)]
            z_a, codes = given_cells([self._column(name, given, rows) for name in here], r_aa, self.sweeps, g)
            z[np.ix_(rows, a)] = z_a
            for name, own in zip(here, codes, strict=True):
                held[name][rows] = own
            if len(f):
                # The conditional normal: mean R_fa R_aa^-1 z_a, covariance R_ff - R_fa R_aa^-1 R_af.
                slope = np.linalg.solve(r_aa, r_af)
                left = r[np.ix_(f, f)] - r_af.T @ slope
                root = np.linalg.cholesky(left + 1e-9 * np.eye(len(f)))
                z[np.ix_(rows, f)] = z_a @ slope + noise[np.ix_(rows, f)] @ root.T
        return z, held

    def _column(self, name: str, given: Wanted, rows: Codes) -> GivenColumn:
        codes = given[name][rows]
        sets = {int(i): given.sets[name][SET - int(i)] for i in np.unique(codes[codes <= SET])}
        return GivenColumn(self.blocks[name], codes, sets, self.plan.atoms[name].counts)

    @cached_property
    def _root(self) -> Floats:
        return np.asarray(np.linalg.cholesky(self.correlation), float)

    @cached_property
    def _axes(self) -> dict[str, slice]:
        out, start = {}, 0
        for name, block in self.blocks.items():
            out[name] = slice(start, start + block.width)
            start += block.width
        return out

    def own_state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {"correlation": self.correlation}
        meta: dict[str, Any] = {"sweeps": self.sweeps, "shrinkage": self.shrinkage, "blocks": {}}
        for i, (name, block) in enumerate(self.blocks.items()):
            state = block.state()
            arrays |= {f"{i}.{k}": v for k, v in state.arrays.items()}
            meta["blocks"][name] = {"kind": block.kind, **state.meta}
        return State(arrays, meta)

    @classmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        blocks: dict[str, Block] = {}
        for i, (name, meta) in enumerate(state.meta["blocks"].items()):
            arrays = {k.removeprefix(f"{i}."): v for k, v in state.arrays.items() if k.startswith(f"{i}.")}
            blocks[name] = _BLOCKS[meta["kind"]].from_state(State(arrays, meta), plan.atoms[name])
        if list(blocks) != [name for name, a in plan.atoms.items() if a.k > 1]:
            raise InputError("this model is damaged: it does not tie together the columns it has; fit it again")
        r, p = state.arrays["correlation"], sum(b.width for b in blocks.values())
        if r.shape != (p, p) or not np.isfinite(r).all() or not np.allclose(r, r.T):
            raise InputError("this model is damaged: its correlation is none; fit it again")
        made = cls(plan, blocks, r, int(state.meta["sweeps"]), float(state.meta["shrinkage"]))
        try:
            _ = made._root
        except np.linalg.LinAlgError:
            raise InputError("this model is damaged: its correlation is not positive definite; fit it again") from None
        return made


@dataclass(frozen=True)
class Copula:
    """The classical statistical way: empirical margins, and a Gaussian copula with shrinkage.

    Good for small tables, where trees have too few rows to split, and a baseline for large ones. It keeps what
    correlations can hold: monotone dependence of numbers, and of categories as much as `max_axes` directions of
    the latent space show. What three or more columns do only together is lost.

    Attributes
    ----------
    max_axes : int
        Latent axes of one column of categories at most; fewer where no dependence is seen, or in wide tables.
    shrinkage_share : float
        Shrinkage of the correlations as a share of the estimated best; 0 for none.
    refine_rounds : int
        Rounds of correction of the correlations that have no closed form.
    sweeps : int
        Gibbs sweeps for conditions on more than one axis.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Column, Table
    >>> x = np.random.default_rng(0).normal(size=500)
    >>> number = ColumnSchema("number", dtype="float64")
    >>> data = Dataset(
    ...     {"data": Table({"x": Column.of(x), "y": Column.of(-x)})},
    ...     Schema({"data": TableSchema({"x": number, "y": number})}),
    ... )
    >>> drawn = Copula().fit(data, Rng(1)).sample(500, Rng(2)).table
    >>> bool(np.corrcoef(drawn["x"].values, drawn["y"].values)[0, 1] < -0.97)
    True
    """

    max_axes: int = 6
    shrinkage_share: float = 1.0
    refine_rounds: int = 5
    sweeps: int = 12

    fitted: ClassVar[type[Fitted]] = CopulaFitted

    def __post_init__(self) -> None:
        if self.max_axes < 1:
            raise InputError(f"max_axes must be 1 or more, not {self.max_axes}")
        if not 0 <= self.shrinkage_share <= 1:
            raise InputError(f"shrinkage_share must be between 0 and 1, not {self.shrinkage_share}")
        for name in ("refine_rounds", "sweeps"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must be 0 or more, not {getattr(self, name)}")

    def fit(self, data: Dataset, rng: Rng) -> CopulaFitted:
        plan, codes = Plan.fit(data)
        names = [name for name, atoms in plan.atoms.items() if atoms.k > 1]
        blocks = self._blocks(plan, codes, names, rng)
        width = sum(b.width for b in blocks.values())
        if not names:
            return CopulaFitted(plan, {}, np.zeros((0, 0)), self.sweeps, 0.0)
        n = len(data.table)
        tables = {name: b.scores() for name, b in blocks.items()}

        def chunks() -> Iterator[Floats]:
            for at in range(0, n, _CHUNK_ROWS):
                rows = slice(at, at + _CHUNK_ROWS)
                yield np.concatenate([tables[name][codes[name][rows]] for name in names], axis=1)

        moment, variance, _ = moments(chunks, width)
        column = np.repeat(np.arange(len(names)), [b.width for b in blocks.values()])
        between = column[:, None] != column
        # Inside a column the moments are known: those of the cells of independent normals.
        for (name, block), s in zip(blocks.items(), np.cumsum([0] + [b.width for b in blocks.values()]), strict=False):
            share = plan.atoms[name].counts / plan.atoms[name].counts.sum()
            moment[s : s + block.width, s : s + block.width] = tables[name].T @ (share[:, None] * tables[name])
        intensity = self.shrinkage_share * shrinkage(moment, variance, between)
        moment = np.where(between, (1 - intensity) * moment, moment)
        parts = list(blocks.values())
        r = first_guess(parts, moment)
        if width <= _REFINE_AXES and len(names) > 1 and any(b.width > 1 for b in parts):
            rows = int(np.clip(_REFINE_CELLS // width, 4_000, 40_000))
            r = refine(r, parts, moment, self.refine_rounds, rows, rng.child("refine").generator())
        return CopulaFitted(plan, blocks, r, self.sweeps, intensity)

    def _blocks(self, plan: Plan, codes: Mapping[str, Codes], names: list[str], rng: Rng) -> dict[str, Block]:
        nominal = [name for name in names if plan.atoms[name].is_text and plan.atoms[name].k > 2]
        out: dict[str, Block] = {name: OrderedBlock.fit(plan.atoms[name]) for name in names if name not in nominal}
        if not nominal:
            return out
        max_axes = int(np.clip(_AXES // len(nominal), 1, self.max_axes))
        n = len(codes[names[0]])
        if n > _PLACEMENT_ROWS:
            some = np.sort(rng.child("rows").generator().choice(n, _PLACEMENT_ROWS, replace=False))
            codes = {name: c[some] for name, c in codes.items()}
        features = Features.of(plan, codes, names)
        for name in nominal:
            atoms = plan.atoms[name]
            coordinates, canonical = placement(features, names.index(name), atoms, codes[name])
            out[name] = nominal_block(atoms, coordinates, canonical, max_axes, rng.child("cells", name))
        return {name: out[name] for name in names}


GENERATOR = Copula
TINY = Copula(max_axes=3, refine_rounds=2, sweeps=4)
SOURCE = (
    "Hoff 2007, Extending the rank likelihood for semiparametric copula estimation; shrinkage by Schaefer and "
    "Strimmer 2005. Categories as cells of semi-discrete optimal transport: Peyre and Cuturi 2019, section 5."
)
