"""Differential privacy against what is known: noise, accounting, sensitivity, and an attack on a canary."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators._dp_account import Ledger, delta_of, epsilon_of, rho_of
from seedstock.generators._dp_columns import Measure
from seedstock.generators._dp_noise import Noise
from seedstock.generators._dp_select import Cells
from seedstock.generators._dp_tree import Tree, fitted_to, project
from seedstock.generators.private import Private


def dataset(target: str | None = None, **columns: Column) -> Dataset:
    schema = {
        name: ColumnSchema(
            "category" if c.is_text else "number",
            dtype="string" if c.is_text else str(c.values.dtype),
            roles=("target",) if name == target else (),
        )
        for name, c in columns.items()
    }
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(schema)}))


@pytest.mark.parametrize("sigma", [0.7, 3.0, 40.0])
def test_noise_is_the_discrete_gaussian(sigma: float) -> None:
    n = 200_000
    drawn = Noise(Rng(1)).gaussian(n, sigma)
    k = np.arange(-int(12 * sigma) - 2, int(12 * sigma) + 3)
    weights = np.exp(-(k**2) / (2 * sigma**2))
    exact = weights / weights.sum()
    variance = float((k**2 * exact).sum())
    assert drawn.mean() == pytest.approx(0, abs=5 * sigma / np.sqrt(n))
    assert drawn.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / n))
    seen = np.bincount(drawn - k[0], minlength=len(k))
    often = exact * n > 20
    assert stats.chisquare(seen[often], exact[often] / exact[often].sum() * seen[often].sum()).pvalue > 1e-4


def test_noise_is_secret_unless_a_seed_is_asked_for() -> None:
    data = dataset(x=Column.of(np.arange(100)))
    assert Private().fit(data, Rng(1)).privacy["noise"] == "operating system"
    assert (Noise().gaussian(100, 50.0) != Noise().gaussian(100, 50.0)).any()
    assert "NO privacy" in Private(noise="seed").fit(data, Rng(1)).privacy["noise"]


@pytest.mark.parametrize(("rho", "epsilon"), list(product([0.001, 0.015, 0.5], [0.1, 1.0, 8.0])))
def test_conversion_lies_between_the_exact_gaussian_and_the_simple_bound(rho: float, epsilon: float) -> None:
    # The Gaussian mechanism is rho-zCDP with sensitivity/sigma = sqrt(2 rho); its exact delta: Balle and Wang 2018.
    r = np.sqrt(2 * rho)
    exact = stats.norm.cdf(r / 2 - epsilon / r) - np.exp(epsilon) * stats.norm.cdf(-r / 2 - epsilon / r)
    assert delta_of(rho, epsilon) >= exact * (1 - 1e-9)
    if epsilon > rho:
        assert delta_of(rho, epsilon) <= np.exp(-((epsilon - rho) ** 2) / (4 * rho))  # Bun and Steinke 2016, 1.3


def test_conversions_are_inverse_and_published() -> None:
    assert epsilon_of(rho_of(1.0, 1e-9), 1e-9) == pytest.approx(1.0, rel=1e-6)
    # By the optimal order of Corollary 13 of Canonne, Kamath and Steinke, minimised by another method.
    from scipy.optimize import minimize_scalar

    def log_delta(x: float) -> float:
        a = 1 + np.exp(x)
        return float((a - 1) * (a * 0.02 - 1) + a * np.log1p(-1 / a) - np.log(a - 1))

    assert np.log(delta_of(0.02, 1.0)) == pytest.approx(
        minimize_scalar(log_delta, (0, 3), method="brent").fun, abs=1e-4
    )


def test_a_ledger_is_never_overspent_and_adds_up() -> None:
    g = np.random.default_rng(0)
    n = 500
    data = dataset(
        "y",
        a=Column.of_texts(g.choice(["p", "q"], n).tolist()),
        b=Column.of(g.normal(size=n)),
        c=Column.of(g.integers(0, 50, n)),
        y=Column.of_texts(g.choice(["no", "yes"], n).tolist()),
    )
    facts = Private(epsilon=2.0, delta=1e-6, noise="seed").fit(data, Rng(3)).privacy
    assert sum(e["rho"] for e in facts["mechanisms"]) == pytest.approx(facts["rho"])
    assert facts["epsilon_spent"] <= 2.0 * (1 + 1e-6)
    assert facts["delta_spent"] <= 1e-6
    for e in facts["mechanisms"]:
        if "sigma" in e:
            assert e["rho"] == pytest.approx(e["sensitivity"] ** 2 / (2 * e["sigma"] ** 2))
    ledger = Ledger(1.0, 1e-6)
    with pytest.raises(AssertionError, match="overspent"):
        ledger.spend("all and more", "discrete Gaussian", ledger.rho * 1.01)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 3), st.integers(-1, 1)), min_size=1, max_size=20), st.data()
)
def test_one_row_changes_one_cell_by_one(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(rows) - 1))
    k = {"a": 3, "b": 4, "c": 2}

    def cells(kept: list[tuple[int, int, int]]) -> Cells:
        return Cells({name: np.array([r[i] for r in kept], np.int64) for i, name in enumerate(k)}, k)

    whole, less = cells(rows), cells(rows[:gone] + rows[gone + 1 :])
    for names in (("a",), ("a", "b"), ("c", "a", "b")):
        assert np.abs(whole.count(*names) - less.count(*names)).sum() <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.data())
def test_a_median_moves_by_less_than_its_epsilon(x: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(x) - 1))
    epsilon, z = 0.7, np.linspace(0.01, 20.49, 60)

    class Seen(Noise):
        def choose(self, scores, epsilon, sensitivity, log_weights=0.0):  # type: ignore[no-untyped-def]
            self.seen = epsilon * np.asarray(scores) / (2 * sensitivity), log_weights
            return int(np.argmax(log_weights))

    def log_density(values: np.ndarray) -> np.ndarray:
        noise = Seen(Rng(1))
        Measure(Ledger(1.0, 1e-6), noise)._median(np.sort(values), -0.5, 20.5, epsilon)
        logits, weights = noise.seen
        total = np.logaddexp.reduce(logits + weights)
        return logits[np.searchsorted(np.sort(values), z)] - total

    values = np.array(x, float)
    change = log_density(values) - log_density(np.delete(values, gone))
    assert np.abs(change).max() <= epsilon + 1e-9


def _attack(epsilon: float, fits: int) -> float:
    """Return a lower bound (95 %) of the epsilon that telling apart with and without a canary shows."""
    g = np.random.default_rng(5)
    n = 60
    names = ["x", "y"] * (n // 2)
    base = dataset(a=Column.of_texts(names), b=Column.of(g.integers(0, 4, n)))
    more = dataset(a=Column.of_texts([*names, "x"]), b=Column.of(np.append(base.table["b"].values, 3)))
    stat = np.empty((2, fits))
    for i, data in enumerate((base, more)):
        for s in range(fits):
            model = Private(epsilon=epsilon, delta=1e-3, bins=4, noise="seed").fit(data, Rng(s).child("audit", i))
            # What the canary alone makes likelier: how many rows there seem to be with its values.
            shares = [m["rho"] for m in model.privacy["mechanisms"]]
            assert shares
            total = [float(model.bins["a"].atoms.counts.sum()), float(model.bins["b"].atoms.counts.sum())]
            stat[i, s] = sum(total)
    best = 0.0
    half = fits // 2
    for cut in np.quantile(stat[:, :half], np.linspace(0.05, 0.95, 19)):
        hits, alarms = int((stat[1, half:] > cut).sum()), int((stat[0, half:] > cut).sum())
        true_rate = stats.beta.ppf(0.0013, hits, half - hits + 1) if hits else 0.0
        false_rate = stats.beta.ppf(0.9987, alarms + 1, half - alarms) if alarms < half else 1.0
        best = max(best, np.log(max(true_rate - 1e-3, 1e-9) / false_rate))
    return best


def test_an_attack_on_a_canary_stays_below_epsilon() -> None:
    assert _attack(0.5, 120) <= 0.5
    # The attack has teeth: where epsilon allows much, it finds some of it.
    assert _attack(400.0, 120) > 0.5


def test_draws_with_conditions_agree_with_brute_force() -> None:
    g = np.random.default_rng(2)
    k = {"r": 2, "a": 3, "b": 4, "c": 2}

    def table(*shape: int) -> np.ndarray:
        t = g.random(shape)
        return t / t.sum(axis=-1, keepdims=True)

    parents = {"r": None, "a": "r", "b": "a", "c": "a"}
    tree = Tree("r", parents, {"r": table(1, 1, 2), "a": table(2, 1, 3), "b": table(2, 3, 4), "c": table(2, 3, 2)})
    joint = np.einsum(
        "r,ra,rab,rac->rabc", tree.tables["r"][0, 0], tree.tables["a"][:, 0], tree.tables["b"], tree.tables["c"]
    )
    n = 40_000
    free, one = tree.draw(n, Rng(1), {})
    assert (one == 1).all()
    seen = np.bincount(np.ravel_multi_index([free[c] for c in k], (2, 3, 4, 2)), minlength=48) / n
    assert np.abs(seen - joint.reshape(-1)).max() < 0.01
    allowed = {"b": np.tile([0.0, 1, 0, 1], (n, 1)), "c": np.tile([1.0, 0], (n, 1))}
    part = joint * np.array([0, 1, 0, 1])[None, None, :, None] * np.array([1, 0])
    drawn, evidence = tree.draw(n, Rng(1), allowed)
    assert evidence == pytest.approx(np.full(n, part.sum()))
    seen = np.bincount(np.ravel_multi_index([drawn[c] for c in k], (2, 3, 4, 2)), minlength=48) / n
    assert np.abs(seen - (part / part.sum()).reshape(-1)).max() < 0.01


def test_projection_and_fitting_keep_their_margins() -> None:
    noisy = np.random.default_rng(3).normal(5, 10, (4, 5))
    near = project(noisy, 100.0)
    assert near.min() >= 0
    assert near.sum() == pytest.approx(100)
    rows, columns = np.array([10.0, 20, 30, 40]), np.array([5.0, 15, 20, 25, 35])
    done = fitted_to(np.ones((4, 5)), [((0,), rows), ((1,), columns)])
    assert done == pytest.approx(np.outer(rows, columns) / 100, rel=1e-6)


def test_with_much_budget_the_planted_dependence_comes_back() -> None:
    g = np.random.default_rng(4)
    n = 4_000
    x = g.normal(size=n)
    data = dataset(
        x=Column.of(x),
        y=Column.of(x + 0.3 * g.normal(size=n)),
        z=Column.of(g.normal(size=n)),
        c=Column.of_texts(np.where(x > 0, "up", "down").tolist()),
    )
    model = Private(epsilon=100.0, noise="seed").fit(data, Rng(1))
    drawn = model.sample(n, Rng(2)).table
    assert np.corrcoef(drawn["x"].values, drawn["y"].values)[0, 1] > 0.85
    assert abs(np.corrcoef(drawn["x"].values, drawn["z"].values)[0, 1]) < 0.1
    assert drawn["x"].values.std() == pytest.approx(1, abs=0.15)


def test_rare_values_and_real_texts_never_come_out() -> None:
    n = 2_000
    g = np.random.default_rng(6)
    names = [f"person {i}" for i in range(n)]
    data = dataset(name=Column.of_texts(names), y=Column.of_texts(g.choice(["a", "b"], n).tolist()))
    drawn = Private(noise="seed").fit(data, Rng(1)).sample(500, Rng(2)).table
    assert set(drawn["name"].texts()) == {"other"}
    assert set(drawn["y"].texts()) == {"a", "b"}


def test_rows_are_held_out_by_coins_of_their_own() -> None:
    data = dataset(x=Column.of(np.arange(300)))
    whole = Private().part(data, 0.2, Rng(1))[0].table["x"].values
    less = Private().part(data.take(slice(0, 299)), 0.2, Rng(1))[0].table["x"].values
    assert set(whole) ^ set(less) <= {299}


@pytest.mark.parametrize(
    "wrong", [{"epsilon": 0}, {"epsilon": -1}, {"epsilon": np.nan}, {"epsilon": np.inf}, {"delta": 0}, {"delta": 1},
              {"bins": 1}, {"noise": "none"}], ids=str)  # fmt: skip
def test_a_meaningless_budget_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Private(**wrong)  # type: ignore[arg-type]
