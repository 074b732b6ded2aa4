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

// ---- scales --------------------------------------------------------------------------------------------------------
function niceTicks(low, high, count) {
  const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-12); k++) ticks.push(k * step);
  return ticks;
}
function costScale(values, from, to) {
  let low = Math.min(...values), high = Math.max(...values);
  const log = low > 0 && high / low > 4;
  const pad = log ? (high / low) ** 0.06 : 0.06 * (high - low || Math.abs(high) || 1);
  [low, high] = log ? [low / pad, high * pad] : [low - pad, high + pad];
  const [f, a, b] = log ? [Math.log10, Math.log10(low), Math.log10(high)] : [(v) => v, low, high];
  const place = (v) => from + ((f(v) - a) / (b - a)) * (to - from);
  let ticks;
  if (log) {
    const within = (steps) => range(Math.ceil(b) - Math.floor(a) + 1).flatMap((k) => steps.map((s) => s * 10 ** (Math.floor(a) + k))).filter((v) => v >= low && v <= high);
    ticks = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7]].map(within).find((found) => found.length >= 3) || within([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]);
  } else ticks = niceTicks(low, high, 5);
  return { place, ticks };
}
function show(cost, value) {
  if (value === null) return "not known";
  const scaled = value * cost.scale, size = Math.abs(scaled);
  if (!cost.prefixed || size === 0) return `${Number(scaled.toPrecision(3))} ${cost.unit}`;
  const [factor, prefix] = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [0, "p"]].find(([f]) => size >= 0.9995 * f);
  return `${Number((scaled / (factor || 1e-12)).toPrecision(3))} ${prefix}${cost.unit}`;
}

// ---- names and the hover -------------------------------------------------------------------------------------------
const size = (i) => `${D.rows[i]}x${D.cols[i]}` + (D.active_rows[i] === D.rows[i] ? "" : `/${D.active_rows[i]}`);
const level = (i) => D.sparsity[i] + (D.prune[i] ? ` prune ${D.prune[i]}` : "");
function hardwareName(i, varying = data.varying) {
  const more = varying.filter((name) => D[name] !== undefined && String(D[name][i]) !== "").map((name) => `${name.replaceAll("_", " ")} ${D[name][i]}`);
  return [`${D.device[i]} ${D.corner[i]} ${size(i)}`, ...more].join(", ");
}
const LETTER = 6.6; // width of a letter of the charts, roughly
function fitted(text, room) {
  const letters = Math.floor(room / LETTER);
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}
function describe(i) {
  const lines = [`${hardwareName(i)}`, `${level(i)}`];
  lines.push(`accuracy ${percent(D.accuracy[i])} % (${percent(D.accuracy_low[i])} to ${percent(D.accuracy_high[i])}), ideal ${percent(D.ideal_accuracy[i])} %`);
  for (const cost of data.costs) lines.push(`${cost.title} ${show(cost, D[cost.column][i])}`);
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
function frontOf(points, cost) {
  const sorted = [...points].sort((a, b) => D[cost][a] - D[cost][b] || D.accuracy[b] - D.accuracy[a]);
  const members = [];
  let best = -Infinity, last = null;
  for (const i of sorted) {
    const equal = last !== null && D.accuracy[i] === D.accuracy[last] && D[cost][i] === D[cost][last];
    if (D.accuracy[i] > best || equal) { members.push(i); best = D.accuracy[i]; last = i; }
  }
  return members;
}
function drawFront() {
  const cost = data.costs[byId("cost").value], model = byId("model").value;
  const host = byId("front-panels");
  host.replaceChildren();
  const points = range(COUNT).filter((i) => D.model[i] === model && D[cost.column][i] !== null);
  if (!points.length) { make("p", host, "No design of this network has this cost."); return; }
  const low = Math.max(0, Math.floor(10 * Math.min(...points.map((i) => D.accuracy_low[i]))) / 10);
  const panels = unique(points.map((i) => D.corner[i])).map((corner) => [corner, make("div", host, undefined, "panel")]);
  for (const [corner, panel] of panels) {  // all panels are there before the first is measured
    make("h3", panel, `${corner} corner`);
    const width = Math.max(320, Math.min(620, panel.clientWidth - 16)), height = 350, left = 42, bottom = 46;
    const svg = canvas(panel, width, height, `accuracy against ${cost.title}, ${corner} corner`);
    const own = points.filter((i) => D.corner[i] === corner);
    const x = costScale(points.map((i) => D[cost.column][i]), left + 8, width - 12);
    const y = (v) => height - bottom - ((v - low) / (1.02 - low)) * (height - bottom - 10);
    for (const tick of niceTicks(100 * low, 100, 6)) {
      draw("line", { class: "grid", x1: left, x2: width - 4, y1: y(tick / 100), y2: y(tick / 100) }, svg);
      draw("text", { x: left - 6, y: y(tick / 100) + 4, "text-anchor": "end", class: "soft" }, svg, Number(tick.toFixed(2)));
    }
    let taken = -Infinity;
    for (const tick of x.ticks) {
      draw("line", { class: "grid", x1: x.place(tick), x2: x.place(tick), y1: 10, y2: height - bottom }, svg);
      if (x.place(tick) - taken < 52) continue;
      taken = x.place(tick);
      draw("text", { x: taken, y: height - bottom + 17, "text-anchor": "middle", class: "soft" }, svg, show(cost, tick));
    }
    draw("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle" }, svg, cost.title);
    draw("text", { x: 12, y: height / 2 - 20, "text-anchor": "middle", transform: `rotate(-90 12 ${height / 2 - 20})` }, svg, "accuracy (%)");
    const ideal = Math.max(...own.map((i) => D.ideal_accuracy[i]));
    draw("line", { class: "ideal", x1: left, x2: width - 4, y1: y(ideal), y2: y(ideal) }, svg);
    const most = Math.max(...own.map((i) => D.images[i]));  // who lost a race saw fewer images, and is on no front
    const members = frontOf(own.filter((i) => D.images[i] === most), cost.column), member = new Set(members);
    const step = members.map((i, k) => (k ? `H${x.place(D[cost.column][i])}V${y(D.accuracy[i])}` : `M${x.place(D[cost.column][i])},${y(D.accuracy[i])}`));
    draw("path", { class: "front", d: step.join("") }, svg);
    for (const i of [...own.filter((i) => !member.has(i)), ...members]) {
      const on = member.has(i), px = x.place(D[cost.column][i]), paint = colour(D.device[i]);
      const group = draw("g", { class: on ? "point" : "point dimmed", "data-key": D.design_key[i] }, svg);
      if (on) group.setAttribute("tabindex", "0");
      draw("line", { x1: px, x2: px, y1: y(D.accuracy_low[i]), y2: y(D.accuracy_high[i]), stroke: paint, "stroke-width": 1.2 }, group);
      mark(group, D.sparsity[i], px, y(D.accuracy[i]), paint, on);
      draw("circle", { cx: px, cy: y(D.accuracy[i]), r: 9, fill: "transparent" }, group);
      const same = own.filter((k) => k !== i && D.accuracy[k] === D.accuracy[i] && D[cost.column][k] === D[cost.column][i]);
      explainOnHover(group, () => [describe(i), ...same.map((k) => `at the same place: ${hardwareName(k)}, ${level(k)}`)].join("\n"));
    }
  }
}

