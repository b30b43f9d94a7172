"""If one column has a certain value, another one is 0, false, empty or always the same: ``if A is 0 then B is 0``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import MISSING, Codes, Domain, where
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, listed
from seedstock.encoding.rules.view import View, by_chance

_CAUSES = 12
_RARE = 0.01
_EXPECTED = 25.0
_ROWS = 20_000_000
EMPTY = "missing"


@dataclass(frozen=True, eq=False, kw_only=True)
class Implies(Rule):
    """Where `cause` has one of some values, `effect` has one certain value.

    Attributes
    ----------
    cause, effect : str
    when : Domain
        Values of the cause.
    when_missing : bool
        Whether a missing cause counts too.
    then : Domain
        The effect's value; none for a missing cell.
    others : Domain
        Values of the cause that allow any effect, which a fixed effect needs.
    weights : tuple of float
        Real rows of each of these; the last entry is for a missing cause.
    """

    cause: str
    effect: str
    when: Domain
    when_missing: bool
    then: Domain
    others: Domain
    weights: tuple[float, ...]

    kind: ClassVar[str] = "implies"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.cause, self.effect)

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.cause} -> {self.effect}"

    @property
    def text(self) -> str:
        causes = [_shown(v) for v in self.when.values] + ["missing"] * self.when_missing
        effect = _shown(self.then.values[0]) if len(self.then.values) else "missing"
        return f"if {self.cause} is {listed(causes, 'or')} then {self.effect} is {effect}"

    def _caused(self, table: Table) -> Mask:
        codes = self.when.codes(table[self.cause])
        caused: Mask = (codes >= 0) | ((codes == MISSING) & self.when_missing)
        return caused

    def holds(self, table: Table) -> Mask:
        codes = self.then.codes(table[self.effect])
        met = codes == (0 if len(self.then.values) else MISSING)
        out: Mask = met | ~self._caused(table)
        return out

    def empties(self, table: Table) -> Mapping[str, Mask]:
        return {} if len(self.then.values) else {self.effect: self._caused(table)}

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n, column, cause = len(table), table[self.effect], table[self.cause]
        held = is_fixed(fixed, self.effect, n)
        code = np.full(n, 0 if len(self.then.values) else -1)
        out = {self.effect: where(~held, _values(self.then, code, column), column)}
        total = sum(self.weights)
        if held.any() and total > 0:
            pick = g.choice(len(self.weights), n, p=np.asarray(self.weights) / total)
            pick = np.where(pick == len(self.others.values), -1, pick)
            free = held & ~is_fixed(fixed, self.cause, n)
            out[self.cause] = where(free, _values(self.others, pick, cause), cause)
        return out

    def settings(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "effect": self.effect,
            "when": self.when.to_json(),
            "when_missing": self.when_missing,
            "then": self.then.to_json(),
            "others": self.others.to_json(),
            "weights": list(self.weights),
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        when, then, others = (Domain.from_json(value[k]) for k in ("when", "then", "others"))
        weights = tuple(map(float, value["weights"]))
        if len(then.values) > 1 or len(weights) != len(others.values) + 1 or min(weights) < 0:
            raise InputError("a rule's values do not match its weights")
        return cls(
            cause=str(value["cause"]), effect=str(value["effect"]), when=when, when_missing=bool(value["when_missing"]),
            then=then, others=others, weights=weights, **counts,
        )  # fmt: skip


def _values(domain: Domain, codes: Codes, like: Column) -> Column:
    if len(domain.values):
        return domain.column(codes, like)
    return Column(like.values, np.ones(len(like), bool), like.levels)


def _shown(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    return str(value)


def effect_codes(view: View, name: str) -> list[int]:
    """Return the codes of a column that can be an effect: 0 or false, infinite, and missing."""
    domain = view.coded(name)[0]
    zero = np.zeros(0, np.int64)
    if domain.values.dtype.kind in "bif":
        zero = np.flatnonzero((domain.values == 0) | np.isinf(domain.values))
    missing = [len(domain.values)] if view.table[name].missing.any() else []
    return [*zero.tolist(), *missing]


def find(view: View) -> list[tuple[str, list[int], str, int]]:
    """Return (cause, its codes, effect, its code) in a sample, where chance would have made exceptions.

    Were the columns independent, a cause of m rows would meet m * (1 - share of the effect) exceptions; none is seen.
    """
    effects = [(b, code) for b in view.names for code in effect_codes(view, b)]
    effects = [(b, c) for b, c in effects if _RARE < view.shares(b)[c] < 1 - _RARE / 2]
    causes = [(a, int(v)) for a in view.names for v in _common(view, a)]
    if not effects or not causes:
        return []
    rows = slice(0, max(1_000, _ROWS // len(causes) // 8))
    # Two indicator matrices; their product counts the exceptions of all pairs at once.
    A = np.stack([view.codes(a)[rows] == v for a, v in causes]).astype(np.float32)
    B = np.stack([view.codes(b)[rows] != c for b, c in effects]).astype(np.float32)
    never = A @ B.T == 0
    expected = np.outer([view.shares(a)[v] for a, v in causes], [1 - view.shares(b)[c] for b, c in effects]) * view.n
    never &= expected >= max(_EXPECTED, -by_chance(len(causes) * len(effects)))
    found: dict[tuple[str, str, int], list[int]] = {}
    for i, j in np.argwhere(never):
        (a, v), (b, c) = causes[i], effects[j]
        if a != b and not ((view.codes(a) == v) & (view.codes(b) != c)).any():
            found.setdefault((a, b, c), []).append(v)
    return [(a, values, b, c) for (a, b, c), values in found.items()]


def _common(view: View, name: str) -> list[int]:
    """Return the codes of a column that can be a cause: those of a few common values, 0 and missing."""
    shares = view.shares(name)
    texts = view.table[name].is_text or len(shares) <= _CAUSES
    able = np.argsort(-shares, kind="stable")[:_CAUSES].tolist() if texts else effect_codes(view, name)
    return [c for c in able if shares[c] >= _RARE / 2]


def build(view: View, cause: str, when: Sequence[int], effect: str, then: int, declared: bool = False) -> Implies:
    """Return the rule for codes of a view, with its counts."""
    domain = view.coded(cause)[0]
    k, counts = len(domain.values), np.bincount(view.codes(cause), minlength=len(domain.values) + 1).astype(float)
    values = sorted(v for v in when if v < k)
    other = np.setdiff1d(np.arange(k), values)
    weights = [*counts[other], 0.0 if k in when else counts[k]]
    if len(other) > 1_000:
        # A fixed effect needs some value that allows it, not all of them.
        top = np.sort(np.argsort(-counts[other], kind="stable")[:1_000])
        other, weights = other[top], [*counts[other[top]], weights[-1]]
    effects = view.coded(effect)[0]
    rule = Implies(
        cause=cause, effect=effect, when=Domain(domain.values[values]), when_missing=k in when,
        then=Domain(effects.values[[then]] if then < len(effects.values) else effects.values[:0]),
        others=Domain(domain.values[other]), weights=tuple(float(w) for w in weights), declared=declared,
    )  # fmt: skip
    return rule.counted(view.table, rule._caused(view.table))


def fit(view: View, sample: View, cause: str, when: Sequence[int], effect: str, then: int) -> Implies | None:
    """Return the rule of all rows, for codes of a sample; values of the cause with an exception step back."""
    here = [_carry(sample, view, cause, v) for v in when]
    effect_code = _carry(sample, view, effect, then)
    other = view.codes(effect) != effect_code
    broken = set(np.unique(view.codes(cause)[other]).tolist())
    kept = [v for v in here if v not in broken]
    return build(view, cause, kept, effect, effect_code) if kept else None


def _carry(sample: View, view: View, name: str, code: int) -> int:
    """Return the code in a larger view of what a code in a sample stands for."""
    few, all_ = sample.coded(name)[0], view.coded(name)[0]
    if code >= len(few.values):
        return len(all_.values)
    return int(np.flatnonzero(all_.values == few.values[code])[0])


def declare(view: View, spec: Mapping[str, Any]) -> Implies:
    """Make a declared rule: ``cause``, ``when`` (values), ``effect``, ``then`` (a value, or "missing")."""
    cause, effect = str(spec["cause"]), str(spec["effect"])
    when = spec["when"] if isinstance(spec["when"], (list, tuple)) else [spec["when"]]
    return build(view, cause, [_code(view, cause, v) for v in when], effect, _code(view, effect, spec["then"]), True)


def _code(view: View, name: str, value: Any) -> int:
    domain = view.coded(name)[0]
    place = np.flatnonzero(domain.values == value)
    if len(place):
        return int(place[0])
    if value == EMPTY:
        return len(domain.values)
    raise InputError(f"a rule names {name} = {value!r}, and no row has that value")
