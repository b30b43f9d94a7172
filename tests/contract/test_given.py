"""Any mixture of conditions gives exactly the rows asked, all of which meet it, in any division into blocks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedstock import catalog
from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.given import Allowed, Given
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Column, Table

from . import awkward

NAMES = catalog.names("generators", "table")


@cache
def fitted(name: str) -> Any:
    return catalog.load("generators", name).TINY.fit(awkward.mixed(), Rng(11).child("fit"))


def ranges(low: float, high: float) -> st.SearchStrategy[Allowed]:
    """Ranges that hold some of the data at least."""
    middle = (low + high) / 2
    return st.builds(
        lambda a, b, strict: Allowed(low=a, high=b, strict=(strict, strict), text=f"{a}..{b}"),
        st.none() | st.floats(low, middle - 0.1), st.none() | st.floats(middle + 0.1, high), st.booleans(),
    ).filter(lambda a: a.low is not None or a.high is not None)  # fmt: skip


GROUPS = ("high",)
ALLOWED = {
    "x": ranges(-1.5, 1.5)
    | st.builds(lambda a, b: replace(a, also=(replace(b, turned=True),)), ranges(-1.5, 1.5), ranges(1.0, 1.4)).filter(
        lambda a: a.high is None or a.also[0].low is not None  # something is left of the one outside the other
    ),
    "gappy": st.just(Allowed(missing=True, text="missing")) | st.just(Allowed(text="present")) | ranges(-1.0, 1.0),
    "group": st.builds(
        lambda values, missing, turned: Allowed(Column.of_texts(values), missing=missing, turned=turned, text="a set"),
        st.lists(st.sampled_from(GROUPS), min_size=1, max_size=1), st.booleans(), st.booleans(),
    ).map(lambda a: replace(a, also=(Allowed(Column.of_texts(["middle"]), turned=True),)) if a.turned else a),
    "flag": st.sampled_from([True, False]).map(lambda v: Allowed(Column.of(np.array([v])), text=str(v))),
}  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> Given:
    """A few cases over some of the columns, mixed with partial rows over others."""
    n = draw(st.integers(1, 60))
    names = draw(st.lists(st.sampled_from(sorted(ALLOWED)), unique=True, max_size=3))
    cases = [{name: draw(ALLOWED[name]) for name in names} for _ in range(draw(st.integers(1, 3)))]
    case = draw(st.lists(st.integers(-1, len(cases) - 1), min_size=n, max_size=n))
    values: dict[str, Column] = {}
    if "flag" not in names and draw(st.booleans()):
        flags = draw(st.lists(st.sampled_from([True, False, None]), min_size=n, max_size=n))
        values["flag"] = Column(np.array([bool(f) for f in flags]), np.array([f is None for f in flags]))
    return Given(Table(values, n), cases, np.array(case, np.int64))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=conditions(), seed=st.integers(0, 5))
def test_every_row_meets_its_conditions(name: str, wanted: Given, seed: int) -> None:
    drawn = fitted(name).sample(len(wanted), Rng(seed), given=wanted).table
    assert len(drawn) == len(wanted)
    assert wanted.holds(drawn).all()
    assert fitted(name).sample(len(wanted), Rng(seed), given=wanted).table.equals(drawn)


@pytest.mark.parametrize("name", NAMES)
def test_rows_do_not_depend_on_the_division(name: str) -> None:
    n = BLOCK_ROWS + 40
    cases = [{"x": Allowed(low=0.3, text="x>=0.3")}, {"group": Allowed(Column.of_texts(["high"]), missing=True)}]
    wanted = Given(Table({}, n), cases, np.arange(n) % 3 - 1)
    whole = fitted(name).sample(n, Rng(5), given=wanted).table
    rest = fitted(name).sample(40, Rng(5), given=wanted.take(slice(BLOCK_ROWS, n)), start=BLOCK_ROWS).table
    assert whole.take(slice(BLOCK_ROWS, n)).equals(rest)
    assert wanted.holds(whole).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"x": Allowed(low=1e9, text="x>=1e9")}, "x>=1e9"),
        ({"flag": Allowed(missing=True, text="flag is missing")}, "flag is missing"),
        ({"group": Allowed(Column.of_texts(["unheard of"]), text="group = unheard of")}, "unheard of"),
        ({"key": Allowed(missing=True, text="key is missing")}, "never learned"),
        ({"nowhere": Allowed(missing=True)}, "nowhere"),
    ],
    ids=["beyond", "never missing", "unheard of", "identifier", "no column"],
)
def test_what_was_never_seen_is_refused(name: str, case: dict[str, Allowed], said: str) -> None:
    with pytest.raises(SeedstockError, match=said):
        fitted(name).sample(3, Rng(1), given=Given.everywhere({}, case, 3))


@pytest.mark.parametrize("name", NAMES)
def test_a_number_beyond_all_seen_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="the data go from"):
        fitted(name).sample(3, Rng(1), given=Table({"x": Column.of(np.full(3, 1e9))}))


@pytest.mark.parametrize("name", NAMES)
def test_plausibility_is_the_share_of_the_real_rows(name: str) -> None:
    model = catalog.load("generators", name).TINY.fit(awkward.mixed(2_000), Rng(1))
    table = awkward.mixed(2_000).table
    cases = [
        {"flag": Allowed(Column.of(np.array([True])))},
        {"x": Allowed(low=0.5)},
        {"group": Allowed(missing=True)},
    ]
    found = model.plausibility(Given(Table({}, 3), cases, np.arange(3)), Rng(2))
    real = [(table[c].take(a.holds(table[c]))).missing.size / 2_000 for case in cases for c, a in case.items()]
    assert found == pytest.approx(real, rel=0.15)
