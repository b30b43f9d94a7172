"""Every generator for linked tables, discovered, against every awkward set of tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from seedstock import catalog, store
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Given
from seedstock.core.links import ORPHAN, parent_rows
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

from .shops import people_and_pets, ring, shop

GENERATORS = catalog.names("generators", "linked")
AWKWARD: dict[str, Callable[[], Dataset]] = {
    "shop": lambda: shop(60),
    "one child": lambda: people_and_pets(),
    "one parent": lambda: people_and_pets(1, 5),
    "all missing": lambda: people_and_pets(40, 9, lonely=True),
    "circle": ring,
}


def _equal(a: Dataset, b: Dataset) -> bool:
    return list(a.tables) == list(b.tables) and all(a.tables[t].equals(b.tables[t]) for t in a.tables)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("case", AWKWARD)
def test_contract(name: str, case: str, tmp_path: object) -> None:
    module = catalog.load("generators", name)
    data, before = AWKWARD[case](), AWKWARD[case]()
    fitted = module.TINY.fit(data, Rng(1))
    assert _equal(data, before)
    drawn = fitted.sample(25, Rng(2))
    assert drawn.schema == data.schema
    assert len(drawn.tables[fitted.lead]) == 25
    for table in data.tables:
        for column in data.tables[table]:
            a, b = data.tables[table][column], drawn.tables[table][column]
            assert a.values.dtype == b.values.dtype
            assert a.missing.any() or not b.missing.any() or (table, column) in _pointers(data)
    for link in data.schema.links:
        assert not (parent_rows(drawn, link) == ORPHAN).any()
        key = drawn.tables[link.parent][link.key]
        assert len(np.unique(key.values)) == len(key)
    assert _equal(drawn, module.TINY.fit(data, Rng(1)).sample(25, Rng(2)))
    assert not _equal(drawn, fitted.sample(25, Rng(3)))
    store.save(fitted, name, f"{tmp_path}/model", {})
    assert _equal(drawn, store.load(f"{tmp_path}/model").fitted.sample(25, Rng(2)))
    assert all(len(t) == 0 for n, t in fitted.sample(0, Rng(2)).tables.items() if n not in fitted.known.code_lists)
    assert len(fitted.sample(1, Rng(5)).tables[fitted.lead]) == 1


def _pointers(data: Dataset) -> set[tuple[str, str]]:
    return {(x.child, x.column) for x in data.schema.links}


@pytest.mark.parametrize("name", GENERATORS)
def test_refuses_what_it_cannot(name: str) -> None:
    fitted = catalog.load("generators", name).TINY.fit(people_and_pets(), Rng(1))
    with pytest.raises(InputError, match="one piece"):
        fitted.sample(5, Rng(1), start=16_384)
    with pytest.raises(InputError, match="rows must be"):
        fitted.sample(-1, Rng(1))


@pytest.mark.parametrize("name", GENERATORS)
def test_conditions_are_refused_in_one_line(name: str) -> None:
    fitted = catalog.load("generators", name).TINY.fit(shop(60), Rng(1))
    column = next(iter(fitted.sample(0, Rng(0)).tables[fitted.lead]))
    with pytest.raises(InputError, match="conditions"):
        fitted.sample(3, Rng(0), given=Given.everywhere({}, {column: Allowed(missing=True)}, 3))
