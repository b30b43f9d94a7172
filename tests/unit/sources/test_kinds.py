"""What columns of texts are taken for."""

import numpy as np
import pytest

from seedstock.sources.numbers import parse_numbers
from seedstock.sources.read import read

K = 60


def kind_of(texts: list[str], name: str = "x") -> str:
    return read({name: np.array(texts, object), "y": np.arange(len(texts)) % 3}).columns[name].kind


@pytest.mark.parametrize(
    ("texts", "values", "decimals", "form"),
    [
        (["1", "-2", "+3"], [1, -2, 3], 0, None),
        (["1.5", "2.25"], [1.5, 2.25], 2, None),
        (["1.50", "2.25"], [1.5, 2.25], 2, "0"),
        (["1,5", "2,25"], [1.5, 2.25], 2, ","),
        (["1,234", "12,345,678"], [1234, 12345678], 0, None),
        (["1,234.5", "10.25"], [1234.5, 10.25], 2, None),
        (["1.234,5", "2.000.000,25"], [1234.5, 2000000.25], 2, ","),
        (["1e3", "2.5e-2"], [1000.0, 0.025], 3, "e"),
        (["1.5", "2"], [1.5, 2.0], 1, "#"),
        (["1'234.5", "10.25"], [1234.5, 10.25], 2, None),
        (["inf", "1.5", "-inf"], [np.inf, 1.5, -np.inf], 1, None),
        ([str(2**63 - 1)], [2**63 - 1], 0, None),
    ],
)
def test_numbers(texts: list[str], values: list[float], decimals: int, form: str | None) -> None:
    found = parse_numbers(texts)
    assert not isinstance(found, str)
    assert found.values.tolist() == values
    assert (found.decimals, found.format) == (decimals, form)


@pytest.mark.parametrize(
    "texts", [["007", "123"], ["00.5x"], [str(2**63)], ["1_000"], ["1 2"], ["0x10"], ["٣"], ["--1"]]
)
def test_no_numbers(texts: list[str]) -> None:
    assert isinstance(parse_numbers(texts), str)


def test_kinds() -> None:
    g = np.random.default_rng(1)
    floats = [f"{v:.6f}" for v in g.normal(size=K)]
    assert kind_of(floats) == "number"
    assert kind_of(floats, "id") == "number"
    assert kind_of([f"A-{k:04d}" for k in range(K)]) == "id"
    assert kind_of([str(k) for k in range(K)]) == "id"
    assert kind_of([str(k) for k in range(1900, 1900 + K)], "year") == "number"
    assert kind_of([str(v) for v in g.permutation(K)], "rank") == "number"
    assert kind_of([str(v) for v in g.permutation(10**6)[:K]], "customer_id") == "id"
    assert kind_of([f"the {k}th sentence about something" for k in range(K)]) == "text"
    assert kind_of(["red", "green", "blue"] * 20) == "category"
    assert kind_of(["0", "1"] * 30) == "number"
    assert kind_of(["t", "f"] * 30) == "boolean"
    assert kind_of(["36:10:00", "00:00:05"] * 30) == "duration"


def test_duplicated_rows_leave_an_identifier_one() -> None:
    texts = [f"A-{k:04d}" for k in range(K)]
    assert kind_of([*texts, *texts[:2]]) == "id"


def test_tokens_of_missing_cells() -> None:
    data = read({"a": np.array(["-", "1", "2"], object), "b": np.array(["-", "x", "?"], object),
                 "c": np.array(["NA", "", "NA"], object)})  # fmt: skip
    assert (data.columns["a"].kind, data.columns["a"].missing) == ("number", "-")
    assert (data.columns["b"].missing, data.table["b"].missing.tolist()) == ("?", [False, False, True])
    assert data.table["c"].missing.all()


def test_kinds_that_users_know_better() -> None:
    source = {"zip": np.array([10115, 80331, 10115]), "flag": np.array([0, 1, 0]), "y": np.array([1.0, 2.0, 2.5])}
    data = read(source, kinds={"zip": "category", "flag": "boolean"}, roles={"zip": "group"}, target="y")
    assert data.table["zip"].texts().tolist() == ["10115", "80331", "10115"]
    assert data.table["flag"].values.tolist() == [False, True, False]
    assert (data.columns["zip"].roles, data.columns.target) == (("group",), "y")
