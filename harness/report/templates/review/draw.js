// Elements, scales, axes, numbers and CSV: what every chart is made of.

const SVG = "http://www.w3.org/2000/svg";

function put(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}
const html = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  put(document.createElementNS(SVG, tag), attributes, children);
const words = (x, y, text, attributes) => svg("text", { x, y, ...attributes }, text);
const hint = (text) => svg("title", {}, text);
// In the middle: names of sweeps differ at their ends.
function cut(text, most) {
  const tail = Math.floor((most - 1) / 2);
  return text.length > most ? `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}` : text;
}

// Numbers, with as many digits as they deserve.
const two = (value) => value.toFixed(value < 0.1 ? 3 : 2);
const interval = (pair, form = two) => `[${form(pair[0])} ${form(pair[1])}]`;
const per = (value) => `${(100 * value).toFixed(value > 0 && value < 0.01 ? 1 : 0)} %`;
const rate = (value) => (value < 9.995 ? value.toFixed(2) : value < 999.5 ? value.toFixed(1) : value.toFixed(0));
function time(seconds) {
  const [scale, unit] = seconds < 1e-3 ? [1e6, "µs"] : seconds < 1 ? [1e3, "ms"] : [1, "s"];
  return `${(seconds * scale).toPrecision(seconds * scale < 1000 ? 3 : 4)} ${unit}`;
}
function bytes(value) {
  const [scale, unit] = value < 1e3 ? [1, "B"] : value < 1e6 ? [1e-3, "KB"] : value < 1e9 ? [1e-6, "MB"] : [1e-9, "GB"];
  return `${(value * scale).toFixed(value * scale < 9.95 && unit !== "B" ? 1 : 0)} ${unit}`;
}
const plain = (value) => String(Number(value.toPrecision(3)));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// Scales carry their domain, so that axes can be drawn from them.
function scale(kind, low, high, from, to) {
  const warp = kind === "log" ? Math.log : (value) => value;
  if (!(high > low)) [low, high] = kind === "log" ? [low / 1.1, low * 1.1] : [low - 0.5, low + 0.5];
  const [start, end] = [warp(low), warp(high)];
  const at = (value) => from + ((warp(value) - start) / (end - start)) * (to - from);
  return Object.assign(at, { kind, low, high, from, to });
}

// Round values inside a scale's domain, about `most` of them.
function ticks(axis, most = 6) {
  if (axis.kind === "log") {
    for (const digits of [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]]) {
      const found = [];
      for (let power = Math.floor(Math.log10(axis.low)); power <= Math.log10(axis.high); power += 1) {
        for (const digit of digits) found.push(Number((digit * 10 ** power).toPrecision(3)));
      }
      const inside = found.filter((value) => value >= axis.low && value <= axis.high);
      if (inside.length <= most && inside.length > 1) return inside;
      if (inside.length < 2) break;
    }
    const decades = Math.log10(axis.high / axis.low);
    if (decades > 3) {
      const step = Math.ceil(decades / most);
      const first = Math.ceil(Math.log10(axis.low));
      return Array.from({ length: Math.floor(decades / step) + 1 }, (_, n) => 10 ** (first + n * step))
        .filter((value) => value <= axis.high);
    }
  }
  const rough = (axis.high - axis.low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((digit) => digit * power >= rough) ?? 10);
  const found = [];
  for (let value = Math.ceil(axis.low / step) * step; value <= axis.high; value += step) {
    found.push(Number(value.toPrecision(6)));
  }
  return found;
}

function axes(x, y, told, { xform = plain, yform = plain, most = 6 } = {}) {
  const parts = [];
  for (const value of ticks(x, most)) {
    parts.push(svg("line", { class: "grid", x1: x(value), x2: x(value), y1: y.from, y2: y.to }));
    parts.push(words(x(value), y.from + 14, xform(value), { class: "tick", "text-anchor": "middle" }));
  }
  for (const value of ticks(y, Math.max(3, Math.round(Math.abs(y.to - y.from) / 45)))) {
    parts.push(svg("line", { class: "grid", x1: x.from, x2: x.to, y1: y(value), y2: y(value) }));
    parts.push(words(x.from - 6, y(value) + 4, yform(value), { class: "tick", "text-anchor": "end" }));
  }
  parts.push(words((x.from + x.to) / 2, y.from + 29, told.x, { class: "name", "text-anchor": "middle" }));
  parts.push(words(x.from, y.to - 7, told.y, { class: "name" }));
  return parts;
}

// A contender is told by its shape; colour is left to what a ratio means.
const SHAPES = [
  (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  (r) => `M0,${-1.3 * r}L${1.2 * r},${r}H${-1.2 * r}z`,
  (r) => `M0,${-1.4 * r}L${1.4 * r},0L0,${1.4 * r}L${-1.4 * r},0z`,
  (r) => `M0,${1.3 * r}L${1.2 * r},${-r}H${-1.2 * r}z`,
  (r) => `M${-r},${-r / 3}h${r * 0.67}v${-r * 0.67}h${r * 0.67}v${r * 0.67}h${r * 0.67}v${r * 0.67}h${-r * 0.67}v${r * 0.67}h${-r * 0.67}v${-r * 0.67}h${-r * 0.67}z`,
];
const shapeOf = (contender) => SHAPES[contenders.indexOf(contender) % SHAPES.length] ?? SHAPES[0];
const mark = (contender, x, y, attributes, r = 4) =>
  svg("path", { d: shapeOf(contender)(r), transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`, ...attributes });
const legend = (names, hollow = () => false) => html("span", { class: "legend" }, names.map((name) => html("span", {},
  svg("svg", { width: 14, height: 12, viewBox: "-7 -6 14 12", "aria-hidden": "true" },
    mark(name, 0, 0, { class: hollow(name) ? "dot hollow" : "dot" })), cut(name, 40))));

// Which elements belong to a problem, and how a click selects it.
const belongs = (problem, more) => ({
  "data-problem": problem, tabindex: -1, onclick: () => selectProblem(problem), ...more,
});

// A figure with its heading and the rows of its CSV, which are made when they are asked for.
function figure(name, title, rows, ...content) {
  const link = html("a", { class: "csv", download: `${review.campaign}-${name}.csv`, href: "#", title: "the chart's numbers" }, "CSV");
  link.addEventListener("click", async (event) => {
    if (link.dataset.made) return;
    event.preventDefault();
    link.href = URL.createObjectURL(new Blob([csv(await rows())], { type: "text/csv" }));
    link.dataset.made = "yes";
    link.click();
    setTimeout(() => { URL.revokeObjectURL(link.href); delete link.dataset.made; link.href = "#"; }, 1000);
  });
  return html("figure", {}, html("figcaption", {}, html("span", {}, title), link), ...content);
}

// A text that a spreadsheet would take for a formula is marked as text.
function csv(rows) {
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    let text = value === null || value === undefined ? "" : String(value);
    if (/^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

const picture = (width, height, ...children) => svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, ...children);
const room = (node, most) => Math.max(280, Math.min(most, node.clientWidth || most));
const section = (name) => document.querySelector(`#${name} .content`);
const nothing = (text) => html("p", { class: "nothing" }, text);
