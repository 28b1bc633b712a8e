"use strict";
(() => {
  const root = document.documentElement;
  const plots = [...document.querySelectorAll(".plot")];
  const hidden = new Map(); // plot -> traces that the legend has switched off
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

  function draw(element, width) {
    const figure = themed("data-" + element.id);
    const off = hidden.get(element) || new Set();
    figure.data.forEach((trace, index) => { if (off.has(index)) trace.visible = false; });
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
    if (button.dataset.layout) Plotly.relayout(plot, JSON.parse(button.dataset.layout));
    if (button.dataset.traces) toggle(plot, figure, button);
    if (button.dataset.save) {
      Plotly.downloadImage(plot, { format: button.dataset.save, filename: plot.id, scale: 2 });
    }
  });

  // A trace is shown while every legend entry that names it is on.
  function toggle(plot, figure, button) {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "true" ? "false" : "true");
    const off = new Set();
    for (const other of figure.querySelectorAll(".legend button[aria-pressed='false']")) {
      JSON.parse(other.dataset.traces).forEach((index) => off.add(index));
    }
    hidden.set(plot, off);
    Plotly.restyle(plot, { visible: plot.data.map((_, index) => !off.has(index)) });
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

  Promise.all(plots.map((plot) => draw(plot))).then(() => { root.dataset.ready = String(plots.length); });
})();
