"""Drawing given some cells: sequential Monte Carlo over the conditionals of a chain.

Rows with the same conditions share a cloud of candidates. Where a given column is reached, it is set (or drawn inside
its set), candidates are weighted by how probable that is for them, and resampled by weight. Columns before it thus
follow their distribution given the condition, not their own (Doucet and Johansen 2009, section 3). A cloud in which
few candidates carry the weight is drawn again, larger; one in which none does, larger and larger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import ShortfallError
from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes
from seedstock.generators._pull import Pull
from seedstock.generators._wanted import FREE, Wanted

if TYPE_CHECKING:
    from seedstock.generators._forest_fitted import ForestFitted

Floats = NDArray[np.float64]

_CLOUD = 64
"""Candidates of a row at least; groups of rows share theirs."""
_CHUNK = 131_072
"""Candidates at a time: bounds the memory."""
_LARGEST = 65_536
"""Candidates of one cloud that grew because few of them carried the weight."""
_LARGER = 6
_ALIVE = 0.5
"""Share of the wanted rows that must come from different candidates, where a larger cloud may still help."""
_MOST = 1 << 20
"""Candidates at most for conditions that none has met yet."""
_EVIDENCE_CLOUD = 4_096


def draw_given(model: ForestFitted, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
    """Draw n rows whose given codes are kept, and whose others come from their sets."""
    names = [name for name in model.order if name in given]
    conditions, group, wanted = _grouped(names, given, n)
    out = {name: np.empty(n, np.int64) for name in model.order}
    # A row in a large group needs fewer candidates of its own: the others' serve it too.
    cloud = np.maximum(4 * wanted, _CLOUD) if len(names) else wanted
    batches = np.cumsum(cloud) // _CHUNK
    by_group = np.argsort(group, kind="stable")
    first = np.concatenate([[0], np.cumsum(wanted)])
    alive = np.empty(len(wanted))

    pull = bool(model.plan.ties)

    def fill(groups: Codes, size: Codes, stream: Rng, pull: bool = pull, last: bool = False) -> None:
        made = _Cloud(model, conditions[groups], names, size, wanted[groups], given, pull, last)
        rows = by_group[np.concatenate([np.arange(first[one], first[one + 1]) for one in groups])]
        for name, codes in made.draw(stream).items():
            out[name][rows] = codes
        alive[groups] = np.where(made.dead, 0.0, made.alive)

    for batch in np.unique(batches):
        fill(*_of(np.flatnonzero(batches == batch), cloud), rng.child("cloud", int(batch)))
    poor = np.flatnonzero((alive < np.minimum(_ALIVE * wanted, _CLOUD / 8 + wanted / 4)) & (cloud < _LARGEST))
    larger = np.minimum(_LARGER * cloud, _LARGEST)
    at = np.cumsum(larger[poor]) // _CHUNK
    for batch in np.unique(at):
        fill(*_of(poor[at == batch], larger), rng.child("larger", int(batch)))
    # Where candidates are pulled, chance may leave none that fits; then all are drawn without.
    size, k = np.maximum(cloud, larger), 0
    while len(dead := np.flatnonzero(alive == 0)):
        more = np.maximum(size, np.minimum(_LARGER * size, _LARGEST))
        last = bool((size[dead] >= _LARGEST).all() or more[dead].sum() > _MOST)
        at = np.cumsum(size[dead]) // _CHUNK
        for batch in np.unique(at):
            fill(*_of(dead[at == batch], size), rng.child("again", k, int(batch)), pull=False, last=last)
        size, k = more, k + 1
    return out


def _of(groups: Codes, size: Codes) -> tuple[Codes, Codes]:
    return groups, size[groups]


def evidence(model: ForestFitted, n: int, rng: Rng, given: Wanted) -> Floats:
    """Return the probability of each row's conditions, shape (n,): the product of the clouds' mean weights."""
    names = [name for name in model.order if name in given]
    if not names:
        return np.ones(n)
    conditions, group, _ = _grouped(names, given, n)
    m = len(conditions)
    cloud = np.full(m, max(_CLOUD, _EVIDENCE_CLOUD // m))
    out = np.empty(m)
    step = max(1, _CHUNK // int(cloud[0]))
    for at in range(0, m, step):
        part = slice(at, at + step)
        made = _Cloud(model, conditions[part], names, cloud[part], np.ones(len(cloud[part]), np.int64), given)
        made.draw(rng.child("evidence", at), only_evidence=True)
        out[part] = np.exp(made.log_evidence)
    return out[group]


def _grouped(names: list[str], given: Wanted, n: int) -> tuple[Codes, Codes, Codes]:
    """Return the different conditions (m, p), each row's number among them (n,), and how many rows each has (m,)."""
    key = np.stack([given[name] for name in names], axis=1) if names else np.zeros((n, 1), np.int64)
    conditions, group = np.unique(key, axis=0, return_inverse=True)
    return conditions, group.reshape(-1), np.bincount(group.reshape(-1), minlength=len(conditions))


