"""Flow records in text files of several tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedstock.core.errors import InputError
from seedstock.sources.flows import KDD, UNSW, format_of
from seedstock.sources.read import read

_HEADERS = {
    "CIDDS": "Date first seen,Duration,Proto,Src IP Addr,Src Pt,Dst IP Addr,Dst Pt,Packets,Bytes,Flows,Flags,Tos,class",
    "nfdump": "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out",
    "CICFlowMeter": " Destination Port, Flow Duration, Total Fwd Packets, Flow IAT Mean, Fwd PSH Flags, Label",
    "UNSW-NB15": "id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,rate,sttl,dttl,sload,dload,attack_cat,label",
    "KDD'99": "duration,protocol_type,service,flag,src_bytes,dst_host_srv_count,label",
    "binetflow": "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label",
}


@pytest.mark.parametrize("name", _HEADERS)
def test_formats_are_known_by_their_header(name: str) -> None:
    found = format_of(_HEADERS[name].split(","))
    assert found is not None
    assert found.name == name


def test_other_tables_are_no_flows() -> None:
    assert format_of(["duration", "proto", "label"]) is None


def _kdd_row(k: int, width: int) -> str:
    cells = [str(k % 7), ("tcp", "udp", "icmp")[k % 3], ("http", "domain_u", "eco_i")[k % 3], ("SF", "S0")[k % 2]]
    cells += [str(k * j % 11) for j in range(37)] + [("normal", "neptune")[k % 2], str(k % 21)]
    return ",".join(cells[:width])


@pytest.mark.parametrize("width", [42, 43])
def test_kdd_files_have_no_header(tmp_path: Path, width: int) -> None:
    file = tmp_path / "KDDTrain+.txt"
    file.write_text("\n".join(_kdd_row(k, width) for k in range(60)))
    data = read(file)
    assert tuple(data.table.names) == KDD[:width]
    assert len(data.table) == 60
    assert data.origin["flows"] == "KDD'99"
    assert any("no header" in n for n in data.notes)


def test_raw_unsw_files_have_no_header(tmp_path: Path) -> None:
    rows = []
    for k in range(40):
        cells = ["0"] * 49
        cells[0], cells[1], cells[2], cells[3] = "59.166.0.1", str(1000 + k), f"149.171.126.{k}", "53"
        cells[4:6], cells[13], cells[48] = ["udp", "CON"], "dns", str(k % 2)
        rows.append(",".join(cells))
    file = tmp_path / "UNSW-NB15_1.csv"
    file.write_text("\n".join(rows))
    data = read(file)
    assert list(data.table.names) == list(UNSW)
    assert data.origin["flows"] == "UNSW-NB15"


def test_units_and_hexadecimal_ports_become_numbers(tmp_path: Path) -> None:
    file = tmp_path / "flows.csv"
    rows = [
        f"2017-03-23 16:{k % 60:02d}:23.258,0.{k},TCP,10.0.0.1,5000,10.0.0.2,80,1,{66 + k},1,.A....,0,-"
        for k in range(40)
    ]
    rows[3] = rows[3].replace(",69,", ",  2.1 M,")
    file.write_text(_HEADERS["CIDDS"] + "\n" + "\n".join(rows))
    data = read(file)
    assert data.columns["Bytes"].kind == "number"
    assert data.table["Bytes"].values[3] == 2_100_000
    ports = tmp_path / "capture.binetflow"
    lines = [
        f"2011/08/10 09:46:{k % 60:02d}.277,3.5,tcp,1.2.3.4,{1000 + k},   ->,5.6.7.8,80,FSPA_FSPA,0,0,12,875,413,x"
        for k in range(40)
    ]
    lines[5] = lines[5].replace(",1005,", ",0x0303,").replace("tcp", "icmp")
    ports.write_text(_HEADERS["binetflow"] + "\n" + "\n".join(lines))
    sport = read(ports).table["Sport"]
    assert sport.values[5] == 0x303
    assert sport.values[6] == 1006


def test_sums_at_the_end_are_left_out(tmp_path: Path) -> None:
    row = (
        "2024-01-01 10:00:0{0},2024-01-01 10:00:1{0},1.0,10.0.0.{0},8.8.8.8,4000{0},53,UDP,......,0,0,{0},60,0,0,1,2\n"
    )
    file = tmp_path / "flows.csv"
    tail = "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n9,1,2,3,4,5\n"
    file.write_text(_HEADERS["nfdump"] + "\n" + "".join(row.format(k) for k in range(1, 10)) + tail)
    data = read(file)
    assert len(data.table) == 9
    assert any("3 lines at the end" in n for n in data.notes)


def test_a_file_of_sums_alone_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "flows.csv"
    file.write_text(_HEADERS["nfdump"] + "\nSummary\nflows,bytes\n0,0\n")
    with pytest.raises(InputError, match="no rows"):
        read(file)


@pytest.mark.parametrize("left", [1, 9, 40])
def test_a_last_line_that_is_cut_is_left_out(tmp_path: Path, left: int) -> None:
    rows = [f"2017-03-15 00:0{k % 6}:01.5,0.1,TCP,10.0.0.{k % 9 + 1},{4000 + k},10.0.0.99,80" for k in range(30)]
    file = tmp_path / "flows.csv"
    file.write_text("\n".join(["when,length,proto,from,sport,to,dport", *rows]) + "\n" + rows[0][:left])
    data = read(file)
    assert len(data.table) == 30
    assert any("last line is cut" in n for n in data.notes)


def test_a_last_line_without_its_end_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "flows.csv"
    file.write_text("a,b\n1,x\n2,y\n3,z")
    data = read(file)
    assert data.table["a"].values.tolist() == [1, 2, 3]
    assert data.notes == ()


def test_other_encodings_keep_their_last_line(tmp_path: Path) -> None:
    file = tmp_path / "flows.csv"
    for text in ("a,b\n1,x\n2,y\n", "a,b\n1,x\n2,y"):
        file.write_bytes(text.encode("utf-16"))
        assert len(read(file).table) == 2


def test_headers_between_the_lines_of_joined_files_are_left_out(tmp_path: Path) -> None:
    header = "Dst Port,Flow Duration,Flow IAT Mean,Fwd PSH Flags,Flow Byts/s,Label"
    lines = [f"{80 + k},{k * 7},{k / 2},0,{'Infinity' if k == 9 else k},Benign" for k in range(60)]
    (tmp_path / "joined.csv").write_text("\n".join([header, *lines[:30], header, *lines[30:]]) + "\n")
    data = read(tmp_path / "joined.csv")
    assert len(data.table) == 60
    assert data.columns["Dst Port"].kind == "number"
    assert any("1 line repeats the header" in note for note in data.notes)
