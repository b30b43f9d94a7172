"""Integrators and models against closed forms, SciPy, and published values."""

import itertools

import numpy as np
import pytest
from scipy import integrate as scipy_integrate
from scipy import linalg, optimize, special, stats

from seedstock.physics import load_model
from seedstock.physics.integrate import integrate
from seedstock.physics.models.queue_mmc import erlang_c
from seedstock.physics.noise import Noise
from seedstock.physics.series import Series

T = np.linspace(0, 6, 25)


def states(name, theta, t=T, controls=None, seed=0):
    model = load_model(name)
    arrays = {k: np.atleast_1d(np.asarray(v, float)) for k, v in theta.items()}
    return model.simulate(
        arrays, np.asarray(t, float), np.random.default_rng(seed), {**model.controls, **(controls or {})}
    )


def by_scipy(rhs, y0, t=T):
    return scipy_integrate.solve_ivp(rhs, (0, t[-1]), y0, t_eval=t, rtol=1e-10, atol=1e-10).y


def test_integrator_on_a_linear_system_is_the_matrix_exponential():
    a = np.array([[-0.4, 1.3], [-1.1, -0.2]])
    y0 = np.array([[1.0], [0.5]])
    got = integrate(lambda t, y: a @ y, y0, T, rtol=1e-8)
    want = np.stack([linalg.expm(a * t) @ y0 for t in T])
    assert np.abs(got - want).max() < 1e-6


def test_integrator_keeps_the_invariant_of_predator_and_prey():
    y = states(
        "lotka_volterra", {"alpha": 0.55, "beta": 0.028, "gamma": 0.8, "delta": 0.024, "prey0": 34, "predator0": 6}
    )
    u, v = y["prey"][0], y["predator"][0]
    v_t = 0.024 * u - 0.8 * np.log(u) + 0.028 * v - 0.55 * np.log(v)
    assert np.ptp(v_t) < 2e-3 * abs(v_t[0])


def test_integrator_of_order_five():
    """Fixed accuracy asks for h ~ tol^(1/5): the error must fall with the tolerance."""

    def error(rtol):
        y = integrate(lambda t, y: -y * np.cos(t), np.ones((1, 1)), np.array([6.0]), rtol=rtol, atol=1e-14)
        return abs(y[0, 0, 0] - np.exp(-np.sin(6.0)))

    assert error(1e-4) < 1e-3
    assert error(1e-9) < 1e-8


def test_a_system_that_blows_up_does_not_take_others_with_it():
    y = integrate(lambda t, y: y**2, np.array([[1.0, 0.1]]), np.array([0.5, 5.0]))
    assert np.isnan(y[1, 0, 0])
    assert y[1, 0, 1] == pytest.approx(1 / (10 - 5), rel=1e-3)


def test_an_epidemic_reaches_its_final_size():
    y = states("sir", {"beta": 0.8, "gamma": 0.4, "infected0": 1e-3, "population": 1}, [0, 400.0])
    size = optimize.brentq(lambda z: 1 - z - (1 - 1e-3) * np.exp(-2 * z), 0.1, 0.999)
    assert y["recovered"][0, -1] == pytest.approx(size, abs=1e-4)


def test_sir_and_seir_are_those_of_scipy():
    theta = {"beta": 1.5, "gamma": 0.5, "infected0": 3, "population": 500}
    want = by_scipy(lambda t, y: [-1.5 * y[0] * y[1] / 500, 1.5 * y[0] * y[1] / 500 - 0.5 * y[1]], [497, 3])
    assert np.allclose(states("sir", theta)["infected"][0], want[1], rtol=1e-4)

    def seir(t, y):
        return [-1.5 * y[0] * y[2] / 500, 1.5 * y[0] * y[2] / 500 - 0.9 * y[1], 0.9 * y[1] - 0.5 * y[2]]

    got = states("seir", {**theta, "sigma": 0.9, "exposed0": 4})["infected"][0]
    assert np.allclose(got, by_scipy(seir, [493, 4, 3])[2], rtol=1e-4)


def test_a_worm_that_nobody_patches_grows_logistically():
    theta = {"beta": 1.2, "patch": 0, "clean": 0, "infected0": 2, "hosts": 300}
    want = 300 / (1 + (300 / 2 - 1) * np.exp(-1.2 * T))
    assert np.allclose(states("worm_patching", theta)["infected"][0], want, rtol=1e-4)
    patched = by_scipy(
        lambda t, y: [-1.2 * y[0] * y[1] / 300 - 0.3 * y[0], 1.2 * y[0] * y[1] / 300 - 0.2 * y[1]], [298, 2]
    )[1]
    got = states("worm_patching", {**theta, "patch": 0.3, "clean": 0.2})["infected"][0]
    assert np.allclose(got, patched, rtol=1e-4)


def test_the_stochastic_worm_is_the_other_one_on_average():
    theta = {"beta": 1.0, "patch": 0.1, "clean": 0.2}
    many = {k: np.full(400, v) for k, v in {**theta, "infected0": 50}.items()}
    model = load_model("worm_stochastic")
    y = model.simulate(many, T, np.random.default_rng(1), {"hosts": 5_000})["infected"]
    smooth = states("worm_patching", {**theta, "infected0": 50, "hosts": 5_000})["infected"][0]
    assert np.allclose(y.mean(axis=0), smooth, rtol=0.04)


