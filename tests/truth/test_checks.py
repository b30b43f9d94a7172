"""Checks against known truth: calibrated label errors, chance pairs against simulation, and published dirty tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from seedstock.checks._cells import mix
from seedstock.checks._chance import chance_pairs
from seedstock.checks._clean import clean
from seedstock.checks._run import control, run_checks
from seedstock.checks.label_errors import rank_label_errors
from seedstock.core.errors import InputError
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def channel(n: int, k: int, noise: np.ndarray, sharp: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw true classes from known probabilities, labels through a known channel, and what a perfect model says."""
    g = np.random.default_rng(seed)
    z = sharp * g.normal(size=(n, k))
    pi = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    true = np.array([g.choice(k, p=p) for p in pi])
    given = np.array([g.choice(k, p=noise[t]) for t in true])
    return given, pi @ noise, given != true


@pytest.mark.parametrize("kind", ["uniform", "by class"])
def test_label_error_probabilities_are_calibrated(kind: str) -> None:
    k = 4
    noise = np.full((k, k), 0.1 / (k - 1)) + np.eye(k) * (0.9 - 0.1 / (k - 1))
    if kind == "by class":
        noise[0] = [0.75, 0.25, 0, 0]
    given, P, wrong = channel(8_000, k, noise, 4.0, 1)
    found = rank_label_errors(given, P)
    # Errors on the side of too few, most of all where one class is much noisier than the others; and of too unsure,
    # since noise that the model has learned itself is taken out of its probabilities by sharpening alone.
    assert 0.7 < found.expected / wrong.sum() < 1.15
    assert np.abs(found.noise - noise).max() < 0.15
    sure = found.probability > 0.6
    assert wrong[sure].mean() > 0.75
    assert wrong[found.probability < 0.2].mean() < 0.08
    flagged = np.zeros(len(wrong), bool)
    flagged[found.flagged] = True
    # The cut is near the best F1 that any cut of this ranking has.
    hits = np.cumsum(wrong[found.ranked])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + wrong.sum())
    own = 2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum())
    assert own > f1.max() - 0.05


def test_right_labels_are_left_alone() -> None:
    given, P, _ = channel(5_000, 3, np.eye(3), 4.0, 2)
    found = rank_label_errors(given, P)
    assert found.expected < 0.01 * len(given)
    assert found.n_cut < 0.005 * len(given)


@pytest.mark.parametrize("sharp", [0.6, 1.0, 2.0])
@pytest.mark.parametrize("blur", [0.0, 1.1])
def test_mistakes_of_people_who_see_less_than_the_model(blur: float, sharp: float) -> None:
    """Ten classes in space; people see the place through a blur. The model knows exactly what people would say."""
    g = np.random.default_rng(4)
    n, k, d = 3_000, 10, 12
    centres = 1.5 * g.normal(size=(k, d))
    true = g.integers(0, k, n)
    x = centres[true] + g.normal(size=(n, d))
    said = np.stack([
        (((x + blur * g.normal(size=x.shape))[:, None] - centres) ** 2).sum(-1).argmin(1) for _ in range(60)
    ])  # fmt: skip
    given = said[0]
    P = (0.2 / k + np.stack([(said[1:] == j).sum(0) for j in range(k)], axis=1)) ** sharp
    found = rank_label_errors(given, P)
    wrong = given != true
    if blur == 0.0:
        assert wrong.mean() < 0.03
        assert found.n_cut < 0.005 * n
        return
    assert 0.06 < wrong.mean() < 0.14
    hit = wrong[found.flagged].sum()
    assert 2 * hit / (found.n_cut + wrong.sum()) > 0.85


def test_much_noise_in_one_of_two_classes_that_overlap() -> None:
    """A quarter and a seventh of two classes' labels are wrong, and a linear model sees them through its own shape."""
    g = np.random.default_rng(3)
    z = 3.0 * g.normal(size=6_000)
    true = (g.random(6_000) < 1 / (1 + np.exp(-z))).astype(int)
    wrong = g.random(6_000) < np.where(true == 1, 0.14, 0.27)
    p = 1 / (1 + np.exp(-0.45 * z))
    found = rank_label_errors(np.where(wrong, 1 - true, true), np.column_stack([1 - p, p]))
    hit = wrong[found.flagged].sum()
    assert 2 * hit / (found.n_cut + wrong.sum()) > 0.6
    assert 0.5 < found.expected / wrong.sum() < 1.5


