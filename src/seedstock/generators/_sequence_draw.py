"""Drawing sequences: all entities of a block advance one event at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.core.table import Column, Table
from seedstock.encoding.atoms import FEW, Atoms, Codes
from seedstock.encoding.rules.cells import put
from seedstock.encoding.rules.keep import mend
from seedstock.generators._sequence_history import History, clock, log
from seedstock.generators._sequence_kinds import KIND

if TYPE_CHECKING:
    from seedstock.generators.sequence import SequenceFitted
    from seedstock.generators.time_series import TimeSeriesFitted

_ROUNDS = 5
_NEARBY = 3
"""Places by which an attribute that hardly anybody shares is moved."""
_ROOM = 2**20
"""Numbers of entities that are set aside for each block's names."""


def draw_block(model: SequenceFitted, block: int, rows: int, rng: Rng) -> Table:
    """Return one block of rows."""
    from seedstock.generators.sequence import LENGTH, SPAN, START

    stream = rng.child("block", block)
    own = _entities(model, rows, stream.child("entities"))
    atoms = model.entities.own
    values = {
        k: atoms[k].column(own[k], stream.child("entity cell", k).generator()).values.astype(float)
        for k in (LENGTH, START, SPAN)
    }
    wanted = np.maximum(np.round(values[LENGTH]).astype(np.int64), 1)
    # The last sequence of a block is cut, so that its rows are as many as asked.
    last = min(int(np.searchsorted(np.cumsum(wanted), rows)), len(wanted) - 1)
    keep = np.arange(last + 1)
    lengths = wanted[keep].copy()
    lengths[-1] -= int(lengths.sum()) - rows
    if model.maker is None:
        keep, lengths = keep[:1], np.array([rows])
        wanted = np.maximum(wanted, rows)
    order = np.argsort(-lengths, kind="stable")
    keep, lengths = keep[order], lengths[order]
    begin = values[START][keep]
    end = begin + np.where(wanted[keep] > 1, np.maximum(values[SPAN][keep], 0), 0)
    if model.maker is None:
        begin[:], end[:] = model.period.first, np.inf
    static = {c: own[c][keep] for c in (*model.static, KIND) if c in own}
    codes, times = _events(model, lengths, wanted[keep], begin, end, static, stream.child("events"))
    offset = np.r_[0, np.cumsum(lengths)[:-1]]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    # In the order in which the entities were drawn, or in order of time.
    rank = order[owner]
    place = np.arange(rows) - np.repeat(offset, lengths)
    by = (place, times) if model.by_time else (place, rank)
    table = _table(model, codes, static, owner, times, rank, block, rng, stream)
    return table.take(np.lexsort(by))


def _entities(model: SequenceFitted, rows: int, rng: Rng) -> dict[str, Codes]:
    """Draw entities until they have enough events."""
    from seedstock.generators.sequence import LENGTH

    if model.maker is None:
        return model.entities.draw(1, {}, rng.child(0))
    atoms = model.entities.own[LENGTH]
    mean = float(np.average(atoms.values, weights=atoms.counts))
    parts: list[dict[str, Codes]] = []
    total, k = 0, 0
    while total < rows:
        n = int((rows - total) / max(mean, 1) * 1.1) + 8
        drawn = model.entities.draw(n, {}, rng.child(k))
        if k < _ROUNDS:
            drawn = {name: codes[_within(model, drawn)] for name, codes in drawn.items()}
        total += int(np.maximum(atoms.values[drawn[LENGTH]], 1).sum() * 0.9)
        parts.append(drawn)
        k += 1
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _within(model: SequenceFitted, drawn: dict[str, Codes]) -> NDArray[np.bool_]:
    """Return which entities end within the learned time."""
    from seedstock.generators.sequence import SPAN, START

    begin, span = (model.entities.own[k].values.astype(float)[drawn[k]] for k in (START, SPAN))
    return np.asarray(begin + span <= model.period.last)


