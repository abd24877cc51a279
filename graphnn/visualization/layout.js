// The layout of a layered drawing: the steps of layering.py and layout.py, for the browser.
// boxes: [{w, h, enter: [x...], leave: [x...]}], links: [{source, target, out, into}].
"use strict";

const STUB = 8;

function rowsOf(n, edges, first, last) {
  const users = Array.from({ length: n }, () => []), missing = new Array(n).fill(0), row = new Array(n).fill(0);
  for (const [a, b] of edges) { users[a].push(b); missing[b]++; }
  const ready = [];
  for (let i = 0; i < n; i++) if (!missing[i]) ready.push(i);
  const sources = ready.slice();
  for (let k = 0; k < ready.length; k++) {
    const a = ready[k];
    for (const b of users[a]) {
      row[b] = Math.max(row[b], row[a] + 1);
      if (!--missing[b]) ready.push(b);
    }
  }
  for (const a of sources) if (users[a].length && !first.includes(a)) row[a] = Math.min(...users[a].map((b) => row[b])) - 1;
  const bottom = row.reduce((m, r) => Math.max(m, r), 0);
  for (const a of last) row[a] = Math.max(bottom, 1);
  return row;
}

function crossings(upper, lower, below) {
  const place = new Map(lower.map((b, i) => [b, i])), seen = [];
  let count = 0;
  const after = (e) => { let lo = 0, hi = seen.length; while (lo < hi) { const m = (lo + hi) >> 1; if (e < seen[m]) hi = m; else lo = m + 1; } return lo; };
  for (const a of upper) {
    const ends = below[a].filter((b) => place.has(b)).map((b) => place.get(b)).sort((p, q) => p - q);
    for (const e of ends) count += seen.length - after(e);
    for (const e of ends) seen.splice(after(e), 0, e);
  }
  return count;
}

function ordered(rows, edges, sweeps = 12) {
  const n = rows.reduce((s, r) => s + r.length, 0);
  const above = Array.from({ length: n }, () => []), below = Array.from({ length: n }, () => []);
  for (const [a, b] of edges) { below[a].push(b); above[b].push(a); }
  const total = (state) => { let t = 0; for (let r = 0; r + 1 < state.length; r++) t += crossings(state[r], state[r + 1], below); return t; };
  let best = rows.map((r) => r.slice()), least = total(rows);
  const state = rows.map((r) => r.slice());
  for (let sweep = 0; sweep < sweeps && least; sweep++) {
    const down = sweep % 2 === 0, near = down ? above : below;
    for (let s = 1; s < state.length; s++) {
      const r = down ? s : state.length - 1 - s;
      const fixed = new Map(state[down ? r - 1 : r + 1].map((a, i) => [a, i])), now = new Map(state[r].map((a, i) => [a, i]));
      const keyed = state[r].map((a) => {
        const places = near[a].map((b) => fixed.get(b));
        const mean = places.length ? places.reduce((p, q) => p + q, 0) / places.length : now.get(a);
        return [mean, sweep % 4 < 2 ? now.get(a) : -now.get(a), a];
      });
      keyed.sort((p, q) => p[0] - q[0] || p[1] - q[1] || p[2] - q[2]);
      state[r] = keyed.map((k) => k[2]);
    }
    const found = total(state);
    if (found < least) { best = state.map((r) => r.slice()); least = found; }
  }
  return best;
}

function spread(wanted, weights, spaces) {
  const offsets = [0];
  for (const s of spaces) offsets.push(offsets[offsets.length - 1] + s);
  const pools = [];
  wanted.forEach((c, i) => {
    let value = c - offsets[i], weight = weights[i], size = 1;
    while (pools.length && pools[pools.length - 1][0] >= value) {
      const [before, heavy, count] = pools.pop();
      value = (before * heavy + value * weight) / (heavy + weight);
      weight += heavy; size += count;
    }
    pools.push([value, weight, size]);
  });
  const out = [];
  for (const [value, , size] of pools) for (let k = 0; k < size; k++) out.push(value + offsets[out.length]);
  return out;
}

function pullsOf(boxes, links, chains, n) {
  const pulls = Array.from({ length: n }, () => []);
  links.forEach((link, k) => {
    const a = boxes[link.source], b = boxes[link.target], chain = chains[k];
    const leave = a.leave.length ? a.leave[link.out] - a.w / 2 : 0, enter = b.enter.length ? b.enter[link.into] - b.w / 2 : 0;
    for (let i = 0; i + 1 < chain.length; i++) {
      const bends = (i > 0) + (i < chain.length - 2), weight = [1, 2, 8][bends];
      const shift = (i === 0 ? leave : 0) - (i === chain.length - 2 ? enter : 0);
      pulls[chain[i + 1]].push([chain[i], shift, weight]);
      pulls[chain[i]].push([chain[i + 1], -shift, weight]);
    }
  });
  return pulls;
}

