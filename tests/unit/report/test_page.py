from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from seedstock.core.results import Edit, Score
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.metrics._verdict import Verdict
from seedstock.report import build
from seedstock.report.build import MAX_BYTES, page
from seedstock.report.notebook import summary

HOSTILE = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "'\"><svg onload=document.title='owned'>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--<script>",
    "a\u2028b\u2029c",
    "\x1b[31mred\x1b[0m\x00\x07",
    "\u202egnp.exe",
    "שלום עולם",
    "{a|b}{value}",
    '=HYPERLINK("http://evil.example")',
    "\ud800 lone",
    "x" * 100_000,
    "",
    "__proto__",
]


class Reader(HTMLParser):
    """Collects what a browser would see: elements, attributes, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self._inside: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else self._inside
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._inside is None:
            self.text.append(data)


def block(html: str) -> dict:
    (text,) = [text for attributes, text in Reader(html).scripts if attributes.get("id") == "data"]

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def hostile_data(make_data, n: int = 60):
    texts = [HOSTILE[k % len(HOSTILE)] for k in range(n * len(HOSTILE))]
    columns = {name: Column.of_texts(texts) for name in HOSTILE}
    columns["n"] = Column.of(np.arange(len(texts)) % 7 * 1.0)
    return make_data(columns, {name: ColumnSchema("category" if name != "n" else "number") for name in columns})


@pytest.fixture(scope="module")
def hostile_page(make_run, make_data):
    data = hostile_data(make_data)
    names = list(data.table)
    eye = np.eye(len(names)).tolist()
    matrices = {"columns": names, "real": eye, "synthetic": eye, "difference": np.zeros((len(names),) * 2).tolist()}
    bad = HOSTILE[1]
    scores = (
        Score("trend_error", 1.0, 1.0, "low", 2.0, details={"matrices": matrices}),
        Score(f"utility_{HOSTILE[0]}_auc", 0.9, 0.9, "high", 0.8),
        Score("c2st", float("nan"), float("nan"), "high", 0.8, details={"why": bad}),
    )
    verdict = Verdict("yes", "no", bad, tuple(HOSTILE))
    return page(
        make_run(
            data,
            data,
            data,
            scores=scores,
            groups={s.name: bad for s in scores},
            verdict=verdict,
            notes=tuple(HOSTILE),
            record={h: [{h: h}] for h in HOSTILE},
            settings={bad: bad},
            generator=bad,
        )
    )


def test_page_is_one_file_that_loads_nothing(make_run):
    html = page(make_run())
    reader = Reader(html)
    assert len(html.encode()) < 2_000_000
    for tag, attributes in reader.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "img")
        for key in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(key) or "#").startswith("#"), (tag, key)
        assert not [key for key in attributes if key.startswith("on") or key == "style"]
    style = re.search("<style>(.*?)</style>", html, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_policy_allows_these_scripts_and_nothing_else(make_run):
    html = page(make_run())
    reader = Reader(html)
    (policy,) = [a["content"] for t, a in reader.tags if t == "meta" and "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    runnable = [text for attributes, text in reader.scripts if attributes.get("type") is None]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in runnable}
    assert set(rules["script-src"].split()) == hashes
    assert "unsafe" not in policy


def test_library_is_the_published_file():
    assets = Path(build.__file__).parent / "assets"
    digest = hashlib.sha256((assets / "echarts.min.js").read_bytes()).hexdigest()
    licence = (assets / "LICENSE-echarts").read_text("utf-8")
    assert digest in licence
    assert "Apache License" in licence
    assert "\r" not in "".join((assets / name).read_text("utf-8") for name in ("page.js", "style.css"))


def test_hostile_names_stay_text(hostile_page):
    reader = Reader(hostile_page)
    assert len(reader.scripts) == 3
    allowed = {"script", "style", "svg", "path", "line", "circle"}
    own = Reader(Path(build.__file__).with_name("template.html").read_text("utf-8"))
    known = {t for t, _ in own.tags} | allowed
    assert {t for t, _ in reader.tags} <= known
    assert not [a for t, a in reader.tags if any(k.startswith("on") for k in a)]
    assert "\x1b" not in hostile_page
    assert "\x00" not in hostile_page
    assert "\u2028" not in hostile_page
    assert "\u202e" not in hostile_page
    assert "x" * 1000 not in hostile_page
    assert "49" not in "".join(re.findall(r"<title>(.*?)</title>", hostile_page))
    hostile_page.encode("utf-8")
    raw = re.search('id="data">(.*?)</script>', hostile_page, re.S)[1]
    assert not set("<>&\u2028\u2029") & set(raw)
    assert "<img src=x onerror" in "".join(c["name"] for c in block(hostile_page)["columns"])


def test_no_row_is_shown(make_run, secret):
    run = make_run()
    # A category of a single person, and a cell that an edit quotes.
    texts = run.train.table["city"].texts()
    texts[17] = "Unique Hamlet"
    train = run.train.with_table(run.train.table.assign({"city": Column.of_texts(list(texts))}))
    edit = Edit("people", 1, "city", "Private Place", "Bern", "typos", 0.9, False, "'Private Place' looks like 'Bern'")
    html = page(make_run(train, edits=(edit,)))
    for text in (secret, "ID-1-", "ID-3-", "Unique Hamlet", "Private Place", "Elm Road"):
        assert text not in html
    assert "other (1)" in html
    assert "differs from cell to cell" in html


def test_bins_hold_all_rows_and_nothing_finer(make_run):
    data = block(page(make_run()))
    charts = {c["name"]: c for c in data["columns"]}
    assert set(charts) == {"age", "city", "member", "since", "wait"}
    for chart in charts.values():
        for series in chart["option"]["series"]:
            shares = [v[1] if isinstance(v, list) else v for v in series["data"]]
            inner = shares[1:-1] if series["type"] == "line" else shares
            assert sum(inner) == pytest.approx(100, abs=0.1)
            assert len(inner) <= 40


def test_same_run_same_page(make_run):
    assert page(make_run()) == page(make_run())


def test_size_is_bounded_for_many_columns(make_run, make_data):
    rng = np.random.default_rng(0)
    names = [f"column number {k} with a rather long name that goes on and on {k}" for k in range(1500)]
    data = make_data(
        {name: Column.of(rng.normal(size=60)) for name in names}, {name: ColumnSchema("number") for name in names}
    )
    matrix = np.zeros((200, 200)).tolist()
    matrices = {"columns": names[:200], "real": matrix, "synthetic": matrix, "difference": matrix}
    score = Score("trend_error", 1.0, 1.0, "low", 2.0, details={"matrices": matrices})
    html = page(make_run(data, data, data, scores=(score,), groups={"trend_error": "fidelity"}))
    assert len(html.encode()) <= MAX_BYTES
    assert "1500 columns can be drawn" in html
    assert "The 60 of 200 columns" in html


def test_size_is_bounded_for_many_categories(make_run, make_data):
    names = [f"c{k}" for k in range(60)]
    texts = Column.of_texts([f"{'long ' * 50}{k % 150}" for k in range(1500)])
    data = make_data(dict.fromkeys(names, texts), {name: ColumnSchema("category") for name in names})
    assert len(page(make_run(data, data, data)).encode()) < 2_500_000


@pytest.mark.parametrize("n", [1, 2, 6])
def test_tiny_tables_get_sentences(make_run, n):
    run = make_run()
    tiny = [d.take(slice(0, n)) for d in (run.train, run.holdout, run.synthetic)]
    html = page(make_run(*tiny, scores=(), groups={}, findings=(), edits=(), notes=(), seconds={}, record={}))
    text = "".join(Reader(html).text)
    assert "The checks found no contamination." in text
    assert "Nothing was changed before learning." in text
    assert "Pairs could not be compared" in text
    assert "nan" not in text.lower().split()


def test_no_rows_no_columns_no_target(make_run, make_data):
    run = make_run()
    empty = run.synthetic.take(slice(0, 0))
    assert "too few rows" in page(make_run(synthetic=empty))
    texts = make_data({"t": Column.of_texts(["a", None, "b"])}, {"t": ColumnSchema("text")})
    html = page(make_run(texts, texts, texts, scores=(), groups={}))
    assert "There is no column to draw" in html
    assert "No target column was named" in html


def test_odd_columns_are_drawn(make_run, make_data):
    n = 50
    columns = {
        "constant": Column.of(np.full(n, 3.0)),
        "all missing": Column.of(np.full(n, np.nan)),
        "infinite": Column.of(np.r_[np.inf, -np.inf, np.arange(n - 2)]),
        "huge": Column.of(np.r_[1.7e308, -1.7e308, np.arange(n - 2)]),
        "tiny": Column.of(np.arange(n) * 5e-324),
        "far": Column.of(1e17 + np.arange(n) * 16.0),
        "wide": Column.of(np.arange(n, dtype=np.int64) * 2**57),
        "none": Column.of_texts([None] * n),
    }
    schema = {name: ColumnSchema("category" if name == "none" else "number") for name in columns}
    data = make_data(columns, schema)
    charts = {c["name"]: c for c in block(page(make_run(data, data, data, scores=(), groups={})))["columns"]}
    assert "all missing" not in charts
    assert set(charts) >= {"constant", "infinite", "huge", "tiny", "far", "wide"}
    assert all(c["error"] == 0 for c in charts.values())


def test_words_follow_the_score(make_run):
    text = " ".join("".join(Reader(page(make_run())).text).split())
    assert "too few rows to attack" in text
    assert "1.25 %" in text
    assert "0.85 to 0.9" in text
    assert "What to do." in text
    assert "With care" in text
    assert "people.csv" in text


def test_notebook_fragment_is_safe_and_small(make_run):
    html = summary(make_run(generator=HOSTILE[0], verdict=Verdict("no", "yes", HOSTILE[1], (HOSTILE[2],))))
    reader = Reader(html)
    assert not reader.scripts
    assert not [t for t, _ in reader.tags if t in ("img", "style", "link", "iframe")]
    assert len(html) < 60_000
    assert "Column shapes" in html


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


def browse(html: str, folder: Path) -> tuple[str, str]:
    """Return the document after its scripts ran, and what the console said."""
    file = folder / "report.html"
    file.write_text(html, "utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1280,5000"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000", "--dump-dom"]
    done = subprocess.run([chromium(), *flags, file.as_uri()], capture_output=True, timeout=120, check=True)
    console = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]
    return done.stdout.decode(), "\n".join(console)


@pytest.mark.skipif(chromium() is None, reason="no Chromium is installed; the page is not drawn")
def test_browser_draws_the_page_and_runs_nothing_else(hostile_page, tmp_path):
    dom, console = browse(hostile_page, tmp_path)
    assert "<title>people.csv · Seedstock report</title>" in dom
    assert dom.count("<canvas") >= 6
    assert not console


@pytest.mark.skipif(chromium() is None, reason="no Chromium is installed; the page is not drawn")
def test_tooltips_are_text_even_without_the_policy(hostile_page, tmp_path):
    bare = re.sub('<meta http-equiv="Content-Security-Policy".*?>', "", hostile_page, count=1)
    assert bare != hostile_page
    show = """<script>
      document.getElementById("more").click();
      document.querySelectorAll(".chart").forEach(function (box) {
        for (var k = 0; k < 12; k++)
          echarts.getInstanceByDom(box).dispatchAction({type: "showTip", seriesIndex: 0, dataIndex: k});
      });
      console.log("tips: " + document.querySelectorAll(".tip").length);
    </script></body>"""
    head, _, tail = bare.rpartition("</body>")
    dom, console = browse(head + show + tail, tmp_path)
    assert "<title>people.csv · Seedstock report</title>" in dom
    assert int(re.search(r"tips: (\d+)", console)[1]) > 10
    assert console.count("CONSOLE") == 1
    assert not [t for t, a in Reader(dom).tags if t == "img" or "onload" in a]
