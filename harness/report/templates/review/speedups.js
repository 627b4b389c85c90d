// Ratios with their intervals on a log axis: of problems against a baseline, and of two campaigns.

const ROW = 20; // px a problem
const CHUNK = 25; // rows of one picture, so that a printer may break between them
const WORDS = { faster: "faster", slower: "slower", same: "same", inconclusive: "inconclusive" };
const classOf = (verdict) => `verdict-${WORDS[verdict] ?? "none"}`;

// rows: {label, attributes, items: [{contender, ratio, ci95, verdict, hint}], note}; shaded is
// what differs by no more than `tie`.
function ratioChart(rows, width, tie = 0.02) {
  const left = width < 500 ? 96 : 190;
  const right = width < 500 ? 8 : 220;
  const all = rows.flatMap((row) => row.items);
  const [low, high] = reach(all);
  const x = scale("log", low, high, left, width - right);
  const at = (value) => x(Math.min(high, Math.max(low, value)));
  const head = svg("g", {}, ticks(x, width < 500 ? 5 : 9).map((value) =>
    words(x(value), 14, plain(value), { class: "tick", "text-anchor": "middle" })));
  const pictures = [picture(width, 20, head)];
  for (let start = 0; start < rows.length; start += CHUNK) {
    const part = rows.slice(start, start + CHUNK);
    const height = part.length * ROW;
    pictures.push(picture(width, height,
      svg("rect", { class: "tie", x: at(1 - tie), width: at(1 + tie) - at(1 - tie), y: 0, height }),
      ticks(x, width < 500 ? 5 : 9).map((value) =>
        svg("line", { class: "grid", x1: x(value), x2: x(value), y1: 0, y2: height })),
      svg("line", { class: "one", x1: at(1), x2: at(1), y1: 0, y2: height }),
      part.map((row, index) => ratioRow(row, index * ROW, width, left, right, at, low, high))));
  }
  return pictures;
}

// The axis ends at 0.5 and 2 where most ratios lie between them; what lies beyond gets an arrow.
function reach(items) {
  const ends = items.flatMap((item) => [item.ratio, ...item.ci95]);
  const middle = items.length ? median(items.map((item) => item.ratio)) : 1;
  const [least, most] = middle > 0.55 && middle < 1.8 ? [0.5, 2] : [0.005, 200];
  const low = ends.reduce((one, other) => Math.min(one, other), 0.93);
  const high = ends.reduce((one, other) => Math.max(one, other), 1.07);
  return [Math.max(least, low / 1.02), Math.min(most, high * 1.02)];
}

function ratioRow(row, top, width, left, right, at, low, high) {
  const gap = Math.min(7, 16 / Math.max(1, row.items.length));
  const start = top + ROW / 2 - ((row.items.length - 1) * gap) / 2;
  return svg("g", { class: "row", ...row.attributes },
    svg("rect", { class: "hit", x: 0, y: top, width, height: ROW }),
    words(left - 8, top + 14, cut(row.label, left < 120 ? 11 : 27), { class: "label", "text-anchor": "end" }),
    row.items.map((item, index) => {
      const y = start + index * gap;
      return svg("g", { class: classOf(item.verdict) },
        svg("line", { class: "whisker", x1: at(item.ci95[0]), x2: at(item.ci95[1]), y1: y, y2: y }),
        mark(item.contender, at(item.ratio), y, { class: "dot" }, row.items.length > 2 ? 2.6 : 3.4),
        item.ratio < low ? svg("path", { class: "arrow", d: `M${at(low) + 16},${y}h-9m3,-3l-3,3l3,3` }) : [],
        item.ratio > high ? svg("path", { class: "arrow", d: `M${at(high) - 16},${y}h9m-3,-3l3,3l-3,3` }) : [],
        hint(item.hint));
    }),
    right > 100 ? words(width - right + 10, top + 14, cut(row.note, 36), { class: "note" }) : [],
    hint(row.label));
}

function drawSpeedups() {
  const root = section("speedups");
  const least = ([, own]) => Math.min(...own.map((trial) => ratioOf(trial)?.ratio ?? Infinity));
  const groups = worstFirst(shown().filter((trial) => ratioOf(trial) || trial.status !== "ok")).sort((a, b) => least(a) - least(b) || 0);
  if (!baselines.length) return root.replaceChildren(nothing("No baseline: there is nothing to compare with."));
  const rows = groups.map(([problem, own]) => {
    const timed = own.filter(ratioOf).sort((a, b) => contenders.indexOf(a.contender) - contenders.indexOf(b.contender));
    const worst = [...own].sort((a, b) => (ratioOf(a)?.ratio ?? Infinity) - (ratioOf(b)?.ratio ?? Infinity))[0];
    const found = ratioOf(worst);
    const lost = own.filter((trial) => trial.status !== "ok").map((trial) => `${cut(trial.contender, 12)} ${trial.status}`).join(", ");
    return {
      label: problems[problem].label,
      attributes: belongs(problem, { onclick: () => select(worst) }),
      note: found ? `${two(found.ratio)} ${interval(found.ci95)} ${found.verdict}${found.noise > 0.1 ? "!" : ""}${lost && `; ${lost}`}` : lost,
      items: timed.map((trial) => {
        const one = ratioOf(trial);
        return { contender: trial.contender, ratio: one.ratio, ci95: one.ci95, verdict: one.verdict,
          hint: `${problems[problem].label}: ${trial.contender} ${two(one.ratio)} ${interval(one.ci95)} x ${baseline()}, ${one.verdict}` };
      }),
    };
  });
  const names = contenders.filter((name) => shown().some((trial) => trial.contender === name));
  const box = html("div", { class: rows.length > 40 ? "tall" : "" }, ratioChart(rows, room(root, 1152)));
  const key = html("span", {}, `times as fast as ${cut(baseline(), 40)}, 95 % interval; shaded: within 2 % `, legend(names),
    html("span", { class: "legend" }, ["faster", "slower", "same"].map((word) =>
      html("span", { class: classOf(word) }, word === "same" ? "● same or undecided" : `● ${word}`))));
  const numbers = () => [["problem", "contender", "baseline", "ratio", "low", "high", "verdict", "noise"],
    ...groups.flatMap(([problem, own]) => own.filter(ratioOf).map((trial) => {
      const one = ratioOf(trial);
      return [problems[problem].label, trial.contender, baseline(), one.ratio, ...one.ci95, one.verdict, one.noise];
    }))];
  root.replaceChildren(rows.length ? figure("speedups", key, numbers, box) : nothing("No trial passes the filters."));
}
