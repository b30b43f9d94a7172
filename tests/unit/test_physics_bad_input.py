"""What users may get wrong: series, priors, and simulators that crash, hang or lie; none may hang the caller."""

import os
import sys
import time

import numpy as np
import pytest

from seedstock import api
from seedstock.core.errors import InputError, ShortfallError
from seedstock.core.rng import Rng
from seedstock.physics import (
    Noise,
    PhysicalModel,
    Prior,
    Series,
    Simulator,
    Summaries,
    calibrate,
    discover,
    explain,
    generate,
    load_model,
    series_of,
)

T = np.arange(12.0)


def read(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_text(text)
    return api.read(path)


def test_too_short_a_series_names_the_parameters():
    with pytest.raises(InputError, match=r"2 observations cannot tell the 3 parameters of 'decay' apart.*sigma"):
        calibrate(load_model("decay"), Series(np.arange(2.0), {"amount": np.array([3.0, 2.0])}), Rng(1))


def test_what_the_data_do_not_tell_is_said():
    model = PhysicalModel(
        "sum", lambda theta, t, rng, controls: {"y": (theta["a"] + 1e-3 * theta["b"])[:, None] + 0 * t},
        {"a": Prior.normal(0, 9), "b": Prior.normal(0, 1), "s": 1.0}, Noise("normal", {"y": "s"}), ("y",),
    )  # fmt: skip
    fit = calibrate(model, Series(T, {"y": T % 3}), Rng(1), effective=300)
    assert any("the data say little about b:" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,amount\n0,5\n2,4\n1,3\n3,2\n", "must not go back, and 't' does in row 2"),
        ("t,amount\n0,5\n,4\n2,3\n3,2\n", "1 of 4 in 't' are missing .row 1."),
        ("t,amount\n0,5\n", "at least 2 rows"),
        ("mass,amount\n1,5\n2,4\n3,3\n", "needs a time column"),
        ("t,amount\n0,5\n1,inf\n2,3\n3,1\n", "infinity in row 1"),
    ],
)
def test_time_stamps(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        calibrate(load_model("decay"), read(tmp_path, text), Rng(1))


def test_dates_that_go_back(tmp_path):
    text = "when,amount\n2024-01-01,5\n2024-01-03,4\n2024-01-02,3\n2024-01-04,1\n"
    with pytest.raises(InputError, match="'when' does in row 2"):
        series_of(read(tmp_path, text))


@pytest.mark.parametrize(
    ("model", "column", "values", "words"),
    [
        ("sir", "infected", [3, 5, -1, 4], "counts must be 0 or more, and 'infected' is -1 in row 2"),
        ("sir", "infected", [3, 5.5, 1, 4], "needs whole counts, and 'infected' has 5.5"),
        ("geometric_brownian_motion", "price", [3, 0, 1, 4], "prices must be above 0"),
        ("lotka_volterra", "prey", [3, 0, 1, 4], "amounts above 0"),
    ],
)
def test_values_that_a_model_cannot_give(model, column, values, words):
    values = {column: np.array(values, float)}
    if model == "lotka_volterra":
        values["predator"] = np.ones(4)
    with pytest.raises(InputError, match=words):
        calibrate(load_model(model), Series(np.arange(4.0), values), Rng(1))


def test_customers_who_leave_before_they_could_be_served():
    data = Series(np.array([0.0, 1.0, 2.0]), {"stay": np.array([5.0, 1.0, 4.0])})
    with pytest.raises(InputError, match="row 1 leaves before a server of 1 is free"):
        calibrate(load_model("queue_mmc"), data, Rng(1))


def test_priors_that_exclude_the_data():
    def simulate(theta, t, rng, controls):
        return {"y": np.log(theta["a"][:, None] - 5) + t}

    model = PhysicalModel("logs", simulate, {"a": Prior.uniform(0, 1), "s": 1.0}, Noise("normal", {"y": "s"}), ("y",))
    with pytest.raises(InputError, match=r"priors of 'logs' exclude the data.*widen the priors"):
        calibrate(model, Series(T, {"y": T}), Rng(1))


def test_a_prior_at_odds_with_the_data_is_said():
    model = load_model("decay").with_priors(rate=Prior.normal(0.6, 0.05))
    fit = calibrate(model, Series(T, {"amount": 100 * np.exp(-0.3 * T)}), Rng(1), effective=300)
    assert any("prior of rate is at odds with the data" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        ({"gamma": -1}, "known value of 'gamma' must lie between 0 and inf"),
        ({"population": "many"}, "makes no priors with the controls population='many'"),
        ({"population": float("nan")}, "control 'population' must be a number, not NaN"),
        ({"population": 0}, r"or what is known \(population 0\)"),
    ],
)
def test_controls_that_cannot_be(controls, words):
    with pytest.raises(InputError, match=words):
        calibrate(load_model("sir"), Series(T, {"infected": T}), Rng(1), controls=controls)


