// Compare mode: each pair's ratio with its interval, and every campaign's level over time.

let passed = 12; // series of the history that are drawn
const beforeAfter = (ratio) => (ratio ? `${two(ratio.value)} ${interval(ratio.ci95)}` : "");

function drawComparison() {
  if (!review.comparison) return;
  const root = section("compare");
  const found = review.comparison.newest ?? review.comparison;
  const width = room(root, 1152);
  const known = found.pairs.filter((pair) => pair.ratio);
  const byId = new Map(trials.map((trial) => [trial.trial, trial]));
  const rows = known.map((pair) => ({
    label: `${pair.problem} ${pair.contender}`,
    attributes: belongs(byId.get(pair.trials[1])?.problem ?? -1, { onclick: () => select(byId.get(pair.trials[1])) }),
    note: `${beforeAfter(pair.ratio)} ${pair.verdict}`,
    items: [{ contender: pair.contender, ratio: pair.ratio.value, ci95: pair.ratio.ci95, verdict: pair.verdict,
      hint: `${beforeAfter(pair.ratio)} ${pair.verdict}, by ${pair.by}${pair.rescheduled ? "; another schedule was chosen" : ""}${pair.reason ? `; ${pair.reason}` : ""}` }],
  }));
  const numbers = () => [["problem", "contender", "ratio", "low", "high", "verdict", "by", "another schedule", "reason"],
    ...found.pairs.map((pair) => [pair.problem, pair.contender, pair.ratio?.value, ...(pair.ratio?.ci95 ?? [null, null]), pair.verdict, pair.by, pair.rescheduled, pair.reason])];
  const told = `speed after over speed before, 95 % interval; below 1 it became slower; a verdict asks for ${per(found.threshold)}`;
  const parts = [rows.length ? figure("comparison", told, numbers, html("div", { class: rows.length > 40 ? "tall" : "" }, ratioChart(rows, width, found.threshold)))
    : nothing("No trial has a figure in both campaigns.")];
  const lost = found.pairs.filter((pair) => !pair.ratio);
  if (lost.length) parts.push(html("ul", { class: "notes" }, lost.slice(0, 50).map((pair) => html("li", {}, cut(`${pair.problem} ${pair.contender}: ${pair.reason}`, 400)))));
  if (review.comparison.series?.length) parts.push(historyFigure(review.comparison));
  root.replaceChildren(...parts);
  markSelected();
}

function historyFigure(found) {
  const numbers = () => [["problem", "contender", "by", ...found.campaigns.map((one) => `${one.name} ${one.commit}`)],
    ...found.series.map((one) => [one.problem, one.contender, one.by, ...one.points.map((point) => point?.value)])];
  const charts = [...found.series].sort((a, b) => (b.steps.length > 0) - (a.steps.length > 0)).slice(0, passed).map((one) => {
    const [wide, high] = [340, 150];
    const known = one.points.flatMap((point) => (point ? [point.value, ...point.ci95] : []));
    const first = one.points.find((point) => point).value;
    const x = scale("linear", 0, one.points.length - 1, 44, wide - 12);
    const y = scale("linear", Math.min(...known) / first - 0.02, Math.max(...known) / first + 0.02, high - 30, 24);
    const path = one.points.map((point, n) => (point ? `${x(n).toFixed(1)},${y(point.value / first).toFixed(1)}` : "")).filter(Boolean).join(" ");
    return picture(wide, high, words(44, 13, cut(`${one.problem} ${one.contender}`, 46), { class: "name" }),
      ticks(y, 4).map((value) => [svg("line", { class: "grid", x1: x.from, x2: x.to, y1: y(value), y2: y(value) }), words(38, y(value) + 4, value.toFixed(2), { class: "tick", "text-anchor": "end" })]),
      one.steps.map((step) => [svg("line", { class: `step ${step.ratio.value < 1 ? "verdict-slower" : "verdict-faster"}`, x1: x(step.at), x2: x(step.at), y1: 20, y2: y.from }),
        words(x(step.at), high - 16, `${two(step.ratio.value)}${step.confirmed ? "" : "?"}`, { class: `tick ${step.ratio.value < 1 ? "verdict-slower" : "verdict-faster"}`, "text-anchor": "middle" })]),
      svg("polyline", { class: "curve", points: path }),
      one.points.map((point, n) => (point ? svg("g", {}, svg("line", { class: "whisker", x1: x(n), x2: x(n), y1: y(point.ci95[0] / first), y2: y(point.ci95[1] / first) }),
        svg("circle", { class: "dot", cx: x(n), cy: y(point.value / first), r: 3 }), hint(`${found.campaigns[n].name}, ${found.campaigns[n].commit}: ${two(point.value / first)}`)) : [])),
      found.campaigns.map((one_, n) => words(x(n), high - 4, cut(one_.commit, 8), { class: "tick", "text-anchor": "middle" })));
  });
  return figure("history", `speed by commit, 1 is the first campaign's; a line marks a step, "?" one that the next campaign must confirm`, numbers, html("div", { class: "multiples three" }, charts),
    moreButton(found.series.length - passed, () => { passed += 12; drawComparison(); }, 12) ?? "");
}
