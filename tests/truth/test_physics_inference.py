"""Samplers, scores and verdicts against answers that are known."""

import numpy as np
import pytest
from scipy import integrate as scipy_integrate
from scipy import stats

from seedstock.core.rng import Rng
from seedstock.physics import (
    Noise,
    PhysicalModel,
    Prior,
    Series,
    Summaries,
    calibrate,
    discover,
    explain,
    generate,
    load_model,
    mcmc,
)
from seedstock.physics.diagnostics import effective_size, split_rhat
from seedstock.physics.learned import learn
from seedstock.physics.optimise import maximise
from seedstock.physics.ppc import posterior_p_values
from seedstock.physics.problem import Problem
from seedstock.physics.residuals import fitted_residuals
from seedstock.physics.sbc import calibration_ranks
from seedstock.physics.scoring import crps, forecast, renewal_log_score

COVARIANCE = np.array([[1.0, 0.9, 0.0], [0.9, 2.0, -0.4], [0.0, -0.4, 0.5]])


def log_normal(x, mean=(1.0, -2.0, 3.0)):
    return stats.multivariate_normal(mean, COVARIANCE).logpdf(x).reshape(len(x))


@pytest.fixture(scope="module")
def chain():
    g = np.random.default_rng(1)
    return mcmc.sample(log_normal, g.normal(size=(4, 32, 3)) * 3, g, ess=4_000)


def test_sampler_finds_mean_and_covariance(chain):
    x = chain.flat()
    assert np.allclose(x.mean(axis=0), [1, -2, 3], atol=0.1)
    assert np.allclose(np.cov(x.T), COVARIANCE, atol=0.15)
    assert chain.rhat.max() < 1.01
    assert chain.ess.min() >= 4_000


def test_effective_size_is_honest(chain):
    """Means of independent chains scatter as the effective size says."""
    means = []
    for seed in range(24):
        g = np.random.default_rng(seed)
        start = np.random.default_rng(100 + seed).multivariate_normal([1, -2, 3], COVARIANCE, (4, 8))
        one = mcmc.sample(log_normal, start, g, ess=300, rhat=10)
        means.append((one.flat().mean(axis=0) - [1, -2, 3]) / np.sqrt(np.diag(COVARIANCE) / one.ess))
    assert 0.6 < np.std(means) < 1.5


def test_diagnostics_of_an_autoregression():
    """Of AR(1) with coefficient r, n draws are worth n (1 - r) / (1 + r)."""
    g = np.random.default_rng(2)
    r, x = 0.8, np.zeros((4, 20_000))
    for k in range(1, x.shape[1]):
        x[:, k] = r * x[:, k - 1] + g.normal(size=4)
    assert effective_size(x) == pytest.approx(80_000 / 9, rel=0.1)
    assert split_rhat(x) < 1.01
    x[0] += 3
    assert split_rhat(x) > 1.1


def test_mode_of_two_humps():
    def two(x):
        return np.logaddexp(np.log(0.3) + log_normal(x), np.log(0.7) + log_normal(x, (-6.0, 5.0, 0.0)))

    found = maximise(two, np.random.default_rng(1).normal(size=(500, 3)) * 6, np.random.default_rng(2))
    assert np.allclose(found.at, [-6, 5, 0], atol=1e-2)
    assert np.allclose(found.covariance, COVARIANCE, atol=0.05)


LINE_T = np.linspace(0, 1, 12)


def line(prior_sd=10.0, sigma=0.5):
    return PhysicalModel(
        "line", lambda theta, t, rng, controls: {"y": theta["a"][:, None] + theta["b"][:, None] * t},
        {"a": Prior.normal(0, prior_sd), "b": Prior.normal(0, prior_sd), "s": sigma},
        Noise("normal", {"y": "s"}), ("y",),
    )  # fmt: skip


def line_posterior(y, prior_sd=10.0, sigma=0.5):
    x = np.stack([np.ones_like(LINE_T), LINE_T], axis=1)
    covariance = np.linalg.inv(x.T @ x / sigma**2 + np.eye(2) / prior_sd**2)
    return covariance @ x.T @ y / sigma**2, covariance


@pytest.fixture(scope="module")
def line_data():
    return 1.0 + 2.0 * LINE_T + 0.5 * np.random.default_rng(3).normal(size=12)


def test_gaussian_linear_posterior_is_exact(line_data):
    fit = calibrate(line(), Series(LINE_T, {"y": line_data}), Rng(1))
    mean, covariance = line_posterior(line_data)
    sd = np.sqrt(np.diag(covariance))
    assert np.abs((fit.draws.mean(axis=0) - mean) / sd).max() < 0.08
    assert np.allclose(np.cov(fit.draws.T), covariance, rtol=0.12, atol=0.12 * covariance.max())


