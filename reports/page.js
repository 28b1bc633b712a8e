"use strict";
(() => {
  const root = document.documentElement;
  const plots = [...document.querySelectorAll(".plot")];
  const changed = new Map(); // plot -> what its buttons have changed in the layout, by path
  const config = {
    responsive: true, displayModeBar: false, doubleClick: "autosize", showTips: false,
  };
  const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("ampsim-theme"); } catch { /* a file page may have no storage */ }

  // Figures name colours as CSS variables, which SVG attributes set by plotly cannot hold: put the values in.
  function themed(id) {
    const style = getComputedStyle(root);
    const text = document.getElementById(id).textContent;
    return JSON.parse(text.replace(/var\((--[a-z0-9-]+)\)/g, (_, name) => style.getPropertyValue(name).trim()));
  }

  function put(layout, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((part, key) => (part[key] ??= {}), layout)[last] = value;
  }

  // A trace is shown while every legend entry that names it is on, and the view that is on has it, if any view does.
  function visible(plot, traces) {
    const figure = plot.closest("figure");
    const named = (selector) => {
      const buttons = [...figure.querySelectorAll(selector)];
      return new Set(buttons.flatMap((button) => JSON.parse(button.dataset.traces)));
    };
    const entries = named(".legend [data-traces]"), views = named(".views [data-traces]");
    const off = named(".legend [data-traces][aria-pressed='false']");
    const on = named(".views [data-traces][aria-pressed='true']");
    return traces.map((trace, index) => (
      entries.has(index) || views.has(index) ? !off.has(index) && (!views.has(index) || on.has(index))
        : trace.visible ?? true
    ));
  }

  function draw(element, width) {
    const figure = themed("data-" + element.id);
    visible(element, figure.data).forEach((shown, index) => { figure.data[index].visible = shown; });
    Object.entries(changed.get(element) || {}).forEach(([path, value]) => put(figure.layout, path, value));
    if (width) figure.layout.width = width;
    if (element.clientWidth < 520) {
      figure.layout.margin.l = Math.min(figure.layout.margin.l, 44);
      figure.layout.margin.r = Math.min(figure.layout.margin.r, 10);
      // No room for numbers beside bars; the tables have them.
      figure.data.forEach((trace) => { if (trace.textposition === "outside") trace.textposition = "none"; });
    }
    // Zoom is kept while colours change.
    const old = element.layout;
    if (old && old.xaxis && old.xaxis.range && !width) {
      figure.layout.xaxis.type = old.xaxis.type;
      figure.layout.xaxis.range = old.xaxis.range.slice();
      figure.layout.xaxis.autorange = old.xaxis.autorange;
    }
    return Plotly.react(element, figure.data, figure.layout, config);
  }

  function setTheme(theme, redraw) {
    root.dataset.theme = theme;
    const button = document.querySelector(".theme");
    button.textContent = theme === "dark" ? "Light page" : "Dark page";
    if (redraw) plots.forEach((plot) => draw(plot));
  }
  const preferred = () => chosen || (darkScheme.matches ? "dark" : "light");
  setTheme(preferred(), false);
  darkScheme.addEventListener("change", () => setTheme(preferred(), true));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("theme")) {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("ampsim-theme", chosen); } catch { /* kept for this visit only */ }
      setTheme(chosen, true);
      return;
    }
    const figure = button.closest("figure");
    const plot = figure && figure.querySelector(".plot");
    if (!plot) return;
    if (button.dataset.traces) press(button);
    if (button.dataset.traces || button.dataset.layout) {
      const layout = JSON.parse(button.dataset.layout || "{}");
      changed.set(plot, { ...changed.get(plot), ...layout });
      Plotly.update(plot, { visible: visible(plot, plot.data) }, layout);
    }
    if (button.dataset.save) {
      Plotly.downloadImage(plot, { format: button.dataset.save, filename: plot.id, scale: 2 });
    }
  });

  // Of views one is on, of legend entries any.
  function press(button) {
    const views = button.closest(".views");
    if (!views) {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "true" ? "false" : "true");
      return;
    }
    for (const other of views.querySelectorAll("button[data-traces]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  }

  // Lines across upright axes: those that pass what was dragged over are drawn once more, in the last trace.
  function pick(plot, points) {
    const last = plot.data.length - 1;
    const runs = new Set(points.map((point) => point.customdata));
    const x = [], y = [];
    plot.data.slice(0, last).forEach((trace) => trace.customdata.forEach((run, index) => {
      if (runs.has(run)) { x.push(trace.x[index]); y.push(trace.y[index]); }
    }));
    Plotly.restyle(plot, { x: [x], y: [y] }, [last]);
  }

  function listen(plot) {
    if (!plot.layout.meta || !plot.layout.meta.lines) return;
    plot.on("plotly_selected", (event) => { if (event) pick(plot, event.points); });
    plot.on("plotly_deselect", () => pick(plot, []));
  }

  window.addEventListener("beforeprint", () => {
    root.dataset.theme = "light";
    plots.forEach((plot) => draw(plot, 680));
  });
  window.addEventListener("afterprint", () => setTheme(preferred(), true));

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

  Promise.all(plots.map((plot) => draw(plot))).then(() => {
    plots.forEach(listen);
    root.dataset.ready = String(plots.length);
  });
})();