function columns(rows, widths, pulls, gap, real) {
  const x = new Array(widths.length).fill(0), where = new Array(widths.length).fill(0);
  rows.forEach((members, r) => {
    let at = 0;
    for (const i of members) { where[i] = r; x[i] = at + widths[i] / 2; at += widths[i] + (i < real ? gap : gap / 2); }
    for (const i of members) x[i] -= at / 2;
  });
  for (let sweep = 0; sweep < 10; sweep++) {
    const down = sweep % 2 === 0, both = sweep >= 6;
    for (let s = 0; s < rows.length; s++) {
      const r = down ? s : rows.length - 1 - s, members = rows[r], wanted = [], weights = [], spaces = [];
      members.forEach((i, k) => {
        const near = pulls[i].filter((p) => both || where[p[0]] < r === down);
        const sum = near.reduce((t, p) => t + p[2], 0);
        wanted.push(near.length ? near.reduce((t, p) => t + (x[p[0]] + p[1]) * p[2], 0) / sum : x[i]);
        weights.push(Math.max(sum, 0.1));
        if (k) spaces.push((widths[members[k - 1]] + widths[i]) / 2 + (members[k - 1] < real || i < real ? gap : gap / 2));
      });
      spread(wanted, weights, spaces).forEach((c, k) => { x[members[k]] = c; });
    }
  }
  return x;
}

function straighten(rows, widths, pulls, chains, x, gap, real) {
  const beside = new Map();
  for (const m of rows) m.forEach((i, k) => beside.set(i, [k ? m[k - 1] : -1, k + 1 < m.length ? m[k + 1] : -1]));
  const space = (a, b) => (widths[a] + widths[b]) / 2 + (a < real || b < real ? gap : gap / 2);
  const long = chains.filter((c) => c.length > 2).sort((a, b) => b.length - a.length);
  for (let round = 0; round < 3; round++) {
    for (const chain of long) {
      const dummies = chain.slice(1, -1);
      let low = -1e18, high = 1e18;
      for (const i of dummies) {
        const [l, r] = beside.get(i);
        if (l >= 0) low = Math.max(low, x[l] + space(l, i));
        if (r >= 0) high = Math.min(high, x[r] - space(i, r));
      }
      if (low > high) continue;
      const anchor = (i, j) => { const p = pulls[i].find((q) => q[0] === j); return x[j] + p[1]; };
      const start = anchor(dummies[0], chain[0]), end = anchor(dummies[dummies.length - 1], chain[chain.length - 1]);
      const [p, q] = [start, end].map((c) => Math.min(Math.max(c, low), high));
      const bend = (c) => Math.abs(c - start) + Math.abs(c - end);
      for (const i of dummies) x[i] = bend(q) < bend(p) ? q : p;
    }
  }
}

function entrances(boxes, links, chains, x) {
  const arriving = new Map(), ends = new Array(links.length).fill(0);
  links.forEach((link, k) => { if (!arriving.has(link.target)) arriving.set(link.target, []); arriving.get(link.target).push(k); });
  for (const [target, ks] of arriving) {
    const box = boxes[target], left = x[target] - box.w / 2;
    ks.sort((p, q) => x[chains[p][chains[p].length - 2]] - x[chains[q][chains[q].length - 2]]);
    const step = Math.min((box.w * 0.7) / Math.max(ks.length, 1), 28);
    ks.forEach((k, place) => {
      ends[k] = left + (box.enter.length ? box.enter[links[k].into] : box.w / 2 + (place - (ks.length - 1) / 2) * step);
    });
  }
  return ends;
}

function arrange(boxes, links, gapX = 24, gapY = 36, first = [], last = []) {
  if (!boxes.length) return { corners: [], routes: [], width: 0, height: 0 };
  const row = rowsOf(boxes.length, links.map((k) => [k.source, k.target]), first, last), real = boxes.length;
  const widths = boxes.map((b) => b.w), chains = [], edges = [];
  const count = row.reduce((m, r) => Math.max(m, r), 0) + 1;
  let rows = Array.from({ length: count }, () => []);
  row.forEach((r, i) => rows[r].push(i));
  for (const link of links) {
    const chain = [link.source];
    for (let r = row[link.source] + 1; r < row[link.target]; r++) { chain.push(widths.length); rows[r].push(widths.length); widths.push(0); }
    chain.push(link.target);
    chains.push(chain);
    for (let i = 0; i + 1 < chain.length; i++) edges.push([chain[i], chain[i + 1]]);
  }
  rows = ordered(rows, edges);
  const pulls = pullsOf(boxes, links, chains, widths.length);
  let x = columns(rows, widths, pulls, gapX, real);
  straighten(rows, widths, pulls, chains, x, gapX, real);
  const left = x.reduce((m, c, i) => Math.min(m, c - widths[i] / 2), Infinity);
  x = x.map((c) => c - left);
  const heights = rows.map((r) => r.reduce((m, i) => (i < real ? Math.max(m, boxes[i].h) : m), 0)), tops = [];
  let at = 0;
  for (const h of heights) { tops.push(at); at += h + gapY; }
  const corners = boxes.map((b, i) => [x[i] - b.w / 2, tops[row[i]] + (heights[row[i]] - b.h) / 2]);
  const ends = entrances(boxes, links, chains, x);
  const routes = links.map((link, k) => {
    const a = boxes[link.source], chain = chains[k], leave = corners[link.source][0] + (a.leave.length ? a.leave[link.out] : a.w / 2);
    let r = row[link.source];
    const points = [[leave, corners[link.source][1] + a.h], [leave, tops[r] + heights[r]]];
    for (const d of chain.slice(1, -1)) { r++; points.push([x[d], tops[r]], [x[d], tops[r] + heights[r]]); }
    points.push([ends[k], tops[row[link.target]] - STUB], [ends[k], corners[link.target][1]]);
    return points;
  });
  const width = x.reduce((m, c, i) => Math.max(m, c + widths[i] / 2), 0);
  return { corners, routes, width, height: tops[tops.length - 1] + heights[heights.length - 1] };
}
