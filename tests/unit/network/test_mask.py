"""Addresses that are learned belong to nobody, and keep their structure."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import numpy as np
import pytest

import seedstock
from seedstock.core.schema import ColumnSchema, Link, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.network.addresses import Addresses, role_of
from seedstock.network.keyed import Keyed
from seedstock.network.mask import mask

NETWORKS = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "240.0.0.0/4",
            "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "100.64.0.0/10", "169.254.0.0/16")]  # fmt: skip


def addresses(n: int, seed: int = 0) -> list[str]:
    g = np.random.default_rng(seed)
    heads = g.integers(1, 224, (40, 2))
    return [f"{a}.{b}.{c}.{d}" for (a, b), c, d in zip(heads[g.integers(40, size=n)], g.integers(0, 8, n),
            g.integers(1, 255, n), strict=True)]  # fmt: skip


def one(**columns: list[str | None]) -> Dataset:
    table = Table({k: Column.of_texts(v) for k, v in columns.items()})
    return Dataset({"t": table}, Schema({"t": TableSchema({k: ColumnSchema("category") for k in columns})}))


def outside(text: str) -> bool:
    return role_of(int(ipaddress.IPv4Address(text))) == "outside"


def test_map_is_one_to_one_and_keeps_networks() -> None:
    real = sorted(set(addresses(3000)))
    given = Addresses.of(real, Keyed(b"key"))
    made = [given(a) for a in real]
    assert len(set(made)) == len(real)
    for bits in (16, 24):
        before = [ipaddress.ip_network(f"{a}/{bits}", strict=False) for a in real]
        after = [ipaddress.ip_network(f"{a}/{bits}", strict=False) for a in made]
        assert len(set(zip(before, after, strict=True))) == len(set(before)) == len(set(after))
    assert all(any(ipaddress.ip_address(a) in n for n in NETWORKS) for a in made if outside(a))


def test_few_networks_take_documentation_ranges() -> None:
    given = Addresses.of(["8.8.8.8", "8.8.4.4", "1.1.1.1", "2606:4700::1111"], Keyed(b"key"))
    made = {given(a).rsplit(".", 1)[0] for a in ("8.8.8.8", "8.8.4.4", "1.1.1.1")}
    assert made == {"192.0.2", "198.51.100", "203.0.113"}
    assert ipaddress.ip_address(given("2606:4700::1111")) in ipaddress.ip_network("2001:db8::/32")


@pytest.mark.parametrize("inside", ["10.1.2.3", "172.20.1.9", "192.168.7.7", "169.254.3.3", "100.64.1.1"])
def test_inside_stays_inside(inside: str) -> None:
    made = ipaddress.ip_address(Addresses.of([inside], Keyed(b"key"))(inside))
    home = next(n for n in NETWORKS if ipaddress.ip_address(inside) in n)
    assert made in home


def test_inside_prefixes_are_kept_bit_for_bit() -> None:
    g = np.random.default_rng(1)
    real = [int(ipaddress.IPv4Address("10.0.0.0")) | int(x) for x in g.integers(1 << 24, size=300)]
    given = Addresses.of([], Keyed(b"key"))
    made = [int(ipaddress.IPv4Address(given(str(ipaddress.IPv4Address(x))))) for x in real]
    for i in range(299):
        was, now = (a[i] >> 8 ^ a[i + 1] >> 8 for a in (real, made))
        assert was.bit_length() == now.bit_length()


def test_addresses_of_nobody_stay() -> None:
    given = Addresses.of([], Keyed(b"key"))
    for text in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "::1", "ff02::fb"):
        assert given(text) == text
    assert given("192.168.3.255").endswith(".255")


def test_another_key_gives_another_map() -> None:
    real = addresses(50)
    a, b = (Addresses.of(real, Keyed(k)) for k in (b"one", b"two"))
    assert sum(a(x) == b(x) for x in real) < 5


def test_all_columns_and_tables_follow_one_map() -> None:
    kinds = {"src": ColumnSchema("id", roles=("key",)), "url": ColumnSchema("category")}
    other = {"dst": ColumnSchema("category", roles=("foreign_key",)), "note": ColumnSchema("text")}
    hosts = Table(
        {"src": Column.of_texts(["8.8.8.8", "9.9.9.9"]), "url": Column.of_texts(["http://bank.com/a?b", None])}
    )
    flows = Table({"dst": Column.of_texts(["9.9.9.9", "9.9.9.9"]), "note": Column.of_texts(["9.9.9.9:53 scanned by "
                   "8.8.8.8_2", "see bank.com and [2a00::7]"])})  # fmt: skip
    schema = Schema({"h": TableSchema(kinds), "f": TableSchema(other)}, (Link("f", "dst", "h", "src"),))
    out = mask(Dataset({"h": hosts, "f": flows}, schema), b"key").data
    a, b = out.tables["h"]["src"].texts()
    assert list(out.tables["f"]["dst"].texts()) == [b, b]
    first, second = out.tables["f"]["note"].texts()
    assert first == f"{b}:53 scanned by {a}_2"
    host = re.match("http://(.*)/a", out.tables["h"]["url"].texts()[0])[1]
    assert host.endswith(".com.example")
    assert host in second
    assert "2a00" not in second
    assert out.schema.tables["h"]["src"].kind == "id"


@pytest.mark.parametrize("text", ["version 1.2.3.4", "Chrome/49.0.2.1", "1.2.3.4.5", "12:30:45", "setup.exe", "a@b.com",
                                  "300.1.1.1", "std::string", "3.14", "2017-03-23 16:38:23.258"])  # fmt: skip
def test_what_is_no_address_stays(text: str) -> None:
    data = one(agent_version=[text, "x"], other=["y", text.replace("version ", "v")])
    assert mask(data, b"key").data.table.equals(data.table)


def test_data_without_addresses_make_no_key() -> None:
    def secret() -> tuple[bytes, str]:
        raise AssertionError("asked for a key")

    data = one(a=["x", "y"])
    assert mask(data, secret).data is data


def flows(n: int = 600) -> Table:
    g = np.random.default_rng(3)
    pool = np.array(addresses(60, 5), object)
    weights = 1 / np.arange(1, len(pool) + 1)
    dst = pool[g.choice(len(pool), size=n, p=weights / weights.sum())]
    src = np.array([f"192.168.1.{k}" for k in range(20)], object)[g.integers(20, size=n)]
    return Table({
        "src": Column.of_texts(src), "dst": Column.of_texts(dst), "port": Column.of(g.choice([53, 80, 443], n)),
        "mac": Column.of_texts([f"08:00:27:00:00:{int(k):02x}" for k in g.integers(30, size=n)]),
        "query": Column.of_texts([f"host{int(k)}.bank.com" for k in g.integers(12, size=n)]),
        "unique": Column.of_texts([f"23.{k >> 8}.{k & 255}.7" for k in range(n)]),
    })  # fmt: skip


def grown(tmp_path: Path, **more: object) -> tuple[Table, Path]:
    import csv

    table = flows()
    file = tmp_path / "flows.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table.names)
        writer.writerows(zip(*[c.texts() if c.is_text else c.values for c in table.columns.values()], strict=True))
    seedstock.grow(str(file), seed=1, output=str(tmp_path / "out"), rows=2000, **more)
    return table, tmp_path / "out"


@pytest.mark.parametrize("generator", ["forest", "copula", "independent"])
def test_no_real_address_leaves(tmp_path: Path, generator: str) -> None:
    import gzip
    import zipfile

    import pandas as pd

    settings = {"trees": 3} if generator == "forest" else None
    table, out = grown(tmp_path, generator=generator, settings=settings)
    real = {str(t).encode() for name in ("dst", "mac", "query", "unique") for t in table[name].texts()}
    frame = pd.read_parquet(out / "synthetic.parquet")
    blobs = [frame.to_csv().encode()]
    for file in (f for f in out.rglob("*") if f.is_file()):
        blobs.append(file.read_bytes())
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as z:
                blobs += [z.read(name) for name in z.namelist()]
        elif blobs[-1][:2] == b"\x1f\x8b":
            blobs.append(gzip.decompress(blobs[-1]))
    long = [a for a in real if len(a) >= 13]
    for blob in blobs:
        assert not any(a in blob for a in long)
        # Whole tokens only: 240.1.23.1.7 is no sign of 23.1.7.
        tokens = set(re.findall(rb"[0-9A-Za-z.:-]+", blob))
        assert not real & tokens
    for name in ("dst", "unique"):
        assert all(not outside(a) or any(ipaddress.ip_address(a) in n for n in NETWORKS) for a in frame[name])
    ranks = [c.value_counts().to_numpy()[:10] / len(c) for c in (pd.Series(table["dst"].texts()), frame["dst"])]
    assert np.corrcoef(*ranks)[0, 1] > 0.95


def test_kept_addresses_are_a_choice_that_the_record_shows(tmp_path: Path) -> None:
    import json

    table, out = grown(tmp_path, generator="independent", keep_addresses=True)
    import pandas as pd

    assert set(pd.read_parquet(out / "synthetic.parquet")["dst"]) <= set(table["dst"].texts())
    run = json.loads((out / "run.json").read_text())
    assert run["record"]["parents"][0]["addresses"]["kept"] is True
    assert any("kept, as asked" in note for note in run["notes"])


def test_conditions_speak_of_real_addresses() -> None:
    import pandas as pd

    table = flows()
    frame = pd.DataFrame({k: c.texts() if c.is_text else c.values for k, c in table.columns.items()})
    common = frame["dst"].mode()[0]
    out = seedstock.grow(frame, generator="independent", rows=50, given={"dst": common})
    assert out.table["dst"].nunique() == 1
    assert out.facts["record"]["parents"][0]["addresses"]["distinct"]["names"] == 12


def test_rows_are_judged_on_equal_terms(tmp_path: Path) -> None:
    import pandas as pd

    table = flows(1200)
    frame = pd.DataFrame({k: c.texts() if c.is_text else c.values for k, c in table.columns.items()})
    frame = frame.drop(columns=["unique"])
    train, holdout = frame[:900], frame[900:]
    model = seedstock.fit(train, generator="independent")
    seedstock.sample(model, 900, output=str(tmp_path / "drawn.parquet"))
    judged = seedstock.judge(train, holdout, str(tmp_path / "drawn.parquet"))
    assert judged.scores["shape_error"].value < 8
    raw = seedstock.judge(train, holdout, pd.read_parquet(tmp_path / "drawn.parquet"))
    assert raw.scores["shape_error"].value > 30


@pytest.mark.parametrize("real", [["8.8.8.8", "9.9.9.9", "10.0.0.1"], ["2a00::1", "2a00::2"], ["08:00:27:00:00:01"]])
def test_made_identifiers_belong_to_nobody(real: list[str]) -> None:
    from seedstock.core.rng import Rng
    from seedstock.encoding.ids import IdMaker

    maker = IdMaker.from_json(IdMaker.fit(Column.of_texts(real)).to_json())
    made = list(maker.make(5000, Rng(1), 0).texts())
    assert len(set(made)) == 5000
    if ":" in real[0] and "::" not in real[0]:
        assert all(m.startswith("02:") for m in made)
    else:
        nets = [*NETWORKS, ipaddress.ip_network("2001:db8::/32")]
        assert all(any(ipaddress.ip_address(m) in n for n in nets if n.version == ipaddress.ip_address(m).version)
                   for m in made[:300])  # fmt: skip


def test_what_the_field_writes_is_no_misspelling() -> None:
    data = one(
        history=["ShADadfF"] * 60 + ["ShADadFf"] * 3 + ["Dd"] * 40, note=["Alpha"] * 60 + ["ALPHA"] * 3 + ["b"] * 40
    )
    found = seedstock.check(data)
    spelled = {f.column for f in found if f.check == "inconsistent_categories"}
    assert spelled == {"note"}


def test_messages_that_name_an_address_name_no_machine() -> None:
    texts = ["checking getaddrinfo for ns.bank.com [8.8.8.8] failed", "see setup.exe and ns.bank.com",
             "again a.thrift.net.om [8.8.8.8]", "tty=ssh rhost=ec2.eu.loans.com.cn  user=root"]  # fmt: skip
    made = mask(one(message=texts), b"key").data.table["message"].texts()
    assert not any(w in "".join(made) for w in ("bank", "thrift", "loans"))
    assert "8.8.8.8" not in made[0]
    assert made[0].endswith("failed")
    assert "setup.exe" in made[1]


def test_the_run_says_what_columns_hold() -> None:
    import pandas as pd

    table = flows(300)
    frame = pd.DataFrame({k: c.texts() if c.is_text else c.values for k, c in table.columns.items()})
    grown = seedstock.grow(frame, generator="independent", rows=50)
    held = next(iter(grown.facts["field"].values()))
    assert held["dst"] == "address"
    assert held["port"] == "port"
    assert held["query"] == "domain"
    assert "category · address" in grown.report


def test_identifiers_with_addresses_in_them_hold_none_of_anybody() -> None:
    from seedstock.core.rng import Rng
    from seedstock.encoding.ids import IdMaker

    real = [f"{a}-8.8.{k % 9}.4-{40_000 + k}-443-6" for k, a in enumerate(addresses(300))]
    made = list(IdMaker.fit(Column.of_texts(real)).make(500, Rng(0), 0).texts())
    assert len(set(made)) == 500
    assert all(t.startswith("0.0.0.0-0.0.0.0-") for t in made)


def test_links_within_links_name_nobody() -> None:
    text = "/c.gif?tp=http%3A%2F%2Fwww.bank.com%2F%3Fq&ip=%5B8.8.8.8%5D&host=www.bank.com"
    made = mask(one(uri=[text, "/"]), b"key").data.table["uri"].texts()[0]
    assert "bank" not in made
    assert "8.8.8.8" not in made
    assert made.startswith("/c.gif?tp=http%3A%2F%2Fwww.")
