//! What all actors share: virtual time, the queue of events, the dice, the network, and the
//! record of what happened.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::message::Message;
use crate::network::{Address, Network, Weather};

/// What is to happen at some time.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A message arrives.
    /// A connection ends with the process it leads to: `life` is the NameNode's when it was sent.
    Arrival { from: Address, to: Address, life: u64, message: Message },
    /// Something that an actor set itself. `life` is the actor's when it did: what a process set
    /// itself dies with it.
    Alarm { of: Address, life: u64, alarm: Alarm },
    /// The next thing goes wrong.
    Fault,
    /// A process that crashed starts again.
    Restart(Address),
    /// An operator has made room on the NameNode's disk.
    RoomAgain,
    /// Everything is looked at.
    Check,
}

/// What actors set themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The periodic turn.
    Turn,
    /// The disk has finished a write.
    Synced,
    /// A call was held for long enough for this block.
    Hold(i64),
    /// A call with this number was not answered.
    Unanswered(u64),
    /// It is time to go on with what was put off, if this is still the number.
    Resume(u64),
}

#[derive(Debug)]
struct Queued {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The stage.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Virtual milliseconds since the beginning.
    pub(crate) now: u64,
    pub(crate) rng: fastrand::Rng,
    pub(crate) network: Network,
    /// Which process of the NameNode connections lead to.
    pub(crate) namenode_life: u64,
    /// Whether clients begin new work.
    pub(crate) is_busy: bool,
    queue: BinaryHeap<Reverse<Queued>>,
    order: u64,
    numbers: u64,
    digest: u64,
    /// How often each kind of thing happened.
    pub(crate) happened: BTreeMap<&'static str, u64>,
    record: VecDeque<String>,
    lines: usize,
}

impl Scene {
    pub(crate) fn new(mut rng: fastrand::Rng, lines: usize) -> Self {
        let weather = Weather::draw(&mut rng);
        Self {
            now: 0,
            rng,
            network: Network::new(weather),
            namenode_life: 0,
            is_busy: true,
            queue: BinaryHeap::new(),
            order: 0,
            numbers: 0,
            digest: 0xcbf2_9ce4_8422_2325,
            happened: BTreeMap::new(),
            record: VecDeque::new(),
            lines,
        }
    }

    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// True in so many of a thousand cases.
    pub(crate) fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.u32(..1000) < thousandths
    }

    pub(crate) fn after(&mut self, delay: u64, event: Event) {
        self.order += 1;
        let queued = Queued { at: self.now + delay, order: self.order, event };
        self.queue.push(Reverse(queued));
    }

    pub(crate) fn alarm(&mut self, delay: u64, of: Address, life: u64, alarm: Alarm) {
        self.after(delay, Event::Alarm { of, life, alarm });
    }

    pub(crate) fn send(&mut self, from: Address, to: Address, message: Message) {
        let (now, life) = (self.now, self.namenode_life);
        let arrivals = self.network.arrivals(&mut self.rng, now, from, to);
        let Some((first, again)) = arrivals.split_first() else { return };
        for at in again {
            let event = Event::Arrival { from, to, life, message: message.clone() };
            self.after(at.saturating_sub(now), event);
        }
        let event = Event::Arrival { from, to, life, message };
        self.after(first.saturating_sub(now), event);
    }

    /// The next event; the clock moves to it.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse(queued) = self.queue.pop()?;
        self.now = queued.at;
        Some(queued.event)
    }

    /// Something of this kind happened.
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// Puts a line into the record, and all of it into the digest.
    pub(crate) fn note(&mut self, line: &str) {
        for byte in self.now.to_be_bytes().into_iter().chain(line.bytes()) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.record.len() >= self.lines {
            self.record.pop_front();
        }
        self.record.push_back(format!("{:>9} {line}", self.now));
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn take_record(&mut self) -> Vec<String> {
        std::mem::take(&mut self.record).into()
    }
}
