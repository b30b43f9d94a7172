"""Untrusted text -> text that is safe and short enough to show."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_CHARS = 80
DASH = "\N{EN DASH}"
"""Stands where there is no number."""

_CONTROLS = {k: 0x2400 + k for k in range(0x20)} | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
# Overrides and isolates can make a line read as another one; line separators end a line where no one sees it.
_MISLEADING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029, 0x200E, 0x200F, 0xFEFF])
_MISLEADING = {code: f"[U+{code:04X}]" for code in _MISLEADING}
_SURROGATES = re.compile("[\ud800-\udfff]")
_JSON_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def shown(value: object, width: int = MAX_CHARS) -> str:
    r"""Return a value as one visible line of at most `width` characters.

    Control characters (terminal escapes among them) become their pictures, direction overrides their code
    points, lone surrogates U+FFFD; a longer text ends in an ellipsis. HTML is left as it is: the template escapes it.

    >>> shown("a\x1b[31mb" + "c" * 9, width=8)
    'a␛[31mb…'
    """
    # A cell may hold 100 MB: cut before translating, then again because a code point takes several characters.
    text = str(value)[: width + 1].translate(_CONTROLS | _MISLEADING)
    text = _SURROGATES.sub("\ufffd", text)
    return text if len(text) <= width else text[: width - 1] + "…"


def label(name: object, width: int = MAX_CHARS) -> str:
    """Return a name as `shown` does; an empty one is said to be so.

    >>> label("age"), label("  ")
    ('age', '(no name)')
    """
    text = shown(name, width)
    return text if text.strip() else "(no name)"


def plain(value: Any) -> Any:
    """Return a value as strict JSON values: NaN and infinities become None, NumPy values Python's, keys strings.

    >>> plain({1: np.float64("nan"), "b": (np.int64(2), {3})})
    {'1': None, 'b': [2, [3]]}
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind not in "mM":
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {plain(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return [plain(v) for v in sorted(value, key=repr)]
    return plain(str(value))


def script_json(value: Any) -> str:
    """Return JSON that may stand inside a ``<script>`` element: no ``<``, ``>``, ``&`` or line separator in it.

    >>> script_json({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(plain(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_JSON_ESCAPES)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number for reading: `digits` significant digits, thousands separated, no exponent between 1e-4 and 1e15.

    >>> [number(v) for v in (0.34567, 12345.6, 0.0, None, 3e-7)]
    ['0.346', '12,346', '0', '–', '3e-07']
    """
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-4 or size >= 1e15:
        return f"{value:.{digits - 1}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """Return seconds for reading.

    >>> duration(4.21), duration(134)
    ('4.2 s', '2 min 14 s')
    """
    if not math.isfinite(seconds) or seconds < 0:
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