def _events(
    model: SequenceFitted,
    lengths: NDArray[np.int64],
    wanted: NDArray[np.int64],
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    static: dict[str, Codes],
    rng: Rng,
) -> tuple[dict[str, Codes], NDArray[np.float64]]:
    """Return the codes and times of all events, sequence after sequence; the longest sequence is the first."""
    total = int(lengths.sum())
    offset = np.r_[0, np.cumsum(lengths)[:-1]]
    columns, gap_atoms = dict(model.events.own), model.gaps.atoms
    out = {c: np.zeros(total, np.int64) for c in columns}
    times = np.zeros(total)
    past = History(columns, gap_atoms, len(lengths))
    now, is_time = begin.copy(), model.period.is_time
    # Where each sequence still goes on: the lengths fall.
    active = np.searchsorted(-lengths, -np.arange(int(lengths.max(initial=0))), side="left")
    for j, m in enumerate(active.tolist()):
        past.keep(m)
        now = now[:m]
        coded, plain = past.context()
        coded |= {f"own {c}": codes[:m] for c, codes in static.items()}
        left = np.maximum(wanted[:m] - j, 1).astype(float)
        if model.maker is not None:
            plain["left"] = Column.of(log(left))
        gap = None
        step = rng.child(j)
        if j:
            room = np.maximum(end[:m] - now, 0)
            context: dict[str, Any] = {**coded, **plain, **clock(now, is_time), "elapsed": model.period.elapsed(now)}
            gap, drawn = model.gaps.draw(context, now, room, left, step.child("gap"))
            now = now + drawn
        this = np.full(m, len(gap_atoms.values), np.int64) if gap is None else gap
        context = {**coded, **plain, **clock(now, is_time), "elapsed": model.period.elapsed(now), "this gap": this}
        values = model.events.draw(m, context, step.child("event"))
        at = offset[:m] + j
        times[at] = now
        for c, codes in values.items():
            out[c][at] = codes
        past.add(values, gap)
    return out, times


def _table(
    model: SequenceFitted,
    codes: dict[str, Codes],
    static: dict[str, Codes],
    owner: NDArray[np.int64],
    times: NDArray[np.float64],
    rank: NDArray[np.int64],
    block: int,
    rng: Rng,
    stream: Rng,
) -> Table:
    n = len(owner)
    every = {**codes, **{c: x[owner] for c, x in static.items()}}
    # What an entity has again is the same value, though it lies between two that were seen.
    cells = {}
    for c, atoms in model.plan.atoms.items():
        own, again = np.unique(owner * atoms.k + every[c], return_inverse=True)
        code = own % atoms.k
        if c in static:
            code = _nearby(atoms, code, stream.child("nearby", c).generator())
        cells[c] = atoms.column(code, stream.child("cell", c).generator()).take(again)
    mended = ruled(model, Table(cells, n), stream.child("rules"))
    like = model.columns[model.order]
    out: dict[str, Column] = {}
    for name in model.columns.columns:
        if name == model.entity and model.maker is not None:
            made = model.maker.make(int(rank.max(initial=-1)) + 1, rng.child("make", name), block * _ROOM)
            out[name] = made.take(rank)
        elif name == model.order:
            kind = {"datetime": "M8[us]", "duration": "m8[us]"}.get(like.kind)
            whole = np.round(times).astype(np.int64)
            out[name] = Column.of(whole.astype(kind) if kind else whole if like.decimals == 0 else times)
        elif name in mended:
            out[name] = mended[name]
        else:
            maker = model.plan.makers[name]
            column = maker.make(n, rng.child("make", name), block * _ROOM)
            hole = stream.child("empty", name).generator().random(n) < model.plan.empty[name]
            out[name] = Column(column.values, column.missing | hole, column.levels)
    return Table(out, n)


def _nearby(atoms: Atoms, codes: Codes, g: np.random.Generator) -> Codes:
    """Return codes of a smooth column moved by a few places among values that few have.

    An entity has its attribute in all its events, so that these tell together whose value it is that theirs lies near.
    """
    if not atoms.smooth:
        return codes
    moved = np.clip(codes + g.integers(-_NEARBY, _NEARBY + 1, len(codes)), 0, len(atoms.values) - 1)
    few = np.maximum(atoms.counts[codes], atoms.counts[moved]) <= FEW
    return np.where(few & (codes < len(atoms.values)), moved, codes)


def ruled(model: SequenceFitted | TimeSeriesFitted, table: Table, rng: Rng) -> Table:
    """Keep the rules within each row; a row that cannot be mended takes another row's event."""
    rules = model.plan.rules
    if not rules:
        return table
    done = mend(table, rules, {}, rng.generator())
    for k in range(_ROUNDS):
        bad, good = np.flatnonzero(done.broken), np.flatnonzero(~done.broken)
        if not len(bad) or not len(good):
            break
        donor = rng.child("donor", k).generator().choice(good, len(bad))
        names = [c for c in done.table if c not in model.static]
        moved = {c: put(done.table[c], bad, done.table[c].take(donor)) for c in names}
        done = mend(done.table.assign(moved), rules, {}, rng.child("again", k).generator())
    return done.table


def no_rows(model: SequenceFitted) -> Table:
    """Return the table without rows, in the columns' types."""
    whole = draw_block(model, 0, 1, Rng(0))
    return whole.take(slice(0, 0))
