"""A model of regular series as arrays and JSON values, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.generators._chain import within
from seedstock.generators._ensemble import Ensemble
from seedstock.generators._series_course import Course
from seedstock.generators._series_dynamics import Donors, Lags
from seedstock.generators._series_kinds import Trees
from seedstock.generators._series_panel import Calendar
from seedstock.generators._series_rows import Walk
from seedstock.generators._series_walk import Part
from seedstock.generators._series_width import Width


def walk_state(walk: Walk) -> State:
    """Return all that `walk_from_state` needs."""
    arrays: dict[str, NDArray[Any]] = {}
    meta: dict[str, Any] = {"calendar": walk.calendar.to_json(), "parts": [], "series": []}
    for p, (part, own) in enumerate(zip(walk.parts, walk.series, strict=True)):
        state = _part_state(part)
        arrays |= {f"{p}.{k}": v for k, v in state.arrays.items()}
        meta["parts"].append(state.meta)
        meta["series"].append(own.tolist())
    return State(arrays, meta)


def walk_from_state(state: State) -> Walk:
    """Make it again; every index and shape is checked."""
    calendar = Calendar.from_json(state.meta["calendar"])
    parts = tuple(
        _part_from_state(State(within(state.arrays, f"{p}."), meta), calendar)
        for p, meta in enumerate(state.meta["parts"])
    )
    series = tuple(np.array(own, np.int64) for own in state.meta["series"])
    fits = (
        len(parts) > 0
        and sorted(s for own in series for s in own.tolist()) == list(range(sum(map(len, series))))
        and all(part.patterns.shape[1] == len(own) for part, own in zip(parts, series, strict=True))
        and len({len(part.courses) / len(own) for part, own in zip(parts, series, strict=True)}) == 1
        and len({len(part.place) / len(own) for part, own in zip(parts, series, strict=True)}) == 1
    )
    if not fits:
        raise InputError("this model is damaged: its series do not fit each other; fit it again")
    return Walk(calendar, parts, series)


def _part_state(part: Part) -> State:
    arrays: dict[str, NDArray[Any]] = {
        "usual": np.array([w.usual for w in part.widths]),
        "bounds": part.bounds,
        "turns": part.turns,
    }
    arrays |= {"lags": part.lags.lags, "weight": part.lags.weight}
    arrays |= {f"donors.{k}": v for k, v in part.donors.arrays().items()}
    for g, ensemble in part.trees.all().items():
        arrays |= {f"trees.{g}.{k}": v for k, v in ensemble.arrays().items()}
    arrays |= {"level": part.level, "patterns": part.patterns}
    for c, course in enumerate(part.courses):
        arrays |= {f"course.{c}.{k}": v for k, v in course.arrays().items()}
        arrays |= {f"width.{c}.{k}": v for k, v in part.widths[c].course.arrays().items()}
        arrays[f"spikes.{c}"] = part.spikes[c]
    arrays |= {f"place.{q}": line for q, line in enumerate(part.place)}
    periods = [list(c.of) for c in part.courses]
    widths = [list(w.course.of) for w in part.widths]
    groups = list(part.trees.all())
    return State(arrays, {"groups": groups, "periods": periods, "widths": widths, "states": len(part.place)})


def _part_from_state(state: State, calendar: Calendar) -> Part:
    a, meta = state.arrays, state.meta
    courses = tuple(Course.from_arrays(within(a, f"course.{c}."), of) for c, of in enumerate(meta["periods"]))
    widths = tuple(
        Width(float(a["usual"][c]), Course.from_arrays(within(a, f"width.{c}."), of))
        for c, of in enumerate(meta["widths"])
    )
    C, Q = len(courses), int(meta["states"])
    spikes = tuple(np.asarray(a[f"spikes.{c}"], float) for c in range(C))
    place = tuple(np.asarray(a[f"place.{q}"], float) for q in range(Q))
    donors = Donors.from_arrays(within(a, "donors."))
    every = {int(g): Ensemble.from_arrays(within(a, f"trees.{g}.")) for g in meta["groups"]}
    trees = Trees(every.pop(-1, None), every.pop(-2, None), every)
    lags = Lags(np.asarray(a["lags"], np.int64), np.asarray(a["weight"], float))
    part = Part(
        calendar, courses, widths, a["bounds"], spikes, a["level"],
        lags, donors, trees, a["patterns"], place, np.asarray(a["turns"], float),
    )  # fmt: skip
    kinds = len(part.level)
    n, S = len(donors), a["patterns"].shape[1]
    shapes = (
        len(widths) == C
        and part.bounds.shape == (2, C)
        and lags.weight.shape == (C, len(lags.lags) * C)
        and (lags.lags > 0).all()
        and donors.innovation.shape == donors.spike.shape == donors.missing.shape == (n, C)
        and donors.state.shape == (n, Q)
        and part.level.shape == (kinds, C)
        and donors.kind.shape == (n,)
        and int(donors.kind.min()) >= 0
        and int(donors.kind.max()) < kinds
        and n > 0
        and S > 0
    )
    width = part.known(np.zeros(1, np.int64)).shape[1] + 3 * C + 2 * Q + S + C + 2
    if not (
        shapes
        and np.isfinite(lags.weight).all()
        and np.isfinite(donors.innovation).all()
        and all(w.usual > 0 for w in widths)
        and all(int(e.feature.max()) < width for e in trees.all().values())
        and all(int(e.codes.max()) < n for e in trees.of.values())
        and (trees.kind is None or int(trees.kind.codes.max()) < kinds)
        and all({2 * j, 2 * j + 1} & set(trees.of) for j in range(kinds))
        and (donors.state >= 0).all()
        and all(int(donors.state[:, q].max()) < len(place[q]) for q in range(Q))
        and all(int(donors.spike[:, c].max()) < len(spikes[c]) for c in range(C))
        and not part.patterns[0].any()
        and (trees.absences is None or int(trees.absences.codes.max()) < len(part.patterns))
    ):
        raise InputError("this model is damaged: its moments do not fit each other; fit it again")
    return part
