// The review's data: the document that stands in the page, packs of larger texts, what is selected.

const review = JSON.parse(document.getElementById("review").textContent);
const { trials, problems, hosts, baselines } = review;
trials.forEach((trial, index) => { trial.index = index; });
const strategies = trials.filter((trial) => trial.kind === "strategy");
const contenders = [...new Set(trials.map((trial) => trial.contender))];
const unitOf = problems.map(() => []);
for (const trial of trials) unitOf[trial.problem].push(trial);

// Packs: base64 of raw deflate of JSON, opened when they are first asked for.
const opened = new Map();

function opening(name) {
  if (!opened.has(name)) opened.set(name, unpacked(document.getElementById(name).textContent));
  return opened.get(name);
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

// Each gives undefined where the campaign does not hold it.
const held = (kind, trial) => opening(`${kind}-${Math.floor(trial.index / review.per_pack)}`)
  .then((pack) => pack[trial.trial]);
const detailOf = (trial) => held("details", trial);
const samplesOf = (trial) => held("samples", trial);
const searches = () => opening("searches");
async function kernelOf(hash) {
  const number = review.kernels[hash];
  return number === undefined ? undefined : (await opening(`kernels-${number}`))[hash];
}

// What is selected and filtered; it is all in the address, so that an address brings it back.
const FILTERS = ["network", "strategy", "baseline", "verdict"];
const state = { problem: 0, trial: null, sort: "", ...Object.fromEntries(FILTERS.map((f) => [f, ""])) };
const watchers = { select: [], filter: [] };
const on = (what, act) => watchers[what].push(act);
const tell = (what) => watchers[what].forEach((act) => act());

function select(trial) {
  state.trial = trial;
  state.problem = trial.problem;
  writeAddress();
  tell("select");
}

function selectProblem(problem) {
  const own = unitOf[problem];
  select(own.find((trial) => trial.contender === state.trial?.contender) ?? own[0]);
}

function filter(what, value) {
  state[what] = value;
  writeAddress();
  tell("filter");
}

const baseline = () => state.baseline || baselines[0] || "";
const ratioOf = (trial) => trial.ratios[baseline()];
const verdictOf = (trial) => (trial.status === "ok" ? ratioOf(trial)?.verdict ?? "" : trial.status);

function passes(trial) {
  return (!state.network || problems[trial.problem].network === state.network)
    && (!state.strategy || trial.contender === state.strategy)
    && (!state.verdict || verdictOf(trial) === state.verdict);
}
const shown = () => strategies.filter(passes);

// Failed ones first, then the worst ratio; what was not compared comes last.
function badness(trial) {
  if (trial.status === "failed") return -2;
  if (trial.status !== "ok") return -1;
  return ratioOf(trial)?.ratio ?? Infinity;
}

// [problem, its trials] of the trials that pass, the worst problem first.
function worstFirst(list) {
  const groups = new Map();
  for (const trial of list) {
    if (!groups.has(trial.problem)) groups.set(trial.problem, []);
    groups.get(trial.problem).push(trial);
  }
  const least = ([, own]) => Math.min(...own.map(badness));
  return [...groups].sort((one, other) => least(one) - least(other) || one[0] - other[0]);
}

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const what of [...FILTERS, "sort"]) state[what] = asked.get(what) ?? "";
  const byLabel = problems.findIndex((problem) => problem.label === asked.get("problem"));
  state.trial = trials.find((trial) => trial.trial === asked.get("trial"))
    ?? unitOf[byLabel]?.[0]
    ?? trials.find((trial) => trial.trial === review.loss?.trial)
    ?? trials[0];
  state.problem = state.trial.problem;
}

function address() {
  const parts = new URLSearchParams();
  parts.set("problem", problems[state.problem].label);
  parts.set("trial", state.trial.trial);
  for (const what of [...FILTERS, "sort"]) if (state[what]) parts.set(what, state[what]);
  return `#${parts}`;
}

function writeAddress() {
  try {
    history.replaceState(null, "", address());
  } catch {
    location.hash = address(); // a sandboxed frame
  }
}
