// When each node's slots were at work on which problem.

function drawTimeline() {
  const root = section("timeline");
  const lanes = new Map();
  for (const own of unitOf) {
    for (const trial of own.filter((one) => one.started && one.ended).slice(0, 1)) {
      const name = `${trial.node} cores ${trial.slot}`;
      if (!lanes.has(name)) lanes.set(name, []);
      lanes.get(name).push(trial);
    }
  }
  const all = [...lanes.values()].flat();
  if (!all.length) return root.replaceChildren(nothing("No times were recorded."));
  const least = all.map((trial) => Date.parse(trial.started)).reduce((a, b) => Math.min(a, b));
  const most = all.map((trial) => Date.parse(trial.ended)).reduce((a, b) => Math.max(a, b));
  const width = room(root, 1152);
  const left = width < 500 ? 90 : 180;
  const x = scale("linear", 0, Math.max(1e-3, (most - least) / 60000), left, width - 10);
  const minutes = (moment) => x((Date.parse(moment) - least) / 60000);
  const rows = [...lanes].sort(([one], [other]) => (one < other ? -1 : 1));
  const height = rows.length * ROW + 44;
  const y = scale("linear", 0, 1, rows.length * ROW + 6, 6);
  const boxes = rows.map(([name, own], lane) => [
    words(left - 8, lane * ROW + 20, cut(name, left < 120 ? 13 : 27), { class: "label", "text-anchor": "end" }),
    own.map((trial) => svg("rect", belongs(trial.problem, {
      class: `work ${unitOf[trial.problem].some((one) => one.status === "failed") ? "status-failed" : ""}`,
      x: minutes(trial.started), width: Math.max(1.5, minutes(trial.ended) - minutes(trial.started) - 0.5), y: lane * ROW + 8, height: ROW - 5 }),
    hint(`${problems[trial.problem].label}, ${((Date.parse(trial.ended) - Date.parse(trial.started)) / 1000).toFixed(1)} s`)))]);
  const axis = ticks(x, 10).map((value) => [svg("line", { class: "grid", x1: x(value), x2: x(value), y1: y.to, y2: y.from }),
    words(x(value), y.from + 14, plain(value), { class: "tick", "text-anchor": "middle" })]);
  const numbers = () => [["node", "cores", "problem", "started", "ended"], ...all.map((t) => [t.node, t.slot, problems[t.problem].label, t.started, t.ended])];
  root.replaceChildren(figure("timeline", `${lanes.size} slot${lanes.size > 1 ? "s" : ""} at work, a box a problem; minutes since ${new Date(least).toISOString().slice(0, 19)}`, numbers,
    picture(width, height, axis, boxes, words((left + width) / 2, height - 4, "minutes", { class: "name", "text-anchor": "middle" }))));
}
