"""The guard: what may be learned from, so that models are not fed their own output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedstock.core.errors import InputError
from seedstock.provenance.lineage import mixture, parts
from seedstock.provenance.record import generation_of
from seedstock.provenance.tails import TailResult

MIN_REAL = 0.6
"""Least share of the weight on real rows wherever synthetic ones are in the fit."""
WARN_SYNTHETIC = 0.1
REASON = (
    "replacing real data by a model's output makes the error grow with every generation and loses rare values first; "
    "accumulating it beside the real data bounds it (Shumailov et al. 2024; Gerstgrasser et al. 2024)"
)
TAILS = "what a generation has lost, none after it can learn"


@dataclass(frozen=True)
class GuardResult:
    """What the guard says about a fit.

    Attributes
    ----------
    allowed : bool
        With an override, true in any case.
    generation : int
        Of rows drawn from this fit: one more than the parents' highest.
    authenticated : bool
        Whether the origin of all rows is known.
    shares : mapping
        Share of the weight by generation, ``"0"`` for real, and ``"unauthenticated"``.
    broken : tuple of str
        The rules that the input breaks.
    warnings : tuple of str
    overrides : tuple of mapping
        For the record: each broken rule, with the reason that was given for overriding it.
    """

    allowed: bool
    generation: int
    authenticated: bool
    shares: Mapping[str, float]
    broken: tuple[str, ...]
    warnings: tuple[str, ...]
    overrides: tuple[Mapping[str, str], ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings, where any row is synthetic; of real ones the data card alone says whose word it is."""
        return self.warnings if set(self.shares) - {"0", "unauthenticated"} else ()

    def enforce(self) -> GuardResult:
        """Return itself where the fit is allowed; else an `InputError` with the first broken rule and the way out."""
        if not self.allowed:
            raise InputError(f"{self.broken[0]}; or override it with a reason, which the record keeps for good")
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            **self.__dict__,
            "shares": dict(self.shares),
            "broken": list(self.broken),
            "warnings": list(self.warnings),
            "overrides": [dict(o) for o in self.overrides],
        }


def guard(
    origins: Sequence[Mapping[str, Any]],
    override: str | None = None,
    tails: Mapping[str, TailResult] | None = None,
) -> GuardResult:
    """Judge the data that a generator is to be fitted to.

    Parameters
    ----------
    origins : sequence of mapping
        Of each data set in the fit, as `seedstock.provenance.lineage.with_lineage` leaves it, with ``rows`` or
        ``weight``.
    override : str
        The reason for a fit that the rules forbid.
    tails : mapping of str to TailResult
        Of each synthetic part that stands beside real rows, how its tails compare with theirs: where rare values
        are lost, the part is refused, or from little weight on warned of.

    Examples
    --------
    >>> guard([{"rows": 100, "declared": "real"}]).generation
    1
    >>> guard([{"rows": 100, "mark": {"generation": 1, "share": 1.0}}]).allowed
    False
    """
    if not origins:
        raise InputError("there is nothing to fit to; name at least one data set")
    if override is not None and not override.strip():
        raise InputError("an override needs a reason in words; the record keeps it")
    shares = mixture(origins)
    real, unknown = shares.get("0", 0.0), shares.get("unauthenticated", 0.0)
    synthetic = max(0.0, 1.0 - real - unknown)
    broken: list[str] = []
    warnings: list[str] = []
    names = [str(o.get("path", o.get("name", "the data"))) for o in origins if _synthetic_part(o) > 0]
    if synthetic > 0:
        what = (
            f"{' and '.join(map(repr, names))} {'is' if len(names) == 1 else 'are'} synthetic ({synthetic:.0%} of all)"
        )
        if real <= 0:
            broken.append(
                f"{what}, and no row is known to be real: {REASON}. Add the original real rows to the same fit, and "
                f"declare them real (--also, --real)"
            )
        elif real < MIN_REAL:
            broken.append(
                f"{what}, and real rows have {real:.0%} of the weight where {MIN_REAL:.0%} is the least: {REASON}. "
                f"Weigh the real rows more, or take fewer synthetic ones"
            )
        if synthetic >= WARN_SYNTHETIC:
            warnings.append(f"{synthetic:.0%} of the rows to learn from are synthetic: {REASON}")
    for name, result in (tails or {}).items():
        if not result.ok:
            lost = f"{name!r} has lost tails of the real rows beside it ({_few(result.lost)}): {TAILS}"
            if synthetic >= WARN_SYNTHETIC:
                broken.append(f"{lost}. Grow it anew from the real rows, or leave it out")
            else:
                warnings.append(lost)
    if unknown > 0:
        warnings.append(
            f"the origin of {unknown:.0%} of the rows is unauthenticated: they carry no record, and nobody declared "
            f"them real"
        )
    for o in origins:
        warnings += [str(b) for b in o.get("broken", [])]
    overrides = tuple({"rule": b, "reason": override or ""} for b in broken) if override else ()
    generations = [g for o in origins for g in _generations(o)]
    return GuardResult(
        allowed=not broken or override is not None,
        generation=1 + max(generations, default=0),
        authenticated=unknown <= 0 and not any(o.get("broken") for o in origins),
        shares=shares,
        broken=tuple(broken),
        warnings=tuple(dict.fromkeys(warnings)),
        overrides=overrides,
    )


def _few(lost: Sequence[str]) -> str:
    return "; ".join(lost[:3]) + (f"; and {len(lost) - 3} more" if len(lost) > 3 else "")


def _generations(origin: Mapping[str, Any]) -> list[int]:
    known = [int(g) for g, share in parts(origin).items() if g != "unauthenticated" and share > 0]
    own = generation_of(origin)
    return known if own is None else [*known, own]


def _synthetic_part(origin: Mapping[str, Any]) -> float:
    return sum(share for g, share in parts(origin).items() if g not in ("0", "unauthenticated"))
