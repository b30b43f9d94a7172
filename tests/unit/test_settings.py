from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest

from seedstock import catalog
from seedstock.core.errors import InputError
from seedstock.settings import make_generator, parse_pairs, read_toml


@dataclass(frozen=True)
class Known:
    """A generator with a setting of each type."""

    trees: int = 5
    share: float = 0.5
    smooth: bool = True
    name: str = "x"
    limit: int | None = None
    mode: Literal["a", "b"] = "a"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    load = catalog.load
    monkeypatch.setattr(
        catalog,
        "load",
        lambda folder, name: SimpleNamespace(GENERATOR=Known) if name == "known" else load(folder, name),
    )


def test_texts_become_the_settings_types() -> None:
    texts = {"trees": "7", "share": "1e-2", "smooth": "no", "name": "5", "limit": "3", "mode": "b"}
    assert make_generator("known", texts) == Known(7, 0.01, False, "5", 3, "b")
    assert make_generator("known", {"limit": "none"}).limit is None
    assert make_generator("known", {"trees": 3.0, "share": 1}) == Known(3, 1.0)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"tree": "7"}, "no setting 'tree'; its settings are trees, share"),
        ({"trees": "seven"}, "of type int, not 'seven'"),
        ({"trees": "1.5"}, "of type int"),
        ({"trees": "inf"}, "of type int"),
        ({"trees": True}, "of type int"),
        ({"smooth": "perhaps"}, "of type bool"),
        ({"mode": "c"}, "one of a, b"),
        ({"name": 5}, "of type str"),
    ],
)
def test_wrong_settings_are_named(setting: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_generator("known", setting)


def test_unknown_generators_are_named() -> None:
    with pytest.raises(InputError, match=r"no generator 'wood'; there are .*independent"):
        make_generator("wood")


def test_pairs() -> None:
    assert parse_pairs(["a=1=2", " b = x "], "--set") == {"a": "1=2", "b": "x"}
    for wrong in ("a", "=1", ""):
        with pytest.raises(InputError, match="--set takes NAME=VALUE"):
            parse_pairs([wrong], "--set")


def test_toml(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        'target = "y"\nrows = 10\nholdout = 0.3\n[generator]\nname = "known"\n[generator.known]\ntrees = 3\n'
    )
    assert read_toml(file) == {
        "target": "y",
        "rows": 10,
        "holdout": 0.3,
        "generator": "known",
        "generators": {"known": {"trees": 3}},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "unknown key 'colour'"),
        ('rows = "ten"', "'rows' must be of type int"),
        ("rows = true", "'rows' must be of type int"),
        ("= 3", "not TOML"),
        ("[generator]\ntrees = 3", r"\[generator.NAME\]"),
        ("\x00", "not TOML"),
    ],
)
def test_wrong_toml_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_toml(tmp_path / "s.toml")
    assert "\n" not in str(error.value)


def test_missing_toml(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(InputError, match="settings file"):
            read_toml(path)
