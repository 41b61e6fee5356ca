//! The Fair Scheduler's allocation file, in Hadoop 1's words (`<pool>`) or YARN's (`<queue>`).

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use thiserror::Error;

use super::fair::{FairSettings, JobOrder, PoolSettings};
use crate::job::{AccessControlList, Resources};

/// A file that is no allocation file (`AllocationConfigurationException`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AllocationError {
    /// Not XML.
    #[error("the allocation file is not XML: {0}")]
    Syntax(String),
    /// Another document.
    #[error("Bad fair scheduler config file: top-level element not <allocations>")]
    Root,
    /// A value that is none of its kind.
    #[error("Bad fair scheduler config file: <{element}> cannot be '{value}'")]
    Value {
        /// Where.
        element: String,
        /// What.
        value: String,
    },
    /// An element that means nothing there, or nothing to this scheduler.
    #[error(
        "Bad fair scheduler config file: <{element}> in <{within}> is not known to this scheduler"
    )]
    Unknown {
        /// The element.
        element: String,
        /// Where it is.
        within: String,
    },
    /// A pool without a name.
    #[error("Bad fair scheduler config file: a pool has no name")]
    Name,
}

/// An element that is open.
struct Open {
    tag: String,
    text: String,
}

/// Reads the file.
///
/// # Errors
/// Not such a file, an element that is not known, or a value that is not of its kind.
pub fn parse_allocations(text: &str) -> Result<FairSettings, AllocationError> {
    let mut reader = Reader::from_str(text);
    let syntax = |error: quick_xml::Error| AllocationError::Syntax(error.to_string());
    let mut parser = Parser::default();
    loop {
        match reader.read_event().map_err(syntax)? {
            Event::Start(tag) => parser.open(&tag)?,
            Event::Empty(tag) => {
                parser.open(&tag)?;
                parser.close()?;
            }
            Event::End(_) => parser.close()?,
            Event::Text(text) => parser.text(&text.xml10_content()),
            Event::Eof => break,
            _ => {}
        }
    }
    if !parser.seen || !parser.stack.is_empty() {
        return Err(AllocationError::Root);
    }
    Ok(parser.settings)
}

#[derive(Default)]
struct Parser {
    settings: FairSettings,
    stack: Vec<Open>,
    /// The pool that is open, innermost last; YARN nests them.
    pools: Vec<(String, PoolSettings)>,
    user: Option<String>,
    seen: bool,
}

impl Parser {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), AllocationError> {
        let kind = tag.local_name().as_ref().to_owned();
        if self.stack.is_empty() {
            if kind != "allocations" {
                return Err(AllocationError::Root);
            }
            self.seen = true;
        }
        let name = tag.try_get_attribute("name").ok().flatten();
        let name = name
            .and_then(|name| name.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok())
            .map(|name| name.trim().to_owned());
        match kind.as_str() {
            "pool" | "queue" => {
                let name = name.filter(|n| !n.is_empty()).ok_or(AllocationError::Name)?;
                self.pools.push((name, PoolSettings::default()));
            }
            "user" => self.user = name,
            _ => {}
        }
        self.stack.push(Open { tag: kind, text: String::new() });
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.stack.last_mut() {
            open.text.push_str(text);
        }
    }

    fn close(&mut self) -> Result<(), AllocationError> {
        let Some(Open { tag, text }) = self.stack.pop() else { return Ok(()) };
        let text = text.trim();
        match tag.as_str() {
            "pool" | "queue" => {
                if let Some((name, settings)) = self.pools.pop() {
                    self.settings.pools.insert(name, settings);
                }
                Ok(())
            }
            "user" => {
                self.user = None;
                Ok(())
            }
            _ if self.user.is_some() => self.user_value(&tag, text),
            _ => match self.pools.last_mut() {
                Some((_, pool)) => pool_value(pool, &tag, text),
                None => self.top_value(&tag, text),
            },
        }
    }

    fn user_value(&mut self, tag: &str, text: &str) -> Result<(), AllocationError> {
        if let (Some(user), "maxRunningJobs" | "maxRunningApps") = (&self.user, tag) {
            self.settings.user_max_jobs.insert(user.clone(), number(tag, text)?);
            return Ok(());
        }
        Err(unknown(tag, "user"))
    }

    fn top_value(&mut self, tag: &str, text: &str) -> Result<(), AllocationError> {
        let defaults = &mut self.settings.default_pool;
        match tag {
            "userMaxJobsDefault" | "userMaxAppsDefault" => {
                self.settings.user_max_jobs_default = Some(number(tag, text)?);
            }
            "poolMaxJobsDefault" | "queueMaxAppsDefault" => {
                defaults.max_running_jobs = Some(number(tag, text)?);
            }
            "fairSharePreemptionTimeout" | "defaultFairSharePreemptionTimeout" => {
                self.settings.fair_share_timeout = Some(seconds(tag, text)?);
            }
            "defaultMinSharePreemptionTimeout" => {
                defaults.min_share_timeout = Some(seconds(tag, text)?);
            }
            "defaultPoolSchedulingMode" | "defaultQueueSchedulingPolicy" => {
                defaults.order = order(tag, text)?;
            }
            "allocations" => {}
            _ => return Err(unknown(tag, "allocations")),
        }
        Ok(())
    }
}

