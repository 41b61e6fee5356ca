// The JobTracker's page: what /ws/v1 says, drawn. A hash route per view; a view is asked again every
// second while something runs.
"use strict";

const REST = "/ws/v1";
const main = document.getElementById("main");
const trouble = document.getElementById("trouble");

const el = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return made;
};
const link = (to, text) => el("a", { href: to }, text);

const get = async (path) => {
  const answer = await fetch(REST + path, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.RemoteException?.message || `${path}: ${answer.status} ${answer.statusText}`);
  }
  return answer.json();
};

const number = (value) => value === undefined || value === null ? "" : Number(value).toLocaleString("en");
const percent = (value) => `${Math.floor(Number(value || 0))} %`;
const when = (ms) => ms > 0 ? new Date(ms).toLocaleString() : "–";
const lasted = (from, to) => {
  if (!(from > 0)) return "–";
  const ms = Math.max((to > 0 ? to : Date.now()) - from, 0);
  if (ms < 1000) return `${ms} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  return s < 3600 ? `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
};
const state = (name) => el("span", { class: `state ${name}` }, name);
const bar = (value, kind) => {
  const inner = el("i");
  inner.style.width = `${Math.min(Math.max(value || 0, 0), 100)}%`;
  return el("span", { class: `bar ${kind || ""}`, role: "img", "aria-label": percent(value) }, inner);
};
const tile = (value, text) => el("div", { class: "tile" }, el("b", {}, String(value ?? "–")), el("span", {}, text));

// A table; a column is [title, cell of a row, class].
const table = (columns, rows, empty) => rows.length === 0 ? el("p", { class: "quiet" }, empty)
  : el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, columns.map(([title, , kind]) => el("th", { class: kind }, title)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row) ?? "")))))));

const list = (value) => value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
const ended = (job) => ["SUCCEEDED", "FAILED", "KILLED", "ERROR"].includes(job.state);

const jobColumns = [
  ["Job", (job) => link(`#/job/${job.id}`, job.id)],
  ["Name", (job) => job.name, "wrap"],
  ["User", (job) => job.user],
  ["Queue", (job) => job.queue],
  ["State", (job) => state(job.state)],
  ["Maps", (job) => [bar(job.mapsTotal ? 100 * job.mapsCompleted / job.mapsTotal : 0), ` ${number(job.mapsCompleted)} / ${number(job.mapsTotal)}`]],
  ["Reduces", (job) => job.reducesTotal ? [bar(100 * job.reducesCompleted / job.reducesTotal, "reduce"), ` ${number(job.reducesCompleted)} / ${number(job.reducesTotal)}`] : "none"],
  ["Submitted", (job) => when(job.submitTime || job.startTime)],
  ["Took", (job) => lasted(job.startTime, job.finishTime)],
];

const overview = async () => {
  const [metrics, nodes, scheduler, jobs] = await Promise.all(
    [get("/cluster/metrics"), get("/cluster/nodes"), get("/cluster/scheduler"), get("/mapreduce/jobs")]);
  const m = metrics.clusterMetrics;
  const all = list(jobs.jobs?.job).sort((a, b) => (b.submitTime || b.startTime) - (a.submitTime || a.startTime));
  const queues = list(scheduler.scheduler?.schedulerInfo?.queues?.queue);
  return { again: 1000, draw: () => [
    el("div", { class: "tiles" },
      tile(number(m.activeNodes), "trackers"), tile(number(m.lostNodes), "lost"), tile(number(m.unhealthyNodes), "blacklisted"),
      tile(number(m.appsRunning), "jobs running"), tile(number(m.appsPending), "waiting"), tile(number(m.appsCompleted), "succeeded"),
      tile(number(m.appsFailed), "failed"), tile(`${number(m.allocatedVirtualCores)} / ${number(m.totalVirtualCores)}`, "cores in use"),
      tile(`${number(m.allocatedMB)} / ${number(m.totalMB)}`, "MB in use")),
    el("h2", {}, "Running jobs"), table(jobColumns, all.filter((job) => !ended(job)), "Nothing runs."),
    el("h2", {}, "Finished jobs"), table(jobColumns, all.filter(ended), "None yet."),
    el("h2", {}, "Queues"), table([
      ["Queue", (q) => q.queuePath || q.queueName], ["State", (q) => state(q.state)],
      ["Capacity", (q) => q.capacity === undefined ? "" : percent(q.capacity), "number"], ["Used", (q) => q.usedCapacity === undefined ? "" : [bar(q.usedCapacity), ` ${percent(q.usedCapacity)}`]],
      ["Running", (q) => number(q.numActiveApplications), "number"], ["Waiting", (q) => number(q.numPendingApplications), "number"],
    ], queues, "No queues."),
    el("h2", {}, "Trackers"), table([
      ["Tracker", (n) => n.nodeHTTPAddress ? link(`http://${n.nodeHTTPAddress}/`, n.id) : n.id], ["Rack", (n) => n.rack], ["State", (n) => state(n.state)],
      ["Tasks", (n) => number(n.numContainers), "number"], ["Cores", (n) => `${number(n.usedVirtualCores)} / ${number(n.usedVirtualCores + n.availableVirtualCores)}`, "number"],
      ["Memory", (n) => `${number(n.usedMemoryMB)} / ${number(n.usedMemoryMB + n.availMemoryMB)} MB`, "number"],
      ["Heard", (n) => `${lasted(n.lastHealthUpdate, 0)} ago`], ["Health", (n) => n.healthReport, "wrap"],
    ], list(nodes.nodes?.node), "No tracker has registered."),
  ] };
};