@pytest.mark.parametrize(
    ("t", "y", "words"),
    [
        ([0, 2, 1, 3], [4, 3, 2, 1], "must not go back, and 'time' does in row 2"),
        ([0, np.nan, 1, 3], [4, 3, 2, 1], "finite, and 'time' is not in row 1"),
        ([0, 1, 2, 3], [4, 3, 2], "'amount' has 3 for 4 times"),
        ([0, 1, 2, 3], [4, np.inf, 2, 1], "infinity in row 1"),
        ([0, 1, 2, 3], list("abcd"), "made of numbers"),
    ],
)
def test_series_made_by_hand(t, y, words):
    with pytest.raises(InputError, match=words):
        calibrate(load_model("decay"), Series(np.array(t), {"amount": np.array(y)}), Rng(1))


def test_a_frame_is_data():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"t": T, "amount": (100 * np.exp(-0.3 * T)).round(1)})
    assert calibrate(load_model("decay"), frame, Rng(1), effective=100).method == "mcmc"


# Simulators of users.


def model_of(simulator):
    priors = {"a": Prior.uniform(0.5, 4)}
    return PhysicalModel(
        "theirs", simulator, priors, Summaries(lambda t, v: v["y"].mean(axis=1, keepdims=True)), ("y",)
    )


def flaky(theta, t, rng, controls):
    """Fail in each of the four ways, here and there."""
    u = rng.random()
    if u < 0.03:
        raise RuntimeError("no")
    if u < 0.06:
        return {"y": np.full(len(t), np.nan)}
    if u < 0.09:
        return {"y": np.zeros(3)}
    if u < 0.12:
        os._exit(9)
    return {"y": theta["a"] * t + rng.standard_normal(len(t))}


def test_crashes_and_nonsense_are_counted_and_the_rest_serves():
    simulator = Simulator.of_function(flaky, ("y",), timeout_seconds=5, workers=2)
    fit = calibrate(model_of(simulator), Series(T, {"y": 2 * T}), Rng(1), simulations=400)
    rejected = fit.diagnostics["rejected"]
    assert rejected["crashed"] > 5
    assert rejected["wrong_shape"] > 2
    assert rejected["not_finite"] > 2
    assert 15 < sum(rejected.values()) < 90
    assert fit.summary()["a"]["mean"] == pytest.approx(2, abs=0.2)


def test_a_simulator_that_never_returns_is_stopped():
    def stuck(theta, t, rng, controls):
        while theta["a"] > 3.5:
            time.sleep(0.01)
        return {"y": theta["a"] * t}

    simulator = Simulator.of_function(stuck, ("y",), timeout_seconds=0.2, workers=2)
    start = time.monotonic()
    made = simulator({"a": np.array([1.0, 3.9, 2.0, 3.8])}, T, np.random.default_rng(1), {})["y"]
    assert time.monotonic() - start < 5
    assert np.isnan(made[[1, 3]]).all()
    assert np.array_equal(made[[0, 2]], np.outer([1.0, 2.0], T))
    assert simulator.rejected()["timed_out"] == 2


