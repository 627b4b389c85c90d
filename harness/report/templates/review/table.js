// The table: a problem's contenders together, failures first; a click on a heading sorts.

const dash = "";
const COLUMNS = [
  { name: "problem", text: true, sort: (t) => problems[t.problem].label },
  { name: "contender", text: true, sort: (t) => t.contender },
  { name: "GFLOP/s [95 %]", sort: (t) => -(t.gflops ?? -1), cell: speedCell },
  { name: "peak", title: "share of the measured peak", sort: (t) => -(t.share ?? -1), cell: (t) => (t.share === null ? dash : per(t.share)) },
  { name: "roofline", title: "share of the problem's own roofline", sort: (t) => -(t.of_roofline ?? -1), cell: (t) => (t.of_roofline === null ? dash : per(t.of_roofline)) },
  { name: "ratio [95 %]", sort: (t) => badness(t), cell: ratioCell },
  { name: "verdict", text: true, sort: (t) => verdictOf(t), cell: verdictCell },
  { name: "pred/meas", title: "predicted / measured seconds; marked beyond 10 %", sort: (t) => -Math.abs(Math.log(t.model ?? 1)), cell: modelCell },
  { name: "noise", title: "share of disturbed samples", sort: (t) => -(t.noise ?? -1), cell: (t) => (t.noise === null ? dash : per(t.noise)) },
  { name: "error", title: "worst error against the float64 reference", sort: (t) => -(t.error ?? -1), cell: (t) => (t.error === null ? dash : t.error.toExponential(0)) },
  { name: "tuning", title: "seconds to find the schedule", sort: (t) => -(t.tuning ?? -1), cell: (t) => (t.tuning === null ? dash : `${t.tuning.toFixed(1)} s`) },
  { name: "bound by", text: true, sort: (t) => t.bound ?? "~", cell: (t) => t.bound ?? dash },
  { name: "likely cause of a loss", text: true, wide: true, sort: (t) => (causeOf(t) ? 0 : 1), cell: (t) => causeOf(t) },
];

function causeOf(trial) {
  if (trial.status !== "ok") return cut(trial.reason ?? "no reason was recorded", 400);
  return ratioOf(trial)?.cause ?? "";
}

function speedCell(trial) {
  if (trial.status !== "ok") return html("span", { class: `status-${trial.status}` }, `${trial.status}${trial.stage ? ` (${trial.stage})` : ""}`);
  if (trial.gflops === null) return dash;
  const ends = trial.gflops_ci95;
  return [rate(trial.gflops), " ", html("span", { class: "ends" }, ends ? interval(ends, (v) => (v < 99.95 ? rate(v) : v.toFixed(0))) : "")];
}

function ratioCell(trial) {
  const found = ratioOf(trial);
  return found ? [two(found.ratio), " ", html("span", { class: "ends" }, interval(found.ci95))] : dash;
}

function verdictCell(trial) {
  const found = ratioOf(trial);
  if (!found) return dash;
  const mark = found.noise > 0.1 ? "!" : "";
  return html("span", { class: classOf(found.verdict), title: found.withheld ?? (mark && "reached in noise") }, `${found.verdict}${mark}`);
}

function modelCell(trial) {
  if (trial.model === null) return dash;
  return html("span", { class: Math.abs(trial.model - 1) > 0.1 ? "off" : "" }, trial.model.toFixed(2));
}

// [problem, trials] in the asked order; baselines stand below the strategies of their problem.
function tableGroups() {
  const groups = worstFirst(shown());
  const column = COLUMNS.find((one) => `-${one.name}` === state.sort || one.name === state.sort);
  if (!column) {
    for (const [, own] of groups) own.sort((a, b) => badness(a) - badness(b));
    return groups;
  }
  const sign = state.sort.startsWith("-") ? -1 : 1;
  const order = (a, b) => (a < b ? -sign : a > b ? sign : 0);
  for (const [, own] of groups) own.sort((a, b) => order(column.sort(a), column.sort(b)));
  return groups.sort(([, one], [, other]) => order(column.sort(one[0]), column.sort(other[0])));
}

function drawTable() {
  const root = section("table");
  const groups = tableGroups();
  const heads = COLUMNS.map((column) => {
    const [up, down] = [state.sort === column.name, state.sort === `-${column.name}`];
    const next = up ? `-${column.name}` : down ? "" : column.name;
    return html("th", { class: column.text ? "text" : "", scope: "col", title: column.title, "aria-sort": up ? "ascending" : down ? "descending" : "none" },
      html("button", { type: "button", onclick: () => filter("sort", next) }, column.name, up ? " ↓" : down ? " ↑" : ""));
  });
  const bodies = groups.map(([problem, own]) => {
    const beside = unitOf[problem].filter((trial) => trial.kind === "baseline");
    return html("tbody", { "data-problem": problem }, [...own, ...beside].map((trial, index) => tableRow(trial, index === 0)));
  });
  const table = html("table", { class: "trials" }, html("thead", {}, html("tr", {}, heads)), ...bodies);
  const numbers = () => [["problem", "sizes", "contender", "kind", "status", "gflops", "low", "high", "peak", "roofline", "baseline", "ratio", "low", "high", "verdict",
    "predicted/measured", "noise", "error", "tuning seconds", "bound", "cause"],
  ...groups.flatMap(([problem, own]) => [...own, ...unitOf[problem].filter((t) => t.kind === "baseline")].map((t) => {
    const found = ratioOf(t);
    return [problems[problem].label, problems[problem].sizes, t.contender, t.kind, t.status, t.gflops, ...(t.gflops_ci95 ?? [null, null]), t.share, t.of_roofline,
      baseline(), found?.ratio, found?.ci95[0], found?.ci95[1], found?.verdict, t.model, t.noise, t.error, t.tuning, t.bound, causeOf(t)];
  }))];
  const told = `${groups.length} of ${problems.length} problems; ratio against ${cut(baseline() || "nothing", 40)}, above 1 is faster; "!" is reached in noise`;
  root.replaceChildren(groups.length ? figure("trials", told, numbers, html("div", { class: "scroll" }, table)) : nothing("No trial passes the filters."));
  markSelected();
}

function tableRow(trial, leads) {
  const cells = COLUMNS.slice(2).map((column) =>
    html("td", { class: column.wide ? "text cause" : column.text ? "text" : "" }, column.cell(trial)));
  const label = problems[trial.problem].label;
  return html("tr", { "data-trial": trial.trial, class: trial.kind, onclick: () => select(trial) },
    html("th", { class: "text", scope: "row", title: label }, leads ? html("a", { href: "#details", onclick: (event) => event.preventDefault() }, cut(label, 24)) : ""),
    html("td", { class: "text name", title: trial.tuner ?? trial.contender }, cut(trial.contender, 60)), cells);
}

// Scroll a list so that a row of it is in sight; the page itself stays where it is.
function showRow(box, row) {
  if (!row) return;
  const [around, own] = [box.getBoundingClientRect(), row.getBoundingClientRect()];
  if (own.top < around.top || own.bottom > around.bottom) box.scrollTop += own.top - around.top - around.height / 3;
}

// The selected problem, wherever it stands.
function markSelected() {
  for (const node of document.querySelectorAll("[data-problem]")) {
    node.classList.toggle("selected", Number(node.dataset.problem) === state.problem);
  }
  for (const box of document.querySelectorAll(".tall")) showRow(box, box.querySelector(".row.selected"));
  for (const node of document.querySelectorAll("[data-trial]")) {
    node.classList.toggle("chosen", node.dataset.trial === state.trial.trial);
  }
}
