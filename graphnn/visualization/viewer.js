// The page that plot_model writes: pan, zoom, search, nested models that open and close, layers or compiled kernels.
// Every label goes through textContent or setAttribute; nothing from the data is ever parsed as HTML.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);
const stage = $("stage"), world = $("world"), side = $("side");
const HEAD = 13, BODY = 11, LINE = 1.35, PADX = 10, PADY = 6, PAD = 12, TITLE = 22;
const state = { view: "layers", open: new Set(), chosen: null, query: "", heat: "", scale: 1, x: 0, y: 0 };
let drawn = new Map(), size = { width: 0, height: 0 };

const pen = (() => { try { return document.createElement("canvas").getContext("2d"); } catch (e) { return null; } })();
function measure(text, px, bold) {
  if (!pen) return text.length * px * 0.6;
  pen.font = `${bold ? 600 : 400} ${px}px Helvetica, Arial, sans-serif`;
  return pen.measureText(text).width;
}
function make(tag, attributes, parent, text) {
  const e = document.createElementNS(SVG, tag);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.appendChild(e);
  return e;
}
const scene = () => (state.view === "kernels" ? data.kernels : data.scene);
function* walk(s, above) {
  for (const n of s.nodes) {
    yield [n, above];
    if (n.inner) yield* walk(n.inner, above.concat(n.key));
  }
}

// ---- placing (the steps of drawing.py, flow downwards)
function labelOf(n) {
  const s = data.show, lines = [];
  if (s.activations && n.activation) lines.push(`Activation: ${n.activation}`);
  if (s.shapes && n.outputs) { if (n.inputs.length) lines.push(`Input shape: ${n.inputs.join(", ")}`); lines.push(`Output shape: ${n.outputs.join(", ") || "unknown"}`); }
  if (s.dtype && n.dtypes) lines.push(`Output dtype: ${n.dtypes.join(", ")}`);
  if (s.trainable && n.trainable !== null && n.trainable !== undefined) lines.push(`Trainable: ${n.trainable ? "yes" : "no"}`);
  for (const line of n.lines || []) lines.push(line);
  const head = (s.names ? `${short(n.name)} (${n.kind})` : n.kind) + (n.inner ? " ＋" : "");
  const width = Math.max(measure(head, HEAD, true), ...lines.map((t) => measure(t, BODY))) + 2 * PADX;
  return { head, lines, width, height: 2 * PADY + HEAD * LINE + (lines.length ? lines.length * BODY * LINE + 4 : 0) };
}
const short = (t) => { const c = Array.from(t); return c.length > 48 ? c.slice(0, 24).join("") + "…" + c.slice(-23).join("") : t; };

