// The DataNode's page: what its beans say.
"use strict";

const parsed = (text) => { try { return JSON.parse(text || "{}"); } catch { return {}; } };

const volumeColumns = [
  ["Volume", ([path]) => path, "wrap"], ["Type", ([, volume]) => volume.storageType],
  ["Used", ([, v]) => [bar(100 * v.usedSpace / Math.max(v.usedSpace + v.freeSpace, 1)), ` ${bytes(v.usedSpace)}`]],
  ["Free", ([, v]) => bytes(v.freeSpace), "number"], ["Reserved", ([, v]) => bytes(v.reservedSpace), "number"], ["Blocks", ([, v]) => number(v.numBlocks), "number"],
];
const actorColumns = [["NameNode", (one) => one.NamenodeAddress], ["Block pool", (one) => one.BlockPoolID], ["State", (one) => state(one.ActorState)]];

follow("DataNode", async () => {
  const { beans } = await getJson("/jmx?qry=Hadoop:service=DataNode,*");
  const bean = (name) => list(beans).find((one) => one.name.startsWith(`Hadoop:service=DataNode,name=${name}`)) || {};
  const info = bean("DataNodeInfo"), set = bean("FSDatasetState-"), activity = bean("DataNodeActivity");
  const volumes = Object.entries(parsed(info.VolumeInfo)), failed = list(set.FailedStorageLocations);
  return { again: info.Version ? 3000 : 500, draw: () => !info.Version ? [el("p", { class: "notice mild" }, "The DataNode is opening its volumes.")] : [
    el("h1", {}, activity["tag.Hostname"] || location.host),
    failed.length ? el("p", { class: "notice" }, `Volumes that failed: ${failed.join(", ")}`) : null,
    tiles(
      tile(bytes(set.DfsUsed), `of ${bytes(set.Capacity)} used`, { bar: bar(set.Capacity ? 100 * set.DfsUsed / set.Capacity : 0) }), tile(bytes(set.Remaining), "free"),
      tile(number(volumes.reduce((sum, [, volume]) => sum + volume.numBlocks, 0)), "blocks"), tile(number(info.XceiverCount), "transfers"),
      tile(bytes(activity.BytesRead), "read"), tile(bytes(activity.BytesWritten), "written"),
      tile(number(set.NumFailedVolumes), "failed volumes", { kind: set.NumFailedVolumes ? "bad" : "" })),
    title("Volumes", volumes.length), table(volumeColumns, volumes, "No volume is open."),
    title("NameNodes"), table(actorColumns, list(parsed(info.BPServiceActorInfo)), "None is configured."),
    title("DataNode"), facts([["Version", info.Version], ["Cluster", info.ClusterId]]),
  ] };
});
document.getElementById("where").textContent = location.host;
