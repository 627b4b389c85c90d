// How near each problem comes to its own roofline: all of them in order, and the worst ones.

const WORST = 15;

// The shares of one contender, the least first.
const sharesOf = (name) => shown().filter((trial) => trial.contender === name && trial.of_roofline > 0)
  .sort((one, other) => one.of_roofline - other.of_roofline);
const meanShare = (list) => Math.exp(list.reduce((sum, trial) => sum + Math.log(trial.of_roofline), 0) / list.length);

function drawShares() {
  const root = section("shares");
  if (!root) return; // no record holds a share
  const curves = contenders.map((name) => [name, sharesOf(name)]).filter(([, list]) => list.length);
  if (!curves.length) return root.replaceChildren(nothing("No trial with a share passes the filters."));
  const told = html("span", {}, "roofline seconds / measured seconds ", legend(curves.map(([name]) => name)),
    curves.map(([name, list]) => html("span", {}, `${curves.length > 1 ? `${cut(name, 24)}: ` : ""}geometric mean ${two(meanShare(list))}, worst ${two(list[0].of_roofline)} of ${list.length} problems `)));
  const numbers = () => [["problem", "sizes", "contender", "share of its roofline", "roofline seconds", "bound by", "seconds", baseline()],
    ...curves.flatMap(([, list]) => list.map((t) => [problems[t.problem].label, problems[t.problem].sizes, t.contender, t.of_roofline,
      t.of_roofline * t.seconds, t.roofline_bound, t.seconds, ratioOf(t)?.ratio]))];
  root.replaceChildren(figure("shares", told, numbers, html("div", { class: "beside" }, sharePicture(root, curves), worstTable(curves))));
  markSelected();
}

function sharePicture(root, curves) {
  const width = Math.min(700, room(root, 700));
  const height = Math.min(330, width * 0.75);
  const all = curves.flatMap(([, list]) => list.map((trial) => trial.of_roofline));
  const x = scale("linear", 0, 100, 52, width - 14);
  const y = scale("log", Math.min(0.5, ...all) / 1.15, Math.max(1, ...all) * 1.15, height - 40, 22);
  const place = (index, count) => x((100 * (index + 0.5)) / count);
  const lines = curves.map(([name, list]) => svg("g", {},
    svg("line", { class: "flat", x1: x.from, x2: x.to, y1: y(meanShare(list)), y2: y(meanShare(list)) }, hint(`${name}: geometric mean ${two(meanShare(list))}`)),
    list.map((trial, index) => svg("g", belongs(trial.problem, { class: `point ${classOf(ratioOf(trial)?.verdict)}`, onclick: () => select(trial) }),
      mark(trial.contender, place(index, list.length), y(trial.of_roofline), { class: "dot" }, list.length > 60 ? 2.6 : 3.4),
      hint(`${problems[trial.problem].label}: ${trial.contender} ${two(trial.of_roofline)} of ${time(trial.of_roofline * trial.seconds)} by ${trial.roofline_bound}`)))));
  return html("div", {}, picture(width, height, axes(x, y, { x: "% of the problems, the worst first", y: "share of its own roofline" }, { most: 10 }),
    svg("line", { class: "one", x1: x.from, x2: x.to, y1: y(1), y2: y(1) }), lines));
}

function worstTable(curves) {
  const worst = curves.flatMap(([, list]) => list).sort((one, other) => one.of_roofline - other.of_roofline).slice(0, WORST);
  const heads = ["problem", "share", "bound by", "measured", ...(baselines.length ? [`x ${cut(baseline(), 12)}`] : [])];
  const rows = worst.map((trial) => html("tr", { "data-problem": trial.problem, onclick: () => select(trial) },
    html("th", { class: "text", scope: "row", title: problems[trial.problem].sizes }, cut(problems[trial.problem].label, 26)),
    html("td", {}, two(trial.of_roofline)), html("td", {}, trial.roofline_bound), html("td", {}, time(trial.seconds)),
    baselines.length ? html("td", {}, ratioOf(trial) ? two(ratioOf(trial).ratio) : "") : null));
  return html("div", { class: "scroll" }, html("table", { class: "ranks worst" }, html("thead", {}, html("tr", {}, heads.map((head, n) => html("th", { class: n ? "" : "text", scope: "col" }, head)))), html("tbody", {}, rows)));
}
