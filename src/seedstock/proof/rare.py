"""The fair protocol for rare situations: are synthetic rare rows better than class weights and duplication?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.split import row_codes, split
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators._rare_class import MANY, RareClass
from seedstock.generators._tabular import TabularFitted
from seedstock.proof.arms import Extra, smote
from seedstock.proof.folds import folds
from seedstock.proof.learners import Learner
from seedstock.proof.task import Design, Target, as_texts

Vector = NDArray[np.float64]
NOTHING, WEIGHTS, DUPLICATION = "nothing", "class weights", "duplication"
CLASSIFIERS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "boosting": ({"max_iter": 60, "min_samples_leaf": 5}, {"max_iter": 100, "min_samples_leaf": 20}),
    "linear": ({"C": 0.1}, {"C": 3.0}),
}
OTHERS = 3_000
"""Rows of the other classes to learn from, at most."""
RECALLS = (0.5, 0.8)
MAX_TEST = 20_000


@dataclass(frozen=True, eq=False)
class RarePlan:
    """What is measured.

    Attributes
    ----------
    value : str
        The rare value of the target.
    subtype : str or None
        A column that names the kind within the rare class; it is no feature. Rows that test are reported apart by
        whether their kind was among the real examples.
    generators : mapping of str to Generator
    examples : tuple of int
        Numbers of real rare rows.
    seeds : int
    share : float
        Share of the rare rows after rows were added, above 0 and below 1.
    minutes : float
        No further seed is begun that would end after this time.
    """

    value: str
    generators: Mapping[str, Any]
    subtype: str | None = None
    examples: tuple[int, ...] = (5, 10, 20, 50)
    seeds: int = 10
    share: float = 0.2
    minutes: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"the share of rare rows must be between 0 and 1, not {self.share}")
        if self.seeds < 2 or min(self.examples, default=0) < 2:
            raise InputError(f"2 seeds and 2 examples are the least, not {self.seeds} and {list(self.examples)}")


@dataclass(frozen=True)
class RareResult:
    """One arm, one classifier, one number of real examples, one seed."""

    arm: str
    learner: str
    examples: int
    seed: int
    scores: Mapping[str, float | None]


def measure_rare(
    data: Dataset,
    plan: RarePlan,
    rng: Rng,
    test: Dataset | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[list[RareResult], dict[str, Any]]:
    """Measure how well classifiers find a rare class, by what stands beside few real examples.

    Equal rows are removed before the split, and rows of the data that the test has are too; the split comes before
    anything is learned. All arms share rows, classifiers and tuning (cross-validated average precision of the few
    real rows).

    Returns
    -------
    list of RareResult
        ``average_precision``, ``seen``, ``unseen`` (the same for kinds that were, and were not, among the
        examples), ``recall`` and ``precision`` at one false alarm in a hundred rows, and ``false_alarms_at_50`` and
        ``_80``: the share of other rows flagged where half, four fifths of the rare ones are found.
    dict
        Rows, rare rows, duplicates removed, notes.
    """
    start = time.perf_counter()
    target = _one_against_rest(data, plan.value)
    pool, held, facts = _apart(data, test, plan, rng)
    rare = _is_rare(pool, plan.value)
    test_rare = _is_rare(held, plan.value)
    if test_rare.sum() < 2:
        raise InputError(f"the rows that test have {test_rare.sum()} rows of {plan.value!r}; 2 are the least")
    examples = tuple(k for k in plan.examples if k <= rare.sum())
    if not examples:
        raise InputError(
            f"there are {rare.sum()} distinct rows of {plan.value!r}; at least {plan.examples[0]} are needed"
        )
    kinds = None if plan.subtype is None else _texts(pool, plan.subtype)
    test_kinds = None if plan.subtype is None else _texts(held, plan.subtype)
    pool, held = (_features(d, plan) for d in (pool, held))
    results: list[RareResult] = []
    done = 0
    for seed in range(plan.seeds):
        g = rng.child("seed", seed).generator()
        order = g.permutation(np.flatnonzero(rare))
        others = g.permutation(np.flatnonzero(~rare))[:OTHERS]
        for j, k in enumerate(examples):
            rows = np.sort(np.concatenate([order[:k], others]))
            seen = None
            if kinds is not None and test_kinds is not None:
                seen = np.isin(test_kinds.astype(str), kinds[order[:k]].astype(str))
            with threadpool_limits(1):
                results += _one(
                    pool.take(rows), rare[rows], held, test_rare, seen, target, plan, rng.child(seed, k), seed
                )
            if progress is not None:
                progress((seed + (j + 1) / len(examples)) / plan.seeds)
        done = seed + 1
        spent = (time.perf_counter() - start) / 60
        if done >= 2 and spent * (done + 1) / done > plan.minutes and done < plan.seeds:
            facts["notes"].append(f"{done} of {plan.seeds} subsets were measured within {plan.minutes:g} minutes.")
            break
    return results, {
        **facts,
        "seeds": done,
        "seconds": round(time.perf_counter() - start, 1),
        "examples": list(examples),
    }


def _one(
    train: Dataset, rare: NDArray[np.bool_], held: Dataset, test_rare: NDArray[np.bool_],
    seen: NDArray[np.bool_] | None, target: Target, plan: RarePlan, rng: Rng, seed: int,
) -> list[RareResult]:  # fmt: skip
    m = max(int(plan.share / (1 - plan.share) * (~rare).sum()) - int(rare.sum()), 1)
    arms: dict[str, Extra | None] = {NOTHING: None, WEIGHTS: None}
    few = train.take(rare)
    again = few.take(rng.child("duplication").generator().integers(len(few.table), size=m))
    arms[DUPLICATION] = Extra(again, np.tile([0.0, 1.0], (m, 1)))
    arms["smote"] = _smote(few, target, m, rng.child("smote"))
    for name, generator in plan.generators.items():
        drawn = rare_rows(generator, train, rare, target, m, rng.child("generator", name))
        arms[name] = Extra(drawn, np.tile([0.0, 1.0], (m, 1)))
    out = []
    for learner, grid in CLASSIFIERS.items():
        settings = _tuned(learner, grid, train, rare, target, rng.child("tune", learner))
        for arm, extra in arms.items():
            p = _fit(learner, settings, train, rare, extra, target, arm == WEIGHTS, rng.child(learner).integer())(held)
            out.append(RareResult(arm, learner, int(rare.sum()), seed, _scores(p, test_rare, seen)))
    return out


def rare_rows(generator: Any, train: Dataset, rare: NDArray[np.bool_], target: Target, m: int, rng: Rng) -> Dataset:
    """Draw m rows of the rare class from a model of all training rows, with what is rare as the condition.

    As wherever rare situations are made common, columns that tell a class of few examples apart stay near to them, but
    for generators that shrink classes themselves.
    """
    labelled = _labelled(train, rare, target)
    fitted = generator.fit(labelled, rng.child("fit"))
    given = {target.name: Column.of_texts([target.classes[1]]).take(np.zeros(m, np.int64))}
    if 2 <= rare.sum() < MANY and not getattr(fitted, "shrinks_classes", False):
        rules = fitted.plan.rules if isinstance(fitted, TabularFitted) else ()
        own = RareClass.fit(labelled.table, labelled.columns, rare, [target.name], rules)
        given |= own.draw(m, rng.child("class").generator()).columns
    drawn: Dataset = fitted.sample(m, rng.child("sample"), Table(given, m))
    return drawn


def _smote(few: Dataset, target: Target, m: int, rng: Rng) -> Extra:
    alone = _labelled(few, np.ones(len(few.table), bool), target)
    made = smote(alone, Target(target.name, (target.classes[1],)), m, rng)
    return Extra(made.rows, np.tile([0.0, 1.0], (m, 1)))


def _labelled(data: Dataset, rare: NDArray[np.bool_], target: Target) -> Dataset:
    """Return the rows with the target as two texts: the rare class and the rest."""
    texts = np.where(rare, target.classes[1], target.classes[0]).tolist()
    columns = data.columns.replace_column(target.name, kind="category", dtype="string", format=None, decimals=None)
    table = data.table.assign({target.name: Column.of_texts(texts)})
    return replace(data, tables={data.name: table}, schema=Schema({data.name: columns}))


def _fit(
    learner: str, settings: Mapping[str, Any], train: Dataset, rare: NDArray[np.bool_], extra: Extra | None,
    target: Target, weighted: bool, seed: int,
) -> Callable[[Dataset], Vector]:  # fmt: skip
    rows = _labelled(train, rare, target)
    Y = np.eye(2)[rare.astype(int)]
    w = np.ones(len(Y))
    if weighted:
        w = np.where(rare, 0.5 / max(rare.mean(), 1e-9), 0.5 / max((~rare).mean(), 1e-9))
    if extra is not None:
        both = _labelled(extra.rows, np.ones(len(extra.labels), bool), target)
        rows = rows.with_table(Table.concat([rows.table, both.table]))
        Y, w = np.concatenate([Y, extra.labels]), np.ones(len(Y) + len(extra.labels))
    design = Design.of(rows, target.name)
    model = Learner(learner, settings, False, seed)
    features = design.scaled if model.scaled else design.ordinal
    fitted = model.fit(features(rows), Y, w)
    return lambda new: fitted.predict(features(new))[:, 1]


def _tuned(
    learner: str, grid: Sequence[Mapping[str, Any]], train: Dataset, rare: NDArray[np.bool_], target: Target, rng: Rng
) -> Mapping[str, Any]:
    Y = np.eye(2)[rare.astype(int)]
    scores = np.zeros(len(grid))
    for known, tested in folds(Y, target, 3, rng.child("folds")):
        if not rare[known].any() or not rare[tested].any():
            continue
        for j, settings in enumerate(grid):
            p = _fit(learner, settings, train.take(known), rare[known], None, target, True, rng.integer())
            scores[j] += average_precision_score(rare[tested], p(train.take(tested)))
    return grid[int(scores.argmax())]


def _scores(p: Vector, rare: NDArray[np.bool_], seen: NDArray[np.bool_] | None) -> dict[str, float | None]:
    limit = np.quantile(p[~rare], 0.99)
    flagged = p > limit
    out: dict[str, float | None] = {
        "average_precision": float(average_precision_score(rare, p)),
        "recall": float(flagged[rare].mean()),
        "precision": float(rare[flagged].mean()) if flagged.any() else 0.0,
    }
    for r in RECALLS:
        needed = np.quantile(p[rare], 1 - r)
        out[f"false_alarms_at_{round(100 * r)}"] = float((p[~rare] >= needed).mean())
    for name, part in (("seen", seen), ("unseen", None if seen is None else ~seen)):
        here = None if part is None else (part | ~rare)
        known = here is not None and part is not None and bool((part & rare).any())
        out[name] = float(average_precision_score(rare[here], p[here])) if known else None
    return out


def _one_against_rest(data: Dataset, value: str) -> Target:
    name = data.columns.target
    if name is None:
        raise InputError("a proof needs the column of the rare class: name it with --target")
    values = _texts(data, name)
    known = sorted({str(v) for v in values if v is not None})
    if value not in known:
        raise InputError(f"no row has {name} = {value!r}; there are {', '.join(known[:10])}")
    if len(known) < 2:
        raise InputError(f"all rows have {name} = {value!r}; there is nothing to tell it from")
    return Target(name, (f"not {value}", value))


def _apart(data: Dataset, test: Dataset | None, plan: RarePlan, rng: Rng) -> tuple[Dataset, Dataset, dict[str, Any]]:
    """Remove equal rows, then part the rows; returns train, test and facts."""
    features = [c for c in data.table if data.columns[c].kind != "id" and c != plan.subtype]
    notes: list[str] = []
    n = len(data.table)
    if test is None:
        data = data.take(_first(row_codes(data.table.select(features))))
        pool, held = split(data, 1 / 3, rng.child("split"))
    else:
        both = row_codes(Table.concat([test.table.select(features), data.table.select(features)]))
        first = np.zeros(len(both), bool)
        first[_first(both)] = True
        held, pool = test.take(first[: len(test.table)]), data.take(first[len(test.table) :])
    if len(held.table) > MAX_TEST:
        keep = rng.child("test").generator().permutation(len(held.table))[:MAX_TEST]
        held = held.take(np.sort(keep))
        notes.append(f"The test has {MAX_TEST:,} of its rows, drawn at random.")
    removed = n - len(pool.table) - (len(held.table) if test is None else 0)
    facts = {
        "rows": {"train": len(pool.table), "test": len(held.table), "equal_rows_removed": max(removed, 0)},
        "rare": {"train": int(_is_rare(pool, plan.value).sum()), "test": int(_is_rare(held, plan.value).sum())},
        "notes": notes,
    }
    if plan.subtype is not None:
        kinds = [set(_texts(d, plan.subtype)[_is_rare(d, plan.value)].astype(str)) for d in (pool, held)]
        facts["kinds"] = {"train": sorted(map(str, kinds[0])), "test only": sorted(map(str, kinds[1] - kinds[0]))}
    return pool, held, facts


def _first(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.sort(np.unique(codes, return_index=True)[1])


def _features(data: Dataset, plan: RarePlan) -> Dataset:
    if plan.subtype is None:
        return data
    names = [c for c in data.table if c != plan.subtype]
    columns = replace(data.columns, columns={c: data.columns[c] for c in names})
    return replace(data, tables={data.name: data.table.select(names)}, schema=Schema({data.name: columns}))


def _is_rare(data: Dataset, value: str) -> NDArray[np.bool_]:
    assert data.columns.target is not None
    return np.asarray(_texts(data, data.columns.target).astype(str) == value)


def _texts(data: Dataset, name: str) -> NDArray[Any]:
    return as_texts(data.table[name])
