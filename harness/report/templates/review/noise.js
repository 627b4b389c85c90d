// Samples against time by process with the ratios of blocks below; slots over the whole campaign.

let looked = MORE;

function drawNoise() {
  const root = section("noise");
  const order = problemsFrom(shown());
  const rest = order.slice(1).sort((one, other) => loudest(other) - loudest(one));
  const some = [...order.slice(0, 1), ...rest].slice(0, looked);
  const boxes = some.map((problem) => html("div", { class: "pair", ...belongs(problem) },
    html("h4", { title: problems[problem].label }, cut(problems[problem].label, 60)), html("div", { class: "samples" })));
  some.forEach(async (problem, index) => {
    const own = await Promise.all(unitOf[problem].filter((trial) => trial.seconds).map(async (trial) => [trial, await samplesOf(trial)]));
    const known = own.filter(([, samples]) => samples);
    boxes[index].lastChild.replaceChildren(...(known.length ? known.map(([trial, samples]) => sampleChart(trial, samples)) : [nothing("no samples were kept")]));
  });
  const numbers = async () => [["problem", "contender", "process", "seconds", "flags (s switched out, t steal, p processor changed, f page faults)"],
    ...(await Promise.all(some.flatMap((problem) => unitOf[problem]).map(async (trial) => [trial, await samplesOf(trial)])))
      .flatMap(([trial, samples]) => (samples?.seconds ?? []).map((seconds, n) => [problems[trial.problem].label, trial.contender, samples.process[n], seconds, samples.flags[n]]))];
  root.replaceChildren(twinTold(), figure("samples", "each sample over its trial's median, by process; crosses: disturbed. Below: ratio of each block", numbers,
    html("div", { class: "multiples" }, boxes)), moreButton(order.length - looked, () => { looked += MORE; drawNoise(); }) ?? "", slots());
  markSelected();
}

const loudest = (problem) => Math.max(...unitOf[problem].map((trial) => trial.noise ?? 0));

function twinTold() {
  const twins = review.means.filter((mean) => mean.baseline === "twin");
  if (!twins.length) return "";
  return html("p", {}, "A/A, a kernel against itself: ", twins.map((mean) =>
    `${mean.contender} ${two(mean.ratio)}${mean.ci95 ? ` ${interval(mean.ci95)}` : ""}, ${(mean.verdicts.faster ?? 0) + (mean.verdicts.slower ?? 0)} false verdicts`).join("; "));
}

function sampleChart(trial, samples) {
  const ratios = samples.ratios[baseline()] ?? [];
  const [width, top, below] = [300, 120, ratios.length ? 46 : 0];
  const middle = median(samples.seconds);
  const values = samples.seconds.map((seconds) => seconds / middle);
  const x = scale("linear", 0, values.length - 1, 40, width - 6);
  const y = scale("linear", Math.min(0.98, ...values), Math.min(1.6, Math.max(1.02, ...values)), top - 8, 20);
  const parts = [words(40, 13, `${cut(trial.contender, 24)}${trial.noise === null ? "" : `, ${per(trial.noise)} disturbed`}`, { class: "name" })];
  for (const value of ticks(y, 3)) {
    parts.push(svg("line", { class: "grid", x1: x.from, x2: x.to, y1: y(value), y2: y(value) }), words(34, y(value) + 4, value.toFixed(2), { class: "tick", "text-anchor": "end" }));
  }
  samples.process.forEach((process, n) => {
    if (n && process !== samples.process[n - 1]) parts.push(svg("line", { class: "border", x1: x(n - 0.5), x2: x(n - 0.5), y1: 18, y2: top - 6 }));
  });
  values.forEach((value, n) => {
    const disturbed = /[stpo]/.test(samples.flags[n]);
    const at = [x(n).toFixed(1), y(Math.min(y.high, value)).toFixed(1)];
    parts.push(disturbed ? svg("path", { class: "disturbed", d: "M-2.5,-2.5L2.5,2.5M-2.5,2.5L2.5,-2.5", transform: `translate(${at})` })
      : svg("circle", { class: "sample", cx: at[0], cy: at[1], r: 1.4 }));
  });
  if (ratios.length) {
    const across = scale("linear", 0, Math.max(1, ratios.length - 1), 40, width - 6);
    const up = scale("log", Math.min(0.97, ...ratios), Math.max(1.03, ...ratios), top + below - 4, top + 6);
    parts.push(svg("rect", { class: "tie", x: 40, width: width - 46, y: up(Math.min(1.02, up.high)), height: up(0.98) - up(1.02) }),
      words(34, up(1) + 4, "1×", { class: "tick", "text-anchor": "end" }),
      ratios.map((ratio, n) => svg("circle", { class: `block ${ratio > 1.02 ? "verdict-faster" : ratio < 0.98 ? "verdict-slower" : "verdict-same"}`, cx: across(n).toFixed(1), cy: up(ratio).toFixed(1), r: 2 })));
  }
  return picture(width, top + below, parts);
}

