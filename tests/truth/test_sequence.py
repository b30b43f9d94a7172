"""Sequences whose law is known: hosts of two hidden kinds that work from eight to six, in bursts, for some days."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.sequence import Sequence
from seedstock.metrics._events import Events
from seedstock.metrics.shapes import ks_distance

HOUR = 3_600e6
MORNING, EVENING = 8, 18


def planted(hosts: int, seed: int) -> Dataset:
    """Servers answer in nine of ten events, clients in one of ten; no column says which a host is."""
    g = np.random.default_rng(seed)
    host, when, what, port = [], [], [], []
    for h in range(hosts):
        answers = 0.9 if h % 2 else 0.1
        own = int(g.integers(1_024, 65_536))
        now = g.integers(0, 5) * 24 * HOUR + g.uniform(MORNING, EVENING) * HOUR
        for _ in range(2 + g.poisson(40)):
            if not MORNING <= now / HOUR % 24 < EVENING:
                now = (np.floor(now / HOUR / 24) + (now / HOUR % 24 >= EVENING)) * 24 * HOUR
                now += (MORNING + g.exponential(0.5)) * HOUR
            host.append(f"host {h}"), when.append(int(now)), port.append(own)
            what.append("answer" if g.random() < answers else "ask")
            now += g.exponential(60e6 if g.random() < 0.8 else 2.5 * HOUR)
    table = {
        "host": Column.of_texts(host), "time": Column.of(np.array(when, "M8[us]")), "what": Column.of_texts(what),
        "port": Column.of(np.array(port)),
    }  # fmt: skip
    schema = {
        "host": ColumnSchema("id", ("entity",)), "time": ColumnSchema("datetime", ("order",), dtype="datetime[us]"),
        "what": ColumnSchema("category"), "port": ColumnSchema("number", dtype="int64", decimals=0),
    }  # fmt: skip
    return Dataset({"log": Table(table)}, Schema({"log": TableSchema(schema)}))


@cache
def sides() -> tuple[Events, Events, Events]:
    """Return learned, fresh real and drawn events."""
    real = planted(160, 0)
    drawn = Sequence().fit(real, Rng(0)).sample(len(real.table), Rng(1))
    return Events.of(real), Events.of(planted(160, 1)), Events.of(drawn)


def test_gaps_are_as_far_from_the_learned_ones_as_fresh_ones_are() -> None:
    real, fresh, drawn = sides()
    assert ks_distance(real.gaps, drawn.gaps) < ks_distance(real.gaps, fresh.gaps) + 0.03
    # Sequences that have run ahead must not crowd their last events into one moment.
    assert np.mean(drawn.gaps[~drawn.first] == 0) < 0.01


def test_nobody_works_at_night() -> None:
    real, _, drawn = sides()
    asleep = [
        np.mean((e.times / HOUR % 24 < MORNING - 1) | (e.times / HOUR % 24 >= EVENING + 1)) for e in (real, drawn)
    ]
    assert asleep[0] == 0
    assert asleep[1] < 0.06
    assert np.mean(drawn.times > real.times.max()) < 0.01


def test_who_answers_goes_on_answering() -> None:
    real, _, drawn = sides()
    assert np.mean(np.abs(_answers(real) - 0.5) > 0.25) > 0.97
    assert np.mean(np.abs(_answers(drawn) - 0.5) > 0.25) > 0.85


def test_a_port_that_one_host_has_is_not_drawn_for_another() -> None:
    real, _, drawn = sides()
    seen = np.unique(real.table["port"].values)
    assert np.isin(np.unique(drawn.table["port"].values), seen).mean() < 0.05
    changes = drawn.table["port"].values[1:] != drawn.table["port"].values[:-1]
    assert not changes[~drawn.first[1:]].any()


def _answers(e: Events) -> NDArray[np.float64]:
    """Return each long sequence's share of answers."""
    index = np.cumsum(e.first) - 1
    share = np.bincount(index, e.table["what"].texts() == "answer") / e.lengths
    return np.asarray(share[e.lengths >= 20])