def test_abc_is_near_the_posterior_of_a_conjugate_model(line_data):
    """The same posterior without the likelihood, from 6,000 simulations of the model as a black box."""

    def simulate(theta, t, rng, controls):
        mean = theta["a"][:, None] + theta["b"][:, None] * t
        return {"y": mean + 0.5 * rng.standard_normal(mean.shape)}

    priors = {"a": Prior.normal(0, 3), "b": Prior.normal(0, 3)}
    box = PhysicalModel("box", simulate, priors, Summaries(), ("y",))
    fit = calibrate(box, Series(LINE_T, {"y": line_data}), Rng(2), simulations=6_000)
    assert fit.method == "smc-abc"
    mean, covariance = line_posterior(line_data, 3.0)
    sd = np.sqrt(np.diag(covariance))
    assert np.abs((fit.draws.mean(axis=0) - mean) / sd).max() < 0.45
    assert np.allclose(fit.draws.std(axis=0) / sd, 1, atol=0.35)


def test_abc_of_counts_that_are_all_zero():
    """Counts of 8 places at rate exp(-3): many simulations equal the data, and none must stand for another."""
    places = 8
    model = PhysicalModel(
        "counts",
        lambda theta, t, g, controls: {"x": g.poisson(np.repeat(theta["rate"][:, None], places, axis=1)).astype(float)},
        {"rate": Prior.lognormal(1.0, 1.0), "other": Prior.lognormal(1.0, 0.5)},
        Summaries(lambda t, v: v["x"]),
        ("x",),
    )
    series = Series(np.arange(float(places)), {"x": np.zeros(places)})
    draws = calibrate(model, series, Rng(0), method="smc-abc", simulations=8_000).draws
    grid = np.exp(np.linspace(-12, 6, 20_001))
    density = stats.lognorm(1.0).pdf(grid) * np.exp(-places * grid)
    mean = np.trapezoid(grid * density, grid) / np.trapezoid(density, grid)
    assert np.mean(draws[:, 0]) == pytest.approx(mean, rel=0.25)
    assert np.mean(draws[:, 1]) == pytest.approx(np.exp(0.125), rel=0.15)


def test_ranks_are_uniform_for_a_right_method_and_not_for_a_wrong_one():
    problem = Problem.of(line(2.0), Series(LINE_T, {"y": np.zeros(12)}))
    ranks = calibration_ranks(problem, Rng(3), 60, effective=200)
    assert min(ranks.p_values().values()) > 0.01
    assert min(ranks.coverage().values()) >= 0.8
    assert max(ranks.coverage().values()) <= 0.99
    narrow = type(ranks)(ranks.names, np.where(ranks.ranks < 50, 0, 99), 99, ranks.covered, 0)
    assert max(narrow.p_values().values()) < 1e-6


def test_exact_answers_of_queue_and_poisson():
    """Of arrivals and services that are exponential, posteriors are gamma but for the wide prior."""
    g = np.random.default_rng(4)
    arrival, service = np.cumsum(g.exponential(1, 300)), g.exponential(0.6, 300)
    leave, free = np.empty(300), 0.0
    for k in range(300):
        free = leave[k] = max(free, arrival[k]) + service[k]
    fit = calibrate(load_model("queue_mmc"), Series(arrival, {"stay": leave - arrival}, "arrival"), Rng(5)).summary()
    law = stats.gamma(300, scale=1 / service.sum())
    assert fit["service_rate"]["mean"] == pytest.approx(law.mean(), abs=0.1 * law.std())
    assert fit["service_rate"]["sd"] == pytest.approx(law.std(), rel=0.1)
    arrivals = stats.gamma(299, scale=1 / np.ptp(arrival))
    assert fit["arrival_rate"]["mean"] == pytest.approx(arrivals.mean(), abs=0.1 * arrivals.std())
    assert fit["wait_probability"]["mean"] == pytest.approx(fit["utilisation"]["mean"], rel=1e-9)


def test_crps_closed_forms():
    g = np.random.default_rng(6)
    z = 0.7
    normal = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)
    assert crps(g.normal(size=(20_000, 1)), np.array([z]))[0] == pytest.approx(normal, abs=0.01)
    # Of the uniform on (0, 1): y^2 - y + 1/3.
    assert crps(g.random((20_000, 1)), np.array([0.2]))[0] == pytest.approx(0.04 - 0.2 + 1 / 3, abs=0.005)
    # The fair estimate has no bias by the number of draws.
    few = np.mean([crps(g.normal(size=(3, 1)), np.array([z]))[0] for _ in range(20_000)])
    assert few == pytest.approx(normal, abs=0.015)
    below, above = (scipy_integrate.quad(f, a, b)[0] for f, a, b in (
        (lambda x: stats.expon.cdf(x) ** 2, 0, 1.5), (lambda x: stats.expon.sf(x) ** 2, 1.5, np.inf)
    ))  # fmt: skip
    assert crps(g.exponential(size=(20_000, 1)), np.array([1.5]))[0] == pytest.approx(below + above, abs=0.015)


