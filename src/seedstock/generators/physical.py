"""Rows from a mechanistic model that is calibrated to the data; see `seedstock.physics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.split import split, split_by_time
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.independent import Independent, IndependentFitted
from seedstock.physics.calibration import calibrate
from seedstock.physics.explanation import judge
from seedstock.physics.generation import simulate_block
from seedstock.physics.library import load_model
from seedstock.physics.noise import Noise
from seedstock.physics.pictures import picture_data
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.series import Series, time_column


@dataclass(frozen=True, eq=False)
class PhysicalFitted:
    """A calibrated library model, and the columns that it says nothing about.

    Attributes
    ----------
    posterior : Posterior
    whole : Schema
        Of the data.
    gaps : mapping of str to float
        Column -> share of missing cells.
    rest : IndependentFitted or None
        The other columns, each from its own distribution.
    do : mapping of str to float
    physics : mapping
        JSON values: the verdict on the model, and what the report draws of it.
    times : ndarray or None
        The times at which series are drawn, where they are not those of the calibration.
    """

    posterior: Posterior
    whole: Schema
    gaps: Mapping[str, float]
    rest: IndependentFitted | None
    do: Mapping[str, float]
    physics: Mapping[str, Any]
    times: np.ndarray[Any, Any] | None = None

    @property
    def schema(self) -> Schema:
        return self.whole

    def over(self, data: Dataset) -> Self:
        """Return the model with series that span the time of these data: the held-out part, say, as well."""
        series = self.posterior.problem.series
        t = np.sort(series.clock(data.table[series.time]))
        return replace(self, times=t[t >= self.posterior.problem.start])

    @property
    def settled(self) -> dict[str, Any]:
        """What was left to the generator to choose, for the record: the method of the calibration."""
        return {"method": self.posterior.method}

    @property
    def series_rows(self) -> int:
        """Rows of one series; of arrivals, about."""
        return len(self.posterior.problem.series if self.times is None else self.times)

    @property
    def unmarkable(self) -> str:
        """Why rows cannot carry a mark in their values; empty where they can.

        A mark picks among candidates that share one course and differ in their noise of observation.
        """
        if isinstance(self.posterior.problem.model.observe, Noise):
            return ""
        return "the rows of such a series hang together, and cannot be picked one by one"

    def candidates(self, n: int, rng: Rng, given: Table | Given | None, start: int, m: int) -> list[Dataset]:
        """Draw m data sets of the same courses with other noise, among which a mark may pick row by row."""
        return [self.sample(n, rng, given, start, k) for k in range(m)]

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0, noise: int = 0) -> Dataset:
        """Draw n rows, as whole series one after the other; each block of rows begins with a fresh one.

        Conditions can be kept on the columns that the model says nothing about; for the others there is `do`.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
        others = [] if self.rest is None else next(iter(self.rest.schema.tables.values())).columns
        for name in () if given is None else Given.of(given).names:
            if name not in others:
                raise InputError(f"a physical model cannot be conditioned on {name!r}; change its parameters with do")
        rest = None if self.rest is None else self.rest.sample(n, rng.child("rest"), given, start).table
        parts = [self._block(rows, rng.child("block", block), noise) for block, rows in blocks(n, start)]
        made = Table.concat(parts or [self._block(0, rng, noise)])
        (name,) = self.whole.tables
        table = Table({c: made[c] if rest is None or c in made else rest[c] for c in self._columns}, n)
        return Dataset({name: table}, self.whole)

    @property
    def _columns(self) -> Mapping[str, ColumnSchema]:
        (table,) = self.whole.tables.values()
        return table.columns

    def _block(self, rows: int, rng: Rng, noise: int) -> Table:
        parts: dict[str, list[np.ndarray[Any, Any]]] = {}
        done = k = 0
        while done < max(rows, 1):
            for one in simulate_block(self.posterior, k, rng, self.do, t=self.times, noise=noise):
                own = {c: one[c] for c in one if c in self._columns}
                for c, values in own.items():
                    parts.setdefault(c, []).append(values)
                done += len(next(iter(own.values())))
                if done >= rows:
                    break
            k += 1
        columns = {c: self._cells(c, np.concatenate(values)[:rows], rng) for c, values in parts.items()}
        return Table(columns, rows)

    def _cells(self, name: str, values: np.ndarray[Any, Any], rng: Rng) -> Column:
        """Return values as the column is written: whole numbers, decimals, dates, and as many gaps."""
        schema, series = self._columns[name], self.posterior.problem.series
        lost = rng.child("gaps", name).generator().random(len(values)) < self.gaps.get(name, 0.0)
        if schema.kind == "datetime":
            column = series.stamps(values)
            whole = column.values.astype("M8[D]").astype("M8[us]") if schema.dtype == "date" else column.values
            return Column(whole, lost)
        if schema.kind == "duration":
            unit = 86_400e6 if series.unit == "days" else 1e6
            return Column(np.round(values * unit).astype("m8[us]"), lost)
        if schema.kind == "boolean":
            return Column(values > 0.5, lost)
        if schema.decimals is not None:
            values = np.round(values, schema.decimals)
        if "int" in schema.dtype:
            return Column(np.clip(np.round(values), -(2.0**62), 2.0**62).astype(np.int64), lost)
        return Column(values.astype(np.float64), lost)

    def state(self) -> State:
        problem = self.posterior.problem
        series = problem.series
        arrays = {"draws": self.posterior.draws, "t": series.t}
        arrays |= {f"value.{name}": v for name, v in series.values.items()}
        meta: dict[str, Any] = {
            "model": problem.model.name,
            "controls": {k: _json(v) for k, v in problem.controls.items()},
            "time": series.time, "unit": series.unit, "start": None if series.start is None else str(series.start),
            "names": dict(series.names), "method": self.posterior.method, "schema": self.whole.to_json(),
            "gaps": dict(self.gaps), "do": dict(self.do), "notes": list(self.posterior.notes),
            "parameters": problem.names,
        }  # fmt: skip
        meta["facts"] = dict(self.physics)
        if self.times is not None:
            arrays["times"] = self.times
        if self.rest is not None:
            other = self.rest.state()
            arrays |= {f"rest.{k}": v for k, v in other.arrays.items()}
            meta["rest"] = other.meta
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        try:
            meta, arrays = state.meta, state.arrays
            model = load_model(str(meta["model"]))
            values = {k.removeprefix("value."): v for k, v in arrays.items() if k.startswith("value.")}
            values = {name: values[name] for name in model.columns}
            start = None if meta["start"] is None else np.datetime64(meta["start"], "us")
            series = Series(arrays["t"], values, meta["time"], meta["unit"], start, meta["names"])
            controls = {k: np.inf if v == "inf" else v for k, v in meta["controls"].items()}
            problem = Problem.of(model, series, controls)
            draws = arrays["draws"]
            if draws.ndim != 2 or problem.names != meta["parameters"] or draws.shape[1] != len(problem.names):
                raise ValueError("the draws do not fit the model")
            if not len(draws) or not np.isfinite(draws).all():
                raise ValueError("the draws are empty or not finite")
            rest = None
            if "rest" in meta:
                own = {k.removeprefix("rest."): v for k, v in arrays.items() if k.startswith("rest.")}
                rest = IndependentFitted.from_state(State(own, meta["rest"]))
            posterior = Posterior(problem, draws, str(meta["method"]), {}, tuple(meta["notes"]))
            gaps = {str(k): float(v) for k, v in meta["gaps"].items()}
            times = arrays.get("times")
            if times is not None and (times.ndim != 1 or not len(times) or not np.isfinite(times).all()):
                raise ValueError("the times are no times")
            schema = Schema.from_json(meta["schema"])
            return cls(posterior, schema, gaps, rest, dict(meta["do"]), dict(meta.get("facts", {})), times)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this model is damaged or foreign ({error!s}); fit it again") from None


