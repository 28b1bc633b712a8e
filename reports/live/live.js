"use strict";
(() => {
  const root = document.documentElement;
  const simulated = root.dataset.simulated === "yes";
  const page = Math.random().toString(36).slice(2) + Date.now().toString(36);
  const NONE = "–", SPACE = "\u00a0";
  const config = { responsive: true, displayModeBar: false, doubleClick: "autosize", showTips: false };
  const byId = (id) => document.getElementById(id);
  const figures = new Map([...document.querySelectorAll("figure")].map((f) => [f.dataset.figure, f]));
  let state = null, stale = false;

  // ---- words ------------------------------------------------------------------------------------------------------
  function number(value, digits = 3) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    if (Number.isInteger(value)) return value.toLocaleString("en-US");
    const size = Math.abs(value);
    if (size < 1) return String(Number(value.toPrecision(digits)));
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  }
  const percent = (value) => (value === null || value === undefined ? NONE : (100 * value).toFixed(1) + SPACE + "%");
  const UNITS = [[3600, "h", 3 * 3600], [60, "min", 600], [1, "s", 1], [1e-3, "ms", 1e-3], [1e-6, "µs", 1e-6], [1e-9, "ns", 0]];
  const unit = (largest) => (largest === 0 ? UNITS[2] : UNITS.find(([, , from]) => largest >= from));
  function seconds(value) {
    if (value === null || value === undefined) return NONE;
    const [factor, name] = unit(value);
    return number(Number((value / factor).toPrecision(3))) + SPACE + name;
  }
  function duration(value) {
    const whole = Math.round(value), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }
  const PHASES = {
    starting: "Starting", running: "Running", saving: "Writing the results", ended: "The run has ended",
    failed: "The run has failed", interrupted: "The run was interrupted", lost: "No answer",
  };

  // ---- theme ------------------------------------------------------------------------------------------------------
  const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("ampsim-theme"); } catch { /* no storage: for this visit only */ }
  function setTheme() {
    root.dataset.theme = chosen || (darkScheme.matches ? "dark" : "light");
    document.querySelector(".theme").textContent = root.dataset.theme === "dark" ? "Light page" : "Dark page";
    if (state) drawFigures();
  }
  document.querySelector(".theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("ampsim-theme", chosen); } catch { /* kept for this visit */ }
    setTheme();
  });
  darkScheme.addEventListener("change", setTheme);

  // ---- the top ----------------------------------------------------------------------------------------------------
  function phase(name, message) {
    document.querySelector(".state").dataset.phase = name;
    if (byId("phase").textContent !== PHASES[name]) byId("phase").textContent = PHASES[name];
    byId("message").textContent = message;
  }
  function cards(pairs) {
    const list = byId("cards");
    while (list.children.length < pairs.length) {
      const card = list.appendChild(document.createElement("div"));
      card.className = "card";
      card.append(document.createElement("dt"), document.createElement("dd"));
    }
    while (list.children.length > pairs.length) list.lastChild.remove();
    pairs.forEach(([name, value], index) => {
      list.children[index].children[0].textContent = name;
      list.children[index].children[1].textContent = value;
    });
  }
  function drawTop() {
    const run = state.run;
    const again = state.restarts ? `Memory was full, so it has begun anew with fewer instances in flight (${state.restarts} times so far).` : "";
    phase(state.phase, state.message || again);
    if (!run) return;
    const share = run.total ? Math.min(1, run.done / run.total) : 1;
    const meter = document.querySelector(".meter");
    meter.firstElementChild.style.width = (100 * share).toFixed(2) + "%";
    meter.setAttribute("aria-valuenow", Math.round(100 * share));
    document.title = (state.over ? PHASES[state.phase] : Math.floor(100 * share) + " %") + " · " + document.querySelector("h1").textContent;
    const epochs = run.epochs ? `, epoch ${run.epoch + 1} of ${run.epochs}` : "";
    byId("done").textContent = `${number(run.done)} of ${number(run.total)} instances (${Math.floor(100 * share)} %)${epochs}`;
    byId("left").textContent = state.phase !== "running" ? `took ${duration(run.elapsed)}`
      : `${duration(run.elapsed)} so far` + (run.left === null ? "" : `, ${run.early ? "at most " : "about "}${duration(run.left)} left`);
    const told = [["Throughput (inst/s)", number(run.throughput)]];
    if (simulated) told.push(["Simulator's pace (inst/s)", number(run.pace)], ["Simulated time", seconds(run.clock)]);
    told.push(["Utilization so far", percent(run.utilization)]);
    if (run.loss !== null) told.push(["Training loss", number(run.loss, 4)]);
    if (run.accuracy !== null) told.push(["Validation accuracy", percent(run.accuracy)]);
    told.push(["In flight", `${number(run.in_flight)} of ${number(run.most)}`]);
    cards(told);
  }
  function drawEpochs() {
    const rows = byId("rows"), found = (state.epochs || []).slice().reverse();
    byId("no-epochs").hidden = found.length > 0;
    rows.closest(".scroll").hidden = !found.length;
    rows.replaceChildren(...found.map((epoch) => {
      const row = document.createElement("tr"), head = row.appendChild(document.createElement("th"));
      head.scope = "row";
      head.className = "l";
      head.textContent = number(epoch.epoch + 1);
      const cells = [seconds(epoch.time), number(epoch.train_loss, 4), percent(epoch.train_accuracy),
        number(epoch.validation_loss, 4), percent(epoch.validation_accuracy)];
      for (const cell of cells) row.appendChild(document.createElement("td")).textContent = cell;
      return row;
    }));
  }

  // ---- figures ----------------------------------------------------------------------------------------------------
  const line = (x, y, name, colour, more = {}) => ({
    type: "scatter", mode: "lines", x, y, name, line: { color: colour, width: 1.8 }, hovertemplate: "%{y:.4~g}<extra>%{fullData.name}</extra>", ...more,
  });
  const band = (x, low, high, colour) => [
    line(x, low, "least", colour, { line: { width: 0 }, hoverinfo: "skip", hovertemplate: null }),
    line(x, high, "most", colour, { line: { width: 0 }, fill: "tonexty", fillcolor: colour, opacity: .35, hoverinfo: "skip", hovertemplate: null }),
  ];
  const times = (values, factor) => (values || []).map((value) => (value === null ? null : factor * value));
  const some = (values) => (values || []).some((value) => value !== null);

  const drawings = {
    throughput: (x, h) => [line(x, h.throughput, "throughput", "var(--run-1)", { fill: "tozeroy", fillcolor: "var(--accent-soft)" })],
    loss: (x, h, v, vx) => [
      line(x, h.loss, "training", "var(--run-1)"),
      line(vx, v[1], "validation", "var(--run-2)", { mode: "lines+markers", marker: { size: 7, color: "var(--run-2)" } }),
    ],
    accuracy: (x, h, v, vx) => [
      line(x, times(h.accuracy, 100), "training", "var(--run-1)"),
      line(vx, times(v[2], 100), "validation", "var(--run-2)", { mode: "lines+markers", marker: { size: 7, color: "var(--run-2)" } }),
    ],
    busy: (x, h) => (h.spread
      ? [...band(x, times(h.spread[0], 100), times(h.spread[1], 100), "var(--hue-1-pale)"), line(x, times(h.busy[0], 100), "mean of all workers", "var(--hue-1)")]
      : h.busy.map((shares, worker) => line(x, times(shares, 100), `worker ${worker}`, `var(--hue-${worker % 10 + 1})`))),
    flight: (x, h) => [
      line(x, h.highest, "highest", "var(--hue-1-pale)", { line: { color: "var(--hue-1-pale)", width: 1, shape: "hvh" } }),
      line(x, h.in_flight, "mean", "var(--run-1)", { line: { color: "var(--run-1)", width: 1.8, shape: "hvh" } }),
    ],
  };

  function themed(figure) {
    const style = getComputedStyle(root);
    return JSON.parse(JSON.stringify(figure).replace(/var\((--[a-z0-9-]+)\)/g, (_, name) => style.getPropertyValue(name).trim()));
  }
  function keys(figure, traces) {
    const list = figure.querySelector(".keys");
    const shown = traces.length > 1 ? traces.filter((trace) => trace.line.color) : [];
    const signature = shown.map((trace) => trace.name).join("\n");
    if (list.dataset.signature === signature) return;
    list.dataset.signature = signature;
    list.replaceChildren(...shown.map((trace) => {
      const entry = document.createElement("li"), swatch = entry.appendChild(document.createElement("span"));
      swatch.className = "swatch";
      swatch.style.background = trace.line.color;
      entry.append(trace.name);
      return entry;
    }));
  }
  function nothing(figure, why) {
    const section = figure.closest("section"), empty = section.querySelector(".empty");
    figure.hidden = why !== "";
    const all = [...section.querySelectorAll("figure")].every((other) => other.hidden);
    empty.hidden = !all;
    if (all) empty.textContent = why;
  }
  function drawFigures() {
    const h = state.history;
    if (!h || document.hidden) { stale = true; return; }
    stale = false;
    const [factor, name] = unit(state.run.clock);
    const x = h.time.map((end, index) => (index ? (h.time[index - 1] + end) / 2 : end) / factor);
    const vx = times(state.validations[0], 1 / factor);
    const last = h.time.length - 1;
    const width = last >= 0 ? h.time[last] - h.start[last] : null;
    for (const [key, figure] of figures) {
      const traces = drawings[key](x, h, state.validations, vx);
      const waiting = state.over ? "There was nothing to draw." : "Nothing to draw yet.";
      const why = traces.some((trace) => some(trace.y)) ? ""
        : key === "loss" || key === "accuracy" ? (state.run.done && state.run.loss === null ? "No loss has been computed: the run only counts, or has not scored anything yet." : waiting)
        : key === "busy" && !state.run.workers ? "This backend does not tell how busy its workers are." : waiting;
      nothing(figure, why);
      if (why) continue;
      keys(figure, traces);
      const plot = figure.querySelector(".plot");
      const layout = JSON.parse(byId("data-" + plot.id).textContent).layout;
      layout.hovermode = "x";
      layout.xaxis.title.text = `${simulated ? "simulated " : ""}time (${name})`;
      layout.xaxis.range = [0, Math.max(state.run.clock / factor, 1e-12)];
      layout.yaxis.rangemode = "tozero";
      layout.yaxis.fixedrange = layout.xaxis.fixedrange = true;
      layout.dragmode = false;
      if (key === "busy") layout.yaxis.range = [0, 104];
      if (key === "accuracy") layout.yaxis.range = [0, 102];
      if (key === "flight") {
        layout.shapes = [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: state.run.most, y1: state.run.most, line: { color: "var(--soft)", width: 1, dash: "dash" } }];
        layout.yaxis.range = [0, 1.1 * Math.max(state.run.most, ...h.highest)];
      }
      const note = key === "flight" ? "The thin line is the highest of each moment that was looked at, the thick one the mean."
        : width === null ? "" : `Each point is the mean over ${seconds(width)}.`;
      figure.querySelector(".note").textContent = note + (state.thinned && (key === "loss" || key === "accuracy") ? " Of many validations only some are drawn, evenly." : "");
      const drawn = themed({ traces, layout });
      Plotly.react(plot, drawn.traces, drawn.layout, config);
    }
    root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && stale && state) drawFigures(); });

  // ---- following --------------------------------------------------------------------------------------------------
  const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });
  async function follow() {
    let seen = -1, failures = 0;
    for (;;) {
      try {
        const answer = await fetch(`state?seen=${seen}&page=${page}`, { cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        state = await answer.json();
        failures = 0;
      } catch {
        failures += 1;
        if (failures > 2) {
          phase("lost", "The command that served this page has ended, or cannot be reached. What stands here is the last it said.");
          return;
        }
        await pause(500);
        continue;
      }
      seen = state.version;
      drawTop();
      drawFigures();
      drawEpochs();
      if (state.over) {
        if (state.report) location.replace(`report?page=${page}`);
        return;
      }
    }
  }

  setTheme();
  drawEpochsEmpty();
  follow();

  function drawEpochsEmpty() { document.querySelector("#epochs .scroll").hidden = true; }

  const links = new Map([...document.querySelectorAll(".rail a")].map((a) => [a.hash.slice(1), a]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((a) => a.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      if (link) link.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  document.querySelectorAll("main [id]").forEach((element) => { if (links.has(element.id)) watcher.observe(element); });
})();
