"""Shares of rows that keep rules, over one table and over links."""

from __future__ import annotations

import numpy as np
import pandas as pd

import seedstock


def linked(late: int = 0) -> dict[str, pd.DataFrame]:
    g = np.random.default_rng(0)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(g.integers(0, 10**6, 150), unit="s")
    conn = pd.DataFrame({"id": range(150), "ts": start, "proto": g.choice(["tcp", "udp"], 150)})
    rows = g.integers(0, 150, 500)
    ts = conn["ts"].to_numpy()[rows] + pd.to_timedelta(g.integers(0, 10**4, 500), unit="s")
    ts = np.where(np.arange(500) < late, ts - np.timedelta64(10**6, "s"), ts)
    http = pd.DataFrame({"conn_id": rows, "ts": ts, "status": g.choice([200, 404], 500)})
    return {"conn": conn, "http": http}


def after(tables: dict[str, pd.DataFrame]) -> dict[str, object]:
    grown = seedstock.grow(tables, seed=1, policy="report")
    assert "rules_why" not in grown.facts["model"]
    return next(r for r in grown.facts["model"]["rules"] if r["kind"] == "after")


def test_children_are_not_before_their_parents() -> None:
    rule = after(linked())
    assert rule["text"] == "http.ts >= conn.ts"
    assert rule["enforced"]
    assert rule["passes"]["real"] == rule["passes"]["synthetic"] == 1


def test_where_real_children_are_it_is_told() -> None:
    rule = after(linked(late=60))
    assert not rule["enforced"]
    assert 0.8 < rule["passes"]["real"] < 0.95
    assert rule["violations"] > 40


def test_a_table_of_one_row_is_learned() -> None:
    from dataclasses import replace

    from seedstock.api.reading import read
    from seedstock.core.rng import Rng
    from seedstock.core.schema import ColumnSchema, TableSchema
    from seedstock.core.split import split
    from seedstock.core.table import Column, Table

    data = read(linked())
    alone = TableSchema({"node": ColumnSchema("category")})
    tables = {**data.tables, "filter": Table({"node": Column.of_texts(["zeek"])})}
    data = replace(data, tables=tables, schema=replace(data.schema, tables={**data.schema.tables, "filter": alone}))
    for seed in range(8):
        train, _ = split(data, 0.2, Rng(seed))
        assert len(train.tables["filter"]) == 1
