"use strict";
(() => {
  const MINUTES = 1440, LEFT = 48;
  const data = JSON.parse(document.getElementById("data").textContent);
  const clock = (m) => String(Math.floor(m / 60) % 24).padStart(2, "0") + ":" + String(Math.floor(m % 60)).padStart(2, "0");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const show = (n, unit) => (n === null || n === undefined ? "–" : Math.round(n) + " " + unit);
  const ticks = () => {
    const found = [];
    const every = innerWidth < 500 ? 6 : 3;
    for (let h = 0; h <= 24; h += every) found.push({ v: h * 60, label: String(h).padStart(2, "0") });
    return found;
  };

  for (const [id, day] of Object.entries(data)) {
    const stack = document.getElementById(id);
    const readout = stack.parentElement.querySelector(".readout");
    const cursor = stack.querySelector(".cursor");
    const hint = readout.textContent;
    const graphs = [];
    const rows = (names, scale) =>
      day[names[0]].map((_, i) => [i * day.step, ...names.map((n) => (day[n][i] === null ? null : day[n][i] / scale))]);
    const graph = (place, names, scale, label, { ticker = ticks, heights, ...more }) => {
      const target = stack.querySelector(place);
      if (!window.Dygraph || !target) return;
      const made = new Dygraph(target, rows(names, scale), {
        labels: ["minute", ...names], legend: "never", dateWindow: [0, MINUTES], rightGap: 0, xRangePad: 0,
        strokeWidth: 1.7, interactionModel: {}, highlightCircleSize: 3, fillAlpha: 0.16,
        axes: {
          x: { ticker, axisLineColor: "transparent", drawGrid: true },
          y: { axisLabelWidth: LEFT - 6, axisLineColor: "transparent", pixelsPerLabel: 34, axisLabelFormatter: label, ...(heights && { ticker: heights }) },
        },
        ...more,
      });
      graphs.push(made);
    };
    const paint = () => {
      graphs.forEach((g, n) =>
        g.updateOptions({
          colors: n ? [colour("soc")] : [colour("sun"), colour("house"), colour("battery")],
          gridLineColor: colour("line"),
        })
      );
    };
    const power = (n) => (Math.abs(n) < 1000 ? n + " W" : n / 1000 + " kW");
    const bare = () => ticks().map((tick) => ({ v: tick.v, label: "" }));
    const charges = day.soc.filter((n) => n !== null).map((n) => n / 10);
    const least = Math.max(0, Math.floor(Math.min(95, ...charges) / 10) * 10);
    const draw = () => {
      graph(".chart.power", ["panels", "house", "battery"], 1, power, {
        xAxisHeight: 3, ticker: bare,
        series: { panels: { fillGraph: true }, house: { strokeWidth: 1.3 }, battery: { strokePattern: [5, 3], strokeWidth: 1.3 } },
      });
      graph(".chart.low", ["soc"], 10, (n) => n + " %", {
        fillGraph: true, valueRange: [least, 102],
        heights: () => [least, (least + 100) / 2, 100].map((n) => ({ v: n, label: n + " %" })),
      });
      paint();
    };
    const fit = () => {
      if (!stack.offsetWidth) return; // the other day's: drawn when it is shown
      if (graphs.length) graphs.forEach((g) => g.resize());
      else draw();
    };
    fit();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    matchMedia("print").addEventListener("change", fit);
    for (const tab of document.querySelectorAll("input[name=day]")) tab.addEventListener("change", fit);

    const reasons = new Map();
    for (const piece of stack.querySelectorAll(".band path")) {
      const title = piece.querySelector("title");
      reasons.set(piece, title.textContent);
      piece.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    const line = (head, text) => {
      const row = document.createElement("div"), bold = document.createElement("b");
      bold.textContent = head;
      row.append(bold, text);
      return row;
    };
    let minute = null;
    const at = (m, piece) => {
      minute = Math.min(MINUTES - 1, Math.max(0, m));
      const i = Math.min(day.soc.length - 1, Math.floor(minute / day.step));
      const box = stack.getBoundingClientRect();
      cursor.style.display = "block";
      cursor.style.left = LEFT + (minute / MINUTES) * (box.width - LEFT) + "px";
      for (const g of graphs) g.setSelection(i);
      const soc = day.soc[i] === null ? null : day.soc[i] / 10;
      const values = `charge ${show(soc, "%")}, panels ${show(day.panels[i], "W")}, house ${show(day.house[i], "W")}, battery ${show(day.battery[i], "W")}`;
      const shown = [line(clock(minute), values)];
      const told = piece ? [piece] : [...stack.querySelectorAll(".band svg")].map((svg) => pieceAt(svg, minute + 0.5)).filter((p) => p && !p.classList.contains("k0"));
      for (const p of told) shown.push(line(p.closest(".band").querySelector("b").textContent, reasons.get(p)));
      readout.replaceChildren(...shown);
    };
    const pieceAt = (svg, m) =>
      [...svg.querySelectorAll("path")].find((p) => {
        const box = p.getBBox();
        return box.x <= m && m < box.x + box.width;
      });
    const away = () => {
      cursor.style.display = "none";
      minute = null;
      for (const g of graphs) g.clearSelection();
      readout.textContent = hint;
    };
    const point = (event) => {
      const box = stack.getBoundingClientRect();
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const band = under && under.closest ? under.closest(".band svg") : null;
      const m = ((event.clientX - box.left - LEFT) / (box.width - LEFT)) * MINUTES;
      at(m, band ? pieceAt(band, m) : null);
    };
    stack.addEventListener("pointermove", point);
    stack.addEventListener("pointerdown", point);
    stack.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && away());
    stack.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -10, ArrowRight: 10, PageUp: -60, PageDown: 60 }[event.key];
      if (step) {
        event.preventDefault();
        at((minute === null ? 720 : minute) + step, null);
      } else if (event.key === "Escape") away();
    });
  }

  for (const carpet of document.querySelectorAll(".carpet svg")) {
    const said = document.getElementById("hour");
    const first = new Date(carpet.dataset.first + "T12:00:00Z");
    const held = carpet.dataset.held.split(",");
    const point = (event) => {
      const box = carpet.getBoundingClientRect();
      const n = Math.min(held.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * held.length)));
      const hour = Math.min(23, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * 24)));
      const date = new Date(first.getTime() + n * 86400000).toISOString().slice(0, 10);
      const tenths = held[n].padEnd(24, "0")[hour];
      said.textContent = `${date}, ${hour}:00 to ${hour + 1}:00: ` + (held[n] === "" ? "not recorded" : `held back about ${tenths * 10} min`);
    };
    carpet.addEventListener("pointermove", point);
    carpet.addEventListener("pointerdown", point);
  }
})();
