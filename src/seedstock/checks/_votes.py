"""Labelling rules and how far to trust each: votes combined by estimated accuracies."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import cell_texts, numbers
from seedstock.core.errors import InputError
from seedstock.core.table import Dataset

Rule = Callable[[Mapping[str, Any]], str | None]
"""Takes a row (column -> text or number, None where missing) and returns a label, or None to abstain."""
_KEYS = frozenset({"label", "column", "pattern", "equals", "min", "max"})
_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Combined:
    """What the rules say together.

    Attributes
    ----------
    classes : tuple of str, length k
    probability : float64 ndarray, shape (n, k)
        NaN where no rule speaks.
    accuracy : float64 ndarray, shape (r,)
        Estimated share of right votes of each rule.
    coverage : float64 ndarray, shape (r,)
        Share of the rows on which it votes.
    """

    classes: tuple[str, ...]
    probability: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    coverage: NDArray[np.float64]


def read_rules(text: str) -> list[Callable[[Dataset], NDArray[np.object_]]]:
    """Read rules from TOML: ``[[rule]]`` with a label, a column, and a pattern, a value, or bounds.

    >>> len(read_rules('[[rule]]\\nlabel = "spam"\\ncolumn = "subject"\\npattern = "(?i)free money"'))
    1
    """
    try:
        rules = tomllib.loads(text)["rule"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise InputError(f"a file of rules is TOML with [[rule]] tables: {error}") from None
    out: list[Callable[[Dataset], NDArray[np.object_]]] = []
    for number, rule in enumerate(rules, 1):
        unknown = set(rule) - _KEYS
        if (
            unknown
            or "label" not in rule
            or "column" not in rule
            or not set(rule) & {"pattern", "equals", "min", "max"}
        ):
            raise InputError(
                f"rule {number} needs label, column, and pattern, equals, min or max; it has {sorted(rule)}"
            )
        try:
            pattern = re.compile(rule["pattern"]) if "pattern" in rule else None
        except (re.error, TypeError) as error:
            raise InputError(f"the pattern of rule {number} is no regular expression: {error}") from None
        out.append(_compiled(str(rule["label"]), str(rule["column"]), pattern, rule))
    return out


def _compiled(
    label: str, column: str, pattern: re.Pattern[str] | None, rule: Mapping[str, Any]
) -> Callable[[Dataset], NDArray[np.object_]]:
    def vote(data: Dataset) -> NDArray[np.object_]:
        cells = data.table[column]
        hit = ~cells.missing
        texts = cell_texts(cells)
        if pattern is not None:
            known: dict[str, bool] = {}
            hit &= np.array(
                [t is not None and known.setdefault(t, bool(pattern.search(t[:10_000]))) for t in texts], bool
            )
        if "equals" in rule:
            hit &= texts == str(rule["equals"])
        if "min" in rule or "max" in rule:
            x = numbers(cells)
            if x is None:
                raise InputError(f"a rule has bounds for {column!r}, which is no column of numbers")
            hit &= (x >= rule.get("min", -np.inf)) & (x <= rule.get("max", np.inf))
        out = np.full(len(cells), None, object)
        out[hit] = label
        return out

    tests = [f"matches {pattern.pattern}"] if pattern is not None else []
    tests += [f"{word} {rule[word]}" for word in ("equals", "min", "max") if word in rule]
    vote.__name__ = f"{label}: {column} {', '.join(tests)}"
    return vote


def ask(data: Dataset, rules: Sequence[Rule]) -> NDArray[np.object_]:
    """Return the votes of Python rules, shape (n, r). A rule that fails on a row abstains there."""
    table = data.table
    columns: dict[str, list[Any]] = {}
    for name in table:
        x = numbers(table[name])
        is_number = x is not None and data.columns[name].kind == "number"
        cells = table[name].values.tolist() if is_number else cell_texts(table[name]).tolist()
        columns[name] = [None if m else v for v, m in zip(cells, table[name].missing.tolist(), strict=True)]
    out = np.full((len(table), len(rules)), None, object)
    for i in range(len(table)):
        row = {name: cells[i] for name, cells in columns.items()}
        for j, rule in enumerate(rules):
            try:
                out[i, j] = rule(row)
            except Exception:  # a user's rule; a row that it does not expect is a row on which it has nothing to say
                out[i, j] = None
    return out


def combine(votes: NDArray[np.object_], given: NDArray[np.object_] | None = None) -> Combined:
    """Combine votes, shape (n, r), by each rule's accuracy, which is estimated from their agreement.

    Expectation-maximisation with one accuracy a rule and the classes' shares; a rule is taken to be better than chance.

    Parameters
    ----------
    votes : ndarray of str or None, shape (n, r)
        None where a rule does not speak.
    given : ndarray of str or None, shape (n,), or None
        Labels that are known; they help to estimate the accuracies, and do not enter the probabilities of their rows.

    Notes
    -----
    Source: Dawid and Skene (1979), in the one-coin form.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> true = g.choice(["a", "b"], 2000)
    >>> flip = {"a": "b", "b": "a"}
    >>> votes = np.array([[t if g.random() < q else flip[t] for q in (0.9, 0.8, 0.6)] for t in true], object)
    >>> [round(float(a), 1) for a in combine(votes).accuracy]
    [0.9, 0.8, 0.6]
    """
    n, r = votes.shape
    said = {str(v) for v in votes.ravel() if v is not None}
    classes = tuple(sorted(said | {str(v) for v in (() if given is None else given) if v is not None}))
    if not said:
        classes = ()
    k = len(classes)
    if not k:
        return Combined((), np.zeros((n, 0)), np.full(r, np.nan), np.zeros(r))
    index = {c: i for i, c in enumerate(classes)}
    codes = np.array([[-1 if v is None else index[str(v)] for v in row] for row in votes], np.int64).reshape(n, r)
    spoken = codes >= 0
    accuracy, share = np.full(r, 0.7), np.full(k, 1.0 / k)
    any_vote = spoken.any(1)
    P = np.full((n, k), 1.0 / k)
    labels = [None] * n if given is None else given.tolist()
    known = np.array([-1 if v is None else index[str(v)] for v in labels], np.int64)
    sure = np.flatnonzero(known >= 0)
    for _ in range(_ROUNDS):
        logs = np.tile(np.log(share), (n, 1))
        for j in range(r):
            own = spoken[:, j]
            miss = np.log((1 - accuracy[j]) / max(k - 1, 1))
            logs[own] += miss
            logs[own, codes[own, j]] += np.log(accuracy[j]) - miss
        logs -= logs.max(1, keepdims=True)
        P = np.exp(logs)
        P /= P.sum(1, keepdims=True)
        # Two votes' worth of belief that a rule is right in seven of ten cases keeps small rules sane. Rules that
        # always say the same tell little of each other: the more votes beside given labels, the less agreement counts.
        new = np.empty(r)
        for j in range(r):
            own = np.flatnonzero(spoken[:, j] & (known < 0))
            beside = sure[spoken[sure, j]]
            weight = 1.0 / (1.0 + len(beside)) ** 2
            right = weight * P[own, codes[own, j]].sum() + (codes[beside, j] == known[beside]).sum()
            new[j] = (right + 1.4) / (weight * len(own) + len(beside) + 2.0)
        new = np.clip(new, 1.0 / k + 0.01, 0.999) if k > 1 else np.full(r, 0.999)
        weight = 1.0 / (1.0 + len(sure)) ** 2
        masses = weight * P[any_vote & (known < 0)].sum(0) + np.bincount(known[sure], minlength=k)
        share = (masses + 1.0) / (masses.sum() + k)
        moved = float(np.abs(new - accuracy).max())
        accuracy = new
        if moved < 1e-5:
            break
    P[~any_vote] = np.nan
    return Combined(classes, P, accuracy, spoken.mean(0))


def propose(probability: NDArray[np.float64], X: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return the n rows to label next: in doubt between two classes, and far from each other.

    Parameters
    ----------
    probability : float64 ndarray, shape (m, k)
    X : float64 ndarray, shape (m, w)
        Standardised features.

    Notes
    -----
    Source: margin sampling (Scheffer et al. 2001) among the most doubtful, spread by farthest-first traversal
    (Gonzalez 1985; Sener and Savarese 2018).

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.5, 0.5], [0.52, 0.48]])
    >>> propose(p, np.eye(3), 2).tolist()
    [1, 2]
    """
    top = np.sort(probability, axis=1)
    margin = top[:, -1] - (top[:, -2] if top.shape[1] > 1 else 0.0)
    pool = np.argsort(margin, kind="stable")[: max(10 * n, 50)]
    pool = pool[margin[pool] <= np.quantile(margin, min(1.0, max(0.25, 2 * n / max(len(margin), 1))))]
    chosen = [int(pool[0])] if len(pool) and n > 0 else []
    if chosen:
        nearest = ((X[pool] - X[chosen[0]]) ** 2).sum(1)
        while len(chosen) < min(n, len(pool)):
            doubt = 1.0 - margin[pool]
            score = np.where(np.isin(pool, chosen), -1.0, np.sqrt(nearest) * doubt)
            at = int(score.argmax())
            chosen.append(int(pool[at]))
            nearest = np.minimum(nearest, ((X[pool] - X[pool[at]]) ** 2).sum(1))
    return np.array(chosen, np.int64)
