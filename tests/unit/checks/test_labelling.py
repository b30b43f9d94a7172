"""Labelling: coverage as promised, rules weighed by their true accuracy, proposals that are worth a question."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.checks._categories import apply_categories, categories
from seedstock.checks._clean import apply
from seedstock.checks._label import label
from seedstock.checks._votes import ask, combine, propose, read_rules
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table


def blobs(n: int, known: int, noise: float, seed: int = 0) -> tuple[Dataset, np.ndarray]:
    g = np.random.default_rng(seed)
    y = g.integers(0, 3, n)
    centre = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    x = centre[y] + noise * g.normal(size=(n, 2))
    names = np.array(["red", "green", "blue"], object)[y]
    given = [t if i < known else None for i, t in enumerate(names)]
    cells = {"u": Column.of(x[:, 0]), "v": Column.of(x[:, 1]), "y": Column.of_texts(given)}
    kinds = {"u": "number", "v": "number", "y": "category"}
    schema = Schema({"t": TableSchema({c: ColumnSchema(k) for c, k in kinds.items()})})  # type: ignore[arg-type]
    return Dataset({"t": Table(cells)}, schema), names


def test_sets_cover_the_truth_and_decide_most_rows() -> None:
    covered, decided, right = [], [], []
    for seed in range(3):
        data, truth = blobs(900, 150, 0.8, seed)
        found = label(data, "y", Rng(seed), 0.9)
        true = np.array([found.classes.tolist().index(t) for t in truth[found.rows]])
        covered.append(found.sets[np.arange(len(true)), true].mean())
        decided.append(found.decided.mean())
        right.append((found.sets.argmax(1) == true)[found.decided].mean())
    assert np.mean(covered) >= 0.88  # 0.9, less three standard errors
    assert np.mean(decided) > 0.6
    assert np.mean(right) > 0.93


def test_more_noise_makes_it_abstain() -> None:
    shares = [label(blobs(500, 120, noise)[0], "y", Rng(1), 0.95).decided.mean() for noise in (0.4, 1.6)]
    assert shares[0] > 0.8
    assert shares[1] < shares[0] - 0.3


def test_labels_become_edits() -> None:
    data, truth = blobs(300, 90, 0.4)
    edits = label(data, "y", Rng(2)).edits("t", "y")
    out, _ = apply(data, edits)
    filled = ~out.table["y"].missing
    assert filled.mean() > 0.8
    assert (out.table["y"].texts()[filled] == truth[filled]).mean() > 0.97


def test_labelling_needs_something_to_learn_from() -> None:
    data, _ = blobs(100, 0, 0.4)
    with pytest.raises(InputError, match="classes"):
        label(data, "y", Rng(0))
    with pytest.raises(InputError, match="five"):
        label(blobs(100, 6, 0.4)[0], "y", Rng(0))
    with pytest.raises(InputError, match="nothing to label"):
        label(blobs(100, 100, 0.4)[0], "y", Rng(0))
    with pytest.raises(InputError, match="confidence"):
        label(data, "y", Rng(0), 1.5)


def test_rules_are_weighed_by_what_they_are_worth() -> None:
    g = np.random.default_rng(3)
    true = g.choice(["a", "b", "c"], 3_000)
    quality = (0.95, 0.75, 0.75, 0.45)
    votes = np.full((3_000, 4), None, object)
    for j, q in enumerate(quality):
        for i, t in enumerate(true):
            if g.random() < 0.8:
                votes[i, j] = t if g.random() < q else g.choice([c for c in "abc" if c != t])
    found = combine(votes)
    assert np.abs(found.accuracy - quality).max() < 0.05
    assert np.abs(found.coverage - 0.8).max() < 0.05
    spoken = ~np.isnan(found.probability[:, 0])
    combined = (np.array(found.classes)[found.probability[spoken].argmax(1)] == true[spoken]).mean()
    counts = np.stack([(votes == c).sum(1) for c in found.classes], axis=1)
    majority = (np.array(found.classes)[counts[spoken].argmax(1)] == true[spoken]).mean()
    assert combined > majority + 0.01


def test_rules_from_toml_and_python() -> None:
    data, _ = blobs(50, 25, 0.4)
    text = '[[rule]]\nlabel = "low"\ncolumn = "u"\nmax = 1.0\n[[rule]]\nlabel = "red"\ncolumn = "y"\npattern = "^re"\n'
    low, red = (rule(data) for rule in read_rules(text))
    assert ((low == "low") == (data.table["u"].values <= 1.0)).all()
    assert ((red == "red") == (data.table["y"].texts() == "red")).all()
    votes = ask(data, [lambda row: "low" if row["u"] <= 1 else None, lambda row: row["nowhere"]])
    assert (votes[:, 0] == low).all()
    assert all(v is None for v in votes[:, 1])
    for bad in (
        "x = 1",
        "[[rule]]\nlabel = 'a'",
        "[[rule]]\nlabel='a'\ncolumn='u'\npattern='('",
        "=",
        "[[rule]]\nlabel='a'\ncolumn='u'\nmin=1\nwhat=2",
    ):
        with pytest.raises(InputError):
            read_rules(bad)
    with pytest.raises(InputError, match="numbers"):
        read_rules('[[rule]]\nlabel = "a"\ncolumn = "y"\nmin = 1')[0](data)


def test_proposals_are_doubtful_and_spread() -> None:
    g = np.random.default_rng(4)
    X = g.normal(size=(500, 2))
    p = 1 / (1 + np.exp(-4 * X[:, 0]))
    rows = propose(np.column_stack([p, 1 - p]), X, 10)
    assert len(set(rows.tolist())) == 10
    assert np.abs(X[rows, 0]).max() < 0.6  # near the boundary
    assert X[rows, 1].std() > 0.9  # all along it


def test_categories_can_be_edited_and_applied() -> None:
    cells = ["Berlin"] * 30 + ["berlin"] * 3 + ["Berlim", "?", "Bonn", "Bonn"]
    schema = Schema({"t": TableSchema({"city": ColumnSchema("category")})})
    data = Dataset({"t": Table({"city": Column.of_texts(cells)})}, schema)
    found = categories(data, "city")
    assert found["mapping"] == {"berlin": "Berlin", "Berlim": "Berlin", "?": None}
    assert found["canonical"] == {"Berlin": 34, "Bonn": 2}
    out, _ = apply(data, apply_categories(data, "city", {**found["mapping"], "Bonn": "Bad Godesberg"}))
    assert sorted(set(out.table["city"].texts()[~out.table["city"].missing])) == ["Bad Godesberg", "Berlin"]
    with pytest.raises(InputError, match="Hamburg"):
        apply_categories(data, "city", {"Hamburg": "x"})
