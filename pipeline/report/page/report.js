"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const D = data.designs, COUNT = D.design_key.length;
const LEVELS = ["dense", "weight", "activation", "binsparx"];
const byId = (id) => document.getElementById(id);
const unique = (values) => [...new Set(values)];
const DEVICES = unique(D.device);
const colour = (device) => `var(--c${DEVICES.indexOf(device) % 7})`;
const percent = (value) => (100 * value).toFixed(1);
const range = (count) => Array.from({ length: count }, (_, index) => index);

// ---- drawing -------------------------------------------------------------------------------------------------------
function draw(name, attributes, parent, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}
function make(name, parent, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  parent.append(node);
  return node;
}
function canvas(parent, width, height, label) {
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parent);
}
const MARKS = {
  dense: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  weight: (x, y, r) => `M${x},${y - 1.2 * r}L${x + 1.15 * r},${y + 0.9 * r}L${x - 1.15 * r},${y + 0.9 * r}Z`,
  activation: (x, y, r) => `M${x - 0.9 * r},${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`,
  binsparx: (x, y, r) => `M${x},${y - 1.3 * r}L${x + 1.3 * r},${y}L${x},${y + 1.3 * r}L${x - 1.3 * r},${y}Z`,
};
function mark(parent, level, x, y, paint, filled, r = 5) {
  const shape = { class: "mark", d: MARKS[level](x, y, r), stroke: paint, "stroke-width": 1.6, fill: filled ? paint : "var(--paper)" };
  return draw("path", shape, parent);
}

