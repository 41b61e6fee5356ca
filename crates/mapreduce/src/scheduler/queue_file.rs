//! `mapred-queues.xml`: the tree of queues of the scheduler that takes jobs in turn (`QueueConfigurationParser`).

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use thiserror::Error;

use super::{QueueSettings, QueueState};
use crate::job::AccessControlList;

/// Between the names of a queue and of the one that it is in.
const SEPARATOR: &str = ":";
/// Queues within queues at most.
const DEEPEST: usize = 32;

/// A file that is no list of queues.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueueFileError {
    /// Not XML.
    #[error("mapred-queues.xml is not XML: {0}")]
    Syntax(String),
    /// Another document, or one without queues.
    #[error(
        "mapred-queues.xml: no queues defined: its top-level element must be <queues> with a <queue> in it"
    )]
    NoQueues,
    /// An element that means nothing where it is.
    #[error("mapred-queues.xml: <{element}> in <{within}> is not known")]
    Unknown {
        /// The element.
        element: String,
        /// Where it is.
        within: String,
    },
    /// A name that is none.
    #[error("mapred-queues.xml: improper queue name: {0:?}")]
    Name(String),
    /// A name that two queues have.
    #[error("mapred-queues.xml: there are two queues {0}")]
    Twice(String),
    /// A queue with queues in it has no lists and no state of its own.
    #[error(
        "mapred-queues.xml: the queue {0} has queues in it and so no <acl-…> or <state> of its own"
    )]
    Parent(String),
    /// A state that is none.
    #[error("mapred-queues.xml: the state of queue {queue} is {state:?}: it is running or stopped")]
    State {
        /// The queue.
        queue: String,
        /// What the file says.
        state: String,
    },
    /// Queues in queues without end.
    #[error("mapred-queues.xml: queues lie more than {DEEPEST} deep")]
    Deep,
}

/// A queue whose element is open.
#[derive(Default)]
struct Open {
    name: Option<String>,
    submit: Option<AccessControlList>,
    administer: Option<AccessControlList>,
    state: Option<String>,
    inner: Vec<QueueSettings>,
}

#[derive(Default)]
struct Parser {
    /// Tags that are open, outermost first.
    tags: Vec<String>,
    text: String,
    queues: Vec<Open>,
    all: Vec<QueueSettings>,
    seen: bool,
}

/// Reads the file: queues with the full names that Hadoop gives them, `outer:inner`.
///
/// # Errors
/// Not such a file.
pub fn parse_queues(text: &str) -> Result<Vec<QueueSettings>, QueueFileError> {
    let mut reader = Reader::from_str(text);
    let mut parser = Parser::default();
    loop {
        let event = reader.read_event();
        match event.map_err(|error| QueueFileError::Syntax(error.to_string()))? {
            Event::Start(tag) => parser.open(&tag)?,
            Event::Empty(tag) => {
                parser.open(&tag)?;
                parser.close()?;
            }
            Event::End(_) => parser.close()?,
            Event::Text(text) => parser.text.push_str(&text.xml10_content()),
            Event::Eof => break,
            _ => {}
        }
    }
    if !parser.seen || !parser.tags.is_empty() || parser.all.is_empty() {
        return Err(QueueFileError::NoQueues);
    }
    let mut names: Vec<&str> = parser.all.iter().map(|queue| &*queue.name).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.windows(2).find(|pair| pair.first() == pair.get(1)) {
        return Err(QueueFileError::Twice((*twice).to_owned()));
    }
    Ok(parser.all)
}