def test_pendulum_swings_with_the_period_of_the_elliptic_integral():
    length, angle0 = 0.7, 2.0
    period = 4 * np.sqrt(length / 9.81) * special.ellipk(np.sin(angle0 / 2) ** 2)
    t = np.array([0, period / 4, period / 2, period])
    angle = states("pendulum", {"length": length, "friction": 0, "angle0": angle0, "speed0": 0}, t)["angle"][0]
    assert np.allclose(angle, [2, 0, -2, 2], atol=2e-3)


@pytest.mark.parametrize("zeta", [0.0, 0.2, 1.0, 1.7])
def test_damped_oscillator(zeta):
    got = states("damped_oscillator", {"omega": 2.0, "zeta": zeta, "x0": 1.0, "v0": -0.5})["position"][0]
    want = by_scipy(lambda t, y: [y[1], -4 * y[0] - 4 * zeta * y[1]], [1.0, -0.5])[0]
    assert np.allclose(got, want, atol=1e-6)


def test_closed_forms():
    assert np.allclose(states("decay", {"amount0": 5, "rate": 0.3})["amount"][0], 5 * np.exp(-0.3 * T))
    got = states("logistic_growth", {"rate": 0.9, "capacity": 50, "size0": 2})["size"][0]
    assert np.allclose(got, by_scipy(lambda t, y: 0.9 * y * (1 - y / 50), [2])[0], rtol=1e-6)
    assert states("michaelis_menten", {"vmax": 3, "km": 2}, [2.0])["velocity"][0, 0] == 1.5


@pytest.mark.parametrize("k2", [0.5, 1.5])
def test_two_reactions_in_a_row(k2):
    got = states("first_order_kinetics", {"k1": 0.5, "k2": k2, "a0": 2, "b0": 0.3})
    want = by_scipy(lambda t, y: [-0.5 * y[0], 0.5 * y[0] - k2 * y[1]], [2, 0.3])
    assert np.allclose(got["reactant"][0], want[0], atol=1e-7)
    assert np.allclose(got["intermediate"][0], want[1], atol=1e-7)


def test_one_and_two_compartments():
    one = states("pk_one_compartment", {"clearance": 2, "volume": 10, "absorption_ratio": 5}, controls={"dose": 100})
    ke, ka = 0.2, 1.2
    want = by_scipy(lambda t, y: [-ka * y[0], ka * y[0] - ke * y[1]], [100, 0])[1] / 10
    assert np.allclose(one["concentration"][0], want, atol=1e-6)
    theta = {"v1": 10, "v2": 30, "clearance": 2, "exchange": 4}
    two = states("pk_two_compartment", theta, controls={"dose": 100})
    want = by_scipy(lambda t, y: [-0.6 * y[0] + 4 / 30 * y[1], 0.4 * y[0] - 4 / 30 * y[1]], [100, 0])[0] / 10
    assert np.allclose(two["concentration"][0], want, atol=1e-6)


def test_geometric_brownian_motion_has_its_moments_and_density():
    model = load_model("geometric_brownian_motion")
    theta = {"drift": np.full(20_000, 0.1), "volatility": np.full(20_000, 0.3), "start": np.full(20_000, 50.0)}
    t = np.array([0.0, 1.0, 2.0])
    price = model.simulate(theta, t, np.random.default_rng(2), {})["price"]
    assert price[:, 2].mean() == pytest.approx(50 * np.exp(0.2), rel=0.02)
    logs = np.log(price[:, 2] / price[:, 1])
    assert stats.kstest(logs, stats.norm(0.1 - 0.045, 0.3).cdf).pvalue > 1e-3
    y = np.array([50.0, 55.0, 48.0])
    want = stats.lognorm(0.3, scale=y[:2] * np.exp(0.055)).logpdf(y[1:]).sum()
    one = {k: v[:1] for k, v in theta.items()}
    assert model.observe.log_density(Series(t, {"price": y}), one, {})[0] == pytest.approx(want)


@pytest.mark.parametrize(("load", "servers", "known"), [(0.7, 1, 0.7), (1.6, 2, 0.7111), (8.0, 10, 0.4092)])
def test_erlang_c(load, servers, known):
    top = load**servers / special.factorial(servers) * servers / (servers - load)
    below = sum(load**k / special.factorial(k) for k in range(servers))
    got = float(erlang_c(np.array([load]), np.array([servers]))[0])
    assert got == pytest.approx(top / (below + top), rel=1e-12)
    assert got == pytest.approx(known, abs=1e-4)


def test_a_simulated_queue_waits_as_erlang_says():
    model = load_model("queue_mmc")
    one = {"arrival_rate": np.full(40, 1.6), "service_rate": np.full(40, 1.0), "servers": np.full(40, 2.0)}
    made = model.simulate(one, np.arange(4_000.0), np.random.default_rng(3), {"servers": 2})
    waits = made["wait"][:, 500:]
    assert (waits > 0).mean() == pytest.approx(0.7111, abs=0.02)
    # Mean wait: probability to wait / (c mu - lambda).
    assert waits.mean() == pytest.approx(0.7111 / 0.4, rel=0.08)