// ---- dense against sparsified --------------------------------------------------------------------------------------
function drawGains() {
  const host = byId("gain-chart");
  host.replaceChildren();
  if (!data.gains) { byId("gain-note").textContent = "The sweep does not hold dense and sparsified levels of the same hardware."; return; }
  const { level: name, rows: kept, largest, left, paired } = data.gains;
  byId("gain-note").textContent = `Circle: dense, diamond: ${name}, on the same hardware; the number is the change in points with the 95 % interval of this design by itself`
    + (paired ? ", from the same images one by one" : "") + (left ? `. The ${largest} largest and ${kept.length - largest} smallest changes; ${left} between them are not drawn.` : ".");
  const width = Math.max(340, Math.min(1100, host.clientWidth)), narrow = width < 700;
  // Only what tells these hardware designs apart, for room is short.
  const varying = data.varying.filter((axis) => D[axis] !== undefined && unique(kept.map(([dense]) => D[axis][dense])).length > 1);
  const names = kept.map(([dense]) => hardwareName(dense, varying));
  const longest = 14 + LETTER * Math.max(...names.map((text) => text.length));
  const label = narrow ? 8 : Math.min(Math.max(longest, 290), width / 2 - 75), step = narrow ? 44 : 24, right = 176, height = 30 + step * kept.length;
  const svg = canvas(host, width, height, `accuracy dense and ${name}`);
  const x = (v) => label + v * (width - label - right);
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 4, y2: height - 24 }, svg);
    draw("text", { x: x(tick), y: height - 8, "text-anchor": "middle", class: "soft" }, svg, `${100 * tick} %`);
  }
  kept.forEach(([dense, sparse, low, high], index) => {
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
  const lines = designs.map((i) => [i, names.map((name) => {
    const row = data.layers.design.findIndex((design, k) => design === i && data.layers.layer[k] === name);
    return row < 0 ? null : data.layers.rms_error_lsb[row];
  })]);
  const width = Math.max(330, Math.min(900, host.clientWidth)), height = 270, left = 48, bottom = 42;
  const top = 1.08 * Math.max(1e-9, ...lines.flatMap(([, values]) => values.map((v) => v || 0)));
  const svg = canvas(host, width, height, "error of each layer");
  const x = (k) => left + 24 + (k * (width - left - 60)) / Math.max(1, names.length - 1);
  const y = (v) => height - bottom - (v / top) * (height - bottom - 8);
  for (const tick of niceTicks(0, top, 5)) {
    draw("line", { class: "grid", x1: left, x2: width - 4, y1: y(tick), y2: y(tick) }, svg);
    draw("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end", class: "soft" }, svg, Number(tick.toPrecision(3)));
  }
  const every = Math.ceil((names.length * 62) / (width - left));
  names.forEach((name, k) => { if (k % every === 0) draw("text", { x: x(k), y: height - bottom + 18, "text-anchor": "middle", class: "soft" }, svg, name); });
  draw("text", { x: 12, y: height / 2 - 16, "text-anchor": "middle", transform: `rotate(-90 12 ${height / 2 - 16})` }, svg, "rms error (LSB)");
  for (const [i, values] of lines) {
    const paint = `var(--c${LEVELS.indexOf(D.sparsity[i])})`;
    legendEntry(legend, D.sparsity[i], paint, D.sparsity[i]);
    const there = range(names.length).filter((k) => values[k] !== null);
    draw("path", { d: there.map((k, n) => `${n ? "L" : "M"}${x(k)},${y(values[k])}`).join(""), fill: "none", stroke: paint, "stroke-width": 1.6, "stroke-dasharray": DASHES[D.sparsity[i]] }, svg);
    for (const k of there) {
      const group = draw("g", { class: "point" }, svg);
      mark(group, D.sparsity[i], x(k), y(values[k]), paint, true, 4.5);
      explainOnHover(group, () => `${names[k]}, ${level(i)}: ${values[k].toFixed(3)} LSB rms`);
    }
  }
  drawEnergy(designs);
}
function drawEnergy(designs) {
  const parts = data.components.filter((name) => designs.some((i) => D[name][i]));
  byId("energy").hidden = !parts.length;
  if (!parts.length) return;
  const host = byId("energy-chart"), legend = byId("energy-legend"), joule = { unit: "J", scale: 1, prefixed: true };
  host.replaceChildren();
  legend.replaceChildren();
  const title = (name) => name.replace(/^energy_/, "").replace(/_J$/, "").replaceAll("_", " ");
  byId("energy-note").textContent = "Energy of an image by component, for the hardware chosen above; the share is written where there is room.";
  // More parts than colours: each colour again, paler, in the legend as in the bars.
  const strength = (k) => [100, 55, 30][Math.min(2, Math.floor(k / 7))];
  const fills = parts.map((_, k) => `color-mix(in srgb, var(--c${k % 7}) ${strength(k)}%, var(--paper))`);
  parts.forEach((name, k) => legendEntry(legend, title(name), fills[k]));
  const width = Math.max(330, Math.min(1000, host.clientWidth)), left = 96, step = 34;
  const total = (i) => parts.reduce((sum, name) => sum + (D[name][i] || 0), 0);
  const most = Math.max(...designs.map(total)), svg = canvas(host, width, 8 + step * designs.length, "energy by component");
  designs.forEach((i, row) => {
    let from = left;
    draw("text", { x: left - 8, y: step * row + 21, "text-anchor": "end" }, svg, level(i));
    parts.forEach((name, k) => {
      const wide = ((D[name][i] || 0) / most) * (width - left - 80), share = (100 * (D[name][i] || 0)) / total(i);
      const group = draw("g", { class: "point" }, svg);
      draw("rect", { x: from, y: step * row + 4, width: Math.max(0, wide), height: step - 10, style: `fill:${fills[k]}`, stroke: "var(--paper)" }, group);
      if (wide > 42) draw("text", { x: from + wide / 2, y: step * row + 21, "text-anchor": "middle", style: "fill:var(--paper)" }, group, `${share.toFixed(0)} %`);
      explainOnHover(group, () => `${title(name)}: ${show(joule, D[name][i])}, ${share.toFixed(1)} % (${level(i)})`);
      from += wide;
    });
    draw("text", { x: from + 6, y: step * row + 21 }, svg, show(joule, total(i)));
  });
}

// ---- the page ------------------------------------------------------------------------------------------------------
function option(select, value, text) { make("option", select, text).value = value; }
data.costs.forEach((cost, index) => option(byId("cost"), index, cost.title));
for (const model of unique(D.model)) option(byId("model"), model, model);
byId("model-label").hidden = unique(D.model).length < 2;
unique(data.hardware).forEach((number) => option(byId("hardware"), number, hardwareName(data.hardware.indexOf(number))));
if (data.gains && data.gains.rows.length) byId("hardware").value = data.hardware[data.gains.rows[0][0]];
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
