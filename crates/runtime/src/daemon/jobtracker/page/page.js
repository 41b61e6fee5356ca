// The JobTracker's page, and a history server's for finished jobs: what /ws/v1 says, drawn.
"use strict";

const get = (path) => getJson(`/ws/v1${path}`);
const IS_HISTORY = document.querySelector(".brand").textContent === "JobHistory";
const JOBS = IS_HISTORY ? "/history/mapreduce/jobs" : "/mapreduce/jobs";
const ended = (job) => ["SUCCEEDED", "FAILED", "KILLED", "ERROR"].includes(job.state);
const jobPath = (id) => `${JOBS}/${encodeURIComponent(id)}`;
const byAge = (jobs) => list(jobs.jobs?.job).sort((a, b) => (b.submitTime || b.startTime) - (a.submitTime || a.startTime));
const LIVE = 1000, MB = 1 << 20;

const done = (job, kind, total, completed, progress) => total
  ? [bar(ended(job) ? 100 * completed / total : progress, kind), ` ${number(completed)} / ${number(total)}`]
  : el("span", { class: "quiet" }, "none");

const jobColumns = [
  ["Job", (job) => link(`#/job/${job.id}`, job.id)],
  ["Name", (job) => job.name, "wrap"],
  ["State", (job) => state(job.state)],
  ["Maps", (job) => done(job, "", job.mapsTotal, job.mapsCompleted, job.mapProgress)],
  ["Reduces", (job) => done(job, "reduce", job.reducesTotal, job.reducesCompleted, job.reduceProgress)],
  ["User", (job) => job.user],
  ["Queue", (job) => job.queue],
  ["Submitted", (job) => when(job.submitTime || job.startTime)],
  ["Took", (job) => lasted(job.startTime, job.finishTime), "number"],
];

const share = (used, total) => ({ bar: bar(total ? 100 * used / total : 0) });

const queueColumns = (queues) => [
  ["Queue", (q) => q.queuePath || q.queueName], ["State", (q) => state(q.state)],
  ["Running", (q) => number(q.numActiveApplications), "number"], ["Waiting", (q) => number(q.numPendingApplications), "number"],
  ...(queues.some((q) => q.schedulingInfo) ? [["Scheduler", (q) => q.schedulingInfo, "wrap"]] : []),
];

const trackerColumns = (nodes) => [
  ["Tracker", (n) => n.nodeHTTPAddress ? link(`http://${n.nodeHTTPAddress}/`, n.id) : n.id], ["State", (n) => state(n.state)],
  ["Rack", (n) => n.rack], ["Tasks", (n) => number(n.numContainers), "number"],
  ["Cores", (n) => `${number(n.usedVirtualCores)} / ${number(n.usedVirtualCores + n.availableVirtualCores)}`, "number"],
  ["Memory", (n) => `${bytes(n.usedMemoryMB * MB)} of ${bytes((n.usedMemoryMB + n.availMemoryMB) * MB)}`, "number"],
  ["Heard", (n) => n.lastHealthUpdate > 0 ? `${lasted(n.lastHealthUpdate, 0)} ago` : "–", "number"],
  ...(nodes.some((n) => n.healthReport) ? [["Health", (n) => n.healthReport, "wrap"]] : []),
];

const finishedJobs = async () => {
  const all = byAge(await get(JOBS));
  document.title = "JobHistory";
  return { again: 5 * LIVE, draw: () => [
    title("Finished jobs", all.length),
    searched("jobs", all, (job) => `${job.id} ${job.name} ${job.user} ${job.queue} ${job.state}`, (rows) => table(jobColumns, rows, "No such job.")),
  ] };
};

