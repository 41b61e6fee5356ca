//! What a daemon's process logs, and where: lines on standard error, as Hadoop's console
//! appender writes them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Zoned;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::web::LogLevels;

/// Lines about who asked for what; a part of its own, because there is one for every call.
pub(crate) const AUDIT: &str = "audit";

/// Where audit lines go, as Hadoop's scripts have it: `INFO,NullAppender` unless it is set.
const AUDIT_LOGGER: &str = "HDFS_AUDIT_LOGGER";

/// The log of this process, where it is ours.
static LEVELS: OnceLock<Arc<LogLevels>> = OnceLock::new();

/// Logs to standard error from now on. Whoever embeds a daemon in a process of their own does
/// not call this: their subscriber gets the events.
///
/// # Errors
/// If the process has a log already.
pub fn start(level: LevelFilter) -> Result<(), String> {
    let (filter, levels) = LogLevels::layer(level);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line)
        .with_writer(std::io::stderr)
        // A line that nobody reads is lost; a message about that would end the thread.
        .log_internal_errors(false);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
    let wanted = std::env::var(AUDIT_LOGGER).unwrap_or_default();
    if wanted.is_empty() || wanted.contains("NullAppender") {
        levels.set(AUDIT, LevelFilter::OFF)?;
    }
    // Only one of two callers came so far.
    let _ = LEVELS.set(Arc::new(levels));
    Ok(())
}

/// What `/logLevel` shows and changes. Where the log is somebody else's, changes are refused.
pub(crate) fn levels() -> Arc<LogLevels> {
    LEVELS.get().cloned().unwrap_or_else(|| {
        let refuse = |_| Err("what this process logs is decided where it was started".to_owned());
        Arc::new(LogLevels::new(LevelFilter::INFO, refuse))
    })
}

/// `2026-11-21 07:05:22,123 INFO namenode: text`.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = Zoned::now();
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let target = target.strip_prefix("loxodon_").unwrap_or(target);
        write!(writer, "{},{:03} ", now.strftime("%Y-%m-%d %H:%M:%S"), now.millisecond())?;
        write!(writer, "{level} {}: ", target.replace("::", "."))?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
