// The NameNode's page: what its beans say.
"use strict";

// Attributes that hold JSON as text, as Hadoop's beans have them.
const parsed = (text) => { try { return JSON.parse(text || "{}"); } catch { return {}; } };
const PHASES = [["LoadingFsImage", "Loading the image"], ["LoadingEdits", "Loading edits"], ["SavingCheckpoint", "Saving a checkpoint"], ["SafeMode", "Safe mode"]];

const startup = (progress) => [
  el("p", { class: "notice mild" }, `The NameNode is starting: ${percent(100 * (progress.PercentComplete || 0))} after ${span(progress.ElapsedTime || 0)}.`),
  table([
    ["Phase", ([, text]) => text], ["Done", ([name]) => [bar(100 * (progress[`${name}PercentComplete`] || 0)), ` ${percent(100 * (progress[`${name}PercentComplete`] || 0))}`]],
    ["Of", ([name]) => `${number(progress[`${name}Count`] || 0)} / ${number(progress[`${name}Total`] || 0)}`, "number"],
    ["Took", ([name]) => span(progress[`${name}ElapsedTime`] || 0), "number"],
  ], PHASES, ""),
];

const nodeColumns = [
  ["DataNode", ([name, node]) => node.infoAddr ? link(`http://${node.infoAddr}/`, name) : name],
  ["State", ([, node]) => state(node.adminState)], ["Rack", ([, node]) => node.location],
  ["Used", ([, node]) => [bar(node.capacity ? 100 * node.used / node.capacity : 0), ` ${bytes(node.used)} of ${bytes(node.capacity)}`]],
  ["Free", ([, node]) => bytes(node.remaining), "number"], ["Blocks", ([, node]) => number(node.numBlocks), "number"],
  ["Failed volumes", ([, node]) => number(node.volfails), "number"], ["Heard", ([, node]) => `${number(node.lastContact)} s ago`, "number"], ["Version", ([, node]) => node.version],
];
const deadColumns = [["DataNode", ([name]) => name], ["State", () => state("dead")], ["Rack", ([, node]) => node.location], ["Heard", ([, node]) => node.lastContact > 0 ? `${span(1000 * node.lastContact)} ago` : "–", "number"]];
const directoryColumns = [["Directory", ([path]) => path, "wrap"], ["Holds", ([, kind]) => String(kind).toLowerCase().replaceAll("_", " ")], ["State", ([, , good]) => el("span", { class: `state ${good ? "good" : "bad"}` }, good ? "in use" : "failed")]];

const serving = (info, fs, status) => {
  const live = Object.entries(parsed(info.LiveNodes)), dead = Object.entries(parsed(info.DeadNodes));
  const kept = parsed(info.NameDirStatuses), journal = parsed(info.JournalTransactionInfo);
  const corrupt = list(parsed(info.CorruptFiles));
  const directories = [...Object.entries(kept.active || {}).map((one) => [...one, true]), ...Object.entries(kept.failed || {}).map((one) => [...one, false])];
  const bad = (count) => ({ kind: count ? "bad" : "" });
  return [
    el("h1", {}, status.HostAndPort || info.ClusterId, " ", state(status.State)),
    info.Safemode ? el("p", { class: "notice mild" }, info.Safemode) : el("p", { class: "quiet" }, "Safe mode is off."),
    tiles(
      tile(bytes(info.Used), `of ${bytes(info.Total)} used`, { bar: bar(info.PercentUsed, info.PercentUsed > 90 ? "full" : "") }),
      tile(bytes(info.Free), "free"), tile(number(fs.FilesTotal), "files and directories"), tile(number(fs.BlocksTotal), "blocks"),
      tile(number(fs.NumLiveDataNodes), "live DataNodes"), tile(number(fs.NumDeadDataNodes), "dead DataNodes", bad(fs.NumDeadDataNodes)),
      tile(number(fs.UnderReplicatedBlocks), "blocks with too few replicas", bad(fs.UnderReplicatedBlocks)),
      tile(number(info.NumberOfMissingBlocks), "missing blocks", bad(info.NumberOfMissingBlocks)),
      tile(number(fs.VolumeFailuresTotal), "failed volumes", bad(fs.VolumeFailuresTotal))),
    corrupt.length ? el("p", { class: "notice" }, `Files with missing blocks:\n${corrupt.join("\n")}`) : null,
    title("DataNodes", live.length), table(nodeColumns, live, ["No DataNode has registered. ", el("code", {}, "hdfs datanode"), " starts one."]),
    dead.length ? [title("Dead DataNodes", dead.length), table(deadColumns, dead, "")] : null,
    title("Name directories", directories.length), table(directoryColumns, directories, "None."),
    title("NameNode"),
    facts([["Version", info.Version], ["Cluster", info.ClusterId], ["Block pool", info.BlockPoolId], ["Started", when(info.NNStartedTimeInMillis)],
      ["Newest transaction", journal.LastAppliedOrWrittenTxId], ["Of the newest checkpoint", journal.MostRecentCheckpointTxId], ["Threads", number(info.Threads)]]),
  ];
};

follow("NameNode", async () => {
  const { beans } = await getJson("/jmx?qry=Hadoop:service=NameNode,*");
  const bean = (name) => list(beans).find((one) => one.name === `Hadoop:service=NameNode,name=${name}`) || {};
  const info = bean("NameNodeInfo"), progress = bean("StartupProgress");
  return { again: info.LiveNodes ? 3000 : 500, draw: () => info.LiveNodes ? serving(info, bean("FSNamesystemState"), bean("NameNodeStatus")) : startup(progress) };
});
document.getElementById("where").textContent = location.host;
