"""Levels of a text column that mean one thing: same key, or a few letters apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from seedstock.checks._cells import normal

_PUNCTUATION = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_MOST_RARE = 4_000
_MOST_FREQUENT = 2_000
_LONG = 200
_SHORT = 4
_FEW = 30
"""Frequent levels up to which a column is a list of words, and no names."""
_MOST_ABBREVIATED = 150
_SMALL = frozenset(("of", "the", "and", "de", "la", "und", "der", "du", "et", "y"))
_ANSWERS = frozenset(("no", "not", "non", "none", "na", "nil", "un", "in", "on", "off", "new", "old", "pre", "post"))
"""Beginnings of many words, and words of their own."""


def canonical(text: str) -> str:
    """Return a text's words without case, width and punctuation.

    >>> canonical("  N.Y.-City ")
    'n y city'
    """
    return _PUNCTUATION.sub(" ", normal(text)).strip()


def _key(text: str) -> str:
    key = canonical(text).replace(" ", "")
    # "-1" and "1", "C++" and "C": signs beside digits, and what is mostly signs, mean something.
    if not key or key.isdigit() or len(key) < 2 or any(c in text for c in "+<>=#%"):
        return normal(text)
    if _DIGITS.search(text):
        # "1.5" and "15", "1-2" and "12" are not one thing: between digits a sign counts.
        return re.sub(r"(?<!\d)[\W_]+|[\W_]+(?!\d)", "", normal(text))
    return key


def variants(levels: NDArray[np.object_], counts: NDArray[np.int64]) -> dict[int, int]:
    """Return level -> the commonest level that differs in case, width, white space or punctuation alone.

    >>> variants(np.array(["New York", "new-york ", "Boston"], object), np.array([9, 1, 5]))
    {1: 0}
    """
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(levels.tolist()):
        if len(text) <= _LONG:
            groups.setdefault(_key(text), []).append(i)
    out: dict[int, int] = {}
    for members in groups.values():
        if len(members) > 1:
            # Of the spellings without stray spaces the commonest; all of them, where there is no such.
            best = max(members, key=lambda i: (str(levels[i]) == " ".join(str(levels[i]).split()), counts[i], -i))
            out.update({i: best for i in members if i != best})
    return dict(sorted(out.items()))


def abbreviated(levels: NDArray[np.object_], counts: NDArray[np.int64]) -> dict[int, int]:
    """Return rare level -> the frequent level that it abbreviates or writes in full, where no other fits.

    A short form is the beginning of a word (F, fem., Calif), or the initials of several (NY, N.Y.). Each level has one
    partner, and what is merged is rare beside it, or nearly all cells are in such pairs.

    >>> abbreviated(np.array(["F", "M", "Female", "male", "New York", "N.Y."], object), np.array([40, 40, 2, 1, 30, 2]))
    {2: 0, 3: 1, 5: 4}
    """
    words = [canonical(t).split() if len(t) <= 60 else [] for t in levels.tolist()]
    plain = ["".join(w) for w in words]
    total = counts.sum()
    if len(plain) > _MOST_ABBREVIATED:  # names, and no categories: Tom is not short for Tommy
        return {}
    short = [i for i, w in enumerate(plain) if w.isalpha() and len(w) <= _SHORT and w not in _ANSWERS]
    long = [j for j, w in enumerate(plain) if w.isalpha() and (len(w) >= 4 or w in ("yes", "no"))]
    pairs = {
        (i, j) for i in short for j in long
        if _is_shorter(plain[i], plain[j]) and _stands_for(plain[i], words[j])
    }  # fmt: skip
    # One partner alone, whatever its case.
    single: dict[int, int] = {}
    for i, j in sorted(pairs):
        rare, usual = (i, j) if counts[i] < counts[j] else (j, i)
        if len({plain[b if a == rare else a] for a, b in pairs if rare in (a, b)}) == 1:
            single[rare] = usual
    # Two codings of one column (M and F, Male and Female) may be as frequent as each other; else one form is rare.
    both = len(set(single.values())) > 1 and counts[[*single, *set(single.values())]].sum() >= 0.9 * total
    return {
        rare: usual
        for rare, usual in single.items()
        if both or (counts[usual] >= 10 and 5 * counts[rare] <= counts[usual] and counts[rare] <= 0.05 * total)
    }


def _is_shorter(short: str, long: str) -> bool:
    """Tell whether one form is short enough beside the other to be its abbreviation: hs is none of hsid."""
    return len(long) >= min(2 * len(short) + 1, len(short) + 3) or (short, long) == ("n", "no")


def _stands_for(short: str, words: list[str]) -> bool:
    """Tell whether a short form is the beginning of a word or the initials of several."""
    if len(words) > 1:
        return short in ("".join(w[0] for w in words), "".join(w[0] for w in words if w not in _SMALL))
    return bool(words) and words[0].startswith(short)


def unaccented(levels: NDArray[np.object_], counts: NDArray[np.int64]) -> dict[int, int]:
    """Return level -> the commonest level that differs in accents alone.

    >>> unaccented(np.array(["Café", "Cafe", "Tea"], object), np.array([9, 4, 5]))
    {1: 0}
    """
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(levels.tolist()):
        if len(text) <= _LONG:
            bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
            groups.setdefault(_key(bare), []).append(i)
    out: dict[int, int] = {}
    for members in groups.values():
        if len({_key(levels[i]) for i in members}) > 1:
            best = max(members, key=lambda i: (counts[i], -i))
            out.update({i: best for i in members if _key(levels[i]) != _key(levels[best])})
    return dict(sorted(out.items()))


def misspelt(
    levels: NDArray[np.object_], counts: NDArray[np.int64], vocabulary: Mapping[str, int] | None = None
) -> dict[int, int]:
    """Return rare level -> the frequent level that it misspells.

    >>> misspelt(np.array(["Birmingham", "Birmingxam", "Boston"], object), np.array([40, 1, 30]))
    {1: 0}
    """
    keys = np.array([normal(t[:_LONG]) for t in levels], object)
    fit = np.array([4 <= len(k) < _LONG for k in keys], bool)
    common = np.flatnonzero(fit & (counts >= 4))
    common = common[np.argsort(-counts[common], kind="stable")]
    # Of variants of one spelling the commonest: or each would make the other doubtful.
    first: dict[str, int] = {}
    for j in common.tolist():
        first.setdefault(_key(levels[j]), j)
    common = np.array(list(first.values()), np.int64)[:_MOST_FREQUENT]
    if not len(common):
        return {}
    top = counts[common[0]]
    rare = np.flatnonzero(fit & (counts * 4 <= top) & (counts <= max(3, 0.01 * counts.sum())))[:_MOST_RARE]
    if not len(rare):
        return {}
    # At most 0.34 of the letters may differ; the tighter bounds follow.
    near = process.cdist(keys[rare], keys[common], scorer=OSA.normalized_similarity, score_cutoff=0.6, dtype=np.float32)
    out: dict[int, int] = {}
    few = len(common) <= _FEW
    for i, row in zip(rare.tolist(), near, strict=True):
        row = np.where(counts[common] >= 4 * counts[i], row, 0.0)  # another misspelling is no standard
        places = np.argsort(-row, kind="stable")[:2]
        best, second = float(row[places[0]]), float(row[places[1]]) if len(places) > 1 else 0.0
        j = int(common[places[0]])
        if best <= 0 or i == j or keys[i] == keys[j]:
            continue
        if _is_slip(keys[i], keys[j], best, second, int(counts[i]), int(counts[j]), vocabulary or {}, few):
            out[i] = j
    return out


def _is_slip(
    a: str, b: str, best: float, second: float, n_a: int, n_b: int, words: Mapping[str, int], few: bool
) -> bool:
    """Tell whether a, seen n_a times, is b, seen n_b times, with typing errors."""
    size = max(len(a), len(b))
    edits = round((1 - best) * size)
    if edits > max(1, 0.12 * size) and not (best >= 0.66 and second <= best - 0.12 and n_b >= 10 * n_a and size >= 6):
        return False
    if edits == 1 and size <= 5 and n_b < 10 * n_a:
        return False
    if second > best - 0.5 / size:
        return False  # as near to another one
    if not _digits_agree(a, b) or sum(c.isalnum() for c in b) < 0.6 * len(b):
        return False
    # The same slip in a short code again and again is a code, unless words are few and the other far more frequent.
    if size <= 6 and n_a > 3 and not (few and size >= 5 and a.isalpha() and n_b >= 20 * n_a):
        return False
    known = canonical(b).split()
    odd = [w for w in canonical(a).split() if w not in known]
    # A word that stands elsewhere as well is no slip of the hand.
    if any(words.get(w, 0) > max(2 * n_a, 2) for w in odd):
        return False
    if len(canonical(a).split()) == len(known) > 1:
        pairs = [(v, w) for v, w in zip(canonical(a).split(), known, strict=True) if v != w]
        if any(OSA.normalized_similarity(v, w) < 0.6 for v, w in pairs):
            return False  # another word, not another spelling
    # An ending more or less is grammar.
    return not (a.startswith(b) or b.startswith(a))


def _digits_agree(a: str, b: str) -> bool:
    """Tell whether two texts have the same digits, or one of them letters in the place of digits."""
    if _DIGITS.findall(a) == _DIGITS.findall(b):
        return True
    if len(a) != len(b):
        return False
    return not any(x != y and x.isdigit() and y.isdigit() for x, y in zip(a, b, strict=True)) and any(
        x != y and x.isalpha() and y.isdigit() for x, y in zip(a, b, strict=True)
    )


def channel(slips: Mapping[str, str]) -> str | None:
    """Return the one letter that stands in the place of others in most misspellings (wrong -> right), or None.

    >>> channel({f"birmingx{i}m": f"birmingh{i}m" for i in range(20)})
    'x'
    """
    seen: dict[str, int] = {}
    total = 0
    for wrong, right in slips.items():
        if len(wrong) == len(right):
            for a, b in zip(wrong, right, strict=True):
                if a != b:
                    seen[a] = seen.get(a, 0) + 1
                    total += 1
    if total < 15:
        return None
    letter, n = max(seen.items(), key=lambda item: item[1])
    return letter if n >= 0.8 * total else None


def damaged(levels: NDArray[np.object_], counts: NDArray[np.int64], letter: str) -> dict[int, int | None]:
    """Return level -> the level that it was before a letter took the place of others; None where several fit.

    >>> damaged(np.array(["M\ufffdnchen", "München", "Hamburg"], object), np.array([1, 9, 5]), "\ufffd")
    {0: 1}
    """
    by_size: dict[int, list[int]] = {}
    keys = [normal(t[:_LONG]) for t in levels.tolist()]
    for i, key in enumerate(keys):
        by_size.setdefault(len(key), []).append(i)
    most = 0.01 * counts.sum() + 3
    out: dict[int, int | None] = {}
    for i, key in enumerate(keys):
        places = [p for p, c in enumerate(key) if c == letter]
        if not places or counts[i] > most or len(places) > 0.6 * len(key):
            continue
        kept = [(p, c) for p, c in enumerate(key) if c != letter]
        fits = [
            j
            for j in by_size[len(key)]
            if counts[j] >= counts[i]
            and j != i
            and keys[j] != key
            and keys[j].count(letter) < len(places)
            and all(keys[j][p] == c for p, c in kept)
        ]
        # A whole one is wanted, not another damaged one.
        whole = [j for j in fits if keys[j].count(letter) == min(keys[f].count(letter) for f in fits)]
        if not whole:
            continue
        whole.sort(key=lambda j: -counts[j])
        clear = len(whole) == 1 or counts[whole[0]] >= 8 * counts[whole[1]]
        out[i] = whole[0] if clear else None
    return out
