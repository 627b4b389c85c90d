// Everything of one trial: what it was, its loops, samples, C text, attempts, and its commands.

function copied(text) {
  const button = html("button", { type: "button", class: "copy" }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(button.nextSibling ?? button.parentNode);
    }
  });
  return button;
}

async function drawDetail() {
  const root = section("details");
  const { trial } = state;
  const [detail, samples, search, text] = await Promise.all([
    detailOf(trial), samplesOf(trial), searches().then((all) => all[trial.trial]), trial.kernel ? kernelOf(trial.kernel) : undefined]);
  if (state.trial !== trial) return; // another was selected meanwhile
  const problem = problems[trial.problem];
  const chooser = html("div", { class: "tabs", role: "group" }, unitOf[trial.problem].map((one) =>
    html("button", { type: "button", "aria-pressed": String(one === trial), onclick: () => select(one) }, cut(one.contender, 40))));
  const facts = [["problem", `${problem.label}: ${problem.primitive} ${problem.sizes}`], ["trial", trial.trial],
    ["status", `${trial.status}${trial.stage ? ` (${trial.stage})` : ""}${trial.reason ? `: ${trial.reason}` : ""}`],
    ...Object.entries(trial.ratios).map(([name, found]) => [`x ${name}`,
      `${two(found.ratio)} ${interval(found.ci95)} ${found.verdict}${found.withheld ? `: ${found.withheld}` : ""}${found.cause ? `; ${found.cause}` : ""}`]),
    ...detail.facts, ...(search ? [["search", `${search.total} candidates`]] : []), ...(trial.tuner ? [["tuner", trial.tuner]] : [])];
  const part = (name, ...content) => html("section", { class: "part" }, html("h3", {}, name), ...content);
  const left = [
    part("Commands", ...detail.commands.map(([name, command]) => html("div", { class: "command" }, html("span", { class: "dim" }, name), copied(command), html("code", {}, command)))),
    detail.schedule ? part("Schedule", html("pre", { class: "wrap" }, detail.schedule)) : null,
    detail.loops.length ? part("Loop nest", html("pre", {}, detail.loops.join("\n"))) : detail.lacks ? part("Loop nest", nothing(detail.lacks)) : null,
    Object.keys(detail.working_sets).length ? part("Working sets", levelTable(detail, trial)) : null,
    Object.keys(detail.parts).length ? part("Estimate", partsTable(detail.parts)) : null,
    Object.keys(detail.layouts).length ? part("Layouts", pairs(Object.entries(detail.layouts))) : null,
    part("Samples", samples ? [sampleChart(trial, samples), html("p", { class: "dim" }, `${samples.seconds.length} of ${samples.total} samples drawn`)] : nothing("No samples were kept.")),
    part("Attempts", attemptTable(detail.attempts)),
  ];
  root.replaceChildren(html("p", { class: "address" }, "this trial: ", html("a", { href: address() }, address())), chooser, pairs(facts), html("div", { class: "columns" }, left),
    part("C text", text ? [html("div", { class: "command" }, copied(text), html("span", { class: "dim" }, trial.kernel)), html("pre", { class: "source" }, text)]
      : nothing(trial.kernel ? "The C text was not kept." : "A baseline's or failed trial's: no C text of ours.")));
}

const pairs = (rows) => html("dl", { class: "pairs" }, rows.map(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));

function levelTable(detail, trial) {
  const rows = Object.entries(detail.working_sets).map(([name, held]) =>
    html("tr", {}, html("th", { class: "text", scope: "row" }, name), html("td", {}, bytes(held)), html("td", {}, trial.moved[name] === undefined ? "" : bytes(trial.moved[name]))));
  return html("table", {}, html("thead", {}, html("tr", {}, ["level", "holds", "moved out"].map((head, n) => html("th", { class: n ? "" : "text" }, head)))), html("tbody", {}, rows));
}

function partsTable(parts) {
  const most = Math.max(...Object.values(parts));
  return html("table", {}, html("tbody", {}, Object.entries(parts).map(([name, seconds]) =>
    html("tr", {}, html("th", { class: "text", scope: "row" }, name), html("td", {}, time(seconds)),
      html("td", { class: "bars" }, html("span", { class: "bar", style: `width:${most ? (100 * seconds) / most : 0}%` }))))));
}

function attemptTable(attempts) {
  return html("div", { class: "scroll" }, html("table", {}, html("thead", {}, html("tr", {}, ["attempt", "status", "GFLOP/s", "node", "started", "reason"].map((head) => html("th", { class: "text" }, head)))),
    html("tbody", {}, attempts.map((one) => html("tr", {}, [String(one.attempt), one.status, one.gflops === null ? "" : rate(one.gflops), cut(one.node, 40), one.started.slice(0, 19), cut(one.reason, 300)]
      .map((value, n) => html("td", { class: n === 5 ? "text cause" : "text" }, value)))))));
}
