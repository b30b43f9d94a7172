"""`prove`: learning curves of few real rows alone, with synthetic rows, and of many real rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.core.table import Dataset, Table
from seedstock.proof.arms import baselines, extras
from seedstock.proof.curve import sizes_up_to
from seedstock.proof.learners import NAMES
from seedstock.proof.scores import details, measure_of, score
from seedstock.proof.task import Target
from seedstock.proof.trial import REAL, Setting, try_settings
from seedstock.proof.unlabelled import apart, blank

CHOSEN = "chosen"
LEAST = 40
"""Rows that a proof needs: some to learn from, some to test on."""
MAX_TEST = 5_000
FEW = (50, 100, 200)
TIMES = 10
"""Few rows are compared with this many times as many."""


@dataclass(frozen=True, eq=False)
class Result:
    """What one arm reached with one learner, one number of real rows, and one seed."""

    arm: str
    learner: str
    n: int
    seed: int
    score: float
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Plan:
    """What a proof measures.

    Attributes
    ----------
    generators : mapping of str to Generator
    learners : tuple of str
        Of ``linear``, ``tree``, ``boosting`` and ``net``.
    few : tuple of int
        Numbers of real rows to which synthetic ones are added.
    seeds : int
        Nested subsets, each with its own random rows.
    drawn : int
        Synthetic rows of each arm.
    minutes : float
        No further seed is begun that would end after this time.
    peers : mapping of str to Generator
        Others to compare with, whose rows are set beside the real ones as they come, and are never chosen.
    hide : bool
        Whether the real rows beyond the few take part without their labels, as if only the few had been labelled.
    """

    generators: Mapping[str, Any]
    learners: tuple[str, ...] = NAMES
    few: tuple[int, ...] = FEW
    seeds: int = 5
    drawn: int = 1_000
    minutes: float = 5.0
    peers: Mapping[str, Any] = field(default_factory=dict)
    hide: bool = False

    def __post_init__(self) -> None:
        for name in self.learners:
            if name not in NAMES:
                raise InputError(f"a learner must be one of {', '.join(NAMES)}, not {name!r}")
        wanted = ("seeds", self.seeds, 2), ("few rows", min(self.few, default=0), 10), ("rows to draw", self.drawn, 10)
        for what, value, least in wanted:
            if value < least:
                raise InputError(f"{what} must be {least} or more, not {value}")


@dataclass(frozen=True, eq=False)
class Measured:
    """All results of a proof, and what they stand on.

    `expected` is what cross-validation said of the arms, by learner, few rows and seed: gain and its standard error.
    """

    target: Target
    measure: str
    results: tuple[Result, ...]
    few: tuple[int, ...]
    sizes: tuple[int, ...]
    n_pool: int
    n_test: int
    seeds: int
    chosen: Mapping[tuple[str, int, int], str]
    notes: tuple[str, ...]
    seconds: float
    compared: tuple[str, ...] = ("duplication", "smote")
    expected: Mapping[tuple[str, int, int], Mapping[str, tuple[float, float]]] = field(default_factory=dict)

    def scores(self, arm: str, learner: str, n: int) -> NDArray[np.float64]:
        """Return the scores of all seeds, shape (seeds,)."""
        found = {r.seed: r.score for r in self.results if (r.arm, r.learner, r.n) == (arm, learner, n)}
        return np.array([found[s] for s in sorted(found)])


def measure(
    data: Dataset,
    plan: Plan,
    rng: Rng,
    test: Dataset | None = None,
    progress: Callable[[float], None] | None = None,
) -> Measured:
    """Measure all arms on nested subsets of the real rows.

    The rows that test are set apart before anything is learned; equal rows, entities and groups stay on one side.
    Generators, teacher, settings and the choice between arms know the few real rows of their subset only.

    Parameters
    ----------
    data : Dataset
        One table with a target.
    test : Dataset or None
        Real rows to test on; by default a third of the data, 5,000 at most.

    Raises
    ------
    InputError
        Where there is no target that can be predicted, or there are too few rows.
    """
    start = time.perf_counter()
    target = Target.of(data)
    notes: list[str] = []
    data, others = _known(data, target)
    if test is None:
        if len(data.table) < LEAST:
            raise InputError(f"a proof needs {LEAST} rows with a known target, and there are {len(data.table)}")
        pool, test = split(data, min(1 / 3, MAX_TEST / len(data.table)), rng.child("test"))
    else:
        test, left = _known(test, target)
        if len(left.table):
            notes.append(f"{len(left.table):,} rows without a known target cannot test, and are left out.")
        pool = apart(data, test, target, labelled=True)
        if len(data.table) > len(pool.table):
            notes.append(f"{len(data.table) - len(pool.table):,} rows that are among the testing ones do not teach.")
        if len(pool.table) < LEAST // 2:
            raise InputError(
                f"of {len(data.table):,} rows {len(pool.table):,} are not among those that test, and a proof needs "
                f"{LEAST // 2} to learn from; test on other rows"
            )
    others = apart(blank(others, target), test, target)
    Y_test = target.values(test)
    if not target.is_number and (Y_test.sum(0) > 0).sum() < 2:
        raise InputError("the rows that test have one class of the target only; bring more rows, or another --test")
    n_pool = len(pool.table)
    few = tuple(n for n in plan.few if n <= n_pool / 2) or (max(n_pool // 2, 10),)
    if few != plan.few:
        notes.append(f"The data allow {', '.join(map(str, few))} few rows, not all of {', '.join(map(str, plan.few))}.")
    sizes = tuple(sorted({*sizes_up_to(n_pool), *few, *(min(TIMES * n, n_pool) for n in few)}))
    if len(others.table):
        notes.append(
            f"{len(others.table):,} real rows without a known target take part as features, labelled by a teacher."
        )
    if plan.hide:
        notes.append("The labels of real rows beyond the few are hidden: these rows take part, labelled by a teacher.")
    results: list[Result] = []
    chosen: dict[tuple[str, int, int], str] = {}
    expected: dict[tuple[str, int, int], Mapping[str, tuple[float, float]]] = {}
    done = 0
    for seed in range(plan.seeds):
        order = nested_order(pool, target, rng.child("order", seed))
        for k, n in enumerate(sizes):
            stream = rng.child("run", seed, n)
            train = pool.take(np.sort(order[:n]))
            hidden = pool.take(np.sort(order[n:])) if plan.hide else pool.take(slice(0, 0))
            unlabelled = others.with_table(Table.concat([others.table, blank(hidden, target).table]))
            run = _Run(train, test, Y_test, target, plan, stream, seed, unlabelled)
            # Many small fits: threads inside each cost more than they bring.
            with threadpool_limits(1):
                results += run.few(chosen, expected) if n in few else run.real_only()
            if progress is not None:
                progress((seed + (k + 1) / len(sizes)) / plan.seeds)
        done = seed + 1
        spent = (time.perf_counter() - start) / 60
        if done >= 2 and spent * (done + 1) / done > plan.minutes and done < plan.seeds:
            notes.append(f"{done} of {plan.seeds} subsets were measured within {plan.minutes:g} minutes.")
            break
    return Measured(
        target, measure_of(target), tuple(results), few, sizes, n_pool, len(test.table), done, chosen, tuple(notes),
        time.perf_counter() - start, ("duplication", "smote", *plan.peers), expected,
    )  # fmt: skip


def nested_order(data: Dataset, target: Target, rng: Rng) -> NDArray[np.int64]:
    """Return an order of the rows in which every beginning has about the classes' shares of the whole, shape (n,)."""
    g = rng.generator()
    n = len(data.table)
    if target.is_number:
        return g.permutation(n)
    y = target.values(data).argmax(1)
    place = np.empty(n)
    for k in np.unique(y):
        here = g.permutation(np.flatnonzero(y == k))
        place[here] = (np.arange(len(here)) + g.random()) / len(here)
    return np.argsort(place, kind="stable")