function place(s, nested) {
  const boxes = [], labels = [], inner = new Map(), where = new Map();
  s.nodes.forEach((n, i) => {
    where.set(n.key, i);
    labels.push(labelOf(n));
    if (n.inner && state.open.has(n.key)) {
      const f = place(n.inner, true);
      inner.set(i, f);
      boxes.push({ w: f.width, h: f.height, enter: f.enter, leave: f.leave });
    } else boxes.push({ w: labels[i].width, h: labels[i].height, enter: [], leave: [] });
  });
  const links = s.edges.map(([a, b, out, into]) => ({ source: where.get(a), target: where.get(b), out: out || 0, into: into || 0, keys: [a, b] }));
  const n = boxes.length, first = [], last = [];
  if (nested) {
    for (const key of s.inputs) { first.push(boxes.length); links.push({ source: boxes.length, target: where.get(key), out: 0, into: 0, keys: ["", key] }); boxes.push({ w: 0, h: 0, enter: [], leave: [] }); }
    for (const [key, out] of s.outputs) { last.push(boxes.length); links.push({ source: where.get(key), target: boxes.length, out, into: 0, keys: [key, ""] }); boxes.push({ w: 0, h: 0, enter: [], leave: [] }); }
  }
  for (const k of links) {
    k.out = Math.min(k.out, Math.max(boxes[k.source].leave.length - 1, 0));
    k.into = Math.min(k.into, Math.max(boxes[k.target].enter.length - 1, 0));
  }
  const lay = arrange(boxes, links, 24, 36, first, last);
  const top = nested ? PAD + TITLE : 0, pad = nested ? PAD : 0;
  let wide = lay.width, shift = pad;
  if (nested) { const need = measure(short(s.name), BODY) + 20; shift += Math.max(0, need - wide) / 2; wide = Math.max(wide, need); }
  const out = { width: wide + 2 * pad, height: lay.height + top + pad, items: [], frames: [], paths: [], enter: first.map((i) => lay.corners[i][0] + shift), leave: last.map((i) => lay.corners[i][0] + shift) };
  for (let i = 0; i < n; i++) {
    const x = lay.corners[i][0] + shift, y = lay.corners[i][1] + top, f = inner.get(i), node = s.nodes[i];
    if (!f) { out.items.push({ node, label: labels[i], x, y, w: boxes[i].w, h: boxes[i].h }); continue; }
    out.frames.push({ node, x, y, w: f.width, h: f.height });
    for (const g of ["items", "frames"]) for (const a of f[g]) out[g].push({ ...a, x: a.x + x, y: a.y + y });
    for (const p of f.paths) out.paths.push({ ...p, points: p.points.map((q) => [q[0] + x, q[1] + y]) });
  }
  links.forEach((k, i) => {
    const points = lay.routes[i].map((p) => [p[0] + shift, p[1] + top]);
    if (k.source >= n) points[0] = [points[0][0], 0];
    if (k.target >= n) points[points.length - 1] = [points[points.length - 1][0], out.height];
    out.paths.push({ points, keys: k.keys, arrow: k.target < n && !inner.has(k.target) });
  });
  return out;
}

