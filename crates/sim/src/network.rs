//! The network: every message takes its time, may be lost, may come twice, and does not pass a
//! partition.

use std::collections::BTreeMap;

use fastrand::Rng;

/// Who sends and receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// The NameNode.
    NameNode,
    /// A DataNode.
    DataNode(usize),
    /// A client.
    Client(usize),
}

/// How bad it is; chances in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Messages that never arrive.
    pub loss: u32,
    /// Calls that arrive a second time, as when a client asks again.
    pub duplication: u32,
    /// Messages that take long.
    pub delay: u32,
    /// How long those take at most, milliseconds.
    pub longest: u64,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Self = Self { loss: 0, duplication: 0, delay: 0, longest: 1 };

    /// As bad as `rng` says.
    pub fn draw(rng: &mut Rng) -> Self {
        Self {
            loss: rng.u32(0..30),
            duplication: rng.u32(0..60),
            delay: rng.u32(0..100),
            longest: rng.u64(10..8_000),
        }
    }
}

/// Which ways are cut, and when the last message on each arrives.
#[derive(Debug)]
pub struct Network {
    /// How bad it is.
    pub weather: Weather,
    cut: BTreeMap<(Address, Address), u64>,
    last: BTreeMap<(Address, Address), u64>,
}

/// Both directions of a way are one.
fn way(a: Address, b: Address) -> (Address, Address) {
    if a <= b { (a, b) } else { (b, a) }
}

impl Network {
    /// A network without partitions.
    #[must_use]
    pub const fn new(weather: Weather) -> Self {
        Self { weather, cut: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// Lets nothing pass between two until `time`.
    pub fn cut(&mut self, a: Address, b: Address, until: u64) {
        self.cut.insert(way(a, b), until);
    }

    /// Ends all partitions.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// When a message arrives: never, once or twice. Between the NameNode and DataNodes messages
    /// keep their order, as one connection does; a client's calls may overtake each other, as
    /// those of two connections do.
    pub fn arrivals(&mut self, rng: &mut Rng, now: u64, from: Address, to: Address) -> Vec<u64> {
        if self.cut.get(&way(from, to)).is_some_and(|until| now < *until) {
            return Vec::new();
        }
        let chance = |rng: &mut Rng, thousandths| rng.u32(..1000) < thousandths;
        if chance(rng, self.weather.loss) {
            return Vec::new();
        }
        let mut at = now + rng.u64(1..5);
        if chance(rng, self.weather.delay) {
            at += rng.u64(..self.weather.longest.max(1));
        }
        if let (Address::DataNode(_), _) | (_, Address::DataNode(_)) = (from, to) {
            let last = self.last.entry((from, to)).or_default();
            at = at.max(*last);
            *last = at;
            return vec![at];
        }
        let again = chance(rng, self.weather.duplication) && to == Address::NameNode;
        let mut arrivals = vec![at];
        if again {
            arrivals.push(at + rng.u64(..self.weather.longest.max(1)));
        }
        arrivals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_ends() {
        let (a, b) = (Address::NameNode, Address::DataNode(1));
        let mut network = Network::new(Weather::FAIR);
        let mut rng = Rng::with_seed(3);
        network.cut(b, a, 10);
        assert!(network.arrivals(&mut rng, 9, a, b).is_empty());
        assert_eq!(network.arrivals(&mut rng, 10, a, b).len(), 1);
    }

    #[test]
    fn a_datanodes_messages_keep_their_order() {
        let mut rng = Rng::with_seed(3);
        let weather = Weather { loss: 0, duplication: 0, delay: 500, longest: 1000 };
        let mut network = Network::new(weather);
        let mut before = 0;
        for now in 0..100 {
            let at = network.arrivals(&mut rng, now, Address::DataNode(0), Address::NameNode);
            assert!(at[0] >= before);
            before = at[0];
        }
    }
}
