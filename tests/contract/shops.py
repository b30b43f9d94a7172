"""Linked tables whose truth is known, for the tests of linked generators and measures."""

from __future__ import annotations

import numpy as np

from seedstock.core.table import Dataset
from seedstock.sources.linked import read_linked

LINKS = [
    {"child": "orders", "column": "customer_id", "parent": "customers", "key": "id"},
    {"child": "items", "column": "order_id", "parent": "orders", "key": "id"},
    {"child": "items", "column": "product_id", "parent": "products", "key": "id"},
    {"child": "products", "column": "part_of", "parent": "products", "key": "id"},
]


def shop(n: int = 300, seed: int = 0) -> Dataset:
    """Customers of two regions; orders: none for half of the south, 1 to 5 for the north, after the customer joined.

    Items repeat the price of their product; products hang below each other.
    """
    g = np.random.default_rng(seed)
    south = g.random(n) < 0.4
    joined = np.datetime64("2024-01-01") + g.integers(0, 300, n).astype("m8[D]")
    counts = np.where(south, g.integers(0, 2, n), g.integers(1, 6, n))
    owner = np.repeat(np.arange(n), counts)
    m = len(owner)
    placed = joined[owner].astype("M8[us]") + g.integers(0, 10**12, m).astype("m8[us]")
    amount = np.where(south[owner], 10.0, 100.0) + np.round(g.random(m), 2)
    lines = g.integers(1, 4, m)
    order = np.repeat(np.arange(m), lines)
    k = 60
    price = np.round(g.random(k) * 50, 2)
    above = np.where(np.arange(k) < 5, -1, g.integers(0, 5, k))
    product = g.integers(0, k, len(order))
    tables = {
        "customers": {"id": np.arange(n) + 1, "region": np.where(south, "south", "north"), "joined": joined},
        "orders": {"id": np.arange(m) + 1, "customer_id": owner + 1, "placed": placed, "amount": amount},
        "items": {"order_id": order + 1, "product_id": product + 1, "price": price[product],
                  "quantity": g.integers(1, 4, len(order))},
        "products": {"id": np.arange(k) + 1, "price": price, "part_of": np.where(above < 0, np.nan, above + 1.0)},
    }  # fmt: skip
    return read_linked(tables, {"links": LINKS})


def people_and_pets(n: int = 40, pets: int = 1, lonely: bool = False) -> Dataset:
    """A parent table and a child table of one column each; `lonely`: the only child's columns are all missing."""
    values = np.full(pets, np.nan) if lonely else np.arange(pets) % 3
    return read_linked(
        {
            "people": {"id": np.arange(n), "age": np.arange(n) % 7},
            "pets": {"person": np.zeros(pets, int), "legs": values},
        },
        {"links": [{"child": "pets", "column": "person", "parent": "people", "key": "id"}]},
    )


def ring(empty: bool = True) -> Dataset:
    """Teams have a captain, players a team: a circle that starts where a captain is missing."""
    team = np.arange(40)
    captain = np.where(empty & (team % 4 == 0), np.nan, team * 2.0)
    return read_linked(
        {"teams": {"id": team, "captain": captain}, "players": {"id": np.arange(80), "team": np.arange(80) // 2}},
        {
            "links": [
                {"child": "teams", "column": "captain", "parent": "players", "key": "id"},
                {"child": "players", "column": "team", "parent": "teams", "key": "id"},
            ]
        },
    )
