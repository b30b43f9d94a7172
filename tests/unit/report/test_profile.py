"""The profile page: every column, every finding, nothing executed; and the damage that leads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedstock
from seedstock import cli
from seedstock.checks._damage import weigh
from seedstock.core.rng import Rng


def noisy(n: int = 1_500, share: float = 0.2) -> pd.DataFrame:
    g = np.random.default_rng(0)
    x, z = g.normal(size=n), g.normal(size=n)
    y = x + z > 0
    wrong = g.random(n) < share
    return pd.DataFrame({"x": x, "z": z, "shop": g.choice(["a", "b"], n), "y": np.where(y ^ wrong, "yes", "no")})


def test_wrong_labels_lead_with_what_they_cost() -> None:
    checked = seedstock.profile(noisy(), target="y")
    first = checked.damage[0]
    assert first.check == "label_errors"
    assert 0 < first.interval[0] < first.points < first.interval[1]
    assert re.fullmatch(rf"fix these {first.rows} labels first: \+\d+\.\d points", first.advice)
    assert f"F{first.advice[1:]}" in checked.report


def test_clean_rows_cost_nothing() -> None:
    checked = seedstock.profile(noisy(share=0.0), target="y")
    assert not [d for d in checked.damage if d.interval[0] > 0]
    assert weigh(checked.data, checked.findings, Rng(0), 0) == []


def test_page_is_complete_and_executes_nothing(tmp_path: Path) -> None:
    bad = "</script><script>alert(1)</script>"
    frame = noisy(300).rename(columns={"shop": bad})
    frame[bad] = np.where(frame[bad] == "a", "<img src=x onerror=alert(1)>", "b")
    frame["gone"] = None
    frame["when"] = pd.date_range("2020", periods=300)
    frame["id"] = [f"k{k:05d}" for k in range(300)]
    page = seedstock.profile(frame, target="y", damage_seconds=0).report
    assert "<img src=x" not in page
    assert "alert(1)</script>" not in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert len(page.encode()) < 5_000_000
    for name in ("x", "z", "gone", "when", "id"):
        assert f"<bdi>{name}</bdi>" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert {c["name"] for c in data["columns"]} == {"x", "z", bad, "y", "when"}
    assert all(len(c["option"]["series"]) == 1 for c in data["columns"])


def test_command_writes_the_page_and_the_damage(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    noisy().to_csv(tmp_path / "n.csv", index=False)
    asked = ["check", str(tmp_path / "n.csv"), "-t", "y"]
    code = cli.run([*asked, "--report", str(tmp_path / "r.html"), "--json"])
    said = json.loads(capfd.readouterr().out)
    assert code in (0, 1)
    assert said["damage"][0]["check"] == "label_errors"
    assert "How infectious" in (tmp_path / "r.html").read_text("utf-8")
    cli.run([*asked, "--json"])
    assert set(json.loads(capfd.readouterr().out)) == {"findings"}


def test_a_check_that_fails_is_said_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    from seedstock.checks.duplicates import CHECK

    def fail(self: object, data: object, rng: object) -> None:
        raise RuntimeError("the moon is full")

    monkeypatch.setattr(CHECK, "__call__", fail)
    checked = seedstock.profile(noisy(200), target="y", damage_seconds=0)
    assert [f.check for f in checked.findings if f.details.get("failed")] == ["duplicates"]
    assert "the moon is full" in checked.report
    assert "What could not be checked" in checked.report


def test_grow_says_what_its_findings_cost() -> None:
    grown = seedstock.grow(noisy(), target="y", generator="independent")
    assert grown.run.damage
    assert [d["check"] for d in grown.facts["damage"]] == [d.check for d in grown.run.damage]
    assert grown.run.damage[0].advice in grown.report.replace("&#39;", "'")