const overview = async () => {
  const [metrics, nodes, scheduler, jobs] = await Promise.all(
    [get("/cluster/metrics"), get("/cluster/nodes"), get("/cluster/scheduler"), get(JOBS)]);
  document.title = "JobTracker";
  const m = metrics.clusterMetrics;
  const all = byAge(jobs);
  const running = all.filter((job) => !ended(job)), over = all.filter(ended);
  const queues = list(scheduler.scheduler?.schedulerInfo?.queues?.queue), trackers = list(nodes.nodes?.node);
  return { again: LIVE, draw: () => [
    tiles(
      tile(number(m.activeNodes), "trackers"),
      m.lostNodes ? tile(number(m.lostNodes), "lost trackers", { kind: "bad" }) : null,
      m.unhealthyNodes ? tile(number(m.unhealthyNodes), "blacklisted trackers", { kind: "bad" }) : null,
      tile(number(m.appsRunning), "jobs running"), tile(number(m.appsPending), "jobs waiting"),
      tile(number(m.appsCompleted), "jobs succeeded"), tile(number(m.appsFailed), "jobs failed", { kind: m.appsFailed ? "bad" : "" }),
      tile(`${number(m.allocatedVirtualCores)} / ${number(m.totalVirtualCores)}`, "cores in use", share(m.allocatedVirtualCores, m.totalVirtualCores)),
      tile(bytes(m.allocatedMB * MB), `of ${bytes(m.totalMB * MB)} in use`, share(m.allocatedMB, m.totalMB))),
    title("Running jobs", running.length),
    table(jobColumns, running, ["Nothing runs. ", el("code", {}, "mapred streaming …"), ", ", el("code", {}, "hadoop jar …examples.jar …"), " or a program of yours hands in a job."]),
    title("Finished jobs", over.length), table(jobColumns, over, "None yet. Jobs stay here, and in the history, when they are over."),
    title("Queues", queues.length), table(queueColumns(queues), queues, "No queue is configured."),
    title("Trackers", trackers.length),
    table(trackerColumns(trackers), trackers, ["No tracker has registered. ", el("code", {}, "mapred tasktracker"), " starts one; until then jobs wait."]),
  ] };
};

const TABS = [["", "Timeline"], ["tasks", "Tasks"], ["attempts", "Attempts"], ["counters", "Counters"], ["conf", "Configuration"]];
const KINDS = ["map", "shuffle", "sort", "reduce", "failed", "killed", "speculative"];

const describe = (attempt) => [attempt.id, `${attempt.state}${attempt.speculative ? ", speculative" : ""}, ${lasted(attempt.startTime, attempt.finishTime)}`,
  attempt.nodeHttpAddress, attempt.locality, attempt.diagnostics].filter(Boolean).join("\n");

const LOCALITIES = { NODE_LOCAL: "data-local", RACK_LOCAL: "rack-local", OFF_SWITCH: "off-rack" };
// What is the same for all of a job is left out: attempt_1_0001_m_000000_0 is m_000000_0.
const short = (id) => el("span", { title: id }, id.split("_").slice(3).join("_"));

const timeline = (attempts, job) => {
  const started = attempts.filter((attempt) => attempt.startTime > 0);
  if (started.length === 0) return [el("p", { class: "empty" }, ended(job) ? "No attempt was started." : "No attempt has started yet: the job waits for room on a tracker.")];
  for (const attempt of started) { attempt.place = attempt.nodeHttpAddress || "?"; attempt.job = job.id; }
  const counts = started.reduce((all, { locality }) => locality ? { ...all, [locality]: (all[locality] || 0) + 1 } : all, {});
  const told = Object.entries(counts).map(([locality, count]) => `${number(count)} ${LOCALITIES[locality] || locality.toLowerCase().replaceAll("_", " ")}`);
  return [
    el("div", { class: "legend" }, KINDS.map((kind) => el("span", {}, el("i", { class: kind }), kind))),
    el("div", { class: "chart" }, Timeline.draw(started, ended(job) && job.finishTime ? job.finishTime : Date.now(), describe, room())),
    told.length ? el("p", { class: "quiet" }, `Maps: ${told.join(", ")}.`) : null,
  ];
};

const progress = (one) => [bar(one.progress, one.type === "REDUCE" ? "reduce" : ""), ` ${percent(one.progress)}`];

const attemptColumns = (id) => [
  ["Attempt", (a) => link(`#/job/${id}/attempt/${a.id}`, short(a.id))], ["State", (a) => [state(a.state), a.speculative ? " speculative" : ""]], ["Progress", progress],
  ["Tracker", (a) => a.nodeHttpAddress ? link(`http://${a.nodeHttpAddress}/`, a.nodeHttpAddress) : ""], ["Locality", (a) => LOCALITIES[a.locality] || a.locality],
  ["Started", (a) => clock(a.startTime)], ["Took", (a) => lasted(a.startTime, a.finishTime), "number"],
  ["Logs", (a) => a.logsLink ? link(a.logsLink, "logs") : ""], ["What happened", (a) => a.diagnostics || a.status, "told"],
];

