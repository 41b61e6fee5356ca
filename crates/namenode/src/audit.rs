//! The audit log's lines, in the format of `FSNamesystem.FSNamesystemAuditLogger`.

use std::borrow::Cow;
use std::fmt::Write as _;

use loxodon_wire::rpc::CallerContext;

use crate::request::Request;

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Whether the call was let through.
    pub allowed: bool,
    /// Hadoop's name of the operation.
    pub command: Cow<'static, str>,
    /// The path, if the call has one.
    pub source: Option<String>,
    /// The second path, if the call has one.
    pub destination: Option<String>,
    /// Owner, group and mode of what the call worked on.
    pub status: Option<AuditStatus>,
}

/// Owner, group and mode, as an audit line shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditStatus {
    /// The owner.
    pub owner: String,
    /// The group.
    pub group: String,
    /// Permission bits with sticky bit.
    pub mode: u16,
}

/// How audit lines are written.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// `hadoop.caller.context.enabled`.
    pub caller_context: bool,
    /// `hadoop.caller.context.max.size`, characters.
    pub context_max: usize,
    /// `hadoop.caller.context.signature.max.size`, bytes.
    pub signature_max: usize,
    /// `dfs.namenode.audit.log.debug.cmdlist`: operations that are not logged.
    pub quiet_commands: Vec<String>,
    /// `dfs.namenode.audit.log.with.remote.port`.
    pub remote_port: bool,
    /// `hadoop.caller.context.separator`.
    pub separator: String,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            caller_context: true,
            context_max: 128,
            signature_max: 40,
            quiet_commands: Vec::new(),
            remote_port: false,
            separator: ",".to_owned(),
        }
    }
}

impl AuditEvent {
    /// The event of a call that names no path.
    #[must_use]
    pub fn plain(allowed: bool, command: impl Into<Cow<'static, str>>) -> Self {
        Self { allowed, command: command.into(), source: None, destination: None, status: None }
    }

    /// The event of a call on `source`.
    #[must_use]
    pub fn of(allowed: bool, command: impl Into<Cow<'static, str>>, source: &str) -> Self {
        Self { source: Some(source.to_owned()), ..Self::plain(allowed, command) }
    }

    /// The line, without time and logger, or none where the settings keep the operation quiet.
    #[must_use]
    pub fn line(&self, request: &Request<'_>, settings: &AuditSettings) -> Option<String> {
        if settings.quiet_commands.iter().any(|quiet| *quiet == self.command) {
            return None;
        }
        let mut line = String::with_capacity(160);
        let _ = write!(line, "allowed={}\tugi=", self.allowed);
        let user = request.user();
        match &request.identity.real_user {
            None => {
                let _ = write!(line, "{user} (auth:SIMPLE)");
            }
            Some(real) => {
                let _ = write!(line, "{user} (auth:PROXY) via {real} (auth:SIMPLE)");
            }
        }
        match request.address {
            Some(address) => {
                let _ = write!(line, "\tip=/{address}");
            }
            None => line.push_str("\tip=null"),
        }
        let _ = write!(line, "\tcmd={}\tsrc=", self.command);
        push_escaped(&mut line, self.source.as_deref());
        line.push_str("\tdst=");
        push_escaped(&mut line, self.destination.as_deref());
        line.push_str("\tperm=");
        match &self.status {
            None => line.push_str("null"),
            Some(status) => {
                let _ = write!(line, "{}:{}:", status.owner, status.group);
                push_mode(&mut line, status.mode);
            }
        }
        line.push_str(if request.over_rpc { "\tproto=rpc" } else { "\tproto=null" });
        match (request.context, request.port.filter(|_| settings.remote_port)) {
            (context, Some(port)) => {
                push_context(&mut line, &with_port(context, port, settings), settings);
            }
            (Some(context), None) => push_context(&mut line, context, settings),
            (None, None) => {}
        }
        Some(line)
    }
}

/// `FSNamesystem.appendClientPortToCallerContextIfAbsent`.
fn with_port(
    context: Option<&CallerContext>,
    port: u16,
    settings: &AuditSettings,
) -> CallerContext {
    let mut context = context.cloned().unwrap_or_default();
    for (key, unless, only_if) in
        [("clientPort", Some("clientPort"), None), ("proxyUserPort", None, Some("realUser"))]
    {
        let text = &mut context.context;
        if unless.is_some_and(|word| text.contains(word))
            || only_if.is_some_and(|word: &str| !text.contains(word))
        {
            continue;
        }
        let separator = if text.is_empty() { "" } else { &settings.separator };
        let _ = write!(text, "{separator}{key}:{port}");
    }
    context
}