@dataclass(frozen=True)
class Physical:
    """Calibrates a model of the physics library and draws from what it expects.

    Attributes
    ----------
    model : str
        As `seedstock.physics.model_names` lists it.
    controls : str
        Settings of the experiment and known parameters: ``population=763, lead=1``.
    do : str
        Interventions on the drawn rows: ``beta=0.8``.
    time : str or None
        The time column; found by role, kind or name where it is None.
    simulations : int
        Budget for models without a likelihood.
    method : {"auto", "mcmc", "smc-abc", "npe"}
        See `seedstock.physics.calibrate`; npe needs the extra ``sbi``.

    Examples
    --------
    >>> t = np.arange(12)
    >>> table = Table({"t": Column.of(t), "amount": Column.of(np.round(100 * np.exp(-0.3 * t), 1))})
    >>> number = ColumnSchema("number", dtype="float64", decimals=1)
    >>> schema = TableSchema({"t": ColumnSchema("number", dtype="int64"), "amount": number})
    >>> fitted = Physical("decay").fit(Dataset({"data": table}, Schema({"data": schema})), Rng(1))
    >>> len(fitted.sample(30, Rng(2)).table)
    30
    """

    fitted: ClassVar[type[Fitted]] = PhysicalFitted
    mechanism: ClassVar[bool] = True
    """What it draws has the benefit of the doubt in a proof; see `seedstock.proof.trial`."""

    model: str = "lotka_volterra"
    controls: str = ""
    do: str = ""
    time: str | None = None
    simulations: int = 10_000
    method: Literal["auto", "mcmc", "smc-abc", "npe"] = "auto"

    def part(self, data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
        """Hold out what came last; of a curve over a controlled variable, rows at random."""
        if load_model(self.model).kind == "curve":
            return split(data, holdout, rng)
        return split_by_time(data, holdout, self.time or time_column(data))

    def fit(self, data: Dataset, rng: Rng) -> PhysicalFitted:
        model = load_model(self.model)
        _one_series(data)
        posterior = calibrate(
            model, data, rng, method=self.method, controls=_pairs(self.controls), time=self.time,
            simulations=self.simulations,
        )  # fmt: skip
        found = judge(posterior, rng.child("judge"), self.simulations)
        do = _pairs(self.do)
        first = simulate_block(posterior, 0, rng.child("try"), do)[0]
        made = [c for c in data.table if c in first]
        others = [c for c in data.table if c not in first]
        rest = None
        if others:
            (schema,) = data.schema.tables.values()
            own = TableSchema({c: schema[c] for c in others})
            rest = Independent().fit(
                Dataset({data.name: data.table.select(others)}, Schema({data.name: own})), rng.child("rest")
            )
        gaps = {c: float(data.table[c].missing.mean()) for c in made if data.table[c].missing.any()}
        return PhysicalFitted(
            posterior, data.schema, gaps, rest, do, {**found.to_json(), "pictures": picture_data(posterior, rng)}
        )


def _one_series(data: Dataset) -> None:
    for name in data.columns.with_role("entity"):
        n = len(np.unique(data.table[name].values))
        if n > 1:
            raise InputError(f"a physical model explains one series, and {name!r} tells {n:,} apart; take one of them")


def _pairs(text: str) -> dict[str, float]:
    out = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = part.partition("=")
        try:
            out[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"controls and do are written NAME=NUMBER, NAME=NUMBER, not {part!r}")
    return out


def _json(value: Any) -> Any:
    return "inf" if isinstance(value, float) and np.isinf(value) else value


DOMAIN = "series"
GENERATOR = Physical
TINY = Physical("decay")
SOURCE = "Mechanistic models, calibrated by Bayes' rule; each model of seedstock.physics.models names its own source."