const taskColumns = (id) => [
  ["Task", (t) => link(`#/job/${id}/task/${t.id}`, short(t.id))], ["Type", (t) => t.type.toLowerCase()], ["State", (t) => state(t.state)], ["Progress", progress],
  ["Started", (t) => clock(t.startTime)], ["Took", (t) => lasted(t.startTime, t.finishTime), "number"], ["Status", (t) => t.status, "wrap"],
];

// Names as the command line has them: MAP_INPUT_RECORDS is "Map input records".
const GROUPS = { TaskCounter: "Map-Reduce framework", JobCounter: "Job", FileSystemCounter: "File systems", FileInputFormatCounter: "File input", FileOutputFormatCounter: "File output" };
const groupName = (name) => GROUPS[name.split(".").pop()] || name.split(".").pop().replace("$", " ");
const counterName = (name, group) => group === GROUPS.FileSystemCounter ? name.split("_")[0] + name.slice(name.indexOf("_")).toLowerCase().replaceAll("_", " ") : /^[A-Z0-9_]+$/.test(name) ? (name[0] + name.slice(1).toLowerCase()).replaceAll("_", " ") : name;
const named = (group) => (c) => el("span", { title: c.name }, counterName(c.name, groupName(group.counterGroupName)));

const counterTables = (groups, perTask) => groups.length === 0 ? [el("p", { class: "empty" }, "No counters have been reported yet.")] : groups.map((group) => [
  el("h2", { title: group.counterGroupName }, groupName(group.counterGroupName)),
  table(perTask ? [["Counter", named(group)], ["Value", (c) => number(c.value), "number"]]
    : [["Counter", named(group)], ["Map", (c) => number(c.mapCounterValue), "number"], ["Reduce", (c) => number(c.reduceCounterValue), "number"], ["Total", (c) => number(c.totalCounterValue), "number"]],
  list(group.counter), "None.", "counters"),
]);

const tabBody = {
  "": async (job) => {
    const answer = await get(`${jobPath(job.id)}/attempts`);
    return () => timeline(list(answer.taskAttempts?.taskAttempt), job);
  },
  tasks: async (job) => {
    const answer = await get(`${jobPath(job.id)}/tasks`);
    return () => searched(`${job.id} tasks`, list(answer.tasks?.task), (t) => `${t.id} ${t.type} ${t.state}`, (rows) => table(taskColumns(job.id), rows, "No such task."));
  },
  attempts: async (job) => {
    const answer = await get(`${jobPath(job.id)}/attempts`);
    return () => searched(`${job.id} attempts`, list(answer.taskAttempts?.taskAttempt), (a) => `${a.id} ${a.type} ${a.state} ${a.nodeHttpAddress}`, (rows) => table(attemptColumns(job.id), rows, "No such attempt."));
  },
  counters: async (job) => {
    const answer = await get(`${jobPath(job.id)}/counters`);
    return () => counterTables(list(answer.jobCounters?.counterGroup), false);
  },
  conf: async (job) => {
    const answer = await get(`${jobPath(job.id)}/conf`);
    return () => searched(`${job.id} conf`, list(answer.conf?.property), (p) => `${p.name} ${p.value}`, (rows) => table(
      [["Name", (p) => p.name], ["Value", (p) => p.value, "wrap"], ["From", (p) => list(p.source).join(" ← "), "wrap"]], rows, "No such key."));
  },
};

