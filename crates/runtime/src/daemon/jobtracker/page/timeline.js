// The attempts of one job over time: a row per place where one ran at a time, grouped by tracker.
"use strict";

const Timeline = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ROW = 14, HEAD = 24, GAP = 6, MARGIN = 24;
  // Names of trackers are beside their rows, or above them where the page is narrow.
  const BESIDE = 190, NARROW = 640;

  const node = (name, attributes, ...children) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  // Puts attempts that overlap in time into different rows; the first free row is taken.
  const rows = (attempts, now) => {
    const ends = [];
    for (const attempt of [...attempts].sort((a, b) => a.startTime - b.startTime)) {
      let row = ends.findIndex((end) => end <= attempt.startTime);
      if (row < 0) row = ends.length;
      ends[row] = attempt.finishTime || now;
      attempt.row = row;
    }
    return ends.length;
  };

  // The stretches of an attempt, each with its class: a reduce has up to three.
  const stretches = (attempt, now) => {
    const end = attempt.finishTime || now;
    if (attempt.state === "FAILED") return [["failed", attempt.startTime, end]];
    if (attempt.state === "KILLED") return [["killed", attempt.startTime, end]];
    if (attempt.type !== "REDUCE") return [["map", attempt.startTime, end]];
    const shuffled = attempt.shuffleFinishTime || end;
    const merged = attempt.mergeFinishTime || (attempt.shuffleFinishTime ? end : shuffled);
    return [["shuffle", attempt.startTime, shuffled], ["sort", shuffled, merged], ["reduce", merged, end]]
      .filter(([, from, to]) => to > from);
  };

  // Round steps of an axis over `span` milliseconds: five to ten of them.
  const step = (span) => {
    const steps = [10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 864e5];
    return steps.find((each) => span / each <= 10) || span / 8;
  };
  const clock = (ms, every) => every < 1000 ? `${ms} ms` : ms < 60000 ? `${ms / 1000} s`
    : ms < 3600000 ? `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`
    : `${Math.floor(ms / 3600000)} h ${Math.floor(ms / 60000) % 60}`;

  const axis = (svg, left, scale, span, height) => {
    const room = (span * scale) / 60;
    const every = step(span * Math.max(1, 10 / Math.max(room, 1)));
    for (let at = 0; at <= span; at += every) {
      const x = left + at * scale;
      svg.append(node("line", { class: "rule", x1: x, x2: x, y1: HEAD - 6, y2: height }));
      svg.append(node("text", { x: x + 3, y: 13 }, clock(at, every)));
    }
  };

  const bar = (attempt, start, left, scale, top, now, describe) => {
    const group = node("a", { href: `#/job/${attempt.job}/attempt/${attempt.id}` });
    const y = top + attempt.row * ROW;
    let from = Infinity, to = 0;
    for (const [kind, begin, end] of stretches(attempt, now)) {
      const x = left + (begin - start) * scale;
      const width = Math.max((end - begin) * scale, 1.5);
      group.append(node("rect", { class: kind, x, y, width, height: ROW - 3, rx: 1.5 }));
      from = Math.min(from, x); to = Math.max(to, x + width);
    }
    if (attempt.speculative && to > from) {
      group.append(node("rect", { class: "speculative", x: from - 1, y: y - 1, width: to - from + 2, height: ROW - 1 }));
    }
    group.append(node("title", {}, describe(attempt)));
    return group;
  };

  // Draws `attempts` (of one job, started ones only), so many pixels wide, and gives the SVG element.
  const draw = (attempts, now, describe, width) => {
    const started = attempts.filter((attempt) => attempt.startTime > 0);
    const start = Math.min(...started.map((attempt) => attempt.startTime));
    const end = Math.max(...started.map((attempt) => attempt.finishTime || now), start + 1);
    const whole = Math.max(width || 0, 320) - 2, isNarrow = whole < NARROW;
    const left = isNarrow ? 8 : BESIDE;
    const scale = (whole - left - MARGIN) / (end - start);
    const places = started.reduce((all, each) => all.set(each.place, [...(all.get(each.place) || []), each]), new Map());
    const svg = node("svg", { role: "img", "aria-label": "Timeline of attempts" });
    let top = HEAD;
    const bars = node("g", {});
    for (const [place, here] of [...places].sort(([a], [b]) => a.localeCompare(b))) {
      bars.append(node("text", { class: "place", x: 8, y: top + ROW - 4 }, place));
      if (isNarrow) top += ROW + 2;
      const count = rows(here, now);
      for (const attempt of here) bars.append(bar(attempt, start, left, scale, top, now, describe));
      top += count * ROW + GAP;
      bars.append(node("line", { class: "rule", x1: 0, x2: whole, y1: top - GAP / 2 - 1, y2: top - GAP / 2 - 1 }));
    }
    axis(svg, left, scale, end - start, top);
    svg.append(bars);
    svg.setAttribute("width", whole);
    svg.setAttribute("height", top + 4);
    return svg;
  };

  return { draw, rows, stretches, step };
})();