fn push_context(line: &mut String, context: &CallerContext, settings: &AuditSettings) {
    if !settings.caller_context || context.context.is_empty() {
        return;
    }
    line.push_str("\tcallerContext=");
    let mut escaped = String::new();
    push_escaped(&mut escaped, Some(&context.context));
    line.extend(escaped.chars().take(settings.context_max));
    let signature = &context.signature;
    if !signature.is_empty() && signature.len() <= settings.signature_max {
        line.push(':');
        push_escaped(line, Some(&String::from_utf8_lossy(signature)));
    }
}

/// `StringEscapeUtils.escapeJava`: keeps a line a line, whatever a path contains.
fn push_escaped(line: &mut String, text: Option<&str>) {
    let Some(text) = text else {
        line.push_str("null");
        return;
    };
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\u{8}' => line.push_str("\\b"),
            '\n' => line.push_str("\\n"),
            '\t' => line.push_str("\\t"),
            '\u{c}' => line.push_str("\\f"),
            '\r' => line.push_str("\\r"),
            ' '..='~' => line.push(c),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(line, "\\u{unit:04X}");
                }
            }
        }
    }
}

/// Appends `mode` as `ls` shows it, sticky bit included (`FsPermission.toString`).
pub fn push_mode(line: &mut String, mode: u16) {
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        line.push(if bits & 4 == 0 { '-' } else { 'r' });
        line.push(if bits & 2 == 0 { '-' } else { 'w' });
        let sticky = shift == 0 && mode & 0o1000 != 0;
        line.push(match (bits & 1 != 0, sticky) {
            (true, true) => 't',
            (false, true) => 'T',
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Identity, Now};
    use loxodon_namespace::edit::RpcIds;

    fn alice(real_user: Option<&str>) -> Identity {
        let mut identity =
            Identity { real_user: real_user.map(str::to_owned), ..Identity::default() };
        identity.caller.user = "alice".into();
        identity
    }

    fn request(identity: &Identity) -> Request<'_> {
        let mut request = Request::new(Now::default(), identity, RpcIds::NONE);
        request.address = Some([127, 0, 0, 1].into());
        request
    }

    #[test]
    fn a_line_is_hadoops() {
        let event = AuditEvent {
            status: Some(AuditStatus {
                owner: "alice".into(),
                group: "staff".into(),
                mode: 0o1644,
            }),
            ..AuditEvent::of(true, "create", "/a b\tc\u{e9}")
        };
        assert_eq!(
            event.line(&request(&alice(None)), &AuditSettings::default()).as_deref(),
            Some(
                "allowed=true\tugi=alice (auth:SIMPLE)\tip=/127.0.0.1\tcmd=create\t\
                 src=/a b\\tc\\u00E9\tdst=null\tperm=alice:staff:rw-r--r-T\tproto=rpc"
            )
        );
    }

    #[test]
    fn context_is_cut_and_long_signatures_left_out() {
        let identity = alice(Some("oozie"));
        let context = CallerContext { context: "abcdef".into(), signature: "sig".into() };
        let mut request = request(&identity);
        request.context = Some(&context);
        let settings = AuditSettings { context_max: 3, ..AuditSettings::default() };
        let line = AuditEvent::plain(false, "open").line(&request, &settings).unwrap();
        assert!(line.starts_with("allowed=false\tugi=alice (auth:PROXY) via oozie (auth:SIMPLE)"));
        assert!(line.ends_with("\tproto=rpc\tcallerContext=abc:sig"), "{line}");
        let settings = AuditSettings { signature_max: 2, ..settings };
        let line = AuditEvent::plain(false, "open").line(&request, &settings).unwrap();
        assert!(line.ends_with("\tcallerContext=abc"), "{line}");
    }

    #[test]
    fn the_callers_port_joins_his_context() {
        let identity = alice(None);
        let mut request = request(&identity);
        request.port = Some(4711);
        let settings = AuditSettings { remote_port: true, ..AuditSettings::default() };
        let line = |request: &Request<'_>| {
            AuditEvent::plain(true, "open").line(request, &settings).unwrap()
        };
        assert!(line(&request).ends_with("\tcallerContext=clientPort:4711"));
        let context = CallerContext { context: "job,realUser:x".into(), signature: "".into() };
        request.context = Some(&context);
        let wanted = "\tcallerContext=job,realUser:x,clientPort:4711,proxyUserPort:4711";
        assert!(line(&request).ends_with(wanted), "{}", line(&request));
        let context = CallerContext { context: "clientPort:1".into(), signature: "".into() };
        request.context = Some(&context);
        assert!(line(&request).ends_with("\tcallerContext=clientPort:1"));
    }

    #[test]
    fn quiet_commands_have_no_line() {
        let settings =
            AuditSettings { quiet_commands: vec!["open".into()], ..AuditSettings::default() };
        assert_eq!(AuditEvent::plain(true, "open").line(&request(&alice(None)), &settings), None);
    }
}