def test_hawkes_has_its_mean_rate_and_its_likelihood():
    model = load_model("arrivals_hawkes")
    theta = {k: np.full(60, v) for k, v in {"background": 0.6, "branching": 0.5, "decay": 2.0}.items()}
    times = model.simulate(theta, np.array([0.0, 400.0]), np.random.default_rng(4), {})["time"]
    # Each background event stands for 1 / (1 - branching) in all.
    assert np.isfinite(times).sum(axis=1).mean() / 400 == pytest.approx(1.2, rel=0.04)
    t = np.array([0.0, 0.4, 1.1, 1.2, 3.0])
    got = model.observe.log_density(Series(t, {}), {k: v[:1] for k, v in theta.items()}, {})[0]

    def intensity(s):
        return 0.6 + 0.5 * 2.0 * np.exp(-2.0 * (s - t[t < s])).sum()

    pieces = [scipy_integrate.quad(intensity, a + 1e-12, b)[0] for a, b in itertools.pairwise(t)]
    assert got == pytest.approx(sum(np.log(intensity(s)) for s in t[1:]) - sum(pieces), rel=1e-6)


def test_mmpp_likelihood_is_that_of_all_paths():
    """Brute force: the forward algorithm on a fine grid of time."""
    model = load_model("arrivals_mmpp")
    theta = {k: np.array([v]) for k, v in {"quiet": 0.5, "lift": 5.0, "up": 0.3, "down": 0.8}.items()}
    t = np.array([0.0, 0.7, 0.9, 2.5, 2.6])
    got = model.observe.log_density(Series(t, {}), theta, {})[0]
    rates, q = np.array([0.5, 3.0]), np.array([[-0.3, 0.3], [0.8, -0.8]])
    start = np.array([0.8, 0.3]) / 1.1 * rates
    h = 1e-4
    p = start / start.sum()
    for gap in np.diff(t):
        for _ in range(round(gap / h)):
            p = p + h * (p @ q - p * rates)
        p = p * rates
    assert got == pytest.approx(np.log(p.sum()), abs=2e-3)


def test_poisson_and_on_off_arrivals_have_their_rates():
    model = load_model("arrivals_poisson")
    times = model.simulate({"rate": np.full(50, 3.0)}, np.array([0.0, 100.0]), np.random.default_rng(5), {})["time"]
    assert np.isfinite(times).sum(axis=1).mean() == pytest.approx(300, rel=0.02)
    assert stats.kstest(np.diff(times[0][np.isfinite(times[0])]), stats.expon(scale=1 / 3).cdf).pvalue > 1e-3
    assert model.observe.log_density(Series(np.array([0.0, 1.0, 4.0]), {}), {"rate": np.array([2.0])}, {})[0] == (
        pytest.approx(2 * np.log(2) - 8)
    )
    on_off = {k: np.full(80, v) for k, v in {"rate": 10.0, "shape": 1.9, "mean_on": 1.0, "mean_off": 3.0}.items()}
    bursts = load_model("arrivals_pareto_on_off")
    times = bursts.simulate(on_off, np.array([0.0, 500.0]), np.random.default_rng(6), {})["time"]
    assert np.isfinite(times).sum(axis=1).mean() / 500 == pytest.approx(10 * 0.25, rel=0.15)


MEAN, S = 4.0, 0.3
FAMILIES = {
    "normal": (2.5, stats.norm(MEAN, S).logpdf),
    "lognormal": (2.5, stats.lognorm(S, scale=MEAN).logpdf),
    "poisson": (7.0, stats.poisson(MEAN).logpmf),
    # Variance mean + s mean^2: n = 1/s, p = n / (n + mean).
    "negative_binomial": (7.0, stats.nbinom(1 / S, 1 / S / (1 / S + MEAN)).logpmf),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_is_that_of_scipy(family):
    y, log_density = FAMILIES[family]
    noise = Noise(family, {"y": "s"})
    state, theta = {"y": np.full((1, 3), MEAN)}, {"s": np.array([S])}
    got = noise.log_density({"y": np.array([y, np.nan, y])}, state, theta)[0]
    assert got == pytest.approx(2 * log_density(y), rel=1e-9)
    many = noise.draw(("y",), {"y": np.full((1, 40_000), MEAN)}, theta, np.random.default_rng(1))["y"][0]
    known = {"normal": stats.norm(MEAN, S), "lognormal": stats.lognorm(S, scale=MEAN), "poisson": stats.poisson(MEAN)}
    law = known.get(family, stats.nbinom(1 / S, 1 / S / (1 / S + MEAN)))
    assert many.mean() == pytest.approx(law.mean(), rel=0.02)
    assert many.var() == pytest.approx(law.var(), rel=0.04)
    z = noise.residuals(many, {"y": np.full((1, 40_000), MEAN)}, theta, "y")
    assert z.mean() == pytest.approx(0, abs=0.02)
    assert z.std() == pytest.approx(1, abs=0.02)
