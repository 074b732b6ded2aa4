"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const D = data.designs, COUNT = D.design_key.length;
const LEVELS = ["dense", "weight", "activation", "binsparx"];
const byId = (id) => document.getElementById(id);
const unique = (values) => [...new Set(values)];
const DEVICES = unique(D.device);
const colour = (device) => `var(--c${DEVICES.indexOf(device) % 7})`;
const place = (i) => `${data.names[i]}, ${data.levels[i]}`;
const percent = (value) => (100 * value).toFixed(1);
const range = (count) => Array.from({ length: count }, (_, index) => index);
const WORDS = range(COUNT).map((i) => `${place(i)} ${D.design_key[i]}`.toLowerCase());

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
function canvas(parent, width, height, label) { // never larger than it was drawn for
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, style: `max-width:${width}px`, role: "group", "aria-label": label }, parent);
}
const MARKS = {
  dense: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  weight: (x, y, r) => `M${x},${y - 1.2 * r}L${x + 1.15 * r},${y + 0.9 * r}L${x - 1.15 * r},${y + 0.9 * r}Z`,
  activation: (x, y, r) => `M${x - 0.9 * r},${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`,
  binsparx: (x, y, r) => `M${x},${y - 1.3 * r}L${x + 1.3 * r},${y}L${x},${y + 1.3 * r}L${x - 1.3 * r},${y}Z`,
};
const SHAPES = { dense: "circle", weight: "triangle", activation: "square", binsparx: "diamond" };
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
function folded(text, room) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (longer.length * LETTER <= room) lines[lines.length - 1] = longer;
    else if (lines.at(-1)) lines.push(word);
    else lines[0] = word;
  }
  return lines.map((line) => fitted(line, room));
}
function yieldOf(i) { return `${(100 * D.yield[i]).toFixed(0)} % (${(100 * D.yield_low[i]).toFixed(0)} to ${(100 * D.yield_high[i]).toFixed(0)})`; }
function describe(i) {
  const lines = [data.names[i], data.levels[i]];
  lines.push(`accuracy ${percent(D.accuracy[i])} % (${percent(D.accuracy_low[i])} to ${percent(D.accuracy_high[i])}), ideal ${percent(D.ideal_accuracy[i])} %`);
  if (D.chips[i] !== null) lines.push(`${D.chips[i]} chips: 95 % reach ${percent(D.accuracy_chip_p5[i])} %, yield ${yieldOf(i)}`);
  for (const cost of data.costs.filter((one) => one.accuracy === "accuracy")) lines.push(`${cost.label} ${cost.shown[i]}`);
  lines.push(`error ${D.rms_error_lsb[i].toFixed(2)} LSB rms, partial sums ${(-100 * D.partial_sum_reduction[i]).toFixed(0)} %`);
  if (data.beyond[i]) lines.push("~ exact reads show the fast solver beyond the sweep's limits");
  lines.push(`binsparx explain ${D.design_key[i].slice(0, 12)}`);
  return lines.join("\n");
}
const tip = byId("tip");
let kept = null; // what a click or the enter key keeps open
function showTip(fill, x, y, keep) {
  tip.replaceChildren();
  fill(tip, keep);
  tip.classList.toggle("kept", Boolean(keep));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 12) : y + 18}px`;
}
function closeTip() {
  const back = kept;
  kept = null;
  tip.hidden = true;
  tip.classList.remove("kept");
  if (back && tip.contains(document.activeElement)) back.focus();
}
function explainOnHover(node, text, many) {
  const fill = (host, keep) => (many ? many(host, keep) : make("p", host, text()));
  const at = () => { const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  node.addEventListener("pointerenter", (event) => { if (!kept) showTip(fill, event.clientX, event.clientY); });
  node.addEventListener("focus", () => { if (!kept) showTip(fill, ...at()); });
  for (const end of ["pointerleave", "blur"]) node.addEventListener(end, () => { if (!kept) tip.hidden = true; });
  if (!many) return;
  const keep = (x, y) => { kept = node; showTip(fill, x, y, true); };
  node.addEventListener("click", (event) => { event.stopPropagation(); keep(event.clientX, event.clientY); });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    keep(...at());
    tip.querySelector("button").focus();
  });
}
addEventListener("keydown", (event) => { if (event.key === "Escape") closeTip(); });
addEventListener("click", (event) => { if (kept && !tip.contains(event.target)) closeTip(); });
async function copy(button) {
  const key = button.dataset.key;
  try { await navigator.clipboard.writeText(key); } catch { // a page from a disk may not be allowed to
    const field = make("textarea", document.body, key);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  const text = button.textContent;
  if (text !== "copied") { button.textContent = "copied"; setTimeout(() => { button.textContent = text; }, 900); }
}
function copyButton(parent, i) {
  const button = make("button", parent, "copy the key", "copy");
  button.type = "button";
  button.dataset.key = D.design_key[i];
}
addEventListener("click", (event) => { const button = event.target.closest(".copy"); if (button) copy(button); });
function legendEntry(parent, text, paint, level) {
  const entry = make("span", parent);
  const picture = draw("svg", { viewBox: "0 0 16 16", style: "width:16px;height:16px;flex:none", "aria-hidden": "true" }, entry);
  if (level) mark(picture, level, 8, 8, paint, false, 4.6);
  else draw("rect", { x: 1, y: 4, width: 14, height: 8, fill: paint }, picture);
  entry.append(text);
}

// ---- accuracy against cost -----------------------------------------------------------------------------------------
const zoom = { x: [0, 1], y: [0, 1] }; // the part of the axes that is shown, as shares of them
const filters = () => [...document.querySelectorAll(".filter")];
function meets(i) { return filters()[0].value.toLowerCase().split(/\s+/).every((word) => WORDS[i].includes(word)); }
function bent(axis) { // straight between the knots
  const { values, shares } = axis, last = values.length - 2;
  return (v) => { const k = v < values[1] ? 0 : last; return shares[k] + ((v - values[k]) / (values[k + 1] - values[k])) * (shares[k + 1] - shares[k]); };
}
function roundTicks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((one) => one >= rough);
  return range(Math.floor(high / step) - Math.ceil(low / step) + 1).map((k) => Number(((Math.ceil(low / step) + k) * step).toPrecision(12)));
}
function quantity(cost, value) {
  if (!cost.prefixed) return `${Number(value.toPrecision(4))} ${cost.unit}`;
  const power = Math.min(4, Math.max(-6, Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-9)));
  return `${Number((value / 1000 ** power).toPrecision(4))} ${["a", "f", "p", "n", "µ", "m", "", "k", "M", "G", "T"][power + 6]}${cost.unit}`;
}
function within(share, [low, high]) { return (share - low) / (high - low); }
function drawFront() {
  const cost = data.costs[byId("cost").value], model = byId("model").value;
  const host = byId("front-panels");
  host.replaceChildren();
  const chart = cost.models[model];
  const A = D[cost.accuracy].map((value, i) => value ?? D.accuracy[i]), [LOW, HIGH] = cost.accuracy === "accuracy" ? [D.accuracy_low, D.accuracy_high] : [A, A]; // an interval is known of the mean alone
  byId("unzoom").hidden = zoom.x[0] === 0 && zoom.x[1] === 1 && zoom.y[0] === 0 && zoom.y[1] === 1;
  if (!chart) { make("p", host, "No design of this network has this cost."); return; }
  const xAxis = chart.x[byId("log").checked ? "log" : "linear"], yAxis = chart.y[byId("bent").checked ? "all" : "linear"];
  const shareX = scale(xAxis, 0, 1), shareY = bent(yAxis), zoomed = !byId("unzoom").hidden;
  const invert = (share, f, a, b) => { for (let k = 0; k < 60; k += 1) { const m = (a + b) / 2; if (f(m) < share) a = m; else b = m; } return (a + b) / 2; };
  const ends = (part, f, low, high) => part.map((share) => invert(share, f, low, high));
  const ticksX = zoomed ? roundTicks(...ends(zoom.x, shareX, xAxis.low, xAxis.high), 5).map((v) => [v, quantity(cost, v)]) : xAxis.ticks;
  const ticksY = zoomed ? roundTicks(...ends(zoom.y, shareY, yAxis.values[0], yAxis.values.at(-1)), 6).map((v) => [v, `${v}`]) : yAxis.ticks;
  for (const [one, panel] of chart.panels.map((one) => [one, make("div", host, undefined, "panel")])) {  // all panels are there before the first is measured
    make("h3", panel, one.title);
    const width = Math.max(300, Math.min(620, panel.clientWidth - 16)), height = 350, left = 42, bottom = 46, top = 10, right = width - 6;
    const svg = canvas(panel, width, height, `accuracy against ${cost.label}, ${one.title}`);
    const x = (v) => left + within(shareX(v), zoom.x) * (right - left), y = (v) => height - bottom - within(shareY(v), zoom.y) * (height - bottom - top);
    const shown = (px, py) => px >= left - 1 && px <= right + 1 && py >= top - 1 && py <= height - bottom + 1;
    const background = draw("rect", { x: left, y: top, width: right - left, height: height - bottom - top, fill: "transparent" }, svg);
    drawTicks(svg, { ticks: ticksY.filter(([v]) => shown(left, y(v))) }, y, left, right);
    let taken = -Infinity;
    for (const [tick, text] of ticksX) {
      if (!shown(x(tick), top)) continue;
      draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: height - bottom }, svg);
      if (x(tick) - taken < 52) continue;
      taken = x(tick);
      draw("text", { x: Math.min(taken, right - 20), y: height - bottom + 17, "text-anchor": "middle", class: "soft" }, svg, text);
    }
    draw("text", { x: (left + width) / 2, y: height - 8, "text-anchor": "middle" }, svg, cost.label);
    draw("text", { x: 12, y: height / 2 - 20, "text-anchor": "middle", transform: `rotate(-90 12 ${height / 2 - 20})` }, svg, cost.accuracy_label);
    const frame = { x: left, y: top, width: right - left, height: height - bottom - top };
    const drawn = draw("svg", { ...frame, viewBox: Object.values(frame).join(" "), class: "frame" }, svg); // cuts what zooming moves out of it
    const bends = yAxis.bend === null ? [] : [["bend", yAxis.bend]];
    for (const [name, v] of [...bends, ["ideal", one.ideal]]) draw("line", { class: name, x1: left, x2: right, y1: y(v), y2: y(v) }, drawn);
    const own = [...one.others, ...one.members];
    const costs = new Map(own.map((i, k) => [i, one.values ? one.values[k] : cost.values[i]]));
    const px = (i) => x(costs.get(i)), py = (accuracies, i) => y(100 * accuracies[i]);
    const step = one.members.map((i, k) => (k ? `H${px(i)}V${py(A, i)}` : `M${px(i)},${py(A, i)}`));
    draw("path", { class: "front", d: step.join("") }, drawn);
    const visible = own.filter((i) => meets(i) && (!zoomed || shown(px(i), py(A, i))));
    const members = new Set(one.members);
    for (const i of visible) {
      const on = members.has(i), paint = colour(D.device[i]);
      const group = draw("g", { class: on ? "point" : "point dimmed", "data-key": D.design_key[i], tabindex: "0", role: "button", "aria-label": place(i) }, drawn);
      draw("line", { x1: px(i), x2: px(i), y1: py(LOW, i), y2: py(HIGH, i), stroke: paint, "stroke-width": 1.2 }, group);
      mark(group, D.sparsity[i], px(i), py(A, i), paint, on);
      draw("circle", { cx: px(i), cy: py(A, i), r: 9, fill: "transparent" }, group);
      const near = visible.filter((j) => j !== i && Math.hypot(px(j) - px(i), py(A, j) - py(A, i)) < 8); // marks that cover each other
      explainOnHover(group, null, (host, keep) => {
        make("p", host, describe(i));
        if (keep) copyButton(host, i);
        for (const j of near.slice(0, keep ? near.length : 4)) {
          const same = A[j] === A[i] && costs.get(j) === costs.get(i);
          make("p", host, keep ? describe(j) : `${same ? "at the same place" : "beside it"}: ${place(j)}`);
          if (keep) copyButton(host, j);
        }
        if (!keep && near.length > 4) make("p", host, `and ${near.length - 4} more: a click lists them`);
      });
    }
    const bars = visible.map((i) => [px(i) - 6, Math.min(py(HIGH, i), py(A, i) - 6), px(i) + 6, Math.max(py(LOW, i), py(A, i) + 6)]);
    const steps = one.members.slice(1).map((i, k) => [px(one.members[k]), py(A, one.members[k]) - 2, px(i), py(A, one.members[k]) + 2]);
    const covered = [...bars, ...steps, [left, y(one.ideal) - 2, right, y(one.ideal) + 2]];
    labelSizes(drawn, visible, px, (i) => py(A, i), [left, top, right, height - bottom], covered);
    zoomOnDrag(svg, background, [left, top, right, height - bottom]);
  }
}
function labelSizes(parent, visible, px, py, [left, top, right, bottom], taken) { // beside dense designs, where there is room; one size says nothing
  if (new Set(D.array).size < 2) return;
  const said = new Set();
  for (const i of visible.filter((i) => D.sparsity[i] === "dense")) {
    const name = `${D.device[i]} ${D.array[i]}`, w = 6 * D.array[i].length;
    if (said.has(name)) continue;
    for (const [dx, dy] of [[0, 15], [w / 2 + 10, 0], [-w / 2 - 10, 0], [0, -15], [w / 2 + 8, 12], [-w / 2 - 8, 12], [w / 2 + 8, -12], [-w / 2 - 8, -12], [0, 27]]) {
      const [cx, cy] = [px(i) + dx, py(i) + dy], box = [cx - w / 2, cy - 6, cx + w / 2, cy + 6];
      const free = box[0] > left && box[2] < right && box[1] > top && box[3] < bottom && !taken.some((one) => box[0] < one[2] && one[0] < box[2] && box[1] < one[3] && one[1] < box[3]);
      if (!free) continue;
      said.add(name);
      taken.push(box);
      draw("text", { x: cx, y: cy + 4, "text-anchor": "middle", class: "size", style: `fill:${colour(D.device[i])}` }, parent, D.array[i]);
      break;
    }
  }
}
function zoomOnDrag(svg, background, [left, top, right, bottom]) {
  let from = null, band = null;
  const at = (event) => {
    const box = svg.getBoundingClientRect(), k = svg.viewBox.baseVal.width / box.width;
    return [Math.min(right, Math.max(left, (event.clientX - box.x) * k)), Math.min(bottom, Math.max(top, (event.clientY - box.y) * k))];
  };
  background.addEventListener("pointerdown", (event) => { from = at(event); background.setPointerCapture(event.pointerId); event.preventDefault(); });
  background.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = at(event);
    band = band || draw("rect", { class: "band" }, svg);
    for (const [name, value] of [["x", Math.min(from[0], to[0])], ["y", Math.min(from[1], to[1])], ["width", Math.abs(to[0] - from[0])], ["height", Math.abs(to[1] - from[1])]]) band.setAttribute(name, value);
  });
  background.addEventListener("pointerup", (event) => {
    const to = at(event), start = from;
    from = null;
    if (band) band.remove();
    band = null;
    if (!start || Math.abs(to[0] - start[0]) < 8 || Math.abs(to[1] - start[1]) < 8) return;
    const share = (v, a, b, [low, high]) => low + ((v - a) / (b - a)) * (high - low);
    const xs = [start[0], to[0]].sort((a, b) => a - b), ys = [start[1], to[1]].sort((a, b) => b - a);
    zoom.x = xs.map((v) => share(v, left, right, zoom.x));
    zoom.y = ys.map((v) => share(v, bottom, top, zoom.y));
    drawFront();
  });
  background.addEventListener("dblclick", unzoom);
}
function unzoom() { zoom.x = [0, 1]; zoom.y = [0, 1]; drawFront(); }

// ---- from chip to chip ---------------------------------------------------------------------------------------------
function drawChips() {
  byId("chips").hidden = !data.chips.length;
  if (!data.chips.length) return;
  const host = byId("chips-panels");
  host.replaceChildren();
  byId("chips-note").textContent = `A mark a chip, all of a panel on the same images; grey from quartile to quartile, with the median. The heavy line is what 95\u00a0% of the chips reach. On the right the yield: chips that lose at most ${(100 * data.chips[0].loss).toPrecision(2).replace(/\.0$/, "")} points against ideal arithmetic (dashed), with the 95\u00a0% interval for chips at large.${data.chips_left ? ` ${data.chips_left} more designs have chips that differ; those on a front are shown first.` : ""}`;
  for (const [one, panel] of data.chips.map((one) => [one, make("div", host, undefined, "panel")])) {
    make("h3", panel, one.title);
    const width = Math.max(300, Math.min(1100, panel.clientWidth - 16)), right = width - 124, left = 10;
    const names = one.names.map((name) => folded(name, width - left)), above = 15 * Math.max(...names.map((lines) => lines.length)); // of each row
    const step = 31 + above, bottom = 15 + step * one.designs.length;
    const svg = canvas(panel, width, bottom + 40, `accuracy of chips, ${one.title}`), x = scale(one, left, right);
    for (const tick of roundTicks(one.low, one.high, 5)) {
      draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 6, y2: bottom }, svg);
      draw("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle", class: "soft" }, svg, `${tick}`);
    }
    draw("text", { x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle" }, svg, "accuracy (%)");
    const ideal = x(100 * Math.max(...one.designs.map((i) => D.ideal_accuracy[i])));
    draw("line", { class: "ideal", x1: ideal, x2: ideal, y1: 6, y2: bottom }, svg);
    one.designs.forEach((i, k) => {
      const y = 8 + above + 15 + step * k, paint = colour(D.device[i]), [low, middle, high] = one.quartiles[k].map((v) => x(100 * v));
      const group = draw("g", { class: "point", tabindex: "0", role: "button", "aria-label": one.names[k], "data-key": D.design_key[i] }, svg);
      draw("rect", { x: 0, y: y - above - 15, width, height: step, fill: "transparent" }, group);
      names[k].forEach((line, n) => draw("text", { x: left, y: y - 15 * (names[k].length - n) }, group, line));
      draw("rect", { class: "box", x: low, width: Math.max(1, high - low), y: y - 7, height: 14 }, group);
      draw("line", { class: "median", x1: middle, x2: middle, y1: y - 7, y2: y + 7 }, group);
      const seen = new Map();
      for (const value of one.chips[k]) {
        const before = seen.get(value) || 0, same = one.chips[k].filter((v) => v === value).length;
        seen.set(value, before + 1);
        mark(group, D.sparsity[i], x(100 * value), y + (before - (same - 1) / 2) * Math.min(3, 16 / same), paint, false, 3.2);
      }
      const weakest = x(100 * D.accuracy_chip_p5[i]);
      draw("line", { class: "weakest", x1: weakest, x2: weakest, y1: y - 11, y2: y + 11 }, group);
      draw("text", { x: right + 12, y: y + 4 }, group, yieldOf(i));
      explainOnHover(group, null, (place, keep) => { make("p", place, describe(i)); if (keep) copyButton(place, i); });
    });
  }
}

// ---- dense against sparsified --------------------------------------------------------------------------------------
function drawGains() {
  const host = byId("gain-chart");
  host.replaceChildren();
  if (!data.gains) { byId("gain-note").textContent = "No dense and sparsified levels of the same hardware saw the same images."; return; }
  const { level: name, names, dense: kept, largest, left, paired } = data.gains;
  byId("gain-note").textContent = `Circle: dense, ${SHAPES[name]}: ${name}, on the same hardware; the number is the change in points with the 95 % interval of this design by itself`
    + (paired ? ", from the same images one by one" : "") + (left ? `. The ${largest} largest and ${kept.length - largest} smallest changes; ${left} between them are not drawn.` : ".");
  const width = Math.max(340, Math.min(1100, host.clientWidth)), narrow = width < 700;
  const longest = 14 + LETTER * Math.max(...names.map((text) => text.length));
  const label = narrow ? 8 : Math.min(Math.max(longest, 290), width / 2 - 75), right = 176;
  const folds = names.map((text) => folded(text, narrow ? width - label : label - 14));
  const lines = Math.max(...folds.map((fold) => fold.length)), step = narrow ? 29 + 15 * lines : 9 + 15 * lines, height = 30 + step * kept.length;
  const svg = canvas(host, width, height, `accuracy dense and ${name}`);
  const x = (v) => label + v * (width - label - right);
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 4, y2: height - 24 }, svg);
    draw("text", { x: x(tick), y: height - 8, "text-anchor": "middle", class: "soft" }, svg, `${100 * tick} %`);
  }
  kept.forEach((dense, index) => {
    const [sparse, low, high] = ["sparse", "low", "high"].map((column) => data.gains[column][index]);
    const y = step * index + (narrow ? 15 + 15 * lines : 8.5 + 7.5 * lines), paint = colour(D.device[dense]);
    const group = draw("g", { class: "point" }, svg);
    draw("rect", { x: 0, y: y - (narrow ? 13 + 15 * lines : 3.5 + 7.5 * lines), width, height: step, fill: "transparent" }, group);
    const fold = folds[index], last = fold.length - 1;
    fold.forEach((line, k) => draw("text", narrow ? { x: label, y: y - 12 - 15 * (last - k) } : { x: label - 14, y: y + 4 + 15 * (k - last / 2), "text-anchor": "end" }, group, line));
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
  const designs = range(COUNT).filter((i) => data.hardware[i] === chosen && D.plain[i]);
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
  const fills = parts.map((part) => `var(--c${data.energy.parts.indexOf(part) % 9})`);
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
      group.setAttribute("data-part", part.name);
      const inside = Object.entries(part.inside).map(([name, shown]) => `${name} ${shown[i]}`);
      explainOnHover(group, () => [`${part.name}: ${part.shown[i]}, ${share.toFixed(1)} % (${data.levels[i]})`, ...(inside.length > 1 ? inside : [])].join("\n"));
      from += wide;
    });
    draw("text", { x: from + 6, y: step * row + 21 }, svg, data.energy.totals[i]);
  });
}

// ---- the page ------------------------------------------------------------------------------------------------------
function option(select, value, text) { make("option", select, text).value = value; }
data.costs.forEach((cost, index) => option(byId("cost"), index, cost.accuracy === "accuracy" ? cost.label : `${cost.label}, ${cost.accuracy_label}`));
for (const model of data.models) option(byId("model"), model, model);
byId("model-label").hidden = data.models.length < 2;
unique(data.hardware).forEach((number) => option(byId("hardware"), number, data.names[data.hardware.indexOf(number)]));
if (data.gains) byId("hardware").value = data.hardware[data.gains.dense[0]];
for (const device of DEVICES) legendEntry(byId("front-legend"), device, colour(device));
for (const name of LEVELS.filter((name) => D.sparsity.includes(name))) legendEntry(byId("front-legend"), name, "var(--ink)", name);
function drawAll() { drawFront(); drawChips(); drawGains(); drawLayers(); }
const asUsual = () => { const chart = data.costs[byId("cost").value].models[byId("model").value]; byId("log").checked = Boolean(chart && chart.logarithmic); unzoom(); };
for (const id of ["cost", "model"]) byId(id).addEventListener("change", asUsual);
for (const id of ["log", "bent"]) byId(id).addEventListener("change", unzoom);
byId("unzoom").addEventListener("click", unzoom);
for (const field of filters()) field.addEventListener("input", () => { for (const other of filters()) other.value = field.value; filterTable(); drawFront(); });
function filterTable() {
  const rows = [...document.querySelectorAll("#designs tbody tr")], words = filters()[0].value.toLowerCase().split(/\s+/);
  const keys = new Map(D.design_key.map((key, i) => [key, i]));
  for (const row of rows) { const i = keys.get(row.querySelector(".copy").dataset.key); row.hidden = i !== undefined && !words.every((word) => WORDS[i].includes(word)); }
  document.querySelector("#designs .count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => { const cell = row.cells[column]; return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v); };
      const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
      const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));
      table.tBodies[0].append(...rows);
    });
  });
}
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
byId("log").checked = Boolean(data.costs[0].models[data.models[0]]?.logarithmic);
filterTable();
drawAll();