const TABS = [["", "Timeline"], ["tasks", "Tasks"], ["attempts", "Attempts"], ["counters", "Counters"], ["conf", "Configuration"]];

const describe = (attempt) => [attempt.id, `${attempt.state}${attempt.speculative ? ", speculative" : ""}, ${lasted(attempt.startTime, attempt.finishTime)}`,
  attempt.nodeHttpAddress, attempt.locality, attempt.diagnostics].filter(Boolean).join("\n");

const timeline = (attempts, job) => {
  const started = attempts.filter((attempt) => attempt.startTime > 0);
  if (started.length === 0) return [el("p", { class: "quiet" }, "No attempt has started.")];
  for (const attempt of started) { attempt.place = attempt.nodeHttpAddress || "?"; attempt.job = job.id; }
  const counts = started.reduce((all, { locality }) => locality ? { ...all, [locality]: (all[locality] || 0) + 1 } : all, {});
  return [
    el("div", { class: "legend" }, ["map", "shuffle", "sort", "reduce", "failed", "killed", "speculative"].map((kind) => el("span", {}, el("i", { class: kind }), kind))),
    el("div", { class: "chart" }, Timeline.draw(started, ended(job) && job.finishTime ? job.finishTime : Date.now(), describe)),
    el("p", { class: "quiet" }, Object.entries(counts).map(([locality, count]) => `${number(count)} ${locality.toLowerCase().replaceAll("_", " ")}`).join(", ")),
  ];
};

const attemptColumns = (id) => [
  ["Attempt", (a) => link(`#/job/${id}/attempt/${a.id}`, a.id)], ["State", (a) => state(a.state)], ["Progress", (a) => [bar(a.progress, a.type === "REDUCE" ? "reduce" : ""), ` ${percent(a.progress)}`]],
  ["Tracker", (a) => a.nodeHttpAddress], ["Rack", (a) => a.rack], ["Locality", (a) => a.locality], ["Started", (a) => when(a.startTime)], ["Took", (a) => lasted(a.startTime, a.finishTime)],
  ["Log", (a) => a.logsLink ? link(a.logsLink, "log") : ""], ["What happened", (a) => a.diagnostics, "wrap"],
];

const taskColumns = (id) => [
  ["Task", (t) => link(`#/job/${id}/task/${t.id}`, t.id)], ["Type", (t) => t.type], ["State", (t) => state(t.state)],
  ["Progress", (t) => [bar(t.progress, t.type === "REDUCE" ? "reduce" : ""), ` ${percent(t.progress)}`]],
  ["Started", (t) => when(t.startTime)], ["Took", (t) => lasted(t.startTime, t.finishTime)], ["Status", (t) => t.status, "wrap"],
];

const counterTables = (groups, perTask) => groups.flatMap((group) => [
  el("h2", {}, group.counterGroupName),
  table(perTask ? [["Counter", (c) => c.name], ["Value", (c) => number(c.value), "number"]]
    : [["Counter", (c) => c.name], ["Map", (c) => number(c.mapCounterValue), "number"], ["Reduce", (c) => number(c.reduceCounterValue), "number"], ["Total", (c) => number(c.totalCounterValue), "number"]],
  list(group.counter), "None."),
]);

// A search field over a table's rows; what was typed stays over redraws.
const typed = new Map();
const searched = (name, rows, text, draw) => {
  const box = el("input", { type: "search", placeholder: "Search", "aria-label": "Search", value: typed.get(name) || "" });
  const place = el("div");
  const show = () => {
    const wanted = (typed.get(name) || "").toLowerCase();
    place.replaceChildren(draw(rows.filter((row) => text(row).toLowerCase().includes(wanted))));
  };
  box.addEventListener("input", () => { typed.set(name, box.value); show(); });
  show();
  return [box, place];
};

