"""`explain`: does a model explain the data, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from seedstock.core.errors import InputError, MissingExtraError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.physics.calibration import Method, bind, fit
from seedstock.physics.heldout import HeldOut, held_out_score
from seedstock.physics.library import load_model
from seedstock.physics.model import Controls, PhysicalModel
from seedstock.physics.pictures import picture_data
from seedstock.physics.posterior import Posterior
from seedstock.physics.ppc import explained_share, posterior_p_values, prior_p_values
from seedstock.physics.sbc import Ranks, calibration_ranks
from seedstock.physics.series import Series

ALPHA = 0.02
"""Chance, at most, of calling a right model wrong by its predictive checks."""
_HELD_ALPHA = 0.01
Heard = Callable[[str, float], None]
"""Hears which model is at work, and which share of all the work is done."""
_USEFUL = 0.8
"""Share of the variation above which a mechanism that does not explain the data may still serve."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """The verdict on one model.

    Attributes
    ----------
    name : str
    explains : bool
    why : str
        The verdict in words.
    posterior : Posterior or None
        None where the model refuses the data.
    p_values, prior_p_values : mapping of str to float
    heldout : HeldOut or None
    ranks : Ranks or None
        Of simulation-based calibration, where it was asked for.
    explained : float or None
        Share of the variation that the mechanism explains, of the least explained column.
    """

    name: str
    explains: bool
    why: str
    posterior: Posterior | None = None
    p_values: Mapping[str, float] = field(default_factory=dict)
    prior_p_values: Mapping[str, float] = field(default_factory=dict)
    heldout: HeldOut | None = None
    ranks: Ranks | None = None
    explained: float | None = None

    @property
    def verdict(self) -> str:
        """``explains`` or ``does not explain``."""
        return "explains" if self.explains else "does not explain"

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        out: dict[str, Any] = {
            "name": self.name,
            "verdict": self.verdict,
            "why": self.why,
            "parameters": {},
            "p_values": {k: p for k, p in self.p_values.items() if np.isfinite(p)},
            "explained_share": self.explained,
            "heldout_score": None if self.heldout is None else self.heldout.score,
        }
        if self.heldout is not None:
            out |= {"heldout_measure": self.heldout.measure, "baseline_score": self.heldout.baseline}
        if self.posterior is not None:
            out |= {
                "parameters": self.posterior.summary(),
                "method": self.posterior.method,
                "diagnostics": dict(self.posterior.diagnostics),
                "columns": dict(self.posterior.problem.series.names),
                "notes": list(self.posterior.notes),
                "equations": self.posterior.problem.model.equations,
            }
        out["prior_p_values"] = {k: p for k, p in self.prior_p_values.items() if np.isfinite(p)}
        if self.ranks is not None:
            out["calibration"] = self.ranks.to_json()
        return out


def explain(
    models: PhysicalModel | Sequence[PhysicalModel],
    data: Dataset | Series,
    rng: Rng,
    *,
    controls: Controls | None = None,
    columns: Mapping[str, str] | None = None,
    time: str | None = None,
    simulations: int = 10_000,
    effective: float = 2_000,
    calibration_runs: int = 0,
    method: Method = "auto",
    heard: Heard | None = None,
) -> list[Explanation]:
    """Judge whether models explain the data, the best one first.

    A model does not explain the data when a posterior predictive p-value falls below 0.02 divided by the number of
    statistics; or when the last fifth of the data, forecast from the rest, falls where the model expects it less than
    one time in a hundred; or when it refuses the data (negative counts, say). Of a model that fails, `why` also says
    where it is a useful approximation: it explains four fifths of the variation, and foresees the held-out part better
    than a statistical forecast.

    Parameters
    ----------
    models : PhysicalModel or list of PhysicalModel
    data : Dataset or Series
    rng : Rng
    controls, columns, time, simulations, effective, method
        As in `seedstock.physics.calibrate`; a model ignores the controls that it does not have.
    calibration_runs : int
        Runs of simulation-based calibration for each model; 0 for none.
    heard : callable or None
        Hears how far it is: ``heard(name, share)``.

    Raises
    ------
    InputError
        Where every model refuses the data.

    Examples
    --------
    >>> from seedstock.physics import load_model
    >>> t = np.arange(25.0)
    >>> y = 50 * np.exp(-0.2 * t) + np.random.default_rng(0).normal(size=25)
    >>> both = [load_model("decay"), load_model("logistic_growth")]
    >>> found = explain(both, Series(t, {"y": y}), Rng(1), effective=300)
    >>> [(e.name, e.verdict) for e in found]
    [('decay', 'explains'), ('logistic_growth', 'does not explain')]
    """
    models = [models] if isinstance(models, PhysicalModel) else list(models)
    if not models:
        raise InputError("name at least one model to explain the data with")
    out: list[Explanation] = []
    refusals: list[InputError] = []
    # Of a model's work the fit counts as one part, the verdict as another, and each run of calibration as one.
    parts = 2 + calibration_runs
    for k, model in enumerate(models):

        def tell(done: int, k: int = k, name: str = model.name) -> None:
            if heard is not None:
                heard(name, (k + done / parts) / len(models))

        tell(0)
        try:
            problems = bind(model, data, controls, columns, time, strict=len(models) == 1)
            posterior = fit(problems, rng.child(model.name, k), method, simulations, effective)
        except MissingExtraError:
            raise
        except InputError as error:
            out.append(Explanation(model.name, False, str(error)))
            refusals.append(error)
            continue
        tell(1)
        told = rng.child(model.name, k, "judge")
        out.append(judge(posterior, told, simulations, calibration_runs, lambda run, tell=tell: tell(2 + run)))
    if len(refusals) == len(models):
        raise refusals[0]
    return sorted(out, key=_rank)


def explain_data(
    data: Dataset, models: Sequence[str], rng: Rng, controls: Controls | None = None, pictures: bool = False,
    **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Judge library models by their names; returns the JSON value of ``seedstock physics explain``.

    With `pictures` each model also has the numbers that the report draws.

    Returns
    -------
    dict
        ``{"models": [{"name", "verdict", "why", "parameters", "p_values", "heldout_score", ...}]}``, best first.
    """
    found = explain([load_model(name) for name in models], data, rng, controls=controls, **options)
    out = []
    for one in found:
        value = one.to_json()
        if pictures and one.posterior is not None:
            value["pictures"] = picture_data(one.posterior, rng.child(one.name))
        out.append(value)
    return {"models": out}