def test_a_simulator_that_always_fails_is_an_error():
    def broken(theta, t, rng, controls):
        raise ValueError("never")

    simulator = Simulator.of_function(broken, ("y",), timeout_seconds=None)
    with pytest.raises(InputError, match="of the first 46 simulations of 'theirs' failed"):
        calibrate(model_of(simulator), Series(T, {"y": T}), Rng(1), simulations=200)


PROGRAM = """
import csv, sys, time
a, seed, times = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mode = sys.argv[4]
if mode == "hang":
    import subprocess
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
if mode == "crash":
    sys.exit(4)
if mode == "garbage":
    print("\\x00\\xff not,a\\ntable")
    sys.exit()
t = [float(row["t"]) for row in csv.DictReader(open(times))]
print("y")
for x in t[: -1 if mode == "short" else None]:
    print("nan" if mode == "nan" else a * x)
"""


@pytest.mark.parametrize(
    ("mode", "cause"),
    [("crash", "crashed"), ("garbage", "wrong_shape"), ("short", "wrong_shape"), ("nan", "not_finite"),
     ("hang", "timed_out"), ("fine", "")],
)  # fmt: skip
def test_programs(tmp_path, mode, cause):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    command = [sys.executable, str(file), "{a}", "{seed}", "{times}", mode]
    limit = 1.5 if mode == "hang" else 20
    simulator = Simulator.of_program(command, ["y"], timeout_seconds=limit, workers=1)
    start = time.monotonic()
    made = simulator({"a": np.array([2.0])}, T, np.random.default_rng(1), {})["y"]
    assert time.monotonic() - start < limit + 10
    if cause:
        assert np.isnan(made).all()
        assert simulator.rejected()[cause] == 1
    else:
        assert np.array_equal(made[0], 2 * T)


def test_arguments_reach_a_program_as_they_are(tmp_path):
    """No shell: what looks like a command is an argument."""
    mark = tmp_path / "mark"
    command = [sys.executable, "-c", "print('y'); [print(k) for k in range(12)]", f"; touch {mark}", "$(touch {a})"]
    simulator = Simulator.of_program(command, ["y"], workers=1)
    assert np.isfinite(simulator({"a": np.array([1.0])}, T, np.random.default_rng(1), {})["y"]).all()
    assert not mark.exists()


def test_a_program_that_is_not_there():
    simulator = Simulator.of_program(["/nowhere/at/all"], ["y"])
    with pytest.raises(InputError, match="cannot be started"):
        simulator({"a": np.array([1.0])}, T, np.random.default_rng(1), {})


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_time_limits_must_be_positive(limit):
    with pytest.raises(InputError, match="time limit must be above 0"):
        Simulator.of_function(flaky, ("y",), timeout_seconds=limit)
    with pytest.raises(InputError, match="time limit must be above 0"):
        Simulator.of_program(["true"], ["y"], timeout_seconds=limit)


def test_a_wrong_shape_of_a_vectorised_model_is_said():
    model = PhysicalModel(
        "wrong", lambda theta, t, rng, controls: {"y": theta["a"]}, {"a": Prior.normal(0, 1), "s": 1.0},
        Noise("normal", {"y": "s"}), ("y",),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"must return 'y' of shape \(\d+, 12\)"):
        calibrate(model, Series(T, {"y": T}), Rng(1))


def _raises(theta, t, rng, controls):
    raise ZeroDivisionError("no mass")


@pytest.mark.parametrize(
    ("simulate", "words"),
    [
        (_raises, "raised ZeroDivisionError: no mass"),
        (lambda theta, t, rng, controls: None, "must return a mapping"),
        (
            lambda theta, t, rng, controls: {"z": np.zeros((len(theta["a"]), len(t)))},
            "must return 'y', and it returns 'z'",
        ),
        (lambda theta, t, rng, controls: {"y": np.full((len(theta["a"]), len(t)), np.nan)}, "gives no finite value"),
    ],
)
def test_faults_of_a_vectorised_simulator_are_one_line(simulate, words):
    model = PhysicalModel("mine", simulate, {"a": Prior.normal(0, 1), "s": 1.0}, Noise("normal", {"y": "s"}), ("y",))
    with pytest.raises(InputError, match=words):
        calibrate(model, Series(T, {"y": T}), Rng(1))


