"""Makes Windows event logs for tests: plain binary XML without templates, texts only."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from zlib import crc32

CHUNK = 65_536


class _Xml:
    """Binary XML at a place in a chunk."""

    def __init__(self, at: int) -> None:
        self.at, self.data = at, bytearray(b"\x0f\x01\x01\x00")

    def name(self, text: str) -> None:
        here = self.at + len(self.data) + 4
        code = 0
        for c in text:
            code = (code * 65_599 + ord(c)) & 0xFFFFFFFF
        self.data += struct.pack("<I", here) + struct.pack("<IHH", 0, code & 0xFFFF, len(text))
        self.data += text.encode("utf-16-le") + b"\0\0"

    def value(self, text: str) -> None:
        self.data += b"\x05\x01" + struct.pack("<H", len(text)) + text.encode("utf-16-le")

    def element(self, name: str, attributes: Mapping[str, str], content: object) -> None:
        self.data += b"\x41" if attributes else b"\x01"
        size = len(self.data)
        self.data += b"\0\0\0\0"
        self.name(name)
        if attributes:
            start = len(self.data)
            self.data += b"\0\0\0\0"
            for k, (key, text) in enumerate(attributes.items()):
                self.data += b"\x46" if k + 1 < len(attributes) else b"\x06"
                self.name(key)
                self.value(text)
            struct.pack_into("<I", self.data, start, len(self.data) - start - 4)
        self.data += b"\x02"
        if isinstance(content, str):
            self.value(content)
        elif isinstance(content, list):
            for inner in content:
                self.element(*inner)
        self.data += b"\x04"
        struct.pack_into("<I", self.data, size, len(self.data) - size - 4)


Event = tuple[Mapping[str, str], Mapping[str, str]]
PART = 50


def evtx_file(events: Sequence[Event]) -> bytes:
    """Return a log of events: each is what ``System`` says, and what ``EventData`` does."""
    chunks = [_chunk(events[k : k + PART], k + 1) for k in range(0, len(events), PART)]
    head = bytearray(4096)
    last = len(chunks) - 1
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, last, len(events) + 1, 128, 1, 3, 4096, len(chunks))
    struct.pack_into("<I", head, 124, crc32(head[:120]))
    return bytes(head) + b"".join(chunks)


def _chunk(events: Sequence[Event], first: int) -> bytes:
    chunk = bytearray(512)
    last = 512
    for k, (system, data) in enumerate(events, first):
        last = len(chunk)
        xml = _Xml(last + 24)
        inner: list[object] = [("Provider", {"Name": system["Provider"]}, None)]
        inner += [(name, {}, system[name]) for name in ("EventID", "Level", "Channel", "Computer")]
        inner.append(("TimeCreated", {"SystemTime": system["time"]}, None))
        fields = [("Data", {"Name": name}, text) for name, text in data.items()]
        xml.element("Event", {}, [("System", {}, inner), ("EventData", {}, fields)])
        body = bytes(xml.data) + b"\0"
        size = 24 + len(body) + 4
        chunk += b"\x2a\x2a\0\0" + struct.pack("<IQQ", size, k, 133_500_000_000_000_000 + k) + body
        chunk += struct.pack("<I", size)
    final, end = first + len(events) - 1, len(chunk)
    assert end <= CHUNK, "too much for a chunk"
    struct.pack_into("<8sQQQQIIII", chunk, 0, b"ElfChnk\0", first, final, first, final, 128, last, end,
                     crc32(chunk[512:end]))  # fmt: skip
    struct.pack_into("<I", chunk, 124, crc32(chunk[128:512], crc32(chunk[:120])))
    return bytes(chunk + bytes(CHUNK - end))