fn unknown(element: &str, within: &str) -> AllocationError {
    AllocationError::Unknown { element: element.to_owned(), within: within.to_owned() }
}

fn pool_value(pool: &mut PoolSettings, tag: &str, text: &str) -> Result<(), AllocationError> {
    match tag {
        "weight" => pool.weight = number::<f64>(tag, text)?.max(0.0),
        "minMaps" | "minReduces" => {
            // A slot is a core, and what a task takes where nothing is said.
            let slots = number::<u32>(tag, text)?;
            pool.minimum = pool.minimum.plus(Resources::new(1024, 1).times(slots as usize));
        }
        "minResources" => pool.minimum = resources(tag, text)?,
        "maxResources" => pool.maximum = Some(resources(tag, text)?),
        "maxMaps" => pool.max_maps = Some(number(tag, text)?),
        "maxReduces" => pool.max_reduces = Some(number(tag, text)?),
        "maxRunningJobs" | "maxRunningApps" => pool.max_running_jobs = Some(number(tag, text)?),
        "minSharePreemptionTimeout" => pool.min_share_timeout = Some(seconds(tag, text)?),
        "schedulingMode" | "schedulingPolicy" => pool.order = order(tag, text)?,
        "aclSubmitApps" => pool.submit = AccessControlList::parse(text),
        "aclAdministerApps" => pool.administer = AccessControlList::parse(text),
        _ => return Err(unknown(tag, "pool")),
    }
    Ok(())
}

fn bad(element: &str, value: &str) -> AllocationError {
    AllocationError::Value { element: element.to_owned(), value: value.to_owned() }
}

fn number<T: std::str::FromStr>(tag: &str, text: &str) -> Result<T, AllocationError> {
    text.parse().map_err(|_| bad(tag, text))
}

fn seconds(tag: &str, text: &str) -> Result<i64, AllocationError> {
    Ok(number::<u32>(tag, text).map(i64::from)?.saturating_mul(1000))
}

fn order(tag: &str, text: &str) -> Result<JobOrder, AllocationError> {
    match text.to_ascii_lowercase().as_str() {
        "fair" | "drf" => Ok(JobOrder::Fair),
        "fifo" => Ok(JobOrder::Fifo),
        _ => Err(bad(tag, text)),
    }
}

/// `10000 mb, 8 vcores`
fn resources(tag: &str, text: &str) -> Result<Resources, AllocationError> {
    let mut amount = Resources::default();
    for part in text.split(',') {
        let part = part.trim().to_ascii_lowercase();
        let (value, unit) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
        match unit.trim() {
            "mb" => amount.memory_mb = number(tag, value)?,
            "vcores" => amount.cores = number(tag, value)?,
            _ => return Err(bad(tag, text)),
        }
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let settings = parse_allocations(
            "<?xml version=\"1.0\"?><allocations>
               <pool name=\"sample\"><minMaps>5</minMaps><weight>2.0</weight>
                 <maxRunningJobs>3</maxRunningJobs><schedulingMode>fifo</schedulingMode></pool>
               <queue name=\"q\"><minResources>10000 mb,2vcores</minResources>
                 <aclSubmitApps>ann</aclSubmitApps><queue name=\"inner\"/></queue>
               <user name=\"eve\"><maxRunningJobs>6</maxRunningJobs></user>
               <userMaxJobsDefault>4</userMaxJobsDefault>
               <fairSharePreemptionTimeout>60</fairSharePreemptionTimeout>
             </allocations>",
        )
        .unwrap();
        let sample = &settings.pools["sample"];
        assert_eq!((sample.minimum.cores, sample.order), (5, JobOrder::Fifo));
        assert!((sample.weight - 2.0).abs() < 1e-9);
        assert_eq!(settings.pools["q"].minimum, Resources::new(10_000, 2));
        assert!(settings.pools.contains_key("inner"));
        assert_eq!(settings.user_max_jobs["eve"], 6);
        assert_eq!(settings.user_max_jobs_default, Some(4));
        assert_eq!(settings.fair_share_timeout, Some(60_000));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(parse_allocations("<pools/>"), Err(AllocationError::Root));
        assert_eq!(parse_allocations(""), Err(AllocationError::Root));
        assert!(matches!(
            parse_allocations("<allocations><a></b>"),
            Err(AllocationError::Syntax(_))
        ));
        let bad = "<allocations><pool name='p'><weight>much</weight></pool></allocations>";
        assert!(matches!(parse_allocations(bad), Err(AllocationError::Value { .. })));
        for (element, inner) in [
            ("wait", "<pool name='p'><wait>1</wait></pool>"),
            ("maxAMShare", "<queue name='q'><maxAMShare>0.5</maxAMShare></queue>"),
            ("rule", "<queuePlacementPolicy><rule name='user'/></queuePlacementPolicy>"),
            ("maxJobs", "<user name='u'><maxJobs>1</maxJobs></user>"),
        ] {
            let read = parse_allocations(&format!("<allocations>{inner}</allocations>"));
            let Err(AllocationError::Unknown { element: named, .. }) = read else {
                panic!("{inner}: {read:?}")
            };
            assert_eq!(named, element);
        }
        assert_eq!(
            parse_allocations("<allocations><pool/></allocations>"),
            Err(AllocationError::Name)
        );
    }
}