// Each node and its cores: disturbances of every trial in the order of time, and a search's drift.
function slots() {
  const lanes = new Map();
  for (const trial of trials.filter((one) => one.started && one.noise !== null)) {
    const name = `${trial.node} cores ${trial.slot}`;
    if (!lanes.has(name)) lanes.set(name, []);
    lanes.get(name).push(trial);
  }
  if (!lanes.size) return "";
  const times = [...lanes.values()].flat().map((trial) => Date.parse(trial.started));
  const width = room(section("noise"), 1152);
  const kinds = ["steal", "switched out", "processor changed"];
  const [least, most] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  const pictures = [...lanes].slice(0, 24).map(([name, own]) => {
    const x = scale("linear", 0, Math.max(1, (most - least) / 60000), 60, width - 10);
    const worst = Math.max(0.1, ...own.map((trial) => trial.noise));
    const y = scale("linear", 0, worst, 76, 18);
    return picture(width, 110, words(60, 12, cut(name, 60), { class: "name" }),
      axes(x, y, { x: "minutes since the first trial", y: "" }, { yform: (value) => per(value), most: 10 }),
      svg("rect", { class: "tie", x: 60, width: width - 70, y: y(Math.min(worst, 0.1)), height: y(0) - y(Math.min(worst, 0.1)) }),
      own.map((trial) => {
        const at = x((Date.parse(trial.started) - least) / 60000);
        const told = kinds.filter((kind) => trial.flagged[kind]).map((kind) => `${kind} ${per(trial.flagged[kind])}`).join(", ");
        const drift = trial.drift ? `; sentinel ${two(trial.drift[0])} to ${two(trial.drift[1])}` : "";
        return svg("g", belongs(trial.problem, { class: "point", onclick: () => select(trial) }),
          mark(trial.contender, at, y(trial.noise), { class: trial.noise > 0.1 ? "dot loud" : "dot" }, 2.6),
          trial.drift ? svg("line", { class: "whisker", x1: at, x2: at, y1: y(0) + 2, y2: y(0) + 2 + Math.min(10, 100 * (trial.drift[1] - trial.drift[0])) }) : [],
          hint(`${problems[trial.problem].label} ${trial.contender}: ${per(trial.noise)} disturbed${told ? ` (${told})` : ""}${drift}`));
      }));
  });
  const numbers = () => [["node", "cores", "started", "problem", "contender", "disturbed", ...kinds, "drift least", "drift most"],
    ...[...lanes.values()].flat().map((t) => [t.node, t.slot, t.started, problems[t.problem].label, t.contender, t.noise, ...kinds.map((kind) => t.flagged[kind] ?? 0), ...(t.drift ?? [null, null])])];
  return figure("slots", "slots over the campaign: share of disturbed samples of each trial, shaded up to 10 %; below the axis: drift of a search's sentinel", numbers, ...pictures);
}