@dataclass(frozen=True, eq=False)
class _Run:
    train: Dataset
    test: Dataset
    Y_test: NDArray[np.float64]
    target: Target
    plan: Plan
    rng: Rng
    seed: int
    unlabelled: Dataset

    def real_only(self) -> list[Result]:
        trial = try_settings(self.train, self.target, {}, self.plan.learners, 0, self.rng.child("trial"))
        return [self._result(name, REAL, trial.best[name, REAL], None) for name in self.plan.learners]

    def few(self, chosen: dict[Any, str], expected: dict[Any, Mapping[str, tuple[float, float]]]) -> list[Result]:
        plan, n = self.plan, len(self.train.table)
        m = max(plan.drawn // 2, 100)
        trial = try_settings(
            self.train, self.target, plan.generators, plan.learners, m, self.rng.child("trial"), self.unlabelled
        )
        rng = self.rng.child("extras")
        plain = baselines(self.train, self.target, plan.peers, plan.drawn, rng)
        extra = plain | extras(self.train, self.target, plan.generators, plan.drawn, rng, self.unlabelled)
        out = []
        for name in plan.learners:
            real = trial.best[name, REAL]
            by_arm = {REAL: self._result(name, REAL, real, None)}
            for arm in extra:
                setting = trial.best.get((name, arm), Setting(arm, 1.0, real.settings))
                by_arm[arm] = self._result(name, arm, setting, extra[arm])
            best = trial.chosen(name).arm
            best = best if best in by_arm else REAL
            chosen[name, n, self.seed] = best
            expected[name, n, self.seed] = trial.gains(name)
            top = by_arm[best]
            out += [*by_arm.values(), Result(CHOSEN, name, n, self.seed, top.score, top.details)]
        return out

    def _result(self, name: str, arm: str, setting: Setting, extra: Any) -> Result:
        predict = setting.fit(name, self.train, self.target, extra, self.rng.child(name, arm).integer())
        predicted = predict(self.test)
        value = score(predicted, self.Y_test, self.target)
        return Result(arm, name, len(self.train.table), self.seed, value, details(predicted, self.Y_test, self.target))


def _known(data: Dataset, target: Target) -> tuple[Dataset, Dataset]:
    """Return the rows whose target is known, and the others."""
    known = target.known(data)
    return data.take(known), data.take(~known)
