"""Physical models through the doors: grow, explain, discover."""

import json
from pathlib import Path

import numpy as np
import pytest

from seedstock import api, cli, store
from seedstock.clock import Silent
from seedstock.core.errors import InputError
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.split import split_by_time
from seedstock.generators.physical import Physical, PhysicalFitted
from seedstock.outcomes import Grown


@pytest.fixture(scope="module")
def decay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    g = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("decay") / "decay.csv"
    t = np.arange(25)
    y = 100 * np.exp(-0.2 * t) + g.normal(0, 1, 25)
    lines = [f"{a},{b:.2f},{c}" for a, b, c in zip(t, y, g.choice(["left", "right"], 25), strict=True)]
    path.write_text("\n".join(["hour,amount,side", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def grown(decay: Path, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    where = tmp_path_factory.mktemp("out")
    return api.grow(decay, generator="physical", settings={"model": "decay"}, rows=75, seed=4, output=where)


def test_the_holdout_comes_last_and_series_span_it(grown: Grown) -> None:
    train, held, drawn = (d.table["hour"].values for d in (grown.run.train, grown.run.holdout, grown.run.synthetic))
    assert train.max() < held.min()
    assert np.array_equal(drawn, np.tile(np.arange(25), 3))


def test_scores_are_those_of_a_series(grown: Grown) -> None:
    assert set(grown.scores) == {"forecast_error", "band_coverage", "course_checks"}
    assert all(s.value == s.value for s in grown.scores.values())
    assert grown.run.model["physics"]["verdict"] == "explains"
    assert grown.verdict.train_on == "yes"


def test_columns_that_the_model_does_not_know_are_drawn_too(grown: Grown) -> None:
    assert set(grown.table["side"]) == {"left", "right"}
    assert list(grown.table.columns) == ["hour", "amount", "side"]


def test_the_report_shows_the_mechanism(grown: Grown) -> None:
    page = grown.report
    assert "The mechanism: decay explains the data" in page
    assert page.count('class="plot"') == 2
    assert "no rows" not in page.partition("<footer")[2].partition("</footer>")[0]


def test_the_record_says_model_and_mark(grown: Grown) -> None:
    assert grown.run.record["generator"]["settings"]["model"] == "decay"
    assert grown.run.record["watermark"]["on"] is True


def test_a_marked_series_keeps_its_course(grown: Grown) -> None:
    """The mark picks among noises of one course: the parameters of a drawn series are those without a mark."""
    marked, plain = grown.model.sample(75, seed=9), grown.model.sample(75, seed=9, mark=False)
    gap = np.abs(marked["amount"] - plain["amount"])
    assert 0 < gap.max() < 8
    assert not np.array_equal(marked["amount"], plain["amount"])


def test_state_round_trips_and_blocks_do_not_depend_on_each_other(grown: Grown, tmp_path: Path) -> None:
    fitted = grown.model.fitted
    store.save(fitted, "physical", tmp_path / "m", {})
    again, _, _ = store.load(tmp_path / "m")
    assert isinstance(again, PhysicalFitted)
    n = BLOCK_ROWS + 40
    whole = fitted.sample(n, Rng(5)).table
    assert whole.equals(again.sample(n, Rng(5)).table)
    assert whole.take(slice(BLOCK_ROWS, n)).equals(fitted.sample(40, Rng(5), start=BLOCK_ROWS).table)


def test_a_damaged_state_is_refused(grown: Grown) -> None:
    state = grown.model.fitted.state()
    arrays = {**state.arrays, "draws": state.arrays["draws"][:, :1]}
    with pytest.raises(InputError, match="damaged or foreign"):
        PhysicalFitted.from_state(type(state)(arrays, state.meta))


def test_interventions_change_what_is_drawn(decay: Path) -> None:
    data = api.read(decay)
    usual = Physical("decay").fit(data, Rng(1)).sample(250, Rng(2)).table["amount"].values
    faster = Physical("decay", do="rate=2").fit(data, Rng(1)).sample(250, Rng(2)).table["amount"].values
    assert np.median(faster) < 0.2 * np.median(usual)


def test_conditions_hold_on_what_the_model_says_nothing_about(tmp_path: Path) -> None:
    path, g = tmp_path / "decay.csv", np.random.default_rng(0)
    amounts = 50 * np.exp(-0.1 * np.arange(60)) + g.normal(0, 0.5, 60)
    path.write_text("t,amount,room\n" + "".join(f"{t},{a:.3f},{g.integers(3)}\n" for t, a in enumerate(amounts)))
    model = api.fit(path, generator="physical", settings={"model": "decay"})
    assert set(api.sample(model, 20, given={"room": (1, None)})["room"]) <= {1, 2}
    with pytest.raises(InputError, match="cannot be conditioned on 'amount'"):
        api.sample(model, 20, given={"amount": (10, None)})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "nothing"}, "no physical model 'nothing'"),
        ({"model": "decay", "do": "speed=1"}, "do= intervenes on parameters"),
        ({"model": "decay", "controls": "rate"}, "NAME=NUMBER"),
        ({"model": "sir"}, "whole counts"),
    ],
)
def test_wrong_settings_are_one_line(decay: Path, settings: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        api.grow(decay, generator="physical", settings=settings)


def test_two_entities_are_no_series(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("id,t,amount\n" + "".join(f"{k % 2},{k // 2},{10 - k}\n" for k in range(10)))
    with pytest.raises(InputError, match="explains one series"):
        api.grow(path, generator="physical", settings={"model": "decay"}, roles={"id": "entity"})


def test_split_by_time_keeps_a_moment_together(decay: Path) -> None:
    data = api.read(decay)
    twice = data.take(np.repeat(np.arange(25), 2))
    train, held = split_by_time(twice, 0.3, "hour")
    assert train.table["hour"].values.max() < held.table["hour"].values.min()
    assert 12 <= len(held.table) <= 16


def run(args: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.run(args)
    out = capsys.readouterr()
    return code, out.out, out.err


def test_explain_keeps_its_contract(decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    args = ["physics", "explain", str(decay), "--models", "logistic_growth,decay,sir", "--json", "--report", str(page)]
    code, out, err = run([*args, "--column", "amount=amount", "--column", "size=amount"], capsys)
    assert (code, err) == (0, "")
    models = json.loads(out)["models"]
    assert models[0]["name"] == "decay"
    for m in models:
        assert m["verdict"] in ("explains", "does not explain")
        assert m["why"]
        assert all({"mean", "sd"} <= set(v) for v in m["parameters"].values())
        assert all(0 <= p <= 1 for p in m["p_values"].values())
        assert m["heldout_score"] is None or isinstance(m["heldout_score"], float)
    assert {m["name"]: m["verdict"] for m in models}["logistic_growth"] == "does not explain"
    assert "whole counts" in next(m["why"] for m in models if m["name"] == "sir")
    text = page.read_text()
    assert "decay explains these data" in text
    assert "<script" not in text


def test_explain_says_no_with_code_1(decay: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["physics", "explain", str(decay), "-m", "logistic_growth"], capsys)
    assert code == 1
    assert "logistic_growth: does not explain the data" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-m", "nothing"], "no physical model 'nothing'"),
        (["-m", ","], "name at least one model"),
        (["-m", "decay", "--control", "rate=fast"], "'fast' is no number"),
        (["-m", "decay", "--control", "speed=1"], "no control 'speed'"),
        (["-m", "decay", "--column", "amount=mass"], "no numeric column 'mass'"),
        (["-m", "decay", "--time", "side"], "cannot be a time"),
        (["-m", "decay", "--time", "noon"], "noon"),
    ],
)
def test_wrong_arguments_are_one_line(
    args: list[str], words: str, decay: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(["physics", "explain", str(decay), *args], capsys)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_discover_finds_and_judges(decay: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["physics", "discover", str(decay), "--degree", "1", "--json"], capsys)
    found = json.loads(out)
    assert (code, found["verdict"]) == (0, "found")
    assert found["equations"][0].startswith("damount/dt = -0.")
    assert found["models"][0]["verdict"] in ("explains", "does not explain")


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["physics", "models", "--json"], capsys)
    found = {m["name"]: m for m in json.loads(out)["models"]}
    assert code == 0
    assert len(found) >= 19
    assert found["sir"]["columns"] == ["infected"]
    assert all(m["source"] and m["equations"] and m["about"] for m in found.values())


def test_explaining_says_how_far_it_is(decay: Path) -> None:
    class Heard(Silent):
        def __init__(self) -> None:
            self.stages: list[str] = []
            self.details: list[str] = []
            self.shares: list[float] = []

        def stage(self, name: str, detail: str = "") -> None:
            self.stages.append(name)

        def detail(self, text: str) -> None:
            self.details.append(text)

        def share(self, done: float) -> None:
            self.shares.append(done)

    heard = Heard()
    api.explain(decay, ["decay", "logistic_growth"], calibration_runs=2, progress=heard)
    assert heard.stages == ["read", "explain"]
    assert list(dict.fromkeys(heard.details)) == ["decay", "logistic_growth"]
    # A fit, a verdict and two runs of calibration for each of two models.
    assert heard.shares == pytest.approx([k / 8 for k in range(8)])
