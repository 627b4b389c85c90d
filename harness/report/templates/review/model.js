// Predicted against measured seconds of every candidate, and how well rankings order them.

const MOST_GREY = 3000; // candidates of other problems that are drawn

async function drawModel() {
  const root = section("model");
  const found = await searches();
  const chosen = shown().filter((trial) => trial.predicted && trial.seconds);
  const grey = [];
  const bright = [];
  for (const trial of shown()) {
    const search = found[trial.trial];
    if (!search) continue;
    const into = trial.problem === state.problem ? bright : grey;
    search.predicted.forEach((predicted, n) => into.push([predicted, search.measured[n], trial]));
  }
  const step = Math.max(1, Math.ceil(grey.length / MOST_GREY));
  const dim = grey.filter((_, n) => n % step === 0);
  const parts = [];
  if (chosen.length || bright.length || dim.length) parts.push(scatter(root, chosen, dim, bright));
  else parts.push(nothing("No predictions: the strategies' models gave none, or nothing was timed."));
  parts.push(rankTable());
  root.replaceChildren(...parts);
  markSelected();
}

function scatter(root, chosen, dim, bright) {
  const side = room(root, 450);
  const all = [...dim, ...bright].flatMap((point) => point.slice(0, 2)).concat(chosen.flatMap((t) => [t.predicted, t.seconds]));
  let [low, high] = [Infinity, 0];
  for (const value of all) { low = Math.min(low, value); high = Math.max(high, value); }
  const x = scale("log", low / 1.3, high * 1.3, 62, side - 12);
  const y = scale("log", low / 1.3, high * 1.3, side - 40, 22);
  const edge = (factor) => [[x.low, x.low * factor], [x.high, x.high * factor]]
    .map(([at, value]) => `${x(at).toFixed(1)},${y(Math.min(y.high, Math.max(y.low, value))).toFixed(1)}`);
  const band = [...edge(1.1), ...edge(1 / 1.1).reverse()].join(" ");
  const dots = (points, name) => points.map(([predicted, measured, trial]) =>
    svg("circle", { class: name, cx: x(predicted).toFixed(1), cy: y(measured).toFixed(1), r: 2.2, onclick: () => select(trial) }));
  const numbers = () => [["problem", "contender", "what", "predicted seconds", "measured seconds"],
    ...[...dim, ...bright].map(([predicted, measured, t]) => [problems[t.problem].label, t.contender, "candidate", predicted, measured]),
    ...chosen.map((t) => [problems[t.problem].label, t.contender, "chosen", t.predicted, t.seconds])];
  const picked = chosen.map((trial) => svg("g", belongs(trial.problem, { class: "point", onclick: () => select(trial) }),
    mark(trial.contender, x(trial.predicted), y(trial.seconds), { class: "dot" }, 3.4),
    hint(`${problems[trial.problem].label}: ${trial.contender}, predicted ${time(trial.predicted)}, measured ${time(trial.seconds)}`)));
  const names = [...new Set(chosen.map((trial) => trial.contender))];
  return figure("predicted", html("span", {}, "candidates grey, chosen solid, band 10 % ", legend(names)), numbers, picture(side, side,
    axes(x, y, { x: "predicted", y: "measured" }, { xform: time, yform: time, most: 5 }),
    svg("polygon", { class: "tie", points: band }),
    svg("line", { class: "one", x1: x.from, y1: y.from, x2: x.to, y2: y.to }),
    dots(dim, "candidate"), dots(bright, "candidate own"), picked));
}

function rankTable() {
  const own = (row) => row.label === problems[state.problem].label;
  const labels = new Set(problems.map((problem) => problem.label));
  const rows = [...review.quality.filter((row) => !labels.has(row.label)), ...review.quality.filter(own)];
  if (!rows.length) return nothing("No rank quality: no strategy measured several candidates.");
  const fixed = (value) => value.toFixed(2);
  const told = (value) => (value ? [fixed(value[0]), " ", html("span", { class: "ends" }, value[1] === null ? "" : interval(value.slice(1), fixed))] : "");
  const again = rows.some((row) => row.again.length) ? ["again: first", "of 5", "of 5 %"] : [];
  const figures = (row) => [row.first, row.best_of_few, ...again.map((_, n) => row.again[n] ?? null), row.tau, row.rho];
  const heads = ["ranking", "n", "first choice", `best of ${review.few}`, ...again, "tau", "rho"];
  let last = "";
  const body = rows.map((row) => {
    const leads = row.label !== last;
    last = row.label;
    return [leads ? html("tr", { class: "leads" }, html("th", { class: "text", scope: "rowgroup", colspan: heads.length, title: row.label }, cut(row.label, 56))) : null,
      html("tr", {}, html("td", { class: "text" }, cut(row.ranking, 30)),
      html("td", {}, String(row.count)), figures(row).map((value) => html("td", {}, told(value))))];
  });
  const numbers = () => [["label", "ranking", "count", ...["first", "best of few", ...again, "tau", "rho"].flatMap((name) => [name, "low", "high"])],
    ...review.quality.map((row) => [row.label, row.ranking, row.count, ...figures(row).flatMap((value) => value ?? [null, null, null])])];
  return figure("rank-quality", `share of the best measured candidate's speed that a choice reaches; ${again.length ? "again: timed a second time, in pairs; " : ""}correlation of place and seconds`, numbers,
    html("div", { class: "scroll" }, html("table", { class: "ranks" }, html("thead", {}, html("tr", {}, heads.map((head, n) => html("th", { class: n ? "" : "text" }, head)))), html("tbody", {}, body))));
}
