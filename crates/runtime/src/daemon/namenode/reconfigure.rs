//! `ReconfigurationProtocol`: settings that change while the NameNode runs.

use std::sync::Arc;

use bytes::Bytes;
use loxodon_conf::{Configuration, keys};
use loxodon_namenode::Identity;
use loxodon_namenode::audit::AuditEvent;
use loxodon_namenode::dispatch::ShellCall;
use loxodon_rpc::server::Call;
use loxodon_wire::proto::hdfs::StartReconfigurationResponseProto;
use loxodon_wire::rpc::RemoteError;

use super::door::Door;
use super::tasks::encoded;

/// Everything that can be changed: what the machine can, and what of the audit log can.
pub(crate) static NAMES: std::sync::LazyLock<Vec<&'static str>> = std::sync::LazyLock::new(|| {
    let machine = loxodon_namenode::reconfigure::NAMES.iter().copied();
    let mut names: Vec<&str> = machine.chain([keys::CALLER_CONTEXT.name]).collect();
    names.sort_unstable();
    names
});

impl Door {
    /// Answers a call of the protocol.
    pub(crate) fn reconfiguration(
        self: &Arc<Self>,
        task: ShellCall,
        call: &Call,
        identity: &Identity,
    ) -> Result<Bytes, RemoteError> {
        let operation = match task {
            ShellCall::StartReconfiguration => "startNamenodeReconfiguration",
            ShellCall::ReconfigurationStatus => "getNamenodeReconfigurationStatus",
            _ => "listNamenodeReconfigurableProperties",
        };
        self.require_superuser(call, identity, operation)?;
        let answer = match task {
            ShellCall::StartReconfiguration => {
                let door = Arc::downgrade(self);
                self.reconfiguration.start(move |name, conf| match door.upgrade() {
                    Some(door) => door.reconfigure(name, conf),
                    None => Err("the NameNode has stopped".to_owned()),
                })?;
                encoded(&StartReconfigurationResponseProto {})
            }
            ShellCall::ReconfigurationStatus => encoded(&self.reconfiguration.status()),
            _ => encoded(&self.reconfiguration.names()),
        };
        let mut request = self.request(call, identity);
        request.effects.audit.push(AuditEvent::plain(true, operation));
        self.after(request);
        Ok(answer)
    }

    fn reconfigure(&self, name: &str, conf: &Configuration) -> Result<String, String> {
        let changed = if name == keys::CALLER_CONTEXT.name {
            conf.bool(&keys::CALLER_CONTEXT).map(|on| self.audit.write().caller_context = on)
        } else {
            self.machine.write().reconfigure(name, conf)
        };
        changed.map_err(|error| error.to_string())?;
        let value = conf.get(name).map_err(|error| error.to_string())?;
        Ok(value.unwrap_or_default())
    }
}