class _Cloud:
    """The candidates of some conditions.

    Attributes
    ----------
    alive : float64 ndarray, shape (m,)
        Different first candidates that each condition's rows descend from.
    log_evidence : float64 ndarray, shape (m,)
        Logarithm of the probability of each condition.
    dead : bool ndarray, shape (m,)
        Conditions that no candidate met.
    pull : bool
        Whether given columns pull those that they may be copies of.
    last : bool
        Whether it is an error that no candidate meets a condition.
    """

    def __init__(
        self, model: ForestFitted, conditions: Codes, names: list[str], cloud: Codes, wanted: Codes, given: Wanted,
        pull: bool = True, last: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.conditions, self.names = model, conditions, names
        self.cloud, self.wanted, self.given = cloud, wanted, given
        self.member = np.repeat(np.arange(len(cloud)), cloud)
        self.origin = np.arange(len(self.member))
        self.alive = wanted.astype(float)
        self.log_evidence = np.zeros(len(cloud))
        self.dead = np.zeros(len(cloud), bool)
        self.pull, self.last = pull, last

    def draw(self, rng: Rng, only_evidence: bool = False) -> dict[str, Codes]:
        """Return the rows wanted, in the order of the conditions."""
        out: dict[str, Codes] = {}
        last = max((self.model.order.index(name) for name in self.names), default=-1)
        asked = Wanted({name: self.conditions[self.member, i] for i, name in enumerate(self.names)})
        pulls = Pull.all_of(self.model, self.given, asked, rng.child("pull")) if self.pull else []
        for i, name in enumerate(self.model.order):
            g = rng.child(name).generator()
            if name not in self.names:
                out[name] = self.model.draw_column(name, len(self.member), out, g)
                for pull in pulls:
                    pull.steer(name, out, g)
            else:
                weight = self._meet(name, out, g)
                for pull in pulls:
                    weight = weight * pull.weigh(name)
                picked = self._resample(weight, g, name)
                out = {k: v[picked] for k, v in out.items()}
                self.origin = self.origin[picked]
                for pull in pulls:
                    pull.take(picked)
                pulls = [pull for pull in pulls if pull.tie.column != name]
            if i == last:
                if only_evidence:
                    return out
                out = self._only_wanted(out, g)
        return out

    def _meet(self, name: str, out: dict[str, Codes], g: np.random.Generator) -> Floats:
        """Put a given column into the candidates, and return how probable it is for each."""
        value = self.conditions[self.member, self.names.index(name)]
        weight = np.ones(len(value))
        codes = value.copy()
        before = dict(out)

        def part(rows: Codes) -> dict[str, Codes]:
            return before if len(rows) == len(value) else {k: v[rows] for k, v in before.items()}

        free, fixed = np.flatnonzero(value == FREE), np.flatnonzero(value >= 0)
        if len(free):
            codes[free] = self.model.draw_column(name, len(free), part(free), g)
        if len(fixed):
            weight[fixed] = self.model.plausible(name, value[fixed], part(fixed), g)
        for share, rows in Wanted({name: value}, self.given.sets).in_sets(name):
            weight[rows], codes[rows] = self.model.draw_inside(name, share, part(rows), len(rows), g)
        out[name] = codes
        return weight

    def _only_wanted(self, out: dict[str, Codes], g: np.random.Generator) -> dict[str, Codes]:
        """All conditions are met: from here on only the rows wanted go on."""
        starts = np.concatenate([[0], np.cumsum(self.cloud)[:-1]])
        keep = np.concatenate(
            [s + g.permutation(c)[:w] for s, c, w in zip(starts, self.cloud, self.wanted, strict=True)]
        ).astype(np.int64)
        self.member, self.origin = self.member[keep], self.origin[keep]
        first = np.unique(self.origin, return_index=True)[1]
        self.alive = np.bincount(self.member[first], minlength=len(self.cloud)).astype(float)
        return {k: v[keep] for k, v in out.items()}

    def _resample(self, weight: Floats, g: np.random.Generator, name: str) -> Codes:
        """Return for each cloud as many candidates as it has, picked by weight (systematic resampling)."""
        member, cloud = self.member, self.cloud
        total = np.bincount(member, weights=weight, minlength=len(cloud))
        with np.errstate(divide="ignore"):
            self.log_evidence += np.log(total / cloud)
        if (total <= 0).any():
            self.dead |= total <= 0
            if self.last:
                raise ShortfallError(
                    f"the conditions were never seen together (at column {name!r}), and no model can show what it has "
                    f"never seen: drop or widen one of them",
                    acceptance=float((total > 0).mean()),
                )
            weight = np.where(total[member] > 0, weight, 1.0)
            total = np.bincount(member, weights=weight, minlength=len(cloud))
        ends = np.cumsum(cloud)
        starts = ends - cloud
        cumulative = np.cumsum(weight / total[member])
        # Cloud c owns the stretch c to c + 1 of the cumulative weights; its picks are equally spaced in it.
        position = (np.arange(len(member)) - starts[member] + g.random(len(cloud))[member]) / cloud[member]
        picked = np.searchsorted(cumulative, position + member, side="right")
        return np.clip(picked, starts[member], ends[member] - 1).astype(np.int64)