def test_statistical_forecasts():
    g = np.random.default_rng(7)
    y = np.zeros(3_000)
    for k in range(1, 3_000):
        y[k] = 0.6 * y[k - 1] + g.normal()
    ahead = forecast(y, 40, 4_000, g)
    assert ahead[:, 0].mean() == pytest.approx(0.6 * y[-1], abs=0.1)
    assert ahead[:, -1].std() == pytest.approx(1 / np.sqrt(1 - 0.36), rel=0.05)
    walk = np.cumsum(g.normal(size=400))
    assert forecast(walk, 25, 4_000, g)[:, -1].std() == pytest.approx(5, rel=0.15)
    gaps = g.gamma(2, 3, 5_000)
    assert renewal_log_score(gaps, gaps) == pytest.approx(-stats.gamma(2, scale=3).entropy(), abs=0.03)


def test_intervention_and_stamps_follow_the_mechanism():
    t = np.arange(10.0)
    fit = calibrate(load_model("decay"), Series(t, {"amount": 100 * np.exp(-0.2 * t)}), Rng(1), effective=300)
    halved = generate(fit, 400, Rng(2), do={"rate": 0.1}, t=np.arange(40.0)).table
    at = halved["time"].values == 30
    assert np.median(halved["true_amount"].values[at]) == pytest.approx(100 * np.exp(-3), rel=0.02)
    stamps = halved["range"].texts()
    assert stamps[0] == "in_range"
    assert {s for s, later in zip(stamps, halved["time"].values > 20, strict=True) if later} == {"extrapolated"}


def lotka_volterra(noise):
    theta = {"alpha": 0.9, "beta": 0.05, "gamma": 0.7, "delta": 0.03, "prey0": 20.0, "predator0": 10.0}
    t = np.linspace(0, 24, 160)
    made = load_model("lotka_volterra").simulate({k: np.array([v]) for k, v in theta.items()}, t, None, {})
    g = np.random.default_rng(8)
    return Series(t, {k: made[k][0] * np.exp(noise * g.normal(size=160)) for k in ("prey", "predator")})


def test_discover_finds_predator_and_prey():
    found = discover(lotka_volterra(0.005), Rng(1))
    assert found.stable, found.why
    assert set(found.coefficients["prey"]) == {"prey", "prey predator"}
    assert set(found.coefficients["predator"]) == {"predator", "prey predator"}
    assert found.coefficients["prey"]["prey"] == pytest.approx(0.9, rel=0.05)
    assert found.coefficients["predator"]["prey predator"] == pytest.approx(0.03, rel=0.05)


def test_discover_finds_an_oscillator():
    t = np.linspace(0, 12, 240)
    s = np.sqrt(4 - 0.01)
    x = np.exp(-0.1 * t) * np.cos(s * t)
    v = np.exp(-0.1 * t) * (-0.1 * np.cos(s * t) - s * np.sin(s * t))
    g = np.random.default_rng(9)
    noisy = {"x": x + 0.005 * g.normal(size=240), "v": v + 0.01 * g.normal(size=240)}
    found = discover(Series(t, noisy), Rng(1))
    assert found.stable, found.why
    assert set(found.coefficients["x"]) == {"v"}
    assert found.coefficients["v"] == {"x": pytest.approx(-4.0, rel=0.03), "v": pytest.approx(-0.2, abs=0.05)}
    assert found.model is not None
    judged = explain(found.model, Series(t, noisy), Rng(2), effective=300)
    assert judged[0].posterior is not None


@pytest.mark.parametrize("seed", range(4))
def test_discover_refuses_noise(seed):
    g = np.random.default_rng(seed)
    found = discover(Series(np.arange(120.0), {"a": g.normal(size=120), "b": g.normal(size=120)}), Rng(seed))
    assert not found.stable
    assert not found.equations
    assert found.why


