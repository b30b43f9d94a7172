"""`summary`: a run as a small HTML fragment for notebooks, without scripts or style sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from seedstock.report.cards import cards_by_group
from seedstock.report.text import DASH, shown

if TYPE_CHECKING:
    from seedstock.pipeline import Run

MAX_WATCH = 4

_COLOURS = {"yes": "#1d7f54", "with care": "#9a5b00", "no": "#b3261e"}
_FRAGMENT = """
{% set cell = "text-align:left;padding:2px 16px 2px 0;white-space:nowrap" %}
<div style="font-family:Inter,system-ui,sans-serif;max-width:900px;line-height:1.5;text-align:left">
<p style="margin:4px 0 10px">
<b>{{ rows }} synthetic rows</b> from {{ real }} real ones, by {{ generator }}, seed {{ seed }}</p>
<table style="border-collapse:separate;border-spacing:0;margin:0 0 10px"><tr>
{% for a in answers %}
<td style="text-align:left;padding:8px 28px 8px 12px;border-left:4px solid {{ a.colour }}">{{ a.question }}<br>
<b style="font-size:1.35em;color:{{ a.colour }}">{{ a.answer | capitalize }}</b></td>
{% endfor %}
</tr></table>
<p style="margin:0 0 8px">{{ sentence }}</p>
{% if watch %}
<ul style="margin:0 0 10px;padding-left:20px">{% for w in watch %}<li>{{ w }}</li>{% endfor %}</ul>
{% endif %}
<table style="border-collapse:collapse;font-size:.93em">
<thead><tr>
{% for head in ("Score", "Value", "", "Real vs real", "Good", "") %}<th style="{{ cell }}">{{ head }}</th>{% endfor %}
</tr></thead>
<tbody>
{% for group in groups %}{% for c in group.cards %}
<tr><td style="{{ cell }}" title="{{ c.meaning }}">{{ c.title }}</td>
<td style="{{ cell }}"><b>{{ c.value }}</b></td>
<td style="{{ cell }}">{{ c.picture }}</td>
<td style="{{ cell }}">{{ c.floor or dash }}</td>
<td style="{{ cell }}">{{ c.good or dash }}</td>
<td style="{{ cell }}">{{ c.pill }}</td></tr>
{% endfor %}{% endfor %}
</tbody></table></div>
"""


def summary(run: Run) -> str:
    """Return verdict and scores of a run as an HTML fragment: what ``_repr_html_`` shows.

    Plain tables and SVG; names and values of the data are shown as text. The whole report is `page`.
    """
    verdict = run.verdict
    answers = [("Train on it?", verdict.train_on), ("Share it?", verdict.share)]
    values: dict[str, Any] = {
        "rows": f"{run.synthetic.size:,}",
        "real": f"{run.train.size:,}",
        "generator": shown(run.generator),
        "seed": run.seed,
        "answers": [{"question": q, "answer": a, "colour": _COLOURS.get(a, "#5d6963")} for q, a in answers],
        "sentence": shown(verdict.sentence, 600),
        "watch": [shown(w, 400) for w in verdict.watch[:MAX_WATCH]],
        "dash": DASH,
        "groups": cards_by_group(run.scores, run.groups),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_FRAGMENT).render(values)