def judge(
    posterior: Posterior, rng: Rng, simulations: int = 10_000, runs: int = 0, heard: Callable[[int], None] | None = None
) -> Explanation:
    """Judge one calibrated model; see `explain`. `heard` hears how many runs of calibration are done."""
    problem = posterior.problem
    p = posterior_p_values(posterior, rng)
    prior_p = prior_p_values(problem, rng)
    held = held_out_score(problem, rng.child("held out"), simulations)
    method = cast(Method, posterior.method)
    ranks = calibration_ranks(problem, rng.child("sbc"), runs, method, simulations, heard=heard) if runs else None
    bound = ALPHA / max(len(p), 1)
    failed = sorted((value, name) for name, value in p.items() if value < bound)
    share = explained_share(posterior, rng)
    foresees = held is not None and held.baseline is not None and held.score > held.baseline
    reasons = [f"the model cannot give data like these: {name} (p = {value:.2g})" for value, name in failed[:3]]
    if held is not None and held.p_value is not None and held.p_value < _HELD_ALPHA:
        reasons.append(f"it does not foresee the held-out part (p = {held.p_value:.2g})")
    if reasons:
        if share is not None and share >= _USEFUL and foresees:
            reasons.append(
                f"as an approximation it explains {share:.0%} of the variation, and foresees the held-out part better "
                f"than a statistical forecast"
            )
        reasons += posterior.notes
        return Explanation(problem.model.name, False, "; ".join(reasons), posterior, p, prior_p, held, ranks, share)
    least = min(p.items(), key=lambda item: item[1], default=("", 1.0))
    words = [f"all {len(p)} predictive checks pass (least p = {least[1]:.2g}, {least[0]})"]
    if share is not None:
        words.append(f"the mechanism explains {share:.0%} of the variation")
    if held is not None and held.baseline is not None:
        measure = held.measure.split(",")[0]
        words.append(f"held-out {measure} {held.score:.3g} beside {held.baseline:.3g} of a statistical forecast")
    words += posterior.notes
    return Explanation(problem.model.name, True, "; ".join(words), posterior, p, prior_p, held, ranks, share)


def _rank(e: Explanation) -> tuple[bool, float, float]:
    """Sort models that explain first, by their held-out skill; then the others by how nearly they do."""
    skill = -np.inf if e.heldout is None else e.heldout.skill
    worst = min(e.p_values.values(), default=0.0)
    return (not e.explains, -skill if e.explains else -worst, -skill)