def test_prior_densities_are_those_of_scipy():
    x = np.array([0.2, 0.7, 1.4])
    pairs = [
        (Prior.normal(1, 2), stats.norm(1, 2)),
        (Prior.normal(1, 2, lower=0), stats.truncnorm(-0.5, np.inf, 1, 2)),
        (Prior.lognormal(2, 0.4), stats.lognorm(0.4, scale=2)),
        (Prior.uniform(0, 2), stats.uniform(0, 2)),
        (Prior.exponential(3), stats.expon(scale=3)),
    ]
    for prior, law in pairs:
        assert np.allclose(prior.log_density(x), law.logpdf(x))
        free = prior.to_free(x)
        back, jacobian = prior.from_free(free)
        h = 1e-6
        slope = (prior.from_free(free + h)[0] - prior.from_free(free - h)[0]) / (2 * h)
        assert np.allclose(back, x)
        assert np.allclose(jacobian, np.log(np.abs(slope)), atol=1e-6)
        assert stats.kstest(prior.sample(2_000, np.random.default_rng(1)), law.cdf).pvalue > 1e-3


def test_residuals_after_a_fit_are_those_of_least_squares(line_data):
    """Of a line, z after the fit has the covariance 1 - H, H being the projection on the line."""
    t = LINE_T
    z, mine = fitted_residuals(
        calibrate(line(), Series(t, {"y": line_data}), Rng(1), effective=300), np.random.default_rng(1), 20_000
    )["y"]
    x = np.stack([np.ones_like(t), t], axis=1)
    left = np.eye(len(t)) - x @ np.linalg.solve(x.T @ x, x.T)
    assert np.abs(np.cov(z.T) - left).max() < 0.05
    assert np.abs(mine[0] - left @ line_data / 0.5).max() < 0.05


def test_checks_of_a_right_model_are_uniform_and_see_a_forgotten_overtone():
    """P-values of what is left after the fit are uniform, not too kind, for a right model of few observations."""
    t = np.arange(15.0)
    shape = {"memory of residuals", "course of residuals", "rhythm of residuals"}
    found = []
    for seed in range(40):
        y = 100 * np.exp(-0.2 * t) + 3 * np.random.default_rng(seed).standard_normal(15)
        p = posterior_p_values(
            calibrate(load_model("decay"), Series(t, {"amount": y}), Rng(seed), effective=100), Rng(seed)
        )
        found.append([p[name] for name in sorted(shape)])
    for column in np.array(found).T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
    t = np.linspace(0, 20, 80)
    y = np.sign(np.sin(1.5 * t)) + 0.1 * np.random.default_rng(1).standard_normal(80)
    (said,) = explain(load_model("damped_oscillator"), Series(t, {"position": y}), Rng(1), effective=300)
    assert "rhythm of residuals" in said.why


def test_a_prior_relative_to_another_parameter():
    """R0 = beta / gamma has the distribution that was asked for, whether gamma is known or not."""
    data = Series(np.arange(10.0), {"infected": np.arange(10.0)})
    ratio = Prior.lognormal(2.5, 0.7)
    for controls in ({"population": 100}, {"population": 100, "gamma": 0.3}):
        problem = Problem.of(load_model("sir"), data, controls)
        x = problem.draw_prior(4_000, np.random.default_rng(1))
        theta = problem.theta(x)
        assert stats.kstest(theta["beta"] / theta["gamma"], ratio.cdf).pvalue > 0.01
        u = problem.to_free(x)
        back, log_prior = problem.from_free(u)
        assert np.allclose(back, x)
        # The density of the point among the rest: the one of the ratio times the Jacobian 1 / gamma.
        beta = problem.names.index("beta")
        own = ratio.log_density(theta["beta"] / theta["gamma"]) + np.log(theta["beta"] / theta["gamma"])
        rest = sum(p.log_density(x[:, i]) + u[:, i] for i, p in enumerate(problem.priors.values()) if i != beta)
        assert np.allclose(log_prior, own + rest)


def test_summaries_of_a_parameter_without_a_sign():
    """Where only the size of a parameter leaves a trace, the summary is that of its square."""
    g = np.random.default_rng(1)
    u = g.standard_normal((3_000, 2))
    features = np.concatenate(
        [u[:, :1] + 0.1 * g.standard_normal((3_000, 2)), (u[:, 1:] ** 2) * g.uniform(0.9, 1.1, (3_000, 2))], axis=1
    )
    found = learn(u, features, features[0], Rng(1), np.arange(3_000))
    assert found.squared.tolist() == [False, True]
    assert np.corrcoef(found.data[:, 1], u[:, 1] ** 2)[0, 1] > 0.9


def test_a_sign_that_the_data_tell_is_kept():
    """The size is told exactly and the value with noise: the square would be told better, and lose the sign."""
    g = np.random.default_rng(4)
    u = g.standard_normal((2_000, 1))
    features = np.concatenate([u + 0.4 * g.standard_normal((2_000, 1)), u**2, u**2], axis=1)
    assert not learn(u, features, np.array([1.0, 1.0, 1.0]), Rng(1), np.arange(2_000)).squared.any()