def test_noise_without_a_prior_is_said():
    model = PhysicalModel("mine", _raises, {"a": Prior.normal(0, 1)}, Noise("normal", {"y": "s"}), ("y",))
    with pytest.raises(InputError, match="needs a prior for s"):
        calibrate(model, Series(T, {"y": T}), Rng(1))


def test_generation_that_breaks_down_is_an_error():
    fit = calibrate(load_model("decay"), Series(T, {"amount": 100 * np.exp(-0.3 * T)}), Rng(1), effective=200)
    with pytest.raises(ShortfallError, match="breaks down for most parameter sets"):
        generate(fit, 10, Rng(2), do={"rate": float("nan")})
    with pytest.raises(InputError, match="finite, ascending"):
        generate(fit, 10, Rng(2), t=np.array([3.0, 1.0]))
    with pytest.raises(InputError, match="rows must be an integer"):
        generate(fit, -1, Rng(2))


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (Series(np.arange(5.0), {"x": np.arange(5.0)}), "12 complete rows or more"),
        (Series(np.repeat(np.arange(10.0), 2), {"x": np.arange(20.0)}), "distinct times"),
        (Series(T, {}), "no numeric column"),
        (Series(T, {f"x{k}": T for k in range(9)}), "at most 6 columns"),
    ],
)
def test_discover_says_what_it_needs(series, words):
    with pytest.raises(InputError, match=words):
        discover(series, Rng(1))


@pytest.mark.parametrize("values", [np.zeros(40), np.full(40, 5.0)])
def test_a_constant_is_no_law(values):
    found = discover(Series(np.arange(40.0), {"x": values}), Rng(1))
    assert not found.stable
    assert "x never changes" in found.why


@pytest.mark.parametrize(
    ("t", "y", "words"),
    [
        (T, T * 1e200, "numbers must be below 1e.100, and 'amount' has 1.1e.201"),
        (T * 1e200, T, "numbers must be below 1e.100, and 'time' has"),
        (np.full(12, 3.0), T, "time must pass, and all 12 rows have 'time' = 3"),
    ],
)
def test_numbers_that_cannot_be_reckoned_with(t, y, words):
    with pytest.raises(InputError, match=words):
        calibrate(load_model("decay"), Series(t, {"amount": y}), Rng(1))


@pytest.mark.parametrize("name", ["arrivals_poisson", "arrivals_hawkes", "arrivals_mmpp"])
def test_events_at_one_instant(name):
    with pytest.raises(InputError, match="time must pass, and all 50 rows"):
        calibrate(load_model(name), Series(np.full(50, 4.0), {}), Rng(1))


@pytest.mark.parametrize("name", ["arrivals_poisson", "arrivals_hawkes", "arrivals_mmpp"])
def test_events_in_two_instants_are_no_process_of_separate_events(name):
    (found,) = explain(load_model(name), Series(np.repeat([0.0, 100.0], 25), {}), Rng(1), effective=200)
    if name != "arrivals_hawkes":  # whose echoes may be so fast that they fall into the same instant
        assert found.p_values["simultaneous events"] < 0.003
        assert not found.explains
    assert "48 of 50 events have the time of the one before" in found.why


def test_nothing_varies_so_no_share_of_it_is_explained():
    (found,) = explain(load_model("decay"), Series(T, {"amount": np.zeros(12)}), Rng(1), effective=200)
    assert found.explained is None


def test_customers_who_leave_before_they_come():
    with pytest.raises(InputError, match="nobody leaves before he comes, and the customer in row 3 does"):
        calibrate(load_model("queue_mmc"), Series(T, {"stay": np.where(T == 3, -1.0, 0.5)}), Rng(1))


def test_arrivals_that_count_up_are_times(tmp_path):
    data = read(tmp_path, "arrival,stay\n" + "".join(f"{k},{k % 3 + 0.5}\n" for k in range(20)))
    assert series_of(data).time == "arrival"
