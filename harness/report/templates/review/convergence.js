// Best so far against seconds and against trials, with the baselines as lines.

const MORE = 4; // problems more at a press
let converged = MORE;

// The selected problem first, then as the table has them.
function problemsFrom(list) {
  const order = worstFirst(list).map(([problem]) => problem);
  return [...order.filter((problem) => problem === state.problem), ...order.filter((problem) => problem !== state.problem)];
}

function moreButton(left, press, step = MORE) {
  return left > 0 ? html("button", { type: "button", class: "more", onclick: press }, `${Math.min(left, step)} more of ${left}`) : null;
}

async function drawConvergence() {
  const root = section("convergence");
  const found = await searches();
  const searched = (problem) => unitOf[problem].some((trial) => found[trial.trial]?.best.length > 1);
  const order = problemsFrom(shown()).filter((problem) => problems[problem].flops && searched(problem));
  if (!order.length) return root.replaceChildren(nothing("Nothing was searched: the strategies took their model's first choice."));
  const parts = order.slice(0, converged).map((problem) => html("div", { class: "pair", ...belongs(problem) },
    html("h4", { title: problems[problem].label }, cut(problems[problem].label, 60)),
    curve(problem, found, 1, "seconds of search"), curve(problem, found, 0, "trials")));
  const names = [...new Set(order.slice(0, converged).flatMap((problem) => unitOf[problem]).filter((trial) => found[trial.trial]?.best.length || trial.kind === "strategy").map((trial) => trial.contender))];
  const numbers = () => [["problem", "contender", "trials", "seconds of search", "best GFLOP/s"],
    ...order.flatMap((problem) => unitOf[problem].flatMap((trial) => (found[trial.trial]?.best ?? []).map(([count, at, best]) =>
      [problems[problem].label, trial.contender, count, at, problems[problem].flops / best * 1e-9])))];
  root.replaceChildren(figure("convergence", html("span", {}, "best so far, nominal GFLOP/s in the search's own short measurements; lines: baselines ", legend(names)), numbers,
    html("div", { class: "multiples two" }, parts)), moreButton(order.length - converged, () => { converged += MORE; drawConvergence(); }) ?? "");
  markSelected();
}

function curve(problem, found, axis, name) {
  const [width, height] = [260, 180];
  const flops = problems[problem].flops;
  const speed = (seconds) => (flops / seconds) * 1e-9;
  const lines = unitOf[problem].flatMap((trial) => {
    const points = (found[trial.trial]?.best ?? []).map((step) => [axis ? step[1] : step[0], speed(step[2])]);
    if (points.length) return [{ trial, points }];
    if (trial.kind === "strategy" && trial.gflops && axis && trial.tuning) return [{ trial, points: [[trial.tuning, trial.gflops]] }];
    return [];
  });
  const flat = unitOf[problem].filter((trial) => trial.kind === "baseline" && trial.gflops && !found[trial.trial]);
  const ys = [...lines.flatMap((line) => line.points.map((point) => point[1])), ...flat.map((trial) => trial.gflops)];
  const xs = lines.flatMap((line) => line.points.map((point) => point[0])).filter((value) => value > 0);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const x = scale("log", Math.min(...xs), Math.max(...xs), 40, width - 10);
  const y = scale("linear", low - (high - low) * 0.15, high + (high - low) * 0.2, height - 38, 20);
  return picture(width, height, axes(x, y, { x: name, y: axis ? "GFLOP/s" : "" }, { most: 5 }),
    flat.map((trial) => [svg("line", { class: "flat", x1: x.from, x2: x.to, y1: y(trial.gflops), y2: y(trial.gflops) }),
      words(x.to, y(trial.gflops) - 3, cut(trial.contender, 20), { class: "roof-name", "text-anchor": "end" })]),
    lines.map(({ trial, points }) => {
      const steps = points.map(([at, value], n) => (n ? `H${x(at).toFixed(1)}V${y(value).toFixed(1)}` : `M${x(at).toFixed(1)},${y(value).toFixed(1)}`)).join("");
      const [at, value] = points[points.length - 1];
      return svg("g", {}, svg("path", { class: "curve", d: steps }), mark(trial.contender, x(at), y(value), { class: "dot" }, 3.2), hint(trial.contender));
    }));
}