const jobView = async (id, tab) => {
  const { job } = await get(jobPath(id));
  const body = await (tabBody[tab] || tabBody[""])(job);
  document.title = `${job.name} · ${job.state.toLowerCase()}`;
  const failed = (job.failedMapAttempts || 0) + (job.failedReduceAttempts || 0), killed = (job.killedMapAttempts || 0) + (job.killedReduceAttempts || 0);
  return { again: ended(job) ? 0 : LIVE, draw: () => [
    el("p", { class: "above" }, link("#/", "← all jobs")),
    el("h1", {}, job.name, " ", state(job.state)),
    el("p", { class: "quiet" }, `${job.id} · ${job.user} · queue ${job.queue} · submitted ${when(job.submitTime || job.startTime)}`),
    job.diagnostics ? el("p", { class: "notice" }, job.diagnostics) : null,
    tiles(
      tile(`${number(job.mapsCompleted)} / ${number(job.mapsTotal)}`, "maps", { bar: bar(ended(job) && job.mapsTotal ? 100 * job.mapsCompleted / job.mapsTotal : job.mapProgress) }),
      tile(`${number(job.reducesCompleted)} / ${number(job.reducesTotal)}`, "reduces", { bar: bar(ended(job) && job.reducesTotal ? 100 * job.reducesCompleted / job.reducesTotal : job.reduceProgress, "reduce") }),
      tile(number((job.runningMapAttempts || 0) + (job.runningReduceAttempts || 0)), "attempts running"),
      tile(number(failed), "attempts failed", { kind: failed ? "bad" : "" }), tile(number(killed), "attempts killed"),
      tile(lasted(job.startTime, job.finishTime), ended(job) ? "took" : "so far")),
    el("nav", { class: "tabs", "aria-label": "Views of the job" }, TABS.map(([name, text]) => el("a", { href: `#/job/${id}${name && "/" + name}`, "aria-current": name === tab ? "page" : undefined }, text))),
    body(),
  ] };
};

const taskView = async (id, task) => {
  const base = `${jobPath(id)}/tasks/${encodeURIComponent(task)}`;
  const [one, attempts, counters] = await Promise.all([get(base), get(`${base}/attempts`), get(`${base}/counters`)]);
  document.title = task;
  return { again: one.task.finishTime ? 0 : LIVE, draw: () => [
    el("p", { class: "above" }, link(`#/job/${id}/tasks`, `← tasks of ${id}`)), el("h1", {}, task, " ", state(one.task.state)),
    title("Attempts"), table(attemptColumns(id), list(attempts.taskAttempts?.taskAttempt), "None has started yet."),
    counterTables(list(counters.jobTaskCounters?.taskCounterGroup), true),
  ] };
};

const attemptView = async (id, attempt) => {
  const task = attempt.replace(/^attempt_/, "task_").replace(/_\d+$/, "");
  const base = `${jobPath(id)}/tasks/${encodeURIComponent(task)}/attempts/${encodeURIComponent(attempt)}`;
  const [one, counters] = await Promise.all([get(base), get(`${base}/counters`)]);
  const a = one.taskAttempt;
  document.title = attempt;
  return { again: a.finishTime ? 0 : LIVE, draw: () => [
    el("p", { class: "above" }, link(`#/job/${id}/task/${task}`, `← ${task}`)), el("h1", {}, attempt, " ", state(a.state)),
    a.diagnostics ? el("p", { class: "notice" }, a.diagnostics) : null,
    facts([
      ["Progress", progress(a)], ["Tracker", a.nodeHttpAddress ? link(`http://${a.nodeHttpAddress}/`, a.nodeHttpAddress) : ""], ["Rack", a.rack],
      ["Locality", LOCALITIES[a.locality] || a.locality], ["Speculative", a.speculative ? "yes" : ""], ["Status", a.status],
      ["Started", when(a.startTime)], ["Took", lasted(a.startTime, a.finishTime)],
      ["Shuffled in", a.elapsedShuffleTime ? span(a.elapsedShuffleTime) : ""], ["Merged in", a.elapsedMergeTime ? span(a.elapsedMergeTime) : ""],
      ["Logs", a.logsLink ? link(a.logsLink, "stdout, stderr, syslog") : ""],
    ]),
    counterTables(list(counters.jobTaskAttemptCounters?.taskAttemptCounterGroup), true),
  ] };
};

follow(IS_HISTORY ? "history server" : "JobTracker", ([what, id, tab, more]) => {
  if (what !== "job" || !id) return IS_HISTORY ? finishedJobs() : overview();
  if (tab === "task" && more) return taskView(id, more);
  if (tab === "attempt" && more) return attemptView(id, more);
  return jobView(id, tab || "");
});
get(IS_HISTORY ? "/history/info" : "/cluster/info").then(({ clusterInfo, historyInfo }) => {
  const info = clusterInfo || historyInfo;
  document.getElementById("where").textContent = `${location.host} · Loxodon ${info.loxodonVersion} · up since ${when(info.startedOn)}`;
}).catch(() => {});
