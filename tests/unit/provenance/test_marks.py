from __future__ import annotations

import json
import struct
import zlib

import pytest

from seedstock.provenance.marks import foreign_marks, has_c2pa

JUMBF = b"\0\0\0\x20jumb\0\0\0\x18jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0"


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", b"\0" * 13), *chunks, (b"IEND", b"")):
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return out


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    out = b"\xff\xd8"
    for marker, body in segments:
        out += bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    return out + b"\xff\xda\0\0"


def test_content_credentials():
    assert has_c2pa(png((b"caBX", JUMBF)))
    assert has_c2pa(jpeg((0xEB, b"JP\0\x01\0\0\0\x01" + JUMBF)))
    # The words alone, in a caption or in the pixels, are no manifest.
    assert not has_c2pa(png((b"tEXt", b"jumb c2pa")))
    assert not has_c2pa(jpeg((0xE1, b"jumb c2pa")))
    assert not has_c2pa(jpeg() + JUMBF)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xeb\0", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff"])
def test_cut_images(data):
    assert not has_c2pa(data)


def test_a_folder_of_images(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.png").write_bytes(png((b"caBX", JUMBF)))
    (tmp_path / "deep" / "b.png").write_bytes(png((b"caBX", JUMBF)))
    (tmp_path / "c.jpg").write_bytes(jpeg((0xE1, b"<x>http://cv.iptc.org/digitalsourcetype/trainedAlgorithmicMedia")))
    (tmp_path / "d.png").write_bytes(png())
    found = {m["mark"]: m["files"] for m in foreign_marks(tmp_path)}
    assert found == {"c2pa": 2, "iptc": 1}


def test_names_of_generators_in_metadata():
    (found,) = foreign_marks(None, {"sdk": "SynthCity 0.2", "pandas": "{}"})
    assert found["mark"] == "metadata"
    assert "synthcity" in found["message"]
    assert foreign_marks(None, {"pandas": "{}", "seedstock": "trained beside gretel"}) == []
    assert foreign_marks(None) == []


def test_croissant_of_others(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    assert foreign_marks(file) == []
    (tmp_path / "x.csv.croissant.json").write_text(json.dumps({"rai:hasSyntheticData": True}))
    (found,) = foreign_marks(file)
    assert (found["mark"], found["ours"]) == ("croissant", False)
    assert "synthetic" in found["message"]
    assert foreign_marks(tmp_path / "nothing.csv") == []
