"""Rules that are known of network data: tried on the data, kept where they hold, told where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import seedstock
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.declared import declared_rules
from seedstock.encoding.rules.find import find_rules, is_kept, of_the_field
from seedstock.encoding.rules.keep import mend
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.encoding.rules.view import View
from seedstock.generators.independent import Independent

NUMBER = ColumnSchema("number", dtype="int64", decimals=0)
TEXT = ColumnSchema("category")


def flows(n: int = 800, seed: int = 0, header: dict[str, int] | None = None) -> Dataset:
    g = np.random.default_rng(seed)
    least = {"TCP": 40, "UDP": 28, "ICMP": 28} | (header or {})
    proto = np.array(["TCP", "UDP", "ICMP"], object)[g.choice(3, n, p=[0.7, 0.2, 0.1])]
    packets = 1 + g.geometric(0.2, n)
    size = packets * np.array([least[p] for p in proto]) + g.geometric(0.01, n) - 1
    flags = np.where(proto == "TCP", np.array([".AP.SF", ".A..S.", "....S."], object)[g.integers(3, size=n)], "......")
    table = Table({
        "Proto": Column.of_texts(proto), "Dst Pt": Column.of(g.integers(0, 65_536, n)), "Packets": Column.of(packets),
        "Bytes": Column.of(size), "Flags": Column.of_texts(flags), "error_rate": Column.of(g.integers(0, 101, n) / 100),
    })  # fmt: skip
    kinds = {c: TEXT if table[c].is_text else NUMBER for c in table}
    kinds["error_rate"] = ColumnSchema("number", dtype="float64", decimals=2)
    return Dataset({"t": table}, Schema({"t": TableSchema(kinds)}))


def view(data: Dataset) -> View:
    return View(data.table, data.columns)


def test_known_rules_are_found_where_they_hold() -> None:
    rules = {r.text for r in of_the_field(view(flows())) if is_kept(r)}
    assert {"0 <= Dst Pt <= 65535", "Packets >= 1", "0 <= error_rate <= 1", "Bytes >= 20 * Packets",
            "if Proto is TCP then Bytes >= 40 * Packets", "if Proto is UDP then Bytes >= 28 * Packets",
            } <= rules  # fmt: skip
    assert {"if Proto is ICMP or UDP then Flags is ......", "if Proto is UDP or ICMP then Flags is ......"} & rules


def test_what_the_data_break_is_told_and_not_kept() -> None:
    data = flows()
    quoted = next(r for r in of_the_field(view(data)) if "42" in r.text)
    assert not is_kept(quoted)
    assert quoted.violations > 50
    assert not any("42" in r.text for r in find_rules(data.table, data.columns))


def test_broken_for_one_cause_still_holds_for_the_others() -> None:
    data = flows()
    flags = data.table["Flags"].texts()
    proto = data.table["Proto"].texts()
    flags[np.flatnonzero(proto == "ICMP")[:40]] = "....S."
    data = data.with_table(data.table.assign({"Flags": Column.of_texts(flags)}))
    rules = {r.text: is_kept(r) for r in of_the_field(view(data)) if "Flags" in r.columns}
    assert rules == {"if Proto is UDP then Flags is ......": True, "if Proto is ICMP then Flags is ......": False}


def test_other_tables_have_none() -> None:
    g = np.random.default_rng(0)
    table = Table({"age": Column.of(g.integers(18, 90, 300)), "sex": Column.of_texts(["f", "m", "m"] * 100)})
    schema = TableSchema({"age": NUMBER, "sex": TEXT})
    assert of_the_field(View(table, schema)) == []


def test_zeek_states_agree_with_packets_and_history() -> None:
    g = np.random.default_rng(1)
    n = 300
    state = np.array(["S0", "SF", "REJ"], object)[g.choice(3, n, p=[0.3, 0.6, 0.1])]
    there = state != "S0"
    table = Table({
        "proto": Column.of_texts(["tcp"] * n), "conn_state": Column.of_texts(state),
        "history": Column.of_texts([{"S0": "S", "SF": "ShADadfF", "REJ": "Sr"}[s] for s in state]),
        "orig_pkts": Column.of(1 + g.integers(5, size=n)), "resp_pkts": Column.of(there * (1 + g.integers(5, size=n))),
    })  # fmt: skip
    schema = TableSchema({c: TEXT if table[c].is_text else NUMBER for c in table})
    texts = {r.text for r in of_the_field(View(table, schema)) if is_kept(r)}
    assert {"if conn_state is S0 then resp_pkts is 0", "if conn_state is S0 then history is S",
            "if conn_state is REJ then history is Sr", "if conn_state is SF or REJ then resp_pkts >= 1"} <= {
        t.replace("REJ or SF", "SF or REJ") for t in texts}  # fmt: skip


SPECS: list[dict[str, Any]] = [
    {"kind": "bounds", "column": "Packets", "low": 3, "high": 9},
    {"kind": "at_least", "child": "Bytes", "parents": ["Packets"], "weights": [100], "constant": 7},
    {"kind": "at_least", "child": "Bytes", "parents": ["Packets"], "weights": [90], "cause": "Proto", "when": ["TCP"]},
    {"kind": "admits", "cause": "Proto", "when": ["UDP"], "effect": "Flags", "among": ["......"]},
    {"kind": "admits", "cause": "Proto", "when": ["TCP"], "effect": "Packets", "low": 2, "high": 4},
]


@pytest.mark.parametrize("k", range(len(SPECS)))
def test_repair_makes_rules_hold_and_leaves_fixed_cells(k: int) -> None:
    data = flows()
    good = declared_rules_of(data, SPECS[k])
    shuffled = data.table.assign({
        c: data.table[c].take(np.random.default_rng(i).permutation(800)) for i, c in enumerate(data.table)
    })  # fmt: skip
    assert not good.holds(shuffled).all()
    done = mend(shuffled, [good], {}, np.random.default_rng(0))
    assert good.holds(done.table).all()
    assert not done.broken.any()
    again = rules_from_json(rules_to_json([good]), data.columns)[0]
    assert again.text == good.text
    assert (again.holds(shuffled) == good.holds(shuffled)).all()
    last = good.columns[-1]
    done = mend(shuffled, [good], {last: np.ones(800, bool)}, np.random.default_rng(0))
    assert done.table[last].equals(shuffled[last])
    assert (good.holds(done.table) | done.broken).all()


def declared_rules_of(data: Dataset, spec: dict[str, Any]) -> Any:
    from dataclasses import replace

    from seedstock.encoding.rules.declared import known_rule

    rule = known_rule(view(data), spec)
    assert rule is not None
    return replace(rule, violations=0)


@pytest.mark.parametrize("spec", [
    {"kind": "bounds", "column": "Proto", "low": 0}, {"kind": "bounds", "column": "Packets"},
    {"kind": "bounds", "column": "Packets", "low": 5, "high": 1}, {"kind": "bounds", "column": "nothing", "low": 1},
    {"kind": "at_least", "child": "Flags"},
    {"kind": "at_least", "child": "Bytes", "parents": ["Packets"], "weights": [0]},
    {"kind": "admits", "cause": "Proto", "when": ["SCTP"], "effect": "Flags", "among": ["......"]},
    {"kind": "admits", "cause": "Proto", "when": ["TCP"], "effect": "Flags", "low": 1},
    {"kind": "admits", "cause": "Proto", "when": ["TCP"], "effect": "Flags", "among": "x"},
])  # fmt: skip
def test_bad_declarations_are_one_line(spec: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        declared_rules(view(flows()), [spec])
    assert "\n" not in str(error.value)


def test_declared_rules_of_these_kinds_are_kept() -> None:
    data = flows()
    schema = TableSchema(data.columns.columns, rules=(
        {"kind": "at_least", "child": "Bytes", "parents": ["Packets"], "weights": [20]},
        {"kind": "admits", "cause": "Proto", "when": ["UDP", "ICMP"], "effect": "Flags", "among": ["......"]},
    ))  # fmt: skip
    declared = Dataset(data.tables, Schema({"t": schema}))
    drawn = Independent().fit(declared, Rng(0)).sample(3000, Rng(1)).table
    size, packets = drawn["Bytes"].values, drawn["Packets"].values
    assert (size >= 20 * packets).all()
    assert set(drawn["Flags"].texts()[drawn["Proto"].texts() != "TCP"]) == {"......"}


def test_rates_stand_in_the_facts_and_the_report() -> None:
    grown = seedstock.grow(flows(), generator="copula", seed=2)
    rules = {r["text"]: r for r in grown.facts["model"]["rules"]}
    held = rules["if Proto is TCP then Bytes >= 40 * Packets"]
    assert held["enforced"]
    assert held["passes"]["real"] == held["passes"]["synthetic"] == 1
    assert held["passes"]["unenforced"] < 1
    broken = rules["Bytes >= 42 * Packets"]
    assert not broken["enforced"]
    assert 0.5 < broken["passes"]["real"] < 1
    assert "left: real rows break it" in grown.report
    assert all(r["passes"]["synthetic"] >= r["passes"]["real"] for r in rules.values() if r["enforced"])


def test_tools_name_their_columns_in_their_own_way() -> None:
    g = np.random.default_rng(4)
    n = 300
    low, mid, high = np.sort(g.integers(0, 1500, (3, n)), axis=0)
    forth, back = 1 + g.integers(20, size=n), g.integers(20, size=n)
    meter = {
        " Protocol": g.choice([6, 17], n), " Total Fwd Packets": forth, " Total Backward Packets": back,
        "Fwd Packet Length Max": high, " Fwd Packet Length Min": low, " Fwd Packet Length Mean": mid,
    }  # fmt: skip
    argus = {"Proto": ["tcp", "udp"] * (n // 2), "TotPkts": forth + back, "TotBytes": 60 * (forth + back),
             "SrcBytes": 60 * forth}  # fmt: skip
    found = []
    for made in (meter, argus):
        table = Table({k: Column.of_texts(v) if isinstance(v, list) else Column.of(v) for k, v in made.items()})
        schema = TableSchema({c: TEXT if table[c].is_text else NUMBER for c in table})
        found.append({r.text for r in of_the_field(View(table, schema)) if is_kept(r)})
    assert " Fwd Packet Length Min <=  Fwd Packet Length Mean <= Fwd Packet Length Max" in found[0]
    assert " Total Fwd Packets >= 1 -  Total Backward Packets" in found[0]
    assert {"TotPkts >= 1", "TotBytes >= 42 * TotPkts", "TotBytes >= SrcBytes"} <= found[1]


@pytest.mark.parametrize("k", [3, 4])
def test_where_the_effect_is_fixed_the_cause_gives_way(k: int) -> None:
    data = flows()
    rule = declared_rules_of(data, SPECS[k])
    shuffled = data.table.assign({rule.effect: data.table[rule.effect].take(np.random.default_rng(1).permutation(800))})
    done = mend(shuffled, [rule], {rule.effect: np.ones(800, bool)}, np.random.default_rng(0))
    assert not rule.holds(shuffled).all()
    assert rule.holds(done.table).all()
    assert not done.broken.any()
    assert set(done.table[rule.cause].texts()) <= set(data.table[rule.cause].texts())
    both = {c: np.ones(800, bool) for c in rule.columns}
    assert mend(shuffled, [rule], both, np.random.default_rng(0)).table.equals(shuffled), "fixed cells stay"
