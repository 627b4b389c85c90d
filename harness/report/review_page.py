"""The review of a campaign as one HTML file that opens from disk.

The page holds the document of harness.analysis.review once: its rows as JSON, what only a selected
trial shows in *packs*, which the page's script opens when it needs them. A pack is JSON, deflated,
in base64; neighbours share one, for kernels of neighbouring problems have most of their text in
common.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from markupsafe import Markup

from compiler.errors import printable
from harness.analysis.review.document import Mean, Review
from harness.measure.noise import MARKED
from harness.report.pages import page

SCRIPTS = (
    *("data.js", "draw.js", "speedups.js", "table.js", "shares.js", "roofline.js", "model.js"),
    *("convergence.js", "noise.js", "detail.js", "timeline.js", "compare.js", "main.js"),
)
PER_PACK = 32  # trials
KERNELS = 16  # C texts of a pack
PACKED = ("details", "samples", "searches", "kernels")  # fields of a Review
MOST_MEANS = 4  # that the strip shows at large; the others follow in a line


def as_html(review: Review, comparison: Mapping[str, Any] | None = None) -> str:
    """The page; `comparison` is what comparison_data or history_data make of campaigns."""
    trust, loss = review.trust, review.loss
    rivals = list(dict.fromkeys(mean.baseline for mean in review.means)) or review.baselines
    return page(
        "review.html",
        review=review,
        compared=None if comparison is None else comparison.get("newest", comparison),
        means=[_mean(mean) for mean in review.means[:MOST_MEANS]],
        others=[_mean(mean) for mean in review.means[MOST_MEANS:]],
        counted=_counted,
        several=len(rivals) > 1,
        rivals=" and ".join(rivals[:3]) or "a baseline",
        loss=loss,
        ratio="" if loss is None else f"{loss.ratio.ratio:.2f}",
        interval="" if loss is None else _interval(loss.ratio.ci95),
        trust=_trusted(review),
        noise="an unknown share" if trust.noise is None else f"{100 * trust.noise:.1f} %",
        noisy=trust.noise is not None and trust.noise > MARKED,
        shares=any(trial.of_roofline for trial in review.trials),
        slots=len({(trial.node, trial.slot) for trial in review.trials}),
        data=Markup(script_json(_core(review, comparison))),
        packs=[(name, Markup(text)) for name, text in _packs(review)],
        scripts=SCRIPTS,
    )


def script_json(value: object) -> str:
    """JSON that can stand inside a script element: nothing in it ends the element or begins one."""
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _core(review: Review, comparison: Mapping[str, Any] | None) -> dict[str, object]:
    """All that is drawn before anything is selected."""
    kept = {f.name: getattr(review, f.name) for f in fields(review) if f.name not in PACKED}
    packs = {name: n // KERNELS for n, name in enumerate(review.kernels)}
    return {**kept, "kernels": packs, "per_pack": PER_PACK, "comparison": comparison}


def _packs(review: Review) -> Iterator[tuple[str, str]]:
    """(id of its element, base64 of raw deflate of JSON)."""
    order = [trial.trial for trial in review.trials]
    for start in range(0, len(order), PER_PACK):
        names = order[start : start + PER_PACK]
        for kind in ("details", "samples"):
            held: Mapping[str, object] = getattr(review, kind)
            yield f"{kind}-{start // PER_PACK}", _packed({n: held[n] for n in names if n in held})
    yield "searches", _packed(review.searches)
    texts = list(review.kernels.items())
    for start in range(0, len(texts), KERNELS):
        yield f"kernels-{start // KERNELS}", _packed(dict(texts[start : start + KERNELS]))


def _packed(value: object) -> str:
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)
    deflate = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return b64encode(deflate.compress(text.encode()) + deflate.flush()).decode()


def _plain(value: object) -> object:
    """Plain data: texts as they may be shown, numbers with the digits that a chart can show."""
    if isinstance(value, str):
        return printable(value, kept="\n\t")
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {printable(str(key)): _plain(member) for key, member in value.items()}
    if isinstance(value, Sequence):
        return [_plain(member) for member in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value


def _mean(mean: Mean) -> dict[str, str]:
    return {
        "contender": mean.contender,
        "baseline": mean.baseline,
        "ratio": f"{mean.ratio:.2f}",
        "ci95": "" if mean.ci95 is None else _interval(mean.ci95),
        "verdict": mean.verdict or "",
        "verdicts": ", ".join(f"{count} {verdict}" for verdict, count in mean.verdicts.items()),
    }


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _interval(pair: tuple[float, float]) -> str:
    return f"[{pair[0]:.2f} {pair[1]:.2f}]"


def _trusted(review: Review) -> str:
    """The answer in a few words, the gravest doubt first."""
    trust, failed = review.trust, review.statuses.get("failed", 0)
    if not trust.timed:
        return "No: nothing was timed."
    if trust.verified < trust.timed:
        return f"Not all: {_counted(trust.timed - trust.verified, 'trial')} without verification."
    if trust.noise is None:
        return "Unknown: how much was disturbed was not recorded."
    if trust.noise > MARKED:
        return "With care: it was measured in noise."
    if failed:
        return f"What was timed, yes; {_counted(failed, 'trial')} failed."
    if trust.noisy or trust.shared:
        return "Yes, but for single trials."
    return "Yes: verified, in quiet."
