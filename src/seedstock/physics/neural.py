"""Neural posterior estimation, through the optional library sbi (extra ``sbi``)."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError, MissingExtraError
from seedstock.core.rng import Rng
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.summaries import features_of, observed_features

_KEEP = 8_000
_BOUND = 5.0
"""Standard deviations of the prior within which splines bend."""


@dataclass(frozen=True, eq=False)
class Estimator:
    """A normalising flow that knows the posterior of any data of one problem.

    Attributes
    ----------
    flow : object
        The library's posterior.
    middle, spread : ndarray, shape (k,)
        The scale of the features.
    facts : mapping
        JSON values for the record.
    """

    flow: Any
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    facts: Mapping[str, Any]

    def at(self, problem: Problem, rng: Rng) -> Posterior:
        """Return the posterior of the problem's data: another series of the same model, priors and times will do.

        Raises
        ------
        InputError
            For data of another shape than those that the flow was trained for.
        """
        import torch

        features = observed_features(problem)
        if features.shape != self.middle.shape:
            raise InputError(
                f"the flow was trained for data of {len(self.middle)} features, and these have {len(features)}; train "
                f"another"
            )
        target = torch.as_tensor((features - self.middle) / self.spread, dtype=torch.float32)
        with _quiet(rng.child("draw")):
            draws = self.flow.sample((_KEEP,), x=target, show_progress_bars=False).numpy().astype(float)
        draws = draws[np.isfinite(problem.from_free(draws)[1])]
        made = Posterior(problem, problem.from_free(draws)[0], "npe", self.facts)
        from seedstock.physics.calibration import remarks

        return Posterior(problem, made.draws, "npe", self.facts, tuple(remarks(made)))


def npe(problem: Problem, rng: Rng, simulations: int = 10_000) -> Posterior:
    """Calibrate a model by a normalising flow that is trained on simulations; see `train`."""
    return train(problem, rng, simulations).at(problem, rng)


def train(problem: Problem, rng: Rng, simulations: int = 10_000) -> Estimator:
    """Train a normalising flow on simulations from the prior, whatever was observed.

    Notes
    -----
    Papamakarios and Murray (2016), Greenberg, Nonnenmacher and Macke (2019), one round; neural spline flows after
    Durkan, Bekasov, Murray and Papamakarios (2019), which can part into humps.

    Raises
    ------
    MissingExtraError
        Where sbi is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from sbi.inference import NPE
            from sbi.neural_nets import posterior_nn
    except ImportError:
        raise MissingExtraError(
            "the method npe needs the library sbi; install seedstock[sbi], or choose the method smc-abc"
        ) from None
    if simulations < 200:
        raise InputError(f"calibration by simulation needs 200 simulations or more, not {simulations}")
    g = rng.child("simulate").generator()
    x = problem.draw_prior(simulations, g)
    with np.errstate(all="ignore"):
        features = np.concatenate(
            [
                features_of(problem, problem.replicate(problem.theta(x[k : k + 500]), g))
                for k in range(0, simulations, 500)
            ]
        )
    good = np.isfinite(features).all(axis=1)
    if good.sum() < 100:
        raise InputError(f"{int((~good).sum()):,} of {simulations:,} simulations failed; mend the simulator")
    u = problem.to_free(x[good])
    middle, spread = np.median(features[good], axis=0), features[good].std(axis=0) + 1e-12
    theta = torch.as_tensor(u, dtype=torch.float32)
    data = torch.as_tensor((features[good] - middle) / spread, dtype=torch.float32)
    with _quiet(rng.child("npe")):
        # Outside its bound a spline is the identity: at the usual 3 one draw in 400 would miss a narrow posterior.
        splines = posterior_nn("nsf", tail_bound=_BOUND)
        inference: Any = NPE(density_estimator=splines, tracker=_NoLog(), show_progress_bars=False)
        inference.append_simulations(theta, data).train()
        flow = inference.build_posterior()
        epochs = int(inference.summary["epochs_trained"][-1])
    counted = getattr(problem.model.simulate, "rejected", None)
    rejected = dict(counted()) if callable(counted) else {"failed": int((~good).sum())}
    return Estimator(flow, middle, spread, {"simulations": simulations, "epochs": epochs, "rejected": rejected})


@contextlib.contextmanager
def _quiet(rng: Rng) -> Iterator[None]:
    """Seed the library; it speaks on stdout, which belongs to results, and warns of what does not concern users."""
    import torch

    with torch.random.fork_rng(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.manual_seed(rng.integer())
        yield


class _NoLog:
    """A tracker that keeps nothing: the library's own one writes a folder where the user stands."""

    log_dir = None

    def log_metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...

    def log_params(self, params: dict[str, Any]) -> None: ...

    def add_figure(self, name: str, figure: Any, step: int | None = None) -> None: ...

    def flush(self) -> None: ...
