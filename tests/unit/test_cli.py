"""The commands: what they write, print and leave with; and what bad input gets."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seedstock import cli
from seedstock.cli._door import printable

FAST = ["--generator", "independent"]


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def call(*args: object) -> Result:
        capfd.readouterr()
        code = cli.run([str(a) for a in args])
        return Result(code, *capfd.readouterr())

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    g = np.random.default_rng(0)
    x = g.normal(size=300).round(3)
    lines = [f"{v},{'up' if v > 0 else 'down'},{k}" for v, k in zip(x, g.integers(0, 9, 300), strict=True)]
    (tmp_path / "t.csv").write_text("x,direction,count\n" + "\n".join(lines) + "\n")
    return tmp_path / "t.csv"


def one_line(result: Result) -> None:
    assert result.err.count("\n") == 1, result.err
    assert result.err.startswith("seedstock: ")
    assert "Traceback" not in result.err
    assert "a defect of Seedstock" not in result.err, result.err


def test_grow_writes_the_four(run: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    result = run("grow", table, "-t", "direction", "-o", tmp_path / "out", *FAST)
    assert result.code in (0, 1), result.err
    assert result.err == ""
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"synthetic.parquet", "report.html", "run.json", "model"} <= names
    assert not [n for n in names if n.startswith(".")]
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["rows"]["synthetic"] == 300
    assert "shape_error" in facts["scores"]


def test_json_is_one_document(run: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for args in (
        ("grow", table, "-o", out, *FAST),
        ("check", table),
        ("clean", table, "-o", tmp_path / "c.csv"),
        ("fit", table, "-o", tmp_path / "m", *FAST),
        ("sample", tmp_path / "m", "-n", 20, "-o", tmp_path / "s.csv"),
        ("judge", "--train", table, "--holdout", table, "--synthetic", tmp_path / "s.csv", "-t", "direction"),
    ):
        result = run(*args, "--json")
        assert result.code in (0, 1), result.err
        assert isinstance(json.loads(result.out), dict), args
        assert result.err == ""


def test_judge_json_has_what_scripts_rely_on(run: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    files = ("--train", table, "--holdout", table, "--synthetic", table)
    result = run("judge", *files, "--target", "direction", "--report", tmp_path / "r.html", "--json")
    value = json.loads(result.out)
    for name in ("shape_error", "trend_error", "c2st", "detection_auc", "nearest_share", "membership_auc", "copy_rate"):
        assert name in value["scores"], name
        assert name in value["floors"], name
    assert value["scores"]["utility"]
    assert value["scores"]["shape_error"] == 0
    assert value["scores"]["copy_rate"] == 100
    assert (tmp_path / "r.html").read_text().startswith("<!")


def test_rows_that_are_the_training_rows_fall_short(run: Callable[..., Result], tmp_path: Path) -> None:
    g = np.random.default_rng(3)
    for name in ("train", "holdout"):
        x = g.normal(size=(800, 4))
        (tmp_path / f"{name}.csv").write_text("a,b,c,d\n" + "\n".join(",".join(map(str, r)) for r in x) + "\n")
    train, holdout = tmp_path / "train.csv", tmp_path / "holdout.csv"
    result = run("judge", "--train", train, "--holdout", holdout, "--synthetic", train)
    assert result.code == 1
    assert "Share it: no" in result.out


def test_fit_and_sample(run: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    assert run("fit", table, "-o", tmp_path / "m", *FAST, "--seed", 3).code == 0
    for name in ("one.csv", "two.csv"):
        args = ("-n", 50, "--seed", 5, "--given", "direction=up", "-o", tmp_path / name)
        assert run("sample", tmp_path / "m", *args).code == 0
    text = (tmp_path / "one.csv").read_text()
    assert text == (tmp_path / "two.csv").read_text()
    assert text.splitlines()[0] == "x,direction,count"
    assert text.count(",up,") == 50


def test_rare_made_common(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i * 37 % 101},{'ab'[i % 10 == 0]}\n" for i in range(300)))
    args = ("--rare", "y=b:0.5", "-n", 400, "-o", tmp_path / "out")
    assert run("grow", tmp_path / "t.csv", *args, *FAST).code in (0, 1)
    assert run("sample", tmp_path / "out" / "model", "-n", 3, "-o", tmp_path / "s.csv").code == 0
    import duckdb

    query = f"select avg((y = 'b')::int) from '{tmp_path / 'out' / 'synthetic.parquet'}'"
    assert duckdb.sql(query).fetchall() == [(0.5,)]


def test_settings_file_and_the_command_line_wins(run: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('generator = "independent"\nrows = 30\nseed = 4\n')
    for args, rows in (((), 30), (("-n", 12), 12)):
        result = run("grow", table, "-o", tmp_path / "out", "--settings", tmp_path / "s.toml", "--json", *args)
        facts = json.loads(result.out)
        assert (facts["rows"]["synthetic"], facts["seed"], facts["generator"]) == (rows, 4, "independent")


def csv(text: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "bad.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / "bad.csv"

    return write


def cut(name: str, content: Callable[[Path], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        whole = content(folder)
        (folder / name).write_bytes(whole[: len(whole) // 2])
        return folder / name

    return write


def parquet(folder: Path) -> bytes:
    import duckdb

    duckdb.sql("select range a, range % 7 b from range(20000)").write_parquet(str(folder / "whole.parquet"))
    return (folder / "whole.parquet").read_bytes()


BAD = {
    "nothing there": lambda folder: folder / "nowhere.csv",
    "a folder": lambda folder: folder,
    "empty": csv(""),
    "spaces": csv(" \n \n"),
    "header only": csv("a,b\n"),
    "one row": csv("a,b\n1,x\n"),
    "one column": csv("a\n" + "\n".join(map(str, range(60))) + "\n"),
    "one cell": csv("a\n1\n"),
    "all missing": csv("a,b\n" + ",\n" * 40),
    "constants": csv("a,b\n" + "1,x\n" * 40),
    "all distinct": csv("a,b\n" + "".join(f"u{i},v{i * 7}\n" for i in range(60))),
    "same names": csv("a,a,A\n" + "".join(f"{i},{i % 3},{i % 5}\n" for i in range(60))),
    "empty names": csv(",,b\n" + "".join(f"{i},{i % 3},{i % 5}\n" for i in range(60))),
    "ragged": csv("a,b,c\n1,2,3\n4,5\n6,7,8,9\n" + "1,2,3\n" * 40),
    "open quote": csv('a,b\n1,"x\n2,y\n' + "3,z\n" * 40),
    "latin-1": csv(b"name,n\n" + "".join(f"Jos\xe9 M\xfc {i % 4},{i}\n" for i in range(60)).encode("latin-1")),
    "utf-16": csv("a,b\n" .encode("utf-16") + "".join(f"{i},ä{i % 3}\n" for i in range(60)).encode("utf-16-le")),
    "junk": csv(bytes(np.random.default_rng(0).integers(0, 256, 5_000, dtype=np.uint8))),
    "zeros": csv(b"\x00" * 3_000),
    "cut parquet": cut("bad.parquet", parquet),
    "junk parquet": lambda folder: Path(csv(b"PAR1 this is not PAR1")(folder).rename(folder / "bad.parquet")),
    "cut gzip": cut("bad.csv.gz", lambda _: gzip.compress(b"a,b\n" + os.urandom(9_000).hex().encode() + b",1\n")),
    "junk xlsx": lambda folder: Path(csv(b"PK\x03\x04 nothing")(folder).rename(folder / "bad.xlsx")),
    "junk json": lambda folder: Path(csv('{"a": 1}\n{"a": \n')(folder).rename(folder / "bad.jsonl")),
    "mixed": csv("a,b\n" + "".join(f"{i if i % 3 else 'n' + str(i)},{i % 5}\n" for i in range(90))),
    "infinities": csv("a,b\ninf,1\n-inf,2\n" + "".join(f"{i / 7},{i}\n" for i in range(90))),
    "beyond 64 bits": csv("a,b\n" + "".join(f"{10**25 + i},{i % 5}\n" for i in range(60))),
    "unsigned 64 bits": csv("a,b\n" + "".join(f"{2**64 - 1 - i},{i % 5}\n" for i in range(60))),
    "huge decimals": csv("a,b\n" + "".join(f"{i}e307,{i % 5}\n" for i in range(60))),
    "injection": csv("=cmd|'!A0,<script>alert(1)</script>\n" + "".join(f"=1+{i},\x1b[2J{i % 3}\n" for i in range(60))),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_or_done(run: Callable[..., Result], tmp_path: Path, kind: str) -> None:
    (tmp_path / "in").mkdir()
    file = BAD[kind](tmp_path / "in")
    out = tmp_path / "out"
    result = run("grow", file, "-o", out, *FAST)
    assert result.code in (0, 1, 2), (result.code, result.err)
    assert "\x1b" not in result.out + result.err
    if result.code == 2:
        one_line(result)
        assert not list(out.glob("*")), "an error leaves no file"
    else:
        assert result.err == ""
        assert (out / "run.json").is_file()
        json.loads((out / "run.json").read_text())
        assert "<script>alert" not in (out / "report.html").read_text()
    checked = run("check", file, "--json")
    assert checked.code in (0, 1, 2)
    if checked.code == 2:
        one_line(checked)


MUST_FAIL = ["nothing there", "a folder", "empty", "header only", "junk", "zeros", "cut parquet", "junk parquet",
             "cut gzip", "junk xlsx", "junk json"]  # fmt: skip


@pytest.mark.parametrize("kind", MUST_FAIL)
def test_what_is_no_table_is_refused(run: Callable[..., Result], tmp_path: Path, kind: str) -> None:
    result = run("fit", BAD[kind](tmp_path), "-o", tmp_path / "m", *FAST)
    assert result.code == 2
    one_line(result)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--target", "nowhere"], "'nowhere'"),
        (["--target", "\x1b[31mred"], "\\x1b[31mred"),
        (["--rows", "-5"], "positive integer, not -5"),
        (["--rows", "many"], "--rows"),
        (["--seed", "-1"], "seed"),
        (["--generator", "wood"], "no generator 'wood'"),
        (["--set", "trees"], "NAME=VALUE"),
        (["--set", "colour=red"], "no setting 'colour'"),
        (["--holdout", "0"], "holdout"),
        (["--policy", "harsh"], "report, safe, thorough"),
        (["--given", "direction=sideways"], "sideways"),
        (["--given", "nowhere=1"], "nowhere"),
        (["--rare", "direction=up"], "COLUMN=VALUE:SHARE"),
        (["--rare", "direction=sideways:0.5"], "sideways"),
        (["--kind", "x=colour"], "kind"),
        (["--settings", "nowhere.toml"], "nowhere.toml"),
        (["--schema", "nowhere.toml"], "nowhere.toml"),
        (["--unknown"], "unknown"),
    ],
)
def test_wrong_arguments_are_one_line(
    run: Callable[..., Result], table: Path, tmp_path: Path, args: list[str], said: str
) -> None:
    result = run("grow", table, "-o", tmp_path / "out", *FAST[: 0 if "--generator" in args else 2], *args)
    assert result.code == 2, result.out
    one_line(result)
    assert said in result.err
    assert not (tmp_path / "out" / "run.json").exists()
    assert not (tmp_path / "out" / "synthetic.parquet").exists()


def test_output_that_cannot_be_written(run: Callable[..., Result], table: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        result = run("grow", table, "-o", out, *FAST)
        assert result.code == 2
        one_line(result)
    result = run("clean", table, "-o", tmp_path / "file" / "c.csv")
    assert result.code == 2
    one_line(result)
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years")
    result = run("fit", table, "-o", tmp_path / "other", *FAST)
    assert result.code == 2
    one_line(result)


def test_help_and_version(run: Callable[..., Result]) -> None:
    for args in (("--help",), (), ("grow", "--help"), ("--version",)):
        result = run(*args)
        assert result.code == 0
        assert "seedstock" in result.out
    result = run("grwo")
    assert result.code == 2
    one_line(result)
    result = run("grow")
    assert result.code == 2
    one_line(result)


def test_nothing_steers_the_terminal() -> None:
    for text in ("\x1b[2J", "\x9b31m", "a\rb", "\u202egnp.exe", "x\x00", "\u2028", "\ud800", "\x07"):
        shown = printable(text)
        assert shown.isprintable(), text
        assert shown.isascii()
    assert printable("größe 名前 [bold]") == "größe 名前 [bold]"


def command(*args: object, **more: object) -> "subprocess.Popen[str]":
    start = [sys.executable, "-c", "from seedstock.cli import main; main()", *map(str, args)]
    return subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    g = np.random.default_rng(1)
    x = g.normal(size=(20_000, 12)).round(4)
    np.savetxt(tmp_path / "large.csv", x, delimiter=",", header=",".join("abcdefghijkl"), comments="", fmt="%.4f")
    return tmp_path / "large.csv"


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    for _ in range(1_200):
        if path.exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_was_finished(large: Path, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    process = command("grow", large, "-o", out, *FAST)
    wait_for(out / "synthetic.parquet", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert err.count("\n") == 1
    assert "interrupted" in err
    assert "synthetic.parquet" in err
    assert sorted(p.name for p in out.iterdir()) == ["model", "synthetic.parquet"]


def test_a_killed_run_leaves_no_half_file(large: Path, tmp_path: Path) -> None:
    import duckdb

    out = tmp_path / "out"
    process = command("grow", large, "-o", out, "-n", 3_000_000, *FAST)
    wait_for(out / "model", process)
    time.sleep(0.3)
    process.kill()
    process.communicate(timeout=60)
    assert not (out / "run.json").exists()
    if (out / "synthetic.parquet").exists():
        assert duckdb.sql(f"select count(*) from '{out / 'synthetic.parquet'}'").fetchall() == [(3_000_000,)]
    again = command("sample", out / "model", "-n", 10, "-o", tmp_path / "s.csv")
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err


def test_a_full_disk_is_one_line(large: Path, tmp_path: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    process = command(
        "sample", fitted(large, tmp_path), "-n", 300_000, "-o", tmp_path / "s.csv", preexec_fn=small_files
    )
    _, err = process.communicate(timeout=100)
    assert process.returncode in (2, 3), err
    assert err.count("\n") == 1, err
    assert "a defect" not in err
    assert not (tmp_path / "s.csv").exists()


def fitted(table: Path, folder: Path) -> Path:
    process = command("fit", table, "-o", folder / "m", *FAST)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return folder / "m"


def test_many_rows_in_little_memory(table: Path, tmp_path: Path) -> None:
    """Two million rows would take 48 MB a column as numbers; the process may not hold them."""
    import duckdb

    model = fitted(table, tmp_path)
    code = (
        "import resource, sys\nfrom seedstock.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\nsys.exit(code)"
    )
    peaks = []
    for n in (100_000, 2_000_000):
        args = ["sample", model, "-n", n, "-o", tmp_path / "s.parquet", "--json"]
        done = subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.splitlines()[-1]))
    assert duckdb.sql(f"select count(*) from '{tmp_path / 's.parquet'}'").fetchall() == [(2_000_000,)]
    assert peaks[1] < peaks[0] + 150, peaks
