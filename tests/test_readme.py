"""README's code runs, as a reader would run it."""

import re
import shlex
from pathlib import Path

import pytest

from seedstock import cli
from seedstock.demo import CENSUS
from seedstock.physics.examples import example_path

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)
PYTHON = [code for language, code in BLOCKS if language == "python"]
CONSOLE = [line for language, code in BLOCKS if language == "console" for line in code.splitlines()]
TOML = [code for language, code in BLOCKS if language == "toml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import gzip

    where = tmp_path_factory.mktemp("readme")
    lines = gzip.decompress(CENSUS.read_bytes()).decode().splitlines(keepends=True)
    (where / "census.csv").write_text("".join(lines[:801]))
    (where / "holdout.csv").write_text("".join([lines[0], *lines[801:1_201]]))
    (where / "influenza.csv").write_bytes(example_path("influenza").read_bytes())
    (where / "seedstock.toml").write_text(TOML[0])
    _shop(where / "shop.sqlite")
    return where


def _shop(path: Path) -> None:
    import sqlite3

    con = sqlite3.connect(path)
    con.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, region TEXT)")
    con.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), amount REAL)")
    con.executemany("INSERT INTO customers VALUES (?, ?)", [(i, "ns"[i % 3 == 0]) for i in range(120)])
    con.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(i, i * 7 % 110, i % 13 / 2) for i in range(260)])
    con.commit()
    con.close()


@pytest.mark.timeout(1800)
def test_blocks_and_commands_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One test, for later ones need what earlier ones have written, and tests may run apart."""
    monkeypatch.chdir(folder)
    for i, code in enumerate(PYTHON):
        exec(compile(code, f"README.md, Python block {i}", "exec"), {"__name__": "__readme__"})
    for line in CONSOLE:
        program, *args = shlex.split(line)
        assert program == "seedstock"
        code = cli.run(args)
        assert code in (0, 1), f"{line}\n{capfd.readouterr().err}"
    for file in ("out/report.html", "balanced/synthetic.parquet", "clean.csv", "edits.json", "women.parquet"):
        assert (folder / file).is_file()


def test_every_command_and_generator_is_documented() -> None:
    from seedstock import catalog

    for command in cli.app.registered_commands:
        assert f"seedstock {command.callback.__name__}" in README, command.callback
    for group in cli.app.registered_groups:
        for command in group.typer_instance.registered_commands:
            assert f"seedstock {group.typer_instance.info.name} {command.callback.__name__}" in README
    for name in catalog.names("generators"):
        assert f"`{name}`" in README, name


def test_enough_blocks() -> None:
    assert len(PYTHON) >= 4
    assert len(CONSOLE) >= 7
    assert len(TOML) == 1
