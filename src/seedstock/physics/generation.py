"""`generate`: data that the model expects, from the posterior, under interventions and changed controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError, ShortfallError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.physics.extrapolation import stamps_of
from seedstock.physics.posterior import Posterior

Floats = NDArray[np.float64]
Do = Mapping[str, float | Callable[[Floats], Floats]]
BLOCK = 64
"""Series that share one random stream."""
_TRIES = 20
STAMP, DISTANCE = "range", "distance"


def generate(
    posterior: Posterior,
    n: int,
    rng: Rng,
    *,
    do: Do | None = None,
    controls: Mapping[str, Any] | None = None,
    t: Floats | None = None,
    labels: bool = True,
) -> Dataset:
    """Draw n rows of new data: parameters from the posterior, a simulation, and noise.

    Rows come as whole series, each from its own parameter set and random stream; the last one is cut at n rows.

    Parameters
    ----------
    posterior : Posterior
    n : int
        Rows.
    rng : Rng
    do : mapping or None
        Interventions: parameter -> its new value, or a function of its posterior values.
    controls : mapping or None
        Changed settings of the experiment.
    t : ndarray, shape (T,), or None
        Times, on the clock of the calibration series; its own by default. Of arrivals the last one ends the window.
    labels : bool
        Whether the hidden states, regimes and parameters are given beside the observed columns.

    Returns
    -------
    Dataset
        One table ``data``: ``series`` (entity), the time, the observed columns; hidden states, labels and parameters;
        ``range`` (``in_range`` or ``extrapolated``) and ``distance``.  A row is in range while it is nowhere farther
        from the nearest observed row than neighbours among these are (distance 1).

    Raises
    ------
    InputError
        For an intervention on what is no parameter, or an unknown control.
    ShortfallError
        Where the model breaks down for nearly all parameter sets.

    Examples
    --------
    >>> from seedstock.physics import Series, calibrate, load_model
    >>> t = np.arange(8.0)
    >>> fit = calibrate(load_model("decay"), Series(t, {"amount": 100 * np.exp(-0.3 * t)}), Rng(1), effective=200)
    >>> new = generate(fit, 20, Rng(2), do={"rate": lambda rate: 2 * rate})
    >>> len(new.table), new.table.names[:3]
    (20, ['series', 'time', 'amount'])
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
    columns: dict[str, list[NDArray[Any]]] = {}
    rows = k = 0
    while rows < n or not columns:
        for one in simulate_block(posterior, k // BLOCK, rng, do, controls, t):
            part = one if labels else {c: one[c] for c in observed_columns(posterior)}
            for name, values in {"series": np.full(len(one[posterior.problem.series.time]), k), **part}.items():
                columns.setdefault(name, []).append(values)
            rows += len(columns["series"][-1])
            k += 1
            if rows >= n:
                break
    table = {name: np.concatenate(parts)[:n] for name, parts in columns.items()}
    stamp, distance = stamps_of(posterior, table)
    return _dataset(posterior, {**table, STAMP: stamp, DISTANCE: distance})


def observed_columns(posterior: Posterior) -> list[str]:
    """Return the names of the data's own columns that a simulation gives: the time, then the observed ones."""
    problem = posterior.problem
    slots = list(problem.model.columns)
    if problem.model.prepare is not None and problem.series.names:
        made = {k: v for k, v in problem.series.names.items() if k not in slots or v in problem.series.names.values()}
        return [problem.series.time, *made.values()]
    return [problem.series.time, *(problem.series.names.get(slot, slot) for slot in slots)]


def simulate_block(
    posterior: Posterior,
    block: int,
    rng: Rng,
    do: Do | None = None,
    controls: Mapping[str, Any] | None = None,
    t: Floats | None = None,
    noise: int = 0,
) -> list[dict[str, NDArray[Any]]]:
    """Simulate the series of one block, `BLOCK` of them: the same whatever else is simulated.

    Another number of `noise` gives the same courses with other noise of observation.

    Returns
    -------
    list of dict
        For each series its columns, under the data's names.
    """
    problem = posterior.problem
    model = problem.model
    known = [*problem.names, *problem.fixed]
    for name in do or {}:
        if name not in known:
            raise InputError(f"do= intervenes on parameters, and {name!r} is none of {', '.join(known)}")
    for name in controls or {}:
        if name not in model.controls:
            have = ", ".join(model.controls) or "none"
            raise InputError(f"the model {model.name!r} has no control {name!r}; it has {have}")
    times = problem.series.t if t is None else np.asarray(t, float)
    if not np.isfinite(times).all() or (np.diff(times) < 0).any() or (times < problem.start).any() or not len(times):
        raise InputError(f"the times to generate must be finite, ascending and not before {problem.start:g}")
    change: dict[str, Any] = {**{k: v for k, v in (controls or {}).items() if k in known}, **(do or {})}
    out: list[dict[str, NDArray[Any]] | None] = [None] * BLOCK
    for attempt in range(_TRIES):
        # A parameter set for which the simulator fails gives way to another.
        todo = [k for k, one in enumerate(out) if one is None]
        if not todo:
            break
        g = rng.child("block", block, attempt).generator()
        theta = posterior.theta(g.integers(len(posterior.draws), size=len(todo)))
        for name, new in change.items():
            value = new(theta[name]) if callable(new) else float(new)
            theta[name] = np.broadcast_to(np.asarray(value, float), (len(todo),)).copy()
        with np.errstate(all="ignore"):
            states = problem.simulate(theta, g, times, **(controls or {}))
            seen = problem.observations(states, theta, rng.child("noise", block, attempt, noise).generator())
            extra = {} if model.labels is None else model.labels(problem.elapsed(times), states, theta)
        for i, k in enumerate(todo):
            one = {name: v[i : i + 1] for name, v in seen.items()}
            whole = (np.isfinite(v).all() or (model.kind == "events" and np.isfinite(v).any()) for v in one.values())
            if all(whole):
                rows = ({name: v[i : i + 1] for name, v in d.items()} for d in (states, theta, extra))
                out[k] = _columns(posterior, times, one, *rows)
    done = [one for one in out if one is not None]
    if len(done) < BLOCK:
        raise ShortfallError(
            f"the model {model.name!r} breaks down for most parameter sets; change do= or the controls",
            len(done) / BLOCK,
        )
    return done


def _columns(
    posterior: Posterior,
    times: Floats,
    seen: Mapping[str, Floats],
    states: Mapping[str, Floats],
    theta: Mapping[str, Floats],
    extra: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """Return one series as columns: time, observed, hidden states, labels, parameters."""
    problem = posterior.problem
    model, names = problem.model, problem.series.names
    own = seen["time"][0] if "time" in seen else times - problem.start
    here = np.isfinite(own)
    out: dict[str, NDArray[Any]] = {problem.series.time: own[here] + problem.start}
    out |= {names.get(slot, slot): seen[slot][0][here] for slot in model.columns}
    more: dict[str, NDArray[Any]] = {name: v[0] for name, v in extra.items()}
    for name, values in states.items():
        if name == "time" or values.shape[1] != len(here):
            continue
        value = values[0][here]
        if name in names and name not in model.columns:
            # Moments in time, departures say, are told on the data's clock.
            out[names[name]] = value + (problem.start if name == "departure" else 0.0)
        elif name not in seen:
            more[name] = value
        elif not np.array_equal(value, seen[name][0][here]):
            more[f"true_{name}"] = value
    more |= {name: np.full(int(here.sum()), float(v[0])) for name, v in theta.items()}
    return {**out, **{k: v for k, v in more.items() if k not in out}}


def _dataset(posterior: Posterior, table: Mapping[str, NDArray[Any]]) -> Dataset:
    series = posterior.problem.series
    columns, schema = {}, {}
    for name, values in table.items():
        roles: tuple[Any, ...] = ()
        if name == series.time:
            columns[name], roles = series.stamps(values.astype(float)), ("order",)
        elif values.dtype.kind in "OU":
            columns[name] = Column.of_texts([str(v) for v in values])
        else:
            columns[name] = Column.of(values.astype(np.int64) if name == "series" else values.astype(float))
        if name == "series":
            roles = ("entity",)
        texts = columns[name].is_text
        dates = columns[name].values.dtype.kind == "M"
        kind = "category" if texts else "datetime" if dates else "number"
        dtype = "string" if texts else "datetime[us]" if dates else str(columns[name].values.dtype)
        schema[name] = ColumnSchema(kind, roles, dtype)  # type: ignore[arg-type]
    origin = {"model": posterior.problem.model.name, "method": posterior.method, "synthetic": True}
    out = Table(columns)
    far = int((table[STAMP] == "extrapolated").sum())
    note = f"{far:,} of {len(out):,} generated rows lie outside the range of the data and rest on the model alone"
    return Dataset({"data": out}, Schema({"data": TableSchema(schema)}), origin, (note,))
