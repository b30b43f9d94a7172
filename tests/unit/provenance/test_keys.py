from __future__ import annotations

import json
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from seedstock.core.errors import InputError
from seedstock.provenance.keys import home, project_key, read_key, remember


def test_made_once_for_its_owner_only(home):
    key = project_key()
    assert key.path == home / "key.json"
    assert len(key.secret) == 32
    assert project_key() == key
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(key.path).st_mode) == 0o600
    assert key.secret.hex() not in repr(key)
    assert key.secret.hex() not in key.name
    assert [p.name for p in home.iterdir()] == ["key.json"]


def test_many_at_once_make_one_key(home):
    with ThreadPoolExecutor(8) as pool:
        keys = {k.secret for k in pool.map(lambda _: project_key(), range(24))}
    assert len(keys) == 1


def test_layouts_are_remembered(home):
    key = project_key()
    key = remember(key, ["b", "a"])
    assert remember(key, ["a", "b"]) is key
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: remember(key, [f"c{k}"]), range(24)))
    again = read_key(key.path)
    assert again.secret == key.secret
    assert set(again.layouts) == {("a", "b"), *((f"c{k}",) for k in range(24))}


def test_a_given_path(tmp_path):
    a, b = project_key(tmp_path / "a" / "one.json"), project_key(tmp_path / "two.json")
    assert a.secret != b.secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "not JSON"),
        ("{}", "no Seedstock key"),
        ('{"format": "seedstock-key", "version": 9, "key": ""}', "newer"),
        ('{"format": "seedstock-key", "version": 1, "key": "zz"}', "damaged"),
        ('{"format": "seedstock-key", "version": 1, "key": "abcd"}', "2 bytes"),
        ('{"format": "seedstock-key", "version": 1}', "damaged"),
    ],
)
def test_damaged_key_files_are_named(tmp_path, text, said):
    (tmp_path / "key.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read_key(tmp_path / "key.json")


def test_no_key_file(tmp_path):
    with pytest.raises(InputError, match="no key file"):
        read_key(tmp_path / "none.json")


def test_default_home_is_below_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.delenv("SEEDSTOCK_HOME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    assert home() == tmp_path / "seedstock"


def test_file_is_plain_json(home):
    assert set(json.loads(project_key().path.read_text())) == {"format", "version", "key", "layouts"}