// ---- axes and the hover --------------------------------------------------------------------------------------------
function scale(axis, from, to) {
  const [f, a, b] = axis.logarithmic ? [Math.log10, Math.log10(axis.low), Math.log10(axis.high)] : [(v) => v, axis.low, axis.high];
  return (v) => from + ((f(v) - a) / (b - a)) * (to - from);
}
function drawTicks(svg, axis, y, left, right) {
  for (const [tick, text] of axis.ticks) {
    draw("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }, svg);
    draw("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end", class: "soft" }, svg, text);
  }
}
const LETTER = 6.6; // width of a letter of the charts, roughly
function fitted(text, room) {
  const letters = Math.floor(room / LETTER);
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}
function describe(i) {
  const lines = [data.names[i], data.levels[i]];
  lines.push(`accuracy ${percent(D.accuracy[i])} % (${percent(D.accuracy_low[i])} to ${percent(D.accuracy_high[i])}), ideal ${percent(D.ideal_accuracy[i])} %`);
  for (const cost of data.costs) lines.push(`${cost.label} ${cost.shown[i]}`);
  lines.push(`error ${D.rms_error_lsb[i].toFixed(2)} LSB rms, partial sums ${(-100 * D.partial_sum_reduction[i]).toFixed(0)} %`);
  lines.push(`binsparx explain ${D.design_key[i].slice(0, 12)}`);
  return lines.join("\n");
}
const tip = byId("tip");
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 12) : y + 18}px`;
}
function explainOnHover(node, text) {
  const at = () => { const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  node.addEventListener("pointerenter", (event) => showTip(text(), event.clientX, event.clientY));
  node.addEventListener("focus", () => showTip(text(), ...at()));
  for (const end of ["pointerleave", "blur"]) node.addEventListener(end, () => { tip.hidden = true; });
}
function legendEntry(parent, text, paint, level) {
  const entry = make("span", parent);
  const picture = draw("svg", { viewBox: "0 0 16 16", style: "width:16px;height:16px;flex:none", "aria-hidden": "true" }, entry);
  if (level) mark(picture, level, 8, 8, paint, false, 4.6);
  else draw("rect", { x: 1, y: 4, width: 14, height: 8, fill: paint }, picture);
  entry.append(text);
}

// ---- accuracy against cost -----------------------------------------------------------------------------------------
function drawFront() {
  const cost = data.costs[byId("cost").value], model = byId("model").value;
  const host = byId("front-panels");
  host.replaceChildren();
  const chart = cost.models[model];
  if (!chart) { make("p", host, "No design of this network has this cost."); return; }
  for (const [one, panel] of chart.panels.map((one) => [one, make("div", host, undefined, "panel")])) {  // all panels are there before the first is measured
    make("h3", panel, `${one.corner} corner`);
    const width = Math.max(320, Math.min(620, panel.clientWidth - 16)), height = 350, left = 42, bottom = 46;
    const svg = canvas(panel, width, height, `accuracy against ${cost.label}, ${one.corner} corner`);
    const x = scale(chart.x, left + 8, width - 12), y = scale(chart.y, height - bottom, 10);
    drawTicks(svg, chart.y, y, left, width - 4);
    let taken = -Infinity;
    for (const [tick, text] of chart.x.ticks) {
      draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 10, y2: height - bottom }, svg);
      if (x(tick) - taken < 52) continue;
      taken = x(tick);
      draw("text", { x: taken, y: height - bottom + 17, "text-anchor": "middle", class: "soft" }, svg, text);
    }
    draw("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle" }, svg, cost.label);
    draw("text", { x: 12, y: height / 2 - 20, "text-anchor": "middle", transform: `rotate(-90 12 ${height / 2 - 20})` }, svg, "accuracy (%)");
    draw("line", { class: "ideal", x1: left, x2: width - 4, y1: y(one.ideal), y2: y(one.ideal) }, svg);
    const px = (i) => x(cost.values[i]), py = (accuracies, i) => y(100 * accuracies[i]);
    const step = one.members.map((i, k) => (k ? `H${px(i)}V${py(D.accuracy, i)}` : `M${px(i)},${py(D.accuracy, i)}`));
    draw("path", { class: "front", d: step.join("") }, svg);
    const own = [...one.others, ...one.members];
    own.forEach((i, k) => {
      const on = k >= one.others.length, paint = colour(D.device[i]);
      const group = draw("g", { class: on ? "point" : "point dimmed", "data-key": D.design_key[i] }, svg);
      if (on) group.setAttribute("tabindex", "0");
      draw("line", { x1: px(i), x2: px(i), y1: py(D.accuracy_low, i), y2: py(D.accuracy_high, i), stroke: paint, "stroke-width": 1.2 }, group);
      mark(group, D.sparsity[i], px(i), py(D.accuracy, i), paint, on);
      draw("circle", { cx: px(i), cy: py(D.accuracy, i), r: 9, fill: "transparent" }, group);
      const same = (j) => j !== i && D.accuracy[j] === D.accuracy[i] && cost.values[j] === cost.values[i];
      explainOnHover(group, () => [describe(i), ...own.filter(same).map((j) => `at the same place: ${data.names[j]}, ${data.levels[j]}`)].join("\n"));
    });
  }
}

// ---- dense against sparsified --------------------------------------------------------------------------------------
function drawGains() {
  const host = byId("gain-chart");
  host.replaceChildren();
  if (!data.gains) { byId("gain-note").textContent = "The sweep does not hold dense and sparsified levels of the same hardware."; return; }
  const { level: name, names, dense: kept, largest, left, paired } = data.gains;
  byId("gain-note").textContent = `Circle: dense, diamond: ${name}, on the same hardware; the number is the change in points with the 95 % interval of this design by itself`
    + (paired ? ", from the same images one by one" : "") + (left ? `. The ${largest} largest and ${kept.length - largest} smallest changes; ${left} between them are not drawn.` : ".");
  const width = Math.max(340, Math.min(1100, host.clientWidth)), narrow = width < 700;
  const longest = 14 + LETTER * Math.max(...names.map((text) => text.length));
  const label = narrow ? 8 : Math.min(Math.max(longest, 290), width / 2 - 75), step = narrow ? 44 : 24, right = 176, height = 30 + step * kept.length;
  const svg = canvas(host, width, height, `accuracy dense and ${name}`);
  const x = (v) => label + v * (width - label - right);
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 4, y2: height - 24 }, svg);
    draw("text", { x: x(tick), y: height - 8, "text-anchor": "middle", class: "soft" }, svg, `${100 * tick} %`);
  }
  kept.forEach((dense, index) => {
    const [sparse, low, high] = ["sparse", "low", "high"].map((column) => data.gains[column][index]);
    const y = step * index + (narrow ? 30 : 16), paint = colour(D.device[dense]);
    const group = draw("g", { class: "point" }, svg);
    draw("rect", { x: 0, y: y - (narrow ? 28 : 11), width, height: step, fill: "transparent" }, group);
    draw("text", narrow ? { x: label, y: y - 12 } : { x: label - 14, y: y + 4, "text-anchor": "end" }, group, fitted(names[index], narrow ? width - label : label - 14));
    const [a, b] = [x(D.accuracy[dense]), x(D.accuracy[sparse])];
    draw("line", { x1: a, x2: b, y1: y, y2: y, stroke: paint, "stroke-width": 2 }, group);
    mark(group, "dense", a, y, paint, false);
    mark(group, data.gains.level, b, y, paint, true);
    const sign = (v) => (v >= 0 ? "+" : "\u2212") + Math.abs(100 * v).toFixed(1);
    draw("text", { x: width - right + 18, y: y + 4 }, group, `${sign(D.accuracy[sparse] - D.accuracy[dense])} (${sign(low)} to ${sign(high)})`);
    explainOnHover(group, () => `${describe(dense)}\n\n${describe(sparse)}`);
  });
}

// ---- one hardware design: layers and energy ------------------------------------------------------------------------
const DASHES = { dense: "", weight: "6 4", activation: "2 3", binsparx: "9 3 2 3" };
function drawLayers() {
  const chosen = Number(byId("hardware").value);
  const designs = range(COUNT).filter((i) => data.hardware[i] === chosen && !D.prune[i]);
  const names = data.layers.names, host = byId("layers-chart"), legend = byId("layers-legend");
  host.replaceChildren();
  legend.replaceChildren();
  byId("layers-note").textContent = "Root mean square error of the converted partial sums of each mapped layer, in currents of one cell (LSB). What each error costs in accuracy: binsparx explain.";
  const width = Math.max(330, Math.min(900, host.clientWidth)), height = 270, left = 48, bottom = 42;
  const svg = canvas(host, width, height, "error of each layer");
  const x = (k) => left + 24 + (k * (width - left - 60)) / Math.max(1, names.length - 1);
  const axis = data.layers.axes[chosen], y = scale(axis, height - bottom, 8);
  drawTicks(svg, axis, y, left, width - 4);
  const every = Math.ceil((names.length * 62) / (width - left));
  names.forEach((name, k) => { if (k % every === 0) draw("text", { x: x(k), y: height - bottom + 18, "text-anchor": "middle", class: "soft" }, svg, name); });
  draw("text", { x: 12, y: height / 2 - 16, "text-anchor": "middle", transform: `rotate(-90 12 ${height / 2 - 16})` }, svg, "rms error (LSB)");
  for (const i of designs) {
    const values = data.layers.errors[i], paint = `var(--c${LEVELS.indexOf(D.sparsity[i])})`;
    legendEntry(legend, D.sparsity[i], paint, D.sparsity[i]);
    const there = range(names.length).filter((k) => values[k] !== null);
    draw("path", { d: there.map((k, n) => `${n ? "L" : "M"}${x(k)},${y(values[k])}`).join(""), fill: "none", stroke: paint, "stroke-width": 1.6, "stroke-dasharray": DASHES[D.sparsity[i]] }, svg);
    for (const k of there) {
      const group = draw("g", { class: "point" }, svg);
      mark(group, D.sparsity[i], x(k), y(values[k]), paint, true, 4.5);
      explainOnHover(group, () => `${names[k]}, ${data.levels[i]}: ${values[k].toFixed(3)} LSB rms`);
    }
  }
  drawEnergy(designs);
}
function drawEnergy(designs) {
  const parts = data.energy.parts.filter((part) => designs.some((i) => part.values[i]));
  byId("energy").hidden = !parts.length;
  if (!parts.length) return;
  const host = byId("energy-chart"), legend = byId("energy-legend");
  host.replaceChildren();
  legend.replaceChildren();
  byId("energy-note").textContent = "Energy of an image by component, for the hardware chosen above; the share is written where there is room.";
  // More parts than colours: each colour again, paler, in the legend as in the bars.
  const strength = (k) => [100, 55, 30][Math.min(2, Math.floor(k / 7))];
  const fills = parts.map((_, k) => `color-mix(in srgb, var(--c${k % 7}) ${strength(k)}%, var(--paper))`);
  parts.forEach((part, k) => legendEntry(legend, part.name, fills[k]));
  const width = Math.max(330, Math.min(1000, host.clientWidth)), left = 96, step = 34;
  const total = (i) => parts.reduce((sum, part) => sum + (part.values[i] || 0), 0);
  const most = Math.max(...designs.map(total)), svg = canvas(host, width, 8 + step * designs.length, "energy by component");
  designs.forEach((i, row) => {
    let from = left;
    draw("text", { x: left - 8, y: step * row + 21, "text-anchor": "end" }, svg, data.levels[i]);
    parts.forEach((part, k) => {
      const joules = part.values[i] || 0, wide = (joules / most) * (width - left - 80), share = (100 * joules) / total(i);
      const group = draw("g", { class: "point" }, svg);
      draw("rect", { x: from, y: step * row + 4, width: Math.max(0, wide), height: step - 10, style: `fill:${fills[k]}`, stroke: "var(--paper)" }, group);
      if (wide > 42) draw("text", { x: from + wide / 2, y: step * row + 21, "text-anchor": "middle", style: "fill:var(--paper)" }, group, `${share.toFixed(0)} %`);
      explainOnHover(group, () => `${part.name}: ${part.shown[i]}, ${share.toFixed(1)} % (${data.levels[i]})`);
      from += wide;
    });
    draw("text", { x: from + 6, y: step * row + 21 }, svg, data.energy.totals[i]);
  });
}

// ---- the page ------------------------------------------------------------------------------------------------------
function option(select, value, text) { make("option", select, text).value = value; }
data.costs.forEach((cost, index) => option(byId("cost"), index, cost.label));
for (const model of data.models) option(byId("model"), model, model);
byId("model-label").hidden = data.models.length < 2;
unique(data.hardware).forEach((number) => option(byId("hardware"), number, data.names[data.hardware.indexOf(number)]));
if (data.gains) byId("hardware").value = data.hardware[data.gains.dense[0]];
for (const device of DEVICES) legendEntry(byId("front-legend"), device, colour(device));
for (const name of LEVELS.filter((name) => D.sparsity.includes(name))) legendEntry(byId("front-legend"), name, "var(--ink)", name);
function drawAll() { drawFront(); drawGains(); drawLayers(); }
for (const id of ["cost", "model"]) byId(id).addEventListener("change", drawFront);
byId("hardware").addEventListener("change", drawLayers);
const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
const setTheme = (on) => { root.dataset.theme = on ? "dark" : "light"; };
setTheme(dark.matches);
dark.addEventListener("change", (event) => setTheme(event.matches));
byId("theme").addEventListener("click", () => setTheme(root.dataset.theme !== "dark"));
let before;
addEventListener("beforeprint", () => { before = root.dataset.theme; setTheme(false); });
addEventListener("afterprint", () => setTheme(before === "dark"));
let pending;
addEventListener("resize", () => { clearTimeout(pending); pending = setTimeout(drawAll, 120); });
drawAll();
