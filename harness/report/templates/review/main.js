// Filters, the theme, and which section is drawn anew by what.

function drawFilters() {
  const root = document.getElementById("filters");
  const offered = {
    network: [...new Set(problems.map((problem) => problem.network))],
    strategy: [...new Set(strategies.map((trial) => trial.contender))],
    baseline: baselines,
    verdict: ["faster", "same", "slower", "inconclusive", "failed", "skipped", "unsupported"].filter((verdict) => strategies.some((trial) => verdictOf(trial) === verdict)),
  };
  root.replaceChildren(...FILTERS.map((what) => html("label", {}, what, html("select", { name: what, onchange: (event) => filter(what, event.target.value) },
    what === "baseline" ? [] : html("option", { value: "" }, "all"),
    offered[what].map((name) => html("option", { value: name, ...(name === (what === "baseline" ? baseline() : state[what]) ? { selected: "" } : {}) }, cut(name, 60)))))),
  html("span", { id: "selected" }));
  drawSelected();
}

function drawSelected() {
  const found = ratioOf(state.trial);
  document.getElementById("selected")?.replaceChildren(
    html("b", { title: problems[state.problem].label }, cut(problems[state.problem].label, 40)), ` ${cut(state.trial.contender, 24)} `,
    found ? html("span", { class: classOf(found.verdict) }, `${two(found.ratio)} ${found.verdict} `) : "",
    html("button", { type: "button", onclick: () => document.getElementById("details").scrollIntoView({ behavior: "smooth" }) }, "details ↓"));
}

function drawTheme() {
  const kept = () => { try { return localStorage.getItem("polydl-theme") ?? ""; } catch { return ""; } };
  const show = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    button.textContent = `◐ ${theme || "auto"}`;
  };
  const button = html("button", { type: "button", id: "theme", title: "colours: as the system has it, light or dark", onclick: () => {
    const next = { "": "dark", dark: "light", light: "" }[document.documentElement.dataset.theme ?? ""];
    show(next);
    try { localStorage.setItem("polydl-theme", next); } catch { /* a sandboxed frame keeps nothing */ }
  } });
  document.getElementById("theme-place").replaceChildren(button);
  show(kept());
}

const SECTIONS = {
  filter: [drawFilters, drawSpeedups, drawTable, drawShares, drawRoofline, drawModel, drawConvergence, drawNoise],
  select: [markSelected, drawSelected, drawDetail],
};
// What shows the selected problem at large is drawn again once the browser is at rest.
const LATER = [drawRoofline, drawModel, drawConvergence, drawNoise];

function later(acts) {
  const [first, ...rest] = acts;
  if (first) setTimeout(() => { first(); later(rest); }, 0);
}

function start() {
  drawTheme();
  readAddress();
  for (const link of document.querySelectorAll("[data-select]")) {
    link.addEventListener("click", (event) => { event.preventDefault(); select(trials.find((trial) => trial.trial === link.dataset.select)); });
  }
  drawFilters();
  drawSpeedups();
  drawTable();
  SECTIONS.filter.forEach((act) => on("filter", act));
  SECTIONS.select.forEach((act) => on("select", act));
  on("select", () => later(LATER));
  later([drawShares, drawRoofline, drawModel, drawConvergence, drawNoise, drawTimeline, drawDetail, drawComparison, () => { document.documentElement.dataset.ready = "yes"; }]);
  addEventListener("hashchange", () => { readAddress(); tell("filter"); tell("select"); });
  let pending = 0;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(pending);
    pending = setTimeout(() => { tell("filter"); drawTimeline(); drawComparison(); }, 150);
  });
}

if (trials.length) start();
