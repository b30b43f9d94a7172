"""Texts are made of words that many rows share, and of nothing else."""

from __future__ import annotations

import numpy as np

from seedstock.core.rng import Rng
from seedstock.core.table import Column
from seedstock.encoding.pack import pack, unpack
from seedstock.encoding.texts import TextMaker


def column() -> Column:
    g = np.random.default_rng(0)
    common = ["seen", "by", "nurse", "at", "noon", "again"]
    texts = [" ".join(g.choice(common, g.integers(2, 9))) + f" patient{i % 40} Smith{i}" for i in range(160)]
    return Column.of_texts([*texts, None, "", "secret secret secret secret secret secret"])


def test_only_words_of_five_rows_come_out() -> None:
    made = TextMaker.fit(column()).make(3_000, Rng(1), 0).texts()
    used = {w for t in made for w in t.split()}
    assert used <= {"seen", "by", "nurse", "at", "noon", "again"}
    assert len(used) == 6


def test_a_word_often_in_one_row_is_not_common() -> None:
    assert "secret" not in TextMaker.fit(column()).words


def test_lengths_are_like_the_real_ones() -> None:
    made = TextMaker.fit(column()).make(3_000, Rng(1), 0).texts()
    lengths = np.array([len(t.split()) for t in made])
    assert lengths.min() >= 1
    assert abs(lengths.mean() - 7) < 1


def test_nothing_common_gives_a_neutral_word() -> None:
    maker = TextMaker.fit(Column.of_texts(["unique", "other", None]))
    assert set(" ".join(maker.make(20, Rng(1), 0).texts()).split()) == {"text"}
    assert len(maker.make(0, Rng(1), 0)) == 0


def test_makers_come_back_from_json() -> None:
    maker = TextMaker.fit(column())
    assert TextMaker.from_json(maker.to_json()) == maker


def test_packed_texts_come_back() -> None:
    texts = np.array(["", "ü\u0000", "名前", "\ud800", "a"], object)
    assert unpack(*pack(texts)).tolist() == texts.tolist()
