from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.detect import detect
from seedstock.provenance.watermark import layout, mark

KEY = b"k" * 32


@pytest.fixture(scope="module")
def marked(people_model):
    return mark(people_model, KEY).sample(4_000, Rng(1))


def test_finds_its_own_mark(marked):
    found = detect(marked, KEY)
    assert found.p_value < 1e-30
    assert found.generation == 1
    assert found.share > 0.85
    assert found.interval[0] < found.share <= found.interval[1]
    assert found.to_json()["interval"] == list(found.interval)
    assert detect(marked.take(slice(0, 150)), KEY).p_value < 1e-3


def test_foreign_key_and_real_rows_show_nothing(marked, draw_people):
    for key in (b"x" * 32, b"y" * 32, KEY[:-1] + b"l"):
        found = detect(marked, key)
        assert found.p_value > 1e-3
        assert not found.found
        assert found.share is None
    assert detect(draw_people(4_000, seed=77), KEY).p_value > 1e-3


@pytest.mark.parametrize("generation", [2, 3, 4])
def test_generations_are_told_apart(people_model, generation):
    found = detect(mark(people_model, KEY, generation).sample(1_000, Rng(1)), KEY)
    assert found.generation == generation


@pytest.mark.parametrize("candidates", [2, 4])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_share_of_a_mixture(people_model, draw_people, share, candidates):
    real = draw_people(4_000, seed=5)
    marked = mark(people_model, KEY, candidates=candidates).sample(4_000, Rng(1))
    n = int(4_000 * share)
    both = marked.with_table(Table.concat([marked.table.take(slice(0, n)), real.table.take(slice(n, 4_000))]))
    found = detect(both, KEY)
    assert found.share == pytest.approx(share, abs=0.1)
    assert found.interval[0] - 0.03 <= share <= found.interval[1] + 0.03


def test_survives_what_happens_to_files(marked, rewrite):
    g = np.random.default_rng(0)
    t = marked.table
    names = list(g.permutation(t.names))
    schema = Schema({"data": TableSchema({c: marked.columns[c] for c in names})})
    shuffled = Dataset({"data": t.select(names).take(g.permutation(len(t)))}, schema)
    rounded = {
        c: Column(np.array([float(f"{v:.2g}") for v in t[c].values.astype(float)]), t[c].missing)
        for c in ("age", "income", "weight")
    }
    cases = {
        "half the rows": marked.take(g.permutation(4_000)[:2_000]),
        "shuffled rows and columns": shuffled,
        "rounded": marked.with_table(t.assign(rounded)),
        "10 % of the cells rewritten": rewrite(marked, 0.1),
    }
    for what, data in cases.items():
        assert detect(data, KEY).p_value < 1e-6, what


def test_lost_columns_and_known_layouts(marked):
    kept = [c for c in marked.table.names if c not in ("city", "since")]
    schema = Schema({"data": TableSchema({c: marked.columns[c] for c in kept})})
    data = Dataset({"data": marked.table.select(kept)}, schema)
    blind = detect(data, KEY)
    knowing = detect(data, KEY, [layout(marked.columns), ["other", "columns"]])
    assert knowing.p_value < 1e-6
    assert knowing.p_value <= blind.p_value * 10


def test_types_of_another_reader_do_not_matter(marked):
    """As a CSV reader sees it: whole numbers as floats, flags as texts, small numbers as categories."""
    t = marked.table
    texts = {
        "member": Column.of_texts(["yes" if v else "no" for v in t["member"].values]),
        "age": Column.of_texts([str(v) for v in t["age"].values]),
        "city": Column.of_texts([f" {v.upper()} " for v in t["city"].texts()]),
    }
    schemas = {**marked.columns.columns, "member": ColumnSchema("category"), "age": ColumnSchema("category")}
    data = Dataset({"data": t.assign(texts)}, Schema({"data": TableSchema(schemas)}))
    assert detect(data, KEY).p_value == detect(marked, KEY).p_value


def test_repeated_rows_do_not_break_the_null():
    """A table of few distinct rows, each thousands of times: the bits are few, and counted once."""
    g = np.random.default_rng(0)
    schema = Schema({"data": TableSchema({c: ColumnSchema("category") for c in "ab"})})
    low = 0
    for k in range(200):
        table = Table({c: Column.of_texts([f"{c}{v}" for v in g.integers(0, 4, 300)]) for c in "ab"})
        low += detect(Dataset({"data": table}, schema), bytes([k]) * 32).p_value <= 0.05
    assert low <= 18  # binomial(200, 0.05): 99.6 % quantile


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_tiny_tables(draw_people, rows):
    found = detect(draw_people(rows), KEY)
    assert 0 < found.p_value <= 1
    assert not found.found


def test_long_tables_are_read_in_part(monkeypatch, marked):
    monkeypatch.setattr("seedstock.provenance.detect.MOST_ROWS", 1_000)
    found = detect(marked, KEY)
    assert found.rows == 4_000
    assert found.p_value < 1e-10


def test_only_identifiers():
    schema = Schema({"data": TableSchema({"id": ColumnSchema("id", dtype="int64")})})
    found = detect(Dataset({"data": Table({"id": Column.of(np.arange(100))})}, schema), KEY)
    assert found.p_value == 1.0
    assert found.keys == 0


def test_tables_of_very_many_columns():
    """Sixteen loci of each width are read, at the places that the key prefers, and found again without columns."""
    g = np.random.default_rng(0)
    names = [f"x{k}" for k in range(120)]

    class Wide:
        schema = Schema({"data": TableSchema({c: ColumnSchema("number", dtype="float64") for c in names})})

        def sample(self, n, rng, given=None, start=0):
            draw = rng.child(start).generator().normal(50, 20, (len(names), n))
            return Dataset({"data": Table({c: Column.of(v) for c, v in zip(names, draw, strict=True)})}, self.schema)

    data = mark(Wide(), KEY).sample(600, Rng(1))
    found = detect(data, KEY)
    assert found.p_value < 1e-20
    assert found.keys <= 32 * 600
    kept = sorted(g.permutation(names)[:90])
    schema = Schema({"data": TableSchema({c: data.columns[c] for c in kept})})
    cut = Dataset({"data": data.table.select(kept)}, schema)
    assert detect(cut, KEY, [names]).p_value < 1e-4
