"""The forest against what is known: enumerated probabilities, rejection sampling, refits, Breiman's theorem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from seedstock.core.errors import ShortfallError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms
from seedstock.encoding.plan import Plan
from seedstock.generators import _learn_column, _shrinkage
from seedstock.generators._classes import classes_of, placement
from seedstock.generators._ensemble import Occurrences
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators._grow_trees import grow
from seedstock.generators._grown_tree import TreeSettings
from seedstock.generators._halving import Halving
from seedstock.generators._learn_column import ColumnSettings, learn_column
from seedstock.generators._leaves import Leaves
from seedstock.generators._linear_leaves import fit_lines
from seedstock.generators._shrinkage import Held
from seedstock.generators._wanted import FREE, Wanted
from seedstock.generators.forest import Forest

SETTINGS = TreeSettings(trees=5, min_leaf_rows=5, structure_share=0.6, rows_per_tree=10_000, shrinkage_share=1.0)


def texts(**columns: np.ndarray) -> Dataset:
    made = {name: Column.of_texts([str(v) for v in values]) for name, values in columns.items()}
    return Dataset({"data": Table(made)}, Schema({"data": TableSchema(dict.fromkeys(made, ColumnSchema("category")))}))


def numbers(**columns: np.ndarray) -> Dataset:
    made = {name: Column.of(np.asarray(v, float)) for name, v in columns.items()}
    kind = ColumnSchema("number", dtype="float64")
    return Dataset({"data": Table(made)}, Schema({"data": TableSchema(dict.fromkeys(made, kind))}))


def chain(n: int, seed: int) -> Dataset:
    g = np.random.default_rng(seed)
    a = g.integers(3, size=n)
    b = (a + (g.random(n) < 0.3) * g.integers(3, size=n)) % 3
    c = (a * 2 + b + (g.random(n) < 0.2) * g.integers(5, size=n)) % 5
    return texts(a=a, b=b, c=c)


def test_probabilities_add_up_to_one_and_agree_with_the_draws() -> None:
    g = np.random.default_rng(0)
    codes = g.integers(4, size=2_000)
    X = codes[:, None] + g.normal(size=(2_000, 2))
    ensemble, *_ = grow(X, codes, codes, SETTINGS, Rng(1))
    query = np.repeat(X[:1], 40_000, axis=0)
    drawn, _ = ensemble.draw(query, g)
    share = np.bincount(drawn, minlength=4) / len(drawn)
    among = Occurrences(ensemble.codes, np.arange(4))
    p = [
        ensemble.probability(query[:400], lambda leaf, k=k: (np.full(len(leaf), k), np.ones(len(leaf))), among, g, 20)
        for k in range(4)
    ]
    np.testing.assert_allclose(np.sum(p, axis=0), 1.0, atol=0.02)
    np.testing.assert_allclose([x.mean() for x in p], share, atol=0.01)


def test_conditions_follow_bayes() -> None:
    """Given the last column, the first follow their conditional distribution, as rejection from the model shows."""
    model = Forest(trees=8).fit(chain(4_000, 0), Rng(0))
    free = model.sample(60_000, Rng(1)).table
    keep = free["c"].texts() == "2"
    wanted = Table({"c": Column.of_texts(["2"] * 6_000)})
    drawn = model.sample(6_000, Rng(2), given=wanted).table
    assert set(drawn["c"].texts()) == {"2"}
    counts = [
        np.unique([f"{x}{y}" for x, y in zip(t["a"].texts(), t["b"].texts(), strict=True)], return_counts=True)
        for t in (free.take(keep), drawn)
    ]
    by_rejection, by_particles = (dict(zip(*c, strict=True)) for c in counts)
    keys = [k for k in by_rejection if by_rejection[k] >= 30]
    a, b = np.array([[d.get(k, 0) for k in keys] for d in (by_rejection, by_particles)], float)
    assert np.abs(a / a.sum() - b / b.sum()).sum() / 2 < 0.03


def test_what_was_never_seen_together_is_refused() -> None:
    model = Forest(trees=4, shrinkage_share=0).fit(texts(a=np.arange(400) % 2, b=np.arange(400) % 2), Rng(0))
    with pytest.raises(ShortfallError, match="never seen together"):
        model.sample(3, Rng(1), given=Table({"a": Column.of_texts(["0"] * 3), "b": Column.of_texts(["1"] * 3)}))


def test_a_condition_that_one_row_in_a_thousand_meets_is_met() -> None:
    rare = np.arange(40_000) < 40
    b = np.where(rare, 1, 2 * (np.arange(40_000) % 2))
    plain = Forest(trees=2, shrinkage_share=0, boost_rows=0, filter_rounds=0, guard_share=0)
    model = plain.fit(texts(a=rare, b=b), Rng(0))
    for seed in range(8):
        drawn = model.sample(2, Rng(seed), given=Table({"b": Column.of_texts(["1", "1"])})).table
        assert set(drawn["a"].texts()) == {"True"}


def test_dependence_on_numbers_is_kept() -> None:
    g = np.random.default_rng(4)
    x = g.normal(size=3_000)
    y = 2 * x + 0.1 * g.normal(size=3_000)
    drawn = Forest(trees=6).fit(numbers(x=x, y=y), Rng(0)).sample(3_000, Rng(1)).table
    slope, _, r, *_ = stats.linregress(drawn["x"].values, drawn["y"].values)
    assert abs(slope - 2) < 0.05
    assert r > 0.99
    residual = drawn["y"].values - 2 * drawn["x"].values
    assert 0.08 < residual.std() < 0.2


def test_residuals_are_those_of_lines_fitted_without_the_row() -> None:
    g = np.random.default_rng(5)
    Z = g.normal(size=(120, 2))
    y = Z @ [1.0, -0.5] + 0.3 * g.normal(size=120)
    leaf = np.repeat([3, 7, 8], 40)
    lines, standardised = fit_lines(Z, y, leaf, 9)
    spread = lines["spread"][lines["slot"][leaf]]
    for i in (0, 45, 119):
        others = (leaf == leaf[i]) & (np.arange(120) != i)
        zc, yc = Z[others].mean(0), y[others].mean()
        gram = (Z[others] - zc).T @ (Z[others] - zc)
        slope = np.linalg.solve(gram + 1e-6 * np.trace(gram) / 2 * np.eye(2), (Z[others] - zc).T @ (y[others] - yc))
        assert standardised[i] * spread[i] == pytest.approx(y[i] - yc - (Z[i] - zc) @ slope, rel=1e-4)


def test_categories_lie_in_the_order_of_their_rate() -> None:
    """With two classes the best split is a cut of the categories ordered by rate (Breiman et al. 1984, theorem 4.5)."""
    g = np.random.default_rng(6)
    category = g.integers(6, size=30_000)
    rate = np.array([0.5, 0.1, 0.9, 0.3, 0.7, 0.2])
    y = (g.random(30_000) < rate[category]).astype(np.int64)
    atoms, codes = Atoms.fit(Column.of_texts([str(c) for c in category]), ColumnSchema("category"))
    place = placement(atoms, codes, y)
    assert place is not None
    by_place = [int(v) for v in atoms.values[np.argsort(place)]]
    assert by_place in (np.argsort(rate).tolist(), np.argsort(-rate).tolist())


def test_classes_have_equal_mass_and_spikes_their_own() -> None:
    values = np.r_[np.zeros(5_000), np.random.default_rng(7).random(5_000)]
    atoms, codes = Atoms.fit(Column.of(values), ColumnSchema("number", dtype="float64"))
    classes = classes_of(atoms, codes, 32)
    zero = classes[values == 0]
    assert len(set(zero)) == 1
    assert not np.isin(zero[0], classes[values > 0])
    sizes = np.bincount(classes[values > 0])
    assert sizes[sizes > 0].max() < 2.5 * 10_000 / 32


def test_noise_is_shrunken_and_signal_is_not() -> None:
    g = np.random.default_rng(8)
    X = g.normal(size=(2_000, 2))
    noise = g.integers(3, size=2_000)
    signal = (X[:, 0] > 0).astype(np.int64)
    loose = grow(X, signal, signal, SETTINGS, Rng(1))[0].shrinkage
    tight = grow(X, noise, noise, SETTINGS, Rng(1))[0].shrinkage
    assert loose <= 3
    assert tight >= 100


def test_the_target_depends_on_all_columns_as_it_was_planted() -> None:
    """A sum of ten numbers decides: drawn first, and each number after it, the target would lose some of them."""
    g = np.random.default_rng(5)
    X = g.normal(size=(6_000, 10))
    odds = X.sum(axis=1)
    y = g.random(6_000) < 1 / (1 + np.exp(-odds))
    table = Table({**{f"x{i}": Column.of(np.round(x, 2)) for i, x in enumerate(X.T)}, "y": Column.of(y)})
    number, label = ColumnSchema("number", dtype="float64"), ColumnSchema("boolean", roles=("target",), dtype="bool")
    kinds = {c: label if c == "y" else number for c in table}
    data = Dataset({"data": table}, Schema({"data": TableSchema(kinds)}))
    fitted = Forest(trees=6, filter_rounds=0).fit(data, Rng(6))
    assert list(fitted.again) == ["y"]

    def told(model: ForestFitted, given: Table | None = None) -> float:
        drawn = model.sample(6_000, Rng(7), given).table
        own = np.sum([drawn[f"x{i}"].values for i in range(10)], axis=0)
        return float(roc_auc_score(drawn["y"].values, own))

    real, once = float(roc_auc_score(y, odds)), told(replace(fitted, again={}))
    assert told(fitted) > real - 0.02
    assert told(fitted) > once
    # Where the target is given in some rows, it is drawn again in the others only.
    codes = np.where(np.arange(4_000) < 2_000, 1, FREE)
    drawn = fitted.draw(4_000, Rng(8), Wanted({"y": codes}))
    assert (drawn["y"][:2_000] == 1).all()
    assert 0.3 < drawn["y"][2_000:].mean() < 0.7
    # Where another column is given, the target depends on all of them as well.
    x0 = Column.of(np.round(np.random.default_rng(9).choice(X[:, 0], 6_000), 2))
    assert told(fitted, Table({"x0": x0})) > max(real - 0.03, told(replace(fitted, again={}), Table({"x0": x0})))


def test_classes_are_counted_alike_with_and_without_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = 3 * np.random.default_rng(8).integers(0, 50, 400) + 7  # with gaps: places among keys are no keys
    asked = keys[:60]
    dense = _shrinkage._counter(keys, 200)(asked)
    monkeypatch.setattr(_shrinkage, "_COUNTED", 0)
    assert (_shrinkage._counter(keys, 200)(asked) == dense).all()
    assert (dense == [np.sum(keys == k) for k in asked]).all()


@pytest.mark.parametrize(("rate", "each"), [(0.9, 4), (0.25, 6), (0.01, 16)])
def test_rows_with_conditions_are_picked_among_as_many_as_the_filter_needs(
    rate: float, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = np.random.default_rng(9)
    table = Table({"x": Column.of(g.normal(size=1_200)), "yes": Column.of(g.random(1_200) < 0.5)})
    kinds = {"x": ColumnSchema("number", dtype="float64"), "yes": ColumnSchema("boolean", dtype="bool")}
    fitted = Forest(trees=2, boost_rows=0).fit(Dataset({"data": table}, Schema({"data": TableSchema(kinds)})), Rng(1))
    assert fitted.filter is not None
    fitted = replace(fitted, filter=replace(fitted.filter, rate=rate))
    asked: list[int] = []
    met = ForestFitted.draw_met
    monkeypatch.setattr(ForestFitted, "draw_met", lambda own, n, *rest: asked.append(n) or met(own, n, *rest))
    drawn = fitted.sample(50, Rng(2), Table({"yes": Column.of(np.ones(50, bool))})).table
    assert asked == [50 * each]
    assert drawn["yes"].values.all()


def test_what_two_columns_decide_between_them_is_told_finer_than_the_usual_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 180 distances that origin and destination decide, 32 classes would leave several in each."""
    g, n = np.random.default_rng(5), 14_000
    origin, to = g.integers(3, size=n), g.integers(120, size=n)
    # Two pairs share each distance, and one row in a hundred is off, so that no rule computes a column.
    far = (np.arange(360) // 2).reshape(120, 3).T.ravel() * 10 + 100
    off = (g.random(n) < 0.01) * g.integers(1, 9, n)
    made = {"origin": Column.of_texts([str(v) for v in origin]), "to": Column.of_texts([str(v) for v in to])}
    made["far"] = Column.of((far[origin * 120 + to] + off).astype(np.int64))
    kinds = {"origin": ColumnSchema("category"), "to": ColumnSchema("category")}
    kinds["far"] = ColumnSchema("number", dtype="int64", decimals=0)
    data = Dataset({"data": Table(made)}, Schema({"data": TableSchema(kinds)}))

    def right() -> float:
        drawn = Forest(trees=6, filter_rounds=0).fit(data, Rng(0)).sample(n, Rng(1)).table
        key = np.array(
            [int(o) * 120 + int(t) for o, t in zip(drawn["origin"].texts(), drawn["to"].texts(), strict=True)]
        )
        return float((np.abs(drawn["far"].values - far[key] - 4) <= 4).mean())

    assert right() > 0.97
    monkeypatch.setattr(_learn_column, "_FINE_CLASSES", 0)
    assert right() < 0.9


def learned(y: Column, kind: ColumnSchema, x: np.ndarray) -> object:
    """Learn y given the columns of x as the forest does, and return its kernel."""
    made = {f"x{j}": Column.of(x[:, j]) for j in range(x.shape[1])} | {"y": y}
    kinds = TableSchema({name: kind if name == "y" else ColumnSchema("number", dtype="float64") for name in made})
    plan, codes = Plan.fit(Dataset({"data": Table(made)}, Schema({"data": kinds})))
    trees = TreeSettings(trees=6, min_leaf_rows=20, structure_share=0.632, rows_per_tree=10_000, shrinkage_share=1.0)
    predictors = tuple(name for name in made if name != "y")
    return learn_column(ColumnSettings(trees, 10_000), plan, codes, "y", predictors, Rng(0)).kernel


def test_fifty_categories_are_halved_and_leaves_stay_where_halves_tell_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six columns add up to whether a row is of the common category; the others come by chance."""
    g = np.random.default_rng(7)
    x = g.normal(size=(6_000, 6))
    rare = g.random(6_000) > 1 / (1 + np.exp(-2 - 1.5 * x.sum(axis=1)))
    y = Column.of_texts([f"c{k}" for k in np.where(rare, g.integers(1, 50, 6_000), 0)])
    assert isinstance(learned(y, ColumnSchema("category"), x), Halving)
    bad = lambda *_: (None, np.full(900, -4.0), np.arange(900))  # noqa: E731
    monkeypatch.setattr(_learn_column, "_boosted", bad)
    assert isinstance(learned(y, ColumnSchema("category"), x), Leaves)


def test_of_sizes_of_leaves_that_tell_alike_the_larger_is_taken() -> None:
    g = np.random.default_rng(8)
    kernel = learned(
        Column.of(g.integers(20, size=6_000)), ColumnSchema("number", dtype="int64", decimals=0), g.random((6_000, 1))
    )
    assert isinstance(kernel, Leaves)
    e = kernel.ensemble
    assert (e.end - e.start)[e.feature < 0].min() >= 100


def test_a_few_trees_do_not_speak_for_a_forest_that_sees_many_more_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred steps up and down: sixty rows a step tell them, five do not; what halves tell lies between."""
    g = np.random.default_rng(9)
    x = g.random((6_000, 1))
    y = Column.of(g.integers(2, size=100)[(100 * x[:, 0]).astype(int)])
    monkeypatch.setattr(_learn_column, "_TRIAL_ROWS", 500)
    halves = lambda *_: (None, np.full(900, -0.4), np.arange(900))  # noqa: E731
    monkeypatch.setattr(_learn_column, "_boosted", halves)
    assert isinstance(learned(y, ColumnSchema("number", dtype="int64", decimals=0), x), Leaves)


def test_a_few_trees_foretell_what_all_of_them_will_tell() -> None:
    g = np.random.default_rng(10)
    x = g.random((4_000, 3))
    y = np.clip((10 * x[:, 0] + 5 * x[:, 1] * x[:, 2] + g.normal(size=4_000)).astype(int), 0, 15)

    def held(trees: int) -> Held:
        return grow(x, y, y, replace(SETTINGS, trees=trees), Rng(1))[2]

    few, all_of_them = held(4), held(40)
    now, then = float(np.nanmean(few.likelihood)), float(np.nanmean(all_of_them.likelihood))
    foretold = float(np.nanmean(few.foretold(0.4 * 40)))
    assert then - now > 0.02
    assert foretold == pytest.approx(then, abs=0.35 * (then - now))
