"""Doubtful edits as a file to tick, and back: CSV, or a page with boxes that saves the same CSV."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence

from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Finding

COLUMNS = ("accept", "table", "row", "column", "before", "after", "check", "confidence", "why")
_YES = frozenset({"1", "y", "yes", "true", "x", "j", "ja", "ok"})
_NO = frozenset({"", "0", "n", "no", "false", "nein"})
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def doubtful(findings: Sequence[Finding], made: Sequence[Edit]) -> list[Edit]:
    """Return the proposed edits that were not made, surest first."""
    done = {(e.table, e.row, e.column) for e in made}
    gone = {(e.table, e.row) for e in made if e.column is None}
    left = [
        e for f in findings for e in f.edits if (e.table, e.row, e.column) not in done and (e.table, e.row) not in gone
    ]
    return sorted(left, key=lambda e: (-e.confidence, e.table, e.row, e.column or ""))


def to_csv(edits: Sequence[Edit]) -> str:
    """Return a CSV text with an empty column ``accept`` to be filled.

    Texts that a spreadsheet would take for a formula get an apostrophe, which `from_csv` takes off again.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for e in edits:
        cells = (e.table, e.row, e.column, e.before, e.after, e.check, f"{e.confidence:.3f}", e.why)
        writer.writerow(["", *(_guard(c) for c in cells)])
    return out.getvalue()


def _guard(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith((*_RISKY, "'")) else text


def _open(text: str) -> str | None:
    return None if text == "" else text.removeprefix("'")


def from_csv(text: str, proposed: Sequence[Edit]) -> list[Edit]:
    """Return the proposed edits that were accepted, with the reviewer's own values where `after` was changed.

    Raises
    ------
    InputError
        Where the file is no review file, a row was not proposed, or an answer is neither yes nor no.
    """
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"a review file begins with the columns {', '.join(COLUMNS)}; take the file that was written")
    known = {(e.table, e.row, e.column, e.check): e for e in proposed}
    out: list[Edit] = []
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(COLUMNS):
            raise InputError(f"line {number} of the review file has {len(row)} cells instead of {len(COLUMNS)}")
        answer = row[0].strip().lower()
        if answer in _NO:
            continue
        if answer not in _YES:
            raise InputError(f"line {number} of the review file answers {row[0][:20]!r}; write yes or leave it empty")
        key = (_open(row[1]) or "", int(row[2]) if row[2].isdigit() else -1, _open(row[3]), _open(row[6]) or "")
        if key not in known:
            raise InputError(
                f"line {number} of the review file is none of the proposed edits; take the file as written"
            )
        edit = known[key]
        out.append(Edit(**{**edit.to_json(), "after": _open(row[5]), "confidence": 1.0, "safe": True}))
    return out


def to_html(edits: Sequence[Edit], title: str = "Edits to review") -> str:
    """Return a self-contained page: a table with boxes, and a button that saves the answers as the CSV file."""
    lines = []
    for i, e in enumerate(edits):
        after = "remove this row" if e.column is None else "(empty)" if e.after is None else e.after
        check = e.check.replace("_", " ")
        cells = (e.table, e.row, e.column or "(row)", e.before, after, check, f"{e.confidence:.0%}", e.why)
        shown = "".join(f"<td>{html.escape('' if c is None else str(c)[:300])}</td>" for c in cells)
        lines.append(
            f'<tr><td><input type="checkbox" data-line="{i}" aria-label="accept line {i + 1}"></td>{shown}</tr>'
        )
    data = html.escape(to_csv(edits), quote=True)
    heads = "".join(f"<th>{c}</th>" for c in COLUMNS)
    return _PAGE.format(title=html.escape(title), heads=heads, rows="\n".join(lines), data=data, n=len(edits))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>body{{font:15px system-ui,sans-serif;margin:2rem;color:#222}}table{{border-collapse:collapse;width:100%}}
td,th{{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;vertical-align:top}}
td{{min-width:5rem;max-width:26rem;overflow-wrap:anywhere}}td:nth-child(-n+3){{min-width:0;overflow-wrap:normal}}
tr:has(:checked){{background:#e4f4ec}}
th{{position:sticky;top:0;background:#fff}}button{{font:inherit;padding:.4rem .8rem;margin:0 .5rem 1rem 0}}</style>
</head><body><h1>{title}</h1>
<p>{n} edits were not made because they are in doubt. Tick those that are right, save the answers, and hand the file
back.</p><button id="all">Tick all</button><button id="save">Save the answers</button>
<table><thead><tr>{heads}</tr></thead><tbody>
{rows}
</tbody></table><textarea id="data" hidden readonly>{data}</textarea>
<script>
const boxes=[...document.querySelectorAll("input[data-line]")];
document.getElementById("all").onclick=()=>boxes.forEach(b=>b.checked=true);
function records(t){{const out=[];let cur="",q=false;for(const ch of t){{if(ch==='"')q=!q;
if(ch==="\\n"&&!q){{out.push(cur);cur=""}}else cur+=ch}}if(cur)out.push(cur);return out}}
document.getElementById("save").onclick=()=>{{const r=records(document.getElementById("data").value);
boxes.forEach((b,i)=>{{if(b.checked)r[i+1]="yes"+r[i+1]}});
const a=document.createElement("a");a.href=URL.createObjectURL(new Blob([r.join("\\n")+"\\n"],{{type:"text/csv"}}));
a.download="review.csv";a.click()}};
</script></body></html>
"""