// ---- drawing
function curve(points) {
  const f = (v) => v.toFixed(1);
  let d = `M${f(points[0][0])} ${f(points[0][1])}`;
  for (let k = 0; k + 1 < points.length; k++) {
    const [a, b] = [points[k], points[k + 1]], y = (a[1] + b[1]) / 2;
    d += k % 2 && Math.abs(a[0] - b[0]) > 0.01 ? `C${f(a[0])} ${f(y)} ${f(b[0])} ${f(y)} ${f(b[0])} ${f(b[1])}` : `L${f(b[0])} ${f(b[1])}`;
  }
  return d;
}
function heatOf() {
  if (!state.heat) return null;
  const worth = (n) => Number(n[state.heat] || (n.costs && n.costs[state.heat]) || 0);
  const top = Math.max(1e-12, ...Array.from(walk(scene(), []), ([n]) => worth(n)));
  return (n) => { const t = Math.sqrt(worth(n) / top); return `hsl(${Math.round(50 - 50 * t)} 90% ${Math.round(92 - 42 * t)}%)`; };
}
function draw() {
  world.replaceChildren();
  drawn = new Map();
  const all = place(scene(), false), heat = heatOf();
  size = all;
  for (const f of all.frames) {
    const g = make("g", { class: "frame", "data-key": f.node.key }, world);
    make("rect", { x: f.x, y: f.y, width: f.w, height: f.h, rx: 8 }, g);
    const t = make("text", { class: "title", x: f.x + PAD, y: f.y + TITLE - 6, tabindex: 0 }, g, `－ ${short(f.node.name)}`);
    t.addEventListener("click", (e) => { e.stopPropagation(); toggle(f.node.key); });
    t.addEventListener("keydown", (e) => { if (e.key === "Enter") toggle(f.node.key); });
    drawn.set(f.node.key, { x: f.x + f.w / 2, y: f.y + 20, g });
  }
  for (const p of all.paths) {
    make("path", { class: "edge", d: curve(p.points), "data-from": p.keys[0], "data-to": p.keys[1] }, world);
    if (p.arrow) { const [x, y] = p.points[p.points.length - 1]; make("path", { class: "tip", d: `M${x} ${y}L${x - 3.2} ${y - 6.5}L${x + 3.2} ${y - 6.5}Z` }, world); }
  }
  for (const a of all.items) {
    const g = make("g", { class: "node", "data-key": a.node.key, tabindex: 0, role: "button" }, world);
    make("title", {}, g, `${a.node.name} (${a.node.kind})`);
    const [fill, ink] = data.tints[a.node.tint] || data.tints.op, head = a.label.lines.length ? 2 * PADY + HEAD * LINE : a.h;
    make("rect", { x: a.x, y: a.y, width: a.w, height: head, rx: 6, fill: heat ? heat(a.node) : fill }, g);
    if (a.label.lines.length) make("rect", { x: a.x, y: a.y + head - 6, width: a.w, height: 6, fill: heat ? heat(a.node) : fill }, g);
    make("rect", { class: "card", x: a.x, y: a.y, width: a.w, height: a.h, rx: 6, style: "fill:none" }, g);
    make("text", { class: "head", x: a.x + a.w / 2, y: a.y + PADY + HEAD, "text-anchor": "middle", fill: ink }, g, a.label.head);
    if (a.label.lines.length) g.insertBefore(make("rect", { class: "card", x: a.x, y: a.y, width: a.w, height: a.h, rx: 6 }), g.children[1]);
    a.label.lines.forEach((t, i) => make("text", { class: "body", x: a.x + PADX, y: a.y + head + 2 + BODY * LINE * i + BODY }, g, t));
    g.addEventListener("click", (e) => { e.stopPropagation(); choose(a.node.key); });
    g.addEventListener("dblclick", () => { if (a.node.inner) toggle(a.node.key); });
    g.addEventListener("keydown", (e) => { if (e.key === "Enter") a.node.inner ? toggle(a.node.key) : choose(a.node.key); });
    drawn.set(a.node.key, { x: a.x + a.w / 2, y: a.y + a.h / 2, g });
  }
  mark();
}
function mark() {
  const q = state.query.toLowerCase();
  for (const [n] of walk(scene(), [])) {
    const d = drawn.get(n.key);
    if (!d) continue;
    d.g.classList.toggle("hit", Boolean(q) && matches(n, q));
    d.g.classList.toggle("chosen", n.key === state.chosen);
  }
  for (const e of world.querySelectorAll(".edge")) e.classList.toggle("near", Boolean(state.chosen) && (e.dataset.from === state.chosen || e.dataset.to === state.chosen));
}
function move() { world.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.scale})`); }

// ---- acting
function toggle(key) {
  const before = drawn.get(key), at = before && [before.x * state.scale + state.x, before.y * state.scale + state.y];
  if (!state.open.delete(key)) state.open.add(key);
  draw();
  const after = drawn.get(key);
  if (at && after) { state.x = at[0] - after.x * state.scale; state.y = at[1] - after.y * state.scale; }
  move();
}
const matches = (n, q) => n.name.toLowerCase().includes(q) || n.kind.toLowerCase().includes(q);
let turn = -1;
function search(next) {
  const q = state.query.toLowerCase(), found = q ? Array.from(walk(scene(), [])).filter(([n]) => matches(n, q)) : [];
  $("found").textContent = q ? `${found.length ? (next ? ((turn + 1) % found.length) + 1 : 1) : 0} / ${found.length}` : "";
  turn = next && found.length ? (turn + 1) % found.length : found.length ? 0 : -1;
  if (turn >= 0) {
    for (const key of found[turn][1]) state.open.add(key);
    draw();
    center(found[turn][0].key);
  } else mark();
}
function center(key) {
  const d = drawn.get(key);
  if (d) { state.x = stage.clientWidth / 2 - d.x * state.scale; state.y = stage.clientHeight / 2 - d.y * state.scale; move(); }
}
function fit() {
  const w = stage.clientWidth || 1000, h = (stage.clientHeight || 700) - 60;
  state.scale = Math.min(1.5, (w - 40) / Math.max(size.width, 1), (h - 30) / Math.max(size.height, 1));
  // A tall model is shown from its top at a legible size.
  state.scale = Math.max(state.scale, Math.min(0.6, (w - 40) / Math.max(size.width, 1)));
  state.x = (w - size.width * state.scale) / 2;
  state.y = 62;
  move();
}
function zoom(by, cx, cy) {
  const s = Math.min(6, Math.max(0.02, state.scale * by)), k = s / state.scale;
  state.x = cx - (cx - state.x) * k; state.y = cy - (cy - state.y) * k; state.scale = s;
  move();
}
function choose(key) {
  state.chosen = key;
  mark();
  const entry = Array.from(walk(scene(), [])).find(([n]) => n.key === key);
  side.hidden = !entry;
  side.replaceChildren();
  if (!entry) return;
  const n = entry[0], h = document.createElement("h2"), list = document.createElement("dl");
  h.textContent = n.name;
  side.append(h, list);
  const row = (k, v) => {
    if (v === undefined || v === null || v === "" || (Array.isArray(v) && !v.length)) return;
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = k; dd.textContent = Array.isArray(v) ? v.join("\n") : String(v);
    list.append(dt, dd);
  };
  row("class", n.kind); row("activation", n.activation); row("input", n.inputs); row("output", n.outputs); row("dtype", n.dtypes);
  row("parameters", typeof n.parameters === "number" ? n.parameters.toLocaleString("en") : undefined);
  row("trainable", n.trainable === null || n.trainable === undefined ? undefined : n.trainable ? "yes" : "no");
  for (const k in n.costs || {}) row(k, n.costs[k]);
  for (const k in n.details || {}) row(k, n.details[k]);
  const names = new Map(Array.from(walk(data.scene, []), ([m]) => [m.key, m.name]));
  row("layers", (n.layers || []).map((k) => names.get(k) || k));
  if (n.source) { const pre = document.createElement("pre"); pre.textContent = n.source; side.append(pre); }
}
function every(on) {
  state.open = new Set(on ? Array.from(walk(scene(), [])).filter(([n]) => n.inner).map(([n]) => n.key) : []);
  draw(); fit();
}

// ---- wiring
let grip = null;
stage.addEventListener("pointerdown", (e) => { grip = [e.clientX - state.x, e.clientY - state.y]; });
window.addEventListener("pointermove", (e) => { if (grip) { stage.classList.add("moving"); state.x = e.clientX - grip[0]; state.y = e.clientY - grip[1]; move(); } });
window.addEventListener("pointerup", () => { grip = null; stage.classList.remove("moving"); });
stage.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0015)), e.clientX, e.clientY); }, { passive: false });
stage.addEventListener("click", () => choose(null));
$("search").addEventListener("input", (e) => { state.query = e.target.value; search(false); });
$("search").addEventListener("keydown", (e) => { if (e.key === "Enter") search(true); });
$("in").addEventListener("click", () => zoom(1.25, stage.clientWidth / 2, stage.clientHeight / 2));
$("out").addEventListener("click", () => zoom(0.8, stage.clientWidth / 2, stage.clientHeight / 2));
$("fit").addEventListener("click", fit);
$("open").addEventListener("click", () => every(true));
$("close").addEventListener("click", () => every(false));
$("heat").addEventListener("change", (e) => { state.heat = e.target.value; draw(); });
$("view").disabled = !data.kernels;
$("view").addEventListener("click", () => {
  state.view = state.view === "layers" ? "kernels" : "layers";
  $("view").textContent = state.view === "layers" ? "Show kernels" : "Show layers";
  choose(null); state.query = $("search").value = ""; draw(); fit();
});
for (const n of walk(data.scene, [])) if (data.expand && n[0].inner) state.open.add(n[0].key);
$("title").textContent = data.scene.name;
draw();
fit();