const tabBody = {
  "": async (job) => {
    const answer = await get(`/mapreduce/jobs/${job.id}/attempts`);
    return () => timeline(list(answer.taskAttempts?.taskAttempt), job);
  },
  tasks: async (job) => {
    const answer = await get(`/mapreduce/jobs/${job.id}/tasks`);
    return () => searched(`${job.id} tasks`, list(answer.tasks?.task), (t) => `${t.id} ${t.type} ${t.state}`, (rows) => table(taskColumns(job.id), rows, "No task."));
  },
  attempts: async (job) => {
    const answer = await get(`/mapreduce/jobs/${job.id}/attempts`);
    return () => searched(`${job.id} attempts`, list(answer.taskAttempts?.taskAttempt), (a) => `${a.id} ${a.type} ${a.state} ${a.nodeHttpAddress}`, (rows) => table(attemptColumns(job.id), rows, "No attempt."));
  },
  counters: async (job) => {
    const answer = await get(`/mapreduce/jobs/${job.id}/counters`);
    return () => counterTables(list(answer.jobCounters?.counterGroup), false);
  },
  conf: async (job) => {
    const answer = await get(`/mapreduce/jobs/${job.id}/conf`);
    return () => searched(`${job.id} conf`, list(answer.conf?.property), (p) => `${p.name} ${p.value}`, (rows) => table(
      [["Name", (p) => p.name], ["Value", (p) => p.value, "wrap"], ["From", (p) => list(p.source).join(" ← "), "wrap"]], rows, "Nothing set."));
  },
};

const jobView = async (id, tab) => {
  const { job } = await get(`/mapreduce/jobs/${encodeURIComponent(id)}`);
  const body = await (tabBody[tab] || tabBody[""])(job);
  return { again: ended(job) ? 0 : 1000, draw: () => [
    el("h1", {}, job.name, " ", state(job.state)),
    el("p", { class: "quiet" }, `${job.id} · ${job.user} · queue ${job.queue} · submitted ${when(job.submitTime || job.startTime)} · ${lasted(job.startTime, job.finishTime)}`),
    job.diagnostics ? el("pre", {}, job.diagnostics) : null,
    el("div", { class: "tiles" },
      tile(`${number(job.mapsCompleted)} / ${number(job.mapsTotal)}`, "maps"), tile(`${number(job.reducesCompleted)} / ${number(job.reducesTotal)}`, "reduces"),
      tile(number((job.failedMapAttempts || 0) + (job.failedReduceAttempts || 0)), "failed attempts"), tile(number((job.killedMapAttempts || 0) + (job.killedReduceAttempts || 0)), "killed attempts")),
    el("nav", { class: "tabs" }, TABS.map(([name, title]) => el("a", { href: `#/job/${id}${name && "/" + name}`, "aria-current": name === tab ? "page" : undefined }, title))),
    ...body(),
  ] };
};

const taskView = async (id, task) => {
  const base = `/mapreduce/jobs/${encodeURIComponent(id)}/tasks/${encodeURIComponent(task)}`;
  const [one, attempts, counters] = await Promise.all([get(base), get(`${base}/attempts`), get(`${base}/counters`)]);
  return { again: one.task.finishTime ? 0 : 1000, draw: () => [
    el("p", {}, link(`#/job/${id}/tasks`, `← ${id}`)), el("h1", {}, task, " ", state(one.task.state)),
    table(attemptColumns(id), list(attempts.taskAttempts?.taskAttempt), "No attempt."),
    ...counterTables(list(counters.jobTaskCounters?.taskCounterGroup), true),
  ] };
};

const attemptView = async (id, attempt) => {
  const task = attempt.replace(/^attempt_/, "task_").replace(/_\d+$/, "");
  const base = `/mapreduce/jobs/${encodeURIComponent(id)}/tasks/${encodeURIComponent(task)}/attempts/${encodeURIComponent(attempt)}`;
  const [one, counters] = await Promise.all([get(base), get(`${base}/counters`)]);
  const a = one.taskAttempt;
  return { again: a.finishTime ? 0 : 1000, draw: () => [
    el("p", {}, link(`#/job/${id}/attempts`, `← ${id}`)), el("h1", {}, attempt, " ", state(a.state)),
    table(attemptColumns(id), [a], ""),
    a.diagnostics ? el("pre", {}, a.diagnostics) : null,
    ...counterTables(list(counters.jobTaskAttemptCounters?.taskAttemptCounterGroup), true),
  ] };
};

const view = () => {
  const [what, id, tab, more] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (what !== "job" || !id) return overview();
  if (tab === "task" && more) return taskView(id, more);
  if (tab === "attempt" && more) return attemptView(id, more);
  return jobView(id, tab || "");
};

let turn = 0, timer = 0;
const show = async () => {
  clearTimeout(timer);
  const mine = ++turn;
  let again = 3000;
  try {
    const made = await view();
    if (mine !== turn) return;
    const isTyping = document.activeElement?.type === "search";
    if (!isTyping) main.replaceChildren(...made.draw().flat().filter(Boolean));
    trouble.hidden = true;
    again = made.again;
  } catch (problem) {
    if (mine !== turn) return;
    trouble.textContent = problem instanceof TypeError ? "The JobTracker does not answer; trying again." : problem.message;
    trouble.hidden = false;
  }
  if (again > 0) timer = setTimeout(() => document.hidden ? (timer = setTimeout(show, again)) : show(), again);
};

addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
get("/cluster/info").then(({ clusterInfo }) => { document.getElementById("where").textContent = clusterInfo?.haState ? "" : clusterInfo?.hadoopVersion || ""; }).catch(() => {});
show();
