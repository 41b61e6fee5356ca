//! Setting a broken pipeline up again (`DataStreamer.setupPipelineForAppendOrRecovery`).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Streamer;
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::types::{ExtendedBlock, Location};
use crate::writer::pipeline::{Fault, GiveUp, Next};
use crate::writer::setup::{SetupFailure, copy_replica};
use loxodon_wire::transfer::WriteStage;

/// Attempts to add a node to a pipeline (`addDatanode2ExistingPipeline`).
const ADDITION_ATTEMPTS: usize = 3;

impl Streamer {
    /// Takes note of who failed.
    pub(super) fn blame(&mut self, fault: Fault) {
        let local = match fault {
            Fault::Restarting(place) => {
                self.pipeline.nodes.get(place).is_some_and(|at| is_local(&at.datanode.ip))
            }
            Fault::Node(_) | Fault::Unknown => false,
        };
        let timeout = self.client.settings().restart_timeout;
        self.pipeline.blame(fault, local, timeout, Instant::now());
    }

    /// Sets the pipeline up again with the nodes that are left (`setupPipelineForAppendOrRecovery`);
    /// not `broken` when it is set up for the first time, to append.
    pub(super) async fn recover(&mut self, mut broken: bool) -> Result<()> {
        let settings = self.client.settings().clone();
        let Some(old) = self.block.clone() else {
            return Err(Error::Pipeline(format!(
                "Could not get block locations. Source file \"{}\" - Aborting...",
                self.target.path
            )));
        };
        loop {
            if broken {
                self.pipeline
                    .begin_recovery(self.acknowledged, settings.recovery_retries)
                    .and_then(|()| self.pipeline.prepare(settings.restart_timeout, Instant::now()))
                    .map(|next| match next {
                        Next::Connect => Duration::ZERO,
                        Next::Wait(pause) => pause,
                    })
                    .map_err(|why| self.give_up(why))
                    .map(tokio::time::sleep)?
                    .await;
            }
            self.replace_lost(&old, &settings).await?;
            let (updated, token) = self.client.update_block_for_pipeline(&old).await?;
            self.token = token;
            let stage = if broken { self.stage.recovery() } else { self.stage };
            match self.open(&old, stage, updated.generation_stamp.0).await {
                Ok(()) => {
                    self.pipeline.recovered();
                    let new =
                        ExtendedBlock { generation_stamp: updated.generation_stamp, ..old.clone() };
                    self.client.update_pipeline(&old, &new, &self.pipeline.nodes).await?;
                    self.publish(new);
                    return Ok(());
                }
                Err(SetupFailure { fault, error }) => {
                    tracing::warn!(block = %old, ?fault, %error, "a pipeline could not be set up again");
                    self.blame(fault);
                    broken = true;
                }
            }
        }
    }

    fn give_up(&self, why: GiveUp) -> Error {
        Error::Pipeline(match why {
            GiveUp::AllBad => {
                let nodes: Vec<_> = self.pipeline.nodes.iter().map(describe).collect();
                format!("All datanodes [{}] are bad. Aborting...", nodes.join(", "))
            }
            GiveUp::TooOften => format!(
                "Error recovering pipeline for writing {}. Already retried {} times for the same packet.",
                self.block.as_ref().map(ToString::to_string).unwrap_or_default(),
                self.client.settings().recovery_retries
            ),
        })
    }

    /// Adds a node where the policy wants one (`handleDatanodeReplacement`).
    async fn replace_lost(&mut self, block: &ExtendedBlock, settings: &Settings) -> Result<()> {
        let wanted = self.pipeline.wants_replacement(
            settings.replace_policy,
            self.target.replication,
            self.appending,
            self.target.flushed.load(Ordering::Relaxed),
        );
        // Whoever closes has all data on the nodes that are left.
        if !wanted || self.stage == WriteStage::Close {
            return Ok(());
        }
        match self.add_node(block).await {
            Ok(()) => Ok(()),
            Err(error)
                if settings.replace_best_effort
                    || self.pipeline.nodes.len() >= settings.replace_min_replication.max(1)
                        && settings.replace_min_replication > 0 =>
            {
                tracing::warn!(%block, %error, "writing on with fewer DataNodes");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn add_node(&mut self, block: &ExtendedBlock) -> Result<()> {
        let mut excluded = self.pipeline.failed.clone();
        let mut last_error = None;
        for attempt in 0..ADDITION_ATTEMPTS {
            let located = self
                .client
                .additional_datanode(
                    &self.target.path,
                    self.target.file_id,
                    block,
                    &self.pipeline.nodes,
                    &excluded,
                )
                .await?;
            let old = std::mem::take(&mut self.pipeline.nodes);
            let added = located
                .locations
                .iter()
                .position(|new| !old.iter().any(|at| at.datanode.uuid == new.datanode.uuid));
            let Some(added) = added else {
                let names: Vec<_> = old.iter().map(describe).collect();
                self.pipeline.nodes = old;
                return Err(Error::Pipeline(format!(
                    "Failed to replace a bad datanode on the existing pipeline due to no more good datanodes being available to try. (Nodes: current=[{}])",
                    names.join(", ")
                )));
            };
            self.pipeline.nodes = located.locations;
            let copied = match (
                self.pipeline.transfer_source(added, attempt),
                self.pipeline.nodes.get(added),
            ) {
                (Some(source), Some(target)) => {
                    copy_replica(&self.client, block, &located.token, source, target).await
                }
                _ => Ok(()),
            };
            match copied {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%block, %error, "a replica could not be copied to a new DataNode");
                    excluded.push(self.pipeline.nodes.remove(added));
                    last_error = Some(error);
                }
            }
        }
        Err(last_error.unwrap_or_else(|| Error::Pipeline("no DataNode was added".into())))
    }
}

fn describe(at: &Location) -> String {
    format!(
        "DatanodeInfoWithStorage[{},{},{}]",
        at.datanode.transfer_address(),
        at.storage_id,
        at.storage_type.name()
    )
}

/// Whether an address is this machine's, as far as binding to it tells (`NetUtils.isLocalAddress`).
fn is_local(ip: &str) -> bool {
    ip.parse::<std::net::IpAddr>()
        .is_ok_and(|ip| ip.is_loopback() || std::net::UdpSocket::bind((ip, 0)).is_ok())
}
