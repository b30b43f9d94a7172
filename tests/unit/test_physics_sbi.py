"""Neural posterior estimation, where the extra sbi is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from seedstock import api, cli
from seedstock.core.errors import InputError, MissingExtraError
from seedstock.core.rng import Rng
from seedstock.physics import Prior, Series, calibrate, load_model
from seedstock.physics.problem import Problem
from seedstock.physics.sbc import calibration_ranks

T = np.arange(20.0)
DATA = Series(T, {"amount": 100 * np.exp(-0.2 * T) + np.random.default_rng(0).normal(0, 2, 20)})
PRIORS = {"amount0": Prior.lognormal(100, 0.3), "rate": Prior.lognormal(0.3, 0.5), "sigma": Prior.lognormal(2, 0.3)}


@pytest.mark.skipif(find_spec("sbi") is not None, reason="sbi is installed")
def test_without_the_extra_the_way_out_is_said(tmp_path, capsys):
    with pytest.raises(MissingExtraError, match=r"install seedstock\[sbi\]"):
        calibrate(load_model("decay"), DATA, Rng(1), method="npe")
    path = tmp_path / "d.csv"
    path.write_text("t,amount\n" + "".join(f"{t},{y}\n" for t, y in zip(T, DATA.values["amount"], strict=True)))
    assert cli.run(["physics", "explain", str(path), "-m", "decay", "--method", "npe"]) == 2
    assert "seedstock[sbi]" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("sbi") is None, reason="the extra sbi is not installed")
def test_npe_agrees_with_the_likelihood(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = load_model("decay").with_priors(**PRIORS)
    exact = calibrate(model, DATA, Rng(1)).summary()
    fit = calibrate(model, DATA, Rng(1), method="npe", simulations=2_000)
    assert fit.method == "npe"
    assert abs(fit.summary()["rate"]["mean"] - exact["rate"]["mean"]) < 4 * exact["rate"]["sd"]
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(find_spec("sbi") is None, reason="the extra sbi is not installed")
def test_one_training_serves_any_data_of_the_same_shape():
    from seedstock.physics.neural import train

    problem = Problem.of(load_model("decay").with_priors(**PRIORS), DATA)
    flow = train(problem, Rng(1), 800)
    for rate in (0.15, 0.5):
        other = Series(T, {"amount": 100 * np.exp(-rate * T) + np.random.default_rng(1).normal(0, 2, 20)})
        assert abs(np.median(flow.at(problem.on(other), Rng(2)).draws[:, 1]) - rate) < 0.25 * rate
    with pytest.raises(InputError, match="trained for data of 20 features, and these have 19"):
        flow.at(problem.on(other.take(slice(19))), Rng(2))
    ranks = calibration_ranks(problem, Rng(3), 10, "npe", 300)
    assert ranks.failed == 0
    assert ranks.ranks.shape == (10, 3)


@pytest.mark.skipif(find_spec("sbi") is None, reason="the extra sbi is not installed")
def test_the_record_names_the_method(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("t,amount\n" + "".join(f"{t},{y:.3f}\n" for t, y in zip(T, DATA.values["amount"], strict=True)))
    grown = api.grow(path, generator="physical", settings={"model": "decay", "method": "npe", "simulations": 500})
    assert grown.run.record["generator"]["settings"]["method"] == "npe"