impl Parser {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), QueueFileError> {
        let element = tag.local_name().as_ref().to_owned();
        let within = self.tags.last().map_or("", String::as_str);
        let is_known = match within {
            "" => {
                self.seen = true;
                element == "queues"
            }
            "queues" => element == "queue",
            "queue" => matches!(
                element.as_str(),
                "name"
                    | "queue"
                    | "state"
                    | "acl-submit-job"
                    | "acl-administer-jobs"
                    | "properties"
            ),
            "properties" => element == "property",
            _ => false,
        };
        match (is_known, within) {
            (true, _) => {}
            (false, "") => return Err(QueueFileError::NoQueues),
            (false, _) => {
                return Err(QueueFileError::Unknown { element, within: within.to_owned() });
            }
        }
        if element == "queue" {
            if self.queues.len() >= DEEPEST {
                return Err(QueueFileError::Deep);
            }
            self.queues.push(Open::default());
        }
        self.text.clear();
        self.tags.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), QueueFileError> {
        let Some(tag) = self.tags.pop() else { return Ok(()) };
        let text = std::mem::take(&mut self.text);
        if tag == "queue" {
            return self.close_queue();
        }
        let Some(queue) = self.queues.last_mut() else { return Ok(()) };
        match tag.as_str() {
            "name" => {
                let name = text.trim();
                if name.is_empty() || name.contains(SEPARATOR) {
                    return Err(QueueFileError::Name(text));
                }
                queue.name = Some(name.to_owned());
            }
            "state" => queue.state = Some(text.trim().to_owned()),
            "acl-submit-job" => queue.submit = Some(AccessControlList::parse(&text)),
            "acl-administer-jobs" => queue.administer = Some(AccessControlList::parse(&text)),
            _ => {}
        }
        Ok(())
    }

    fn close_queue(&mut self) -> Result<(), QueueFileError> {
        let Some(queue) = self.queues.pop() else { return Ok(()) };
        let name = queue.name.ok_or_else(|| QueueFileError::Name(String::new()))?;
        let has_own = queue.submit.is_some() || queue.administer.is_some() || queue.state.is_some();
        if has_own && !queue.inner.is_empty() {
            return Err(QueueFileError::Parent(name));
        }
        let state = match queue.state.as_deref() {
            None | Some("running") => QueueState::Running,
            Some("stopped") => QueueState::Stopped,
            Some(other) => {
                return Err(QueueFileError::State { queue: name, state: other.to_owned() });
            }
        };
        let own = QueueSettings {
            name: name.as_str().into(),
            parent: None,
            state,
            // Where nothing is said nobody may, as soon as lists are checked.
            submit: queue.submit.unwrap_or_else(AccessControlList::nobody),
            administer: queue.administer.unwrap_or_else(AccessControlList::nobody),
        };
        let full = |inner: &str| format!("{name}{SEPARATOR}{inner}");
        let inner = queue.inner.into_iter().map(|inner| QueueSettings {
            name: full(&inner.name).into(),
            parent: Some(inner.parent.map_or_else(|| name.as_str().into(), |p| full(&p).into())),
            ..inner
        });
        let mut family = vec![own];
        family.extend(inner);
        match self.queues.last_mut() {
            Some(outer) => outer.inner.extend(family),
            None => self.all.extend(family),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Caller;

    #[test]
    fn queues_lie_in_queues() {
        let queues = parse_queues(
            "<?xml version=\"1.0\"?><queues><!-- ours -->
               <queue><name>default</name><acl-submit-job>ann staff</acl-submit-job>
                 <acl-administer-jobs> </acl-administer-jobs><state>running</state>
                 <properties><property key=\"capacity\" value=\"10\"/></properties></queue>
               <queue><name>lab</name>
                 <queue><name>night</name><state>stopped</state></queue>
                 <queue><name>day</name><queue><name>x</name></queue></queue>
               </queue>
             </queues>",
        )
        .unwrap();
        let names: Vec<_> =
            queues.iter().map(|q| (&*q.name, q.parent.as_deref().unwrap_or(""))).collect();
        assert_eq!(
            names,
            [
                ("default", ""),
                ("lab", ""),
                ("lab:night", "lab"),
                ("lab:day", "lab"),
                ("lab:day:x", "lab:day"),
            ]
        );
        assert!(Caller::named("ann").is_on(&queues[0].submit));
        assert!(!Caller::named("eve").is_on(&queues[0].submit));
        assert_eq!(queues[2].state, QueueState::Stopped);
    }

    #[test]
    fn nonsense_is_named() {
        let wrong = |inner: &str| parse_queues(&format!("<queues>{inner}</queues>")).unwrap_err();
        assert_eq!(parse_queues("<pools/>"), Err(QueueFileError::NoQueues));
        assert_eq!(wrong(""), QueueFileError::NoQueues);
        assert_eq!(wrong("<queue/>"), QueueFileError::Name(String::new()));
        assert_eq!(wrong("<queue><name>a:b</name></queue>"), QueueFileError::Name("a:b".into()));
        let text = wrong("<queue><name>a</name><weight>2</weight></queue>").to_string();
        assert!(text.contains("<weight> in <queue>"), "{text}");
        let twice = "<queue><name>a</name></queue><queue><name>a</name></queue>";
        assert_eq!(wrong(twice), QueueFileError::Twice("a".into()));
        let parent =
            "<queue><name>a</name><state>running</state><queue><name>b</name></queue></queue>";
        assert_eq!(wrong(parent), QueueFileError::Parent("a".into()));
        let state = wrong("<queue><name>a</name><state>asleep</state></queue>");
        assert!(matches!(state, QueueFileError::State { .. }), "{state}");
    }
}