@pytest.mark.parametrize("rates", [(0.0, 0.25), (0.28, 0.13), (0.1, 0.1)])
def test_rates_of_two_classes_where_the_model_has_learned_the_noise(rates: tuple[float, float]) -> None:
    """P(label = 1) = a + (1 - a - b) q, a and b the rates of the classes: such labels fit the model in any case."""
    g = np.random.default_rng(11)
    q = 1 / (1 + np.exp(-5 * g.normal(size=8_000)))
    true = (g.random(8_000) < q).astype(int)
    wrong = g.random(8_000) < np.array(rates)[true]
    p = rates[0] + (1 - sum(rates)) * q
    found = rank_label_errors(np.where(wrong, 1 - true, true), np.column_stack([1 - p, p]))
    assert np.abs(1 - np.diag(found.noise) - rates).max() < 0.06
    hit = wrong[found.flagged].sum()
    assert 2 * hit / (found.n_cut + wrong.sum()) > 0.6


@pytest.mark.parametrize("slope", [0.5, 0.7, 1.0, 2.0])
def test_features_that_tell_little_are_no_noise(slope: float) -> None:
    g = np.random.default_rng(12)
    p = 1 / (1 + np.exp(-slope * g.normal(size=8_000)))
    found = rank_label_errors((g.random(8_000) < p).astype(int), np.column_stack([1 - p, p]))
    assert found.n_cut < 0.005 * 8_000


def test_labels_may_be_names_and_bad_input_is_refused() -> None:
    P = np.array([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20)
    names = np.array(["a"] * 20 + ["b"] * 20, object)
    names[0] = "b"
    assert rank_label_errors(names, P, classes=["a", "b"]).ranked[0] == 0
    for bad in ((names, P, None), (names, P, ["a", "c"]), (np.zeros(3, int), P, None), (np.full(40, 2), P, None),
                (np.zeros(40, int), P * np.nan, None), (np.zeros(40, int), -P, None)):  # fmt: skip
        with pytest.raises(InputError):
            rank_label_errors(*bad)


def test_expected_pairs_match_simulation() -> None:
    """Independent columns: the expected number of equal pairs has a closed form, n (n - 1) / 2 times prod 1 / k."""
    seen, said, truth = [], [], []
    for seed in range(20):
        g = np.random.default_rng(seed)
        cells = np.column_stack([g.integers(40, size=400), g.integers(50, size=400), g.integers(60, size=400)])
        found = chance_pairs(mix(cells.astype(np.uint64) + np.arange(3, dtype=np.uint64) * np.uint64(1000)))
        if found.pairs:
            seen.append(found.pairs)
            said.append(found.expected)
        truth.append(400 * 399 / 2 / (40 * 50 * 60))
        assert not found.odd or found.pairs <= 3
    assert 0.3 * np.mean(truth) < np.mean(said) < 5 * np.mean(truth)


def test_false_discoveries_are_controlled() -> None:
    g = np.random.default_rng(5)

    def finding(p: float) -> Finding:
        return Finding("c", "t", None, (), "low", 0.5, "m", "f", (), {"p_value": p, "tests": 1_000})

    assert sum(bool(control([finding(float(p)) for p in g.random(1_000)])) for _ in range(40)) <= 6
    mixed = [finding(float(p)) for p in g.random(900)] + [finding(1e-8)] * 100
    kept = control(mixed)
    assert 100 <= len(kept) <= 115


@pytest.mark.shared
@pytest.mark.parametrize(("name", "bar"), [("hospital", 0.9), ("beers", 0.95)])
def test_published_dirty_tables(name: str, bar: float) -> None:
    if not (DATA / "dirty").is_dir():
        pytest.skip("the published dirty tables are not beside the repository")
    with (DATA / "dirty" / f"{name}_dirty.csv").open(newline="") as file:
        head, *rows = list(csv.reader(file))
    with (DATA / "dirty" / f"{name}_clean.csv").open(newline="") as file:
        _, *truth = list(csv.reader(file))
    cells, columns = {}, {}
    for j, c in enumerate(head):
        values = [r[j] or None for r in rows]
        cells[c] = Column.of_texts(values)
        columns[c] = ColumnSchema("id" if len(set(values)) == len(values) else "category")
    data = Dataset({"t": Table(cells)}, Schema({"t": TableSchema(columns)}))
    wrong = {(i, c) for i in range(len(rows)) for j, c in enumerate(head) if rows[i][j] != truth[i][j]}
    findings = run_checks(data, Rng(0).child("check"))
    assert not [f for f in findings if f.details.get("failed")]
    flagged = {(r, f.column) for f in findings if f.severity != "low" and f.column for r in f.rows}
    hit = len(flagged & wrong)
    assert 2 * hit / (len(flagged) + len(wrong)) > bar
    for policy, least in (("safe", 0.97), ("thorough", 0.95)):
        _, edits = clean(data, findings, policy)
        made = [e for e in edits if e.column is not None]
        right = sum((e.after or "") == truth[e.row][head.index(e.column or "")] for e in made)
        assert right >= least * len(made), policy
