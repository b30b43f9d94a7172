"""`seedstock label` and `seedstock categories`: files in, files out, and what is refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedstock
from seedstock import cli
from seedstock.api.naming import from_toml, to_toml
from seedstock.core.errors import InputError

RULES = """
[[rule]]
label = "red"
column = "u"
min = 1.5

[[rule]]
label = "blue"
column = "word"
pattern = "^(?:sea|sky)"
"""


def run(capfd: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = cli.run([str(a) for a in args])
    return code, *capfd.readouterr()


def frame(n: int = 400, known: int = 80) -> tuple[pd.DataFrame, np.ndarray]:
    g = np.random.default_rng(0)
    y = g.choice(["red", "blue"], n)
    word = np.where(y == "blue", g.choice(["sea", "sky", "ink"], n), g.choice(["rose", "ink"], n))
    data = pd.DataFrame({"u": np.where(y == "red", 2.0, 0.0) + g.normal(size=n).round(3), "word": word, "y": y})
    data.loc[known:, "y"] = None
    return data, y


def test_labels_are_filled_in_and_taken_back(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data, truth = frame()
    data.to_csv(tmp_path / "few.csv", index=False)
    (tmp_path / "rules.toml").write_text(RULES)
    asked = ["label", tmp_path / "few.csv", "-t", "y", "-o", tmp_path / "full.csv", "--rules", tmp_path / "rules.toml"]
    code, out, err = run(capfd, *asked, "--edits", tmp_path / "e.json", "--next", "7", "--confidence", "0.9", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["calibrated"] is True
    assert said["labelled"] + said["abstained"] == 320
    assert len(set(said["next"])) == 7
    assert [r["rule"] for r in said["rules"]] == ["red: u min 1.5", "blue: word matches ^(?:sea|sky)"]
    assert abs(said["rules"][0]["accuracy"] - np.mean(truth[data["u"] >= 1.5] == "red")) < 0.1  # two standard errors
    full = pd.read_csv(tmp_path / "full.csv")["y"]
    filled = full.notna().to_numpy() & (np.arange(400) >= 80)
    assert filled.sum() == said["labelled"] > 200
    assert (full[filled] == truth[filled]).mean() > 0.88
    log = ["clean", tmp_path / "full.csv", "--undo", tmp_path / "e.json", "-o", tmp_path / "back.csv"]
    assert run(capfd, *log)[0] == 0
    assert (tmp_path / "back.csv").read_bytes() == (tmp_path / "few.csv").read_bytes()


def test_rules_help_where_labels_are_few() -> None:
    data, truth = frame(known=24)
    rules = [lambda row: "blue" if row["word"] in ("sea", "sky") else None, lambda row: "red" if row["u"] > 3 else None]
    without = seedstock.label(data, "y", confidence=0.9)
    helped = seedstock.label(data, "y", rules, confidence=0.9)
    assert len(helped.edits) >= len(without.edits)
    wrong = [e.after != truth[e.row] for e in helped.edits]
    assert np.mean(wrong) < 0.15


def test_rules_alone_and_no_rules_at_all() -> None:
    data, truth = frame(known=3)
    rules = [
        lambda row: "blue" if row["word"] in ("sea", "sky") else None,
        lambda row: "red" if row["word"] == "rose" else None,
        lambda row: "red" if row["u"] > 1.5 else "blue" if row["u"] < 0.5 else None,
    ]
    found = seedstock.label(data, "y", rules, confidence=0.8)
    assert not found.calibrated
    assert np.mean([e.after == truth[e.row] for e in found.edits]) > 0.9
    spread = seedstock.label(data, "y", propose=5)
    assert not spread.edits
    assert len(spread.next) == 5


def test_too_few_labels_for_the_confidence_is_said() -> None:
    data, _ = frame(known=30)
    with pytest.raises(InputError, match="takes 99"):
        seedstock.label(data, "y", confidence=0.99)


@pytest.mark.parametrize("rules", ["rules.py", "few.csv", "nowhere.toml"])
def test_rules_that_are_none_are_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path, rules: str) -> None:
    frame()[0].to_csv(tmp_path / "few.csv", index=False)
    (tmp_path / "rules.py").write_text("raise SystemExit('executed')")
    asked = ["label", tmp_path / "few.csv", "-t", "y", "-o", tmp_path / "o.csv", "--rules", tmp_path / rules]
    code, out, err = run(capfd, *asked)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert not (tmp_path / "o.csv").exists()


def test_a_mapping_is_edited_and_applied(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cities = ["Berlin"] * 30 + ["berlin", "Berlim", "not given", 'the "old" \\ town\t', "Bonn", "Bonn"]
    pd.DataFrame({"city": cities, "n": range(36)}).to_csv(tmp_path / "c.csv", index=False)
    mapping, mapped = tmp_path / "m.toml", tmp_path / "mapped.csv"
    code, out, err = run(capfd, "categories", tmp_path / "c.csv", "--column", "city", "-o", mapping, "--json")
    assert code == 0, err
    assert json.loads(out)["mapping"] == {"berlin": "Berlin", "Berlim": "Berlin", "not given": None}
    assert tomllib.loads(mapping.read_text("utf-8"))["missing"] == ["not given"]
    mapping.write_text(mapping.read_text("utf-8").replace("[mapping]", '[mapping]\n"Bonn" = "Bad Godesberg"'), "utf-8")
    log = tmp_path / "e.json"
    code, out, err = run(
        capfd, "categories", tmp_path / "c.csv", "--apply", mapping, "-o", mapped, "--edits", log, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["cells_changed"] == 5
    assert set(pd.read_csv(mapped)["city"].dropna()) == {"Berlin", "Bad Godesberg", 'the "old" \\ town\t'}
    assert run(capfd, "clean", mapped, "--undo", log, "-o", tmp_path / "back.csv")[0] == 0
    assert pd.read_csv(tmp_path / "back.csv", keep_default_na=False)["city"].tolist() == cities


def test_any_text_goes_through_toml(tmp_path: Path) -> None:
    odd = ['"', "\\", "\x7f\x01\t", "ünï🎈", "a = b # c", "'''"]
    found = {"column": odd[0], "mapping": dict.fromkeys(odd[1:], "x") | {"": None}, "canonical": {odd[2]: 3}}
    (tmp_path / "m.toml").write_text(to_toml({**found, "reasons": {}}), "utf-8")
    assert from_toml(tmp_path / "m.toml") == (odd[0], found["mapping"])


@pytest.mark.parametrize(
    "text", ["", "column = 1", 'column = "city"\nmapping = 3', 'column = "city"\n[mapping]\nBonn = 1',
             'column = "city"\nmissing = ["a"]\n[mapping]\na = "b"', 'column = "city"\n[mapping]\nnowhere = "b"', "=="]
)  # fmt: skip
def test_mappings_that_are_none_are_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    pd.DataFrame({"city": ["a", "b"] * 9}).to_csv(tmp_path / "c.csv", index=False)
    (tmp_path / "m.toml").write_text(text)
    code, out, err = run(
        capfd, "categories", tmp_path / "c.csv", "--apply", tmp_path / "m.toml", "-o", tmp_path / "o.csv"
    )
    assert (code, out, err.count("\n")) == (2, "", 1), err
