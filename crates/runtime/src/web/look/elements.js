// What all daemons' pages are made of, and how they stay up to date: a hash route per view, which is asked
// again and again while what it shows may change.
"use strict";

const main = document.getElementById("main");
const trouble = document.getElementById("trouble");

const el = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
  return made;
};
const link = (to, text) => el("a", { href: to }, text);
const list = (value) => value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];

// What a path answers, as JSON; the server's own words where it refuses.
const getJson = async (path) => {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.RemoteException?.message || `${path}: ${answer.status} ${answer.statusText}`);
  }
  return answer.json();
};

const number = (value) => value === undefined || value === null ? "" : Number(value).toLocaleString("en");
const percent = (value) => `${Math.floor(Number(value || 0))} %`;
const bytes = (value) => {
  let size = Number(value || 0), unit = 0;
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  while (Math.abs(size) >= 1024 && unit + 1 < units.length) { size /= 1024; unit += 1; }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)} ${units[unit]}`;
};
const when = (ms) => ms > 0 ? new Date(ms).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }) : "–";
// The time of day alone where the day is clear; all of it for who asks.
const clock = (ms) => ms > 0 ? el("span", { title: when(ms) }, new Date(ms).toLocaleTimeString("en-GB")) : "–";
const span = (ms) => {
  if (ms < 1000) return `${Math.max(Math.round(ms), 0)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  const two = (n) => String(Math.floor(n) % 60).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)}:${two(s / 60)} h` : `${Math.floor(s / 86400)} days`;
};
const lasted = (from, to) => from > 0 ? span((to > 0 ? to : Date.now()) - from) : "–";

const state = (name) => name ? el("span", { class: `state ${name}` }, name) : "";
const bar = (value, kind) => {
  const inner = el("i");
  inner.style.width = `${Math.min(Math.max(value || 0, 0), 100)}%`;
  return el("span", { class: `bar ${kind || ""}`, role: "img", "aria-label": percent(value) }, inner);
};
const tile = (value, text, more) => el("div", { class: `tile ${more?.kind || ""}` },
  el("b", {}, String(value ?? "–")), el("span", { class: "of" }, text), more?.bar);
const tiles = (...all) => el("div", { class: "tiles" }, all.flat().filter(Boolean));
const title = (text, count) => el("h2", {}, text, count === undefined ? null : el("span", { class: "count" }, number(count)));
const facts = (pairs) => el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== undefined && value !== null && value !== "")
  .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

// A table; a column is [title, cell of a row, class].
const MOST_ROWS = 1000;
const table = (columns, rows, empty, kind) => rows.length === 0 ? el("p", { class: "empty" }, empty)
  : [el("div", { class: "scroll" }, el("table", { class: kind },
    el("thead", {}, el("tr", {}, columns.map(([text, , kind]) => el("th", { class: kind, scope: "col" }, text)))),
    el("tbody", {}, rows.slice(0, MOST_ROWS).map((row) => el("tr", {}, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row) ?? ""))))))),
  rows.length > MOST_ROWS ? el("p", { class: "quiet" }, `The first ${number(MOST_ROWS)} of ${number(rows.length)}.`) : null];

// A search field over a table's rows; what was typed stays over redraws.
const typed = new Map();
const searched = (name, rows, text, draw) => {
  const box = el("input", { type: "search", placeholder: "Search", "aria-label": "Search", value: typed.get(name) || "" });
  const place = el("div");
  const show = () => {
    const wanted = (typed.get(name) || "").toLowerCase();
    place.replaceChildren(...[draw(rows.filter((row) => text(row).toLowerCase().includes(wanted)))].flat(Infinity).filter(Boolean));
  };
  box.addEventListener("input", () => { typed.set(name, box.value); show(); });
  show();
  return [box, place];
};

// Pixels that something as wide as the page's text may have.
const room = () => {
  const style = getComputedStyle(main);
  return main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
};

// Puts new elements in place of the old ones; what was scrolled stays so.
const replace = (made) => {
  const places = () => [...main.querySelectorAll(".scroll, .chart")];
  const scrolled = places().map((place) => [place.scrollLeft, place.scrollTop]);
  const focused = document.activeElement?.closest?.("main a[href]")?.getAttribute("href");
  main.replaceChildren(...made.flat(Infinity).filter(Boolean));
  places().forEach((place, at) => { [place.scrollLeft, place.scrollTop] = scrolled[at] || [0, 0]; });
  if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
};

// Shows what `view(parts of the route)` gives: { draw, again: milliseconds, 0 for never }.
const follow = (name, view) => {
  let turn = 0, timer = 0, shown = null;
  const show = async () => {
    clearTimeout(timer);
    const mine = ++turn, route = location.hash, begun = performance.now();
    let again = 3000;
    try {
      const made = await view(route.replace(/^#\/?/, "").split("/").map(decodeURIComponent));
      if (mine !== turn) return;
      // Nothing moves below somebody who types, or marks text to copy it.
      const isBusy = route === shown && (document.activeElement?.type === "search" || String(getSelection()));
      if (!isBusy) replace(made.draw());
      if (route !== shown) scrollTo(0, 0);
      shown = route;
      trouble.hidden = true;
      again = made.again;
    } catch (problem) {
      if (mine !== turn) return;
      trouble.textContent = problem instanceof TypeError ? `The ${name} does not answer; trying again.` : problem.message;
      trouble.hidden = false;
      if (route !== shown) replace([el("p", { class: "empty" }, "Nothing to show.")]);
    }
    // What takes long to ask for is asked for less often.
    again = again && Math.max(again, 5 * (performance.now() - begun));
    if (again > 0) timer = setTimeout(() => { if (!document.hidden) show(); }, again);
  };
  addEventListener("hashchange", show);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
  show();
};
