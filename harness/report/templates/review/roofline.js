// Ceilings of the node's cores and cache levels, and where contenders stand below them.

let counted = "tensors"; // what the intensity divides by: every tensor once, or bytes out of a level

function intensity(trial, whole) {
  const problem = problems[trial.problem];
  if (!problem.flops) return null;
  const moved = counted === "tensors" ? problem.bytes : whole.moved[counted];
  return moved > 0 ? problem.flops / moved : null;
}

function drawRoofline() {
  const root = section("roofline");
  const node = hosts[trials[state.trial.index].host];
  const threads = state.trial.threads;
  const own = shown().filter((t) => t.gflops && t.host === state.trial.host && t.threads === threads);
  const points = own.map((trial) => ({ trial, x: intensity(trial, trial) })).filter((point) => point.x !== null);
  const chooser = html("label", {}, "FLOP per byte of ", html("select", { onchange: (event) => { counted = event.target.value; drawRoofline(); } },
    ["tensors", ...Object.keys(node.levels).filter((level) => level !== "L1")].map((name) =>
      html("option", { value: name, ...(name === counted ? { selected: "" } : {}) },
        name === "tensors" ? "all tensors, each once" : `what the estimate moves out of ${name}`))));
  if (!points.length) {
    return root.replaceChildren(chooser, nothing(counted === "tensors"
      ? "No intensity: the campaign does not describe its problems, or nothing was timed."
      : `The estimate moves nothing out of ${counted} here.`));
  }
  const width = room(root, 700);
  const height = Math.min(450, width * 0.75);
  const rates = points.flatMap((point) => [point.trial.gflops, ...(point.trial.gflops_ci95 ?? [])]);
  for (const { trial } of points) for (const one of unitOf[trial.problem]) if (one.kind === "baseline" && one.gflops) rates.push(one.gflops);
  const peak = node.peak ? node.peak * threads : Math.max(...rates);
  const xs = points.map((point) => point.x);
  const knee = peak / Math.max(...Object.values(node.levels), peak / Math.min(...xs)); // of the fastest level
  const x = scale("log", Math.min(Math.min(...xs) / 2, knee * 0.6), Math.max(...xs) * 2, 52, width - 14);
  const y = scale("log", Math.min(...rates, peak / 4) / 1.3, Math.max(...rates, peak) * 1.25, height - 40, 22);
  const roofs = Object.entries(node.levels).flatMap(([name, bandwidth]) => {
    const end = Math.min(x.high, peak / bandwidth);
    const start = Math.max(x.low, y.low / bandwidth);
    if (start >= end) return [];
    return [svg("line", { class: "roof", x1: x(start), y1: y(start * bandwidth), x2: x(end), y2: y(end * bandwidth) }, hint(`${name}: ${rate(bandwidth)} GB/s by one core`)),
      words(x(start) + 11, Math.min(y.from - 5, y(start * bandwidth) + 4), `${name} ${bandwidth.toFixed(0)} GB/s`, { class: "roof-name" })];
  });
  if (node.peak) {
    roofs.push(svg("line", { class: "roof", x1: x.from, x2: x.to, y1: y(peak), y2: y(peak) }),
      words(x.to, y(peak) - 5, `peak ${peak.toFixed(0)} GFLOP/s`, { class: "roof-name", "text-anchor": "end" }));
  }
  const dots = points.map(({ trial, x: at }) => {
    const found = ratioOf(trial);
    const rival = unitOf[trial.problem].find((one) => one.contender === baseline() && one.gflops);
    const ends = trial.gflops_ci95 ?? [trial.gflops, trial.gflops];
    return svg("g", belongs(trial.problem, { class: `point ${classOf(found?.verdict)}`, onclick: () => select(trial) }),
      rival ? [svg("line", { class: "to-rival", x1: x(at), x2: x(at), y1: y(trial.gflops), y2: y(rival.gflops) }),
        mark(rival.contender, x(at), y(rival.gflops), { class: "dot hollow" })] : [],
      svg("line", { class: "whisker", x1: x(at), x2: x(at), y1: y(ends[0]), y2: y(ends[1]) }),
      mark(trial.contender, x(at), y(trial.gflops), { class: "dot" }),
      hint(`${problems[trial.problem].label}: ${trial.contender} ${rate(trial.gflops)} GFLOP/s, ${plain(at)} FLOP/byte`));
  });
  const numbers = () => [["problem", "contender", "FLOP/byte", "GFLOP/s", "low", "high", baseline()],
    ...points.map(({ trial, x: at }) => [problems[trial.problem].label, trial.contender, at, trial.gflops, ...(trial.gflops_ci95 ?? [null, null]),
      unitOf[trial.problem].find((one) => one.contender === baseline())?.gflops])];
  const names = [...new Set([...own.map((trial) => trial.contender), baseline()])].filter(Boolean);
  const told = html("span", {}, `${cut(node.name || "node", 40)}, ${threads} thread${threads > 1 ? "s" : ""} `, legend(names, (name) => name === baseline()));
  root.replaceChildren(chooser, figure("roofline", told, numbers, picture(width, height,
    axes(x, y, { x: "FLOP per byte", y: "nominal GFLOP/s" }), roofs, dots)));
  markSelected();
}
