//! Racks, who stands in which, and how far apart two machines are.
//!
//! Racks are paths (`/dc1/rack3`), as Hadoop's topology scripts print them. Members carry a
//! small index of their owner's choosing; choosing one at random is O(1) as long as most are
//! eligible.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

/// The rack of machines nobody said anything about.
pub const DEFAULT_RACK: &str = "/default-rack";

/// Names a member; given by the caller, dense from zero.
pub type MemberIndex = u32;

/// Names a rack for as long as the topology lives.
pub type RackIndex = u32;

/// Hops between two machines: 0 the same, 2 the same rack, 4 neighbouring racks, and so on.
pub type Distance = u32;

/// A rack that cannot be used (`NetworkTopology.InvalidTopologyException`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RackError {
    /// Not an absolute path.
    #[error("Network location path does not start with \"/\": {0}")]
    NotAbsolute(String),
    /// Other members stand at another depth.
    #[error(
        "Failed to add {rack}: You cannot have a rack and a non-rack node at the same level of the network topology."
    )]
    Depth {
        /// The rack that does not fit.
        rack: String,
    },
}

impl RackError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::NotAbsolute(_) => "java.lang.IllegalArgumentException",
            Self::Depth { .. } => "org.apache.hadoop.net.NetworkTopology$InvalidTopologyException",
        }
    }
}

/// From where to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RackScope {
    /// Everywhere.
    All,
    /// On this rack.
    On(RackIndex),
    /// On any other rack.
    NotOn(RackIndex),
}

#[derive(Clone, Debug)]
struct Rack {
    path: Arc<str>,
    components: Vec<u32>,
    members: Vec<MemberIndex>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    rack: RackIndex,
    in_rack: u32,
    in_all: u32,
}

/// All members, by rack.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    racks: Vec<Rack>,
    by_path: BTreeMap<Arc<str>, RackIndex>,
    names: BTreeMap<String, u32>,
    all: Vec<MemberIndex>,
    places: Vec<Option<Place>>,
    occupied: usize,
}

impl Topology {
    /// A topology without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `path` without a slash at the end; the default rack for an empty one.
    ///
    /// # Errors
    /// If the path is not absolute.
    pub fn normalize(path: &str) -> Result<String, RackError> {
        let trimmed = path.trim_end_matches('/');
        if path.is_empty() {
            return Ok(DEFAULT_RACK.to_owned());
        }
        if !path.starts_with('/') {
            return Err(RackError::NotAbsolute(path.to_owned()));
        }
        Ok(trimmed.to_owned())
    }

    /// Puts `member` on the rack, taking it off the one it stood on.
    ///
    /// # Errors
    /// If the path is not absolute, or as deep as no other rack is.
    pub fn place(&mut self, member: MemberIndex, path: &str) -> Result<RackIndex, RackError> {
        let path = Self::normalize(path)?;
        let rack = self.intern(&path);
        let depth = self.rack_depth(rack);
        let differs = |other: &Rack| !other.members.is_empty() && other.components.len() != depth;
        let alone = self.all.is_empty() || (self.all.len() == 1 && self.place_of(member).is_some());
        if !alone && self.racks.iter().any(differs) {
            return Err(RackError::Depth { rack: path });
        }
        self.remove(member);
        let slot = member as usize;
        if self.places.len() <= slot {
            self.places.resize(slot + 1, None);
        }
        let in_all = self.all.len() as u32;
        self.all.push(member);
        if let Some(entry) = self.racks.get_mut(rack as usize) {
            if entry.members.is_empty() {
                self.occupied += 1;
            }
            let in_rack = entry.members.len() as u32;
            entry.members.push(member);
            self.places[slot] = Some(Place { rack, in_rack, in_all });
        }
        Ok(rack)
    }

    /// Takes `member` out; nothing happens if it is not in.
    pub fn remove(&mut self, member: MemberIndex) {
        let Some(place) = self.places.get_mut(member as usize).and_then(Option::take) else {
            return;
        };
        self.all.swap_remove(place.in_all as usize);
        if let Some(moved) = self.all.get(place.in_all as usize).copied()
            && let Some(other) = self.places.get_mut(moved as usize).and_then(Option::as_mut)
        {
            other.in_all = place.in_all;
        }
        let Some(rack) = self.racks.get_mut(place.rack as usize) else { return };
        rack.members.swap_remove(place.in_rack as usize);
        if let Some(moved) = rack.members.get(place.in_rack as usize).copied()
            && let Some(other) = self.places.get_mut(moved as usize).and_then(Option::as_mut)
        {
            other.in_rack = place.in_rack;
        }
        if rack.members.is_empty() {
            self.occupied -= 1;
        }
    }

    fn intern(&mut self, path: &str) -> RackIndex {
        if let Some(found) = self.by_path.get(path) {
            return *found;
        }
        let mut components = Vec::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let next = self.names.len() as u32;
            components.push(*self.names.entry(name.to_owned()).or_insert(next));
        }
        let index = self.racks.len() as u32;
        let path: Arc<str> = path.into();
        self.racks.push(Rack { path: path.clone(), components, members: Vec::new() });
        self.by_path.insert(path, index);
        index
    }

    fn rack_depth(&self, rack: RackIndex) -> usize {
        self.racks.get(rack as usize).map_or(0, |rack| rack.components.len())
    }

    fn place_of(&self, member: MemberIndex) -> Option<Place> {
        self.places.get(member as usize).copied().flatten()
    }

    /// The rack that `member` stands on.
    #[must_use]
    pub fn rack_of(&self, member: MemberIndex) -> Option<RackIndex> {
        self.place_of(member).map(|place| place.rack)
    }

    /// The rack's path.
    #[must_use]
    pub fn rack_path(&self, rack: RackIndex) -> Option<&Arc<str>> {
        self.racks.get(rack as usize).map(|rack| &rack.path)
    }

    /// The rack of that path, where it was ever used.
    #[must_use]
    pub fn rack_by_path(&self, path: &str) -> Option<RackIndex> {
        self.by_path.get(path).copied()
    }

    /// Racks that somebody stands on.
    #[must_use]
    pub const fn rack_count(&self) -> usize {
        self.occupied
    }

    /// Members of all racks.
    #[must_use]
    pub fn members(&self) -> &[MemberIndex] {
        &self.all
    }

    /// Members of one rack.
    #[must_use]
    pub fn members_of(&self, rack: RackIndex) -> &[MemberIndex] {
        self.racks.get(rack as usize).map_or(&[], |rack| &rack.members)
    }

    /// Whether both stand on the same rack.
    #[must_use]
    pub fn on_same_rack(&self, a: MemberIndex, b: MemberIndex) -> bool {
        self.rack_of(a).is_some() && self.rack_of(a) == self.rack_of(b)
    }

    /// Hops between two members; `Distance::MAX` if one is not in.
    #[must_use]
    pub fn distance(&self, a: MemberIndex, b: MemberIndex) -> Distance {
        match (self.rack_of(a), self.rack_of(b)) {
            (Some(_), Some(_)) if a == b => 0,
            (Some(left), Some(right)) => self.rack_distance(left, right),
            _ => Distance::MAX,
        }
    }

    /// Hops between two different machines on these racks.
    #[must_use]
    pub fn rack_distance(&self, a: RackIndex, b: RackIndex) -> Distance {
        let (Some(left), Some(right)) = (self.racks.get(a as usize), self.racks.get(b as usize))
        else {
            return Distance::MAX;
        };
        let pairs = left.components.iter().zip(&right.components);
        let shared = pairs.take_while(|(x, y)| x == y).count();
        let apart = left.components.len() + right.components.len() - 2 * shared;
        (apart as Distance).saturating_add(2)
    }

    /// How many members the scope has.
    #[must_use]
    pub fn count(&self, scope: RackScope) -> usize {
        match scope {
            RackScope::All => self.all.len(),
            RackScope::On(rack) => self.members_of(rack).len(),
            RackScope::NotOn(rack) => self.all.len() - self.members_of(rack).len(),
        }
    }

    /// A member of the scope that `eligible` accepts, each with the same chance; `random(n)`
    /// gives a number below `n`. `None` once every member of the scope was refused.
    pub fn choose(
        &self,
        scope: RackScope,
        mut random: impl FnMut(usize) -> usize,
        mut eligible: impl FnMut(MemberIndex) -> bool,
    ) -> Option<MemberIndex> {
        let pool = match scope {
            RackScope::On(rack) => self.members_of(rack),
            RackScope::All | RackScope::NotOn(_) => &self.all,
        };
        let outside = |member| match scope {
            RackScope::NotOn(rack) => self.rack_of(member) != Some(rack),
            RackScope::All | RackScope::On(_) => true,
        };
        if pool.is_empty() {
            return None;
        }
        // Drawing with repeats is cheap while most are eligible; after that, see everyone once.
        for _ in 0..pool.len().min(16) {
            let member = pool.get(random(pool.len())).copied()?;
            if outside(member) && eligible(member) {
                return Some(member);
            }
        }
        let mut accepted = None;
        let mut seen = 0;
        for member in pool.iter().copied().filter(|member| outside(*member)) {
            if eligible(member) {
                seen += 1;
                if random(seen) == 0 {
                    accepted = Some(member);
                }
            }
        }
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn two_racks() -> Topology {
        let mut topology = Topology::new();
        for (member, rack) in [(0, "/d1/r1"), (1, "/d1/r1"), (2, "/d1/r2"), (3, "/d2/r3/")] {
            assert!(topology.place(member, rack).is_ok());
        }
        topology
    }

    #[test]
    fn distance_counts_hops() {
        let topology = two_racks();
        assert_eq!(topology.distance(0, 0), 0);
        assert_eq!(topology.distance(0, 1), 2);
        assert_eq!(topology.distance(0, 2), 4);
        assert_eq!(topology.distance(0, 3), 6);
        assert_eq!(topology.distance(0, 9), Distance::MAX);
        assert_eq!(topology.rack_count(), 3);
    }

    #[test]
    fn racks_of_another_depth_are_refused() {
        let mut topology = two_racks();
        assert!(matches!(topology.place(4, "/r1"), Err(RackError::Depth { .. })));
        assert!(matches!(topology.place(4, "r1"), Err(RackError::NotAbsolute(_))));
        let mut alone = Topology::new();
        assert!(alone.place(0, "/a/b").is_ok());
        assert!(alone.place(0, "").is_ok(), "the only member may move anywhere");
        assert_eq!(alone.rack_path(1).map(AsRef::as_ref), Some(DEFAULT_RACK));
    }

    #[test]
    fn scopes_are_kept_and_exhausted() {
        let topology = two_racks();
        let rack = topology.rack_of(0).unwrap_or(9);
        let first = |_: usize| 0;
        assert_eq!(topology.count(RackScope::NotOn(rack)), 2);
        let only = topology.choose(RackScope::NotOn(rack), first, |m| m != 2);
        assert_eq!(only, Some(3));
        assert_eq!(topology.choose(RackScope::On(rack), first, |m| m > 1), None);
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_list(ops in proptest::collection::vec((0u32..20, 0usize..5, any::<bool>()), 0..80)) {
            let mut topology = Topology::new();
            let mut model = std::collections::BTreeMap::new();
            for (member, rack, add) in ops {
                if add {
                    let path = format!("/r{rack}");
                    prop_assert!(topology.place(member, &path).is_ok());
                    model.insert(member, path);
                } else {
                    topology.remove(member);
                    model.remove(&member);
                }
                let mut all = topology.members().to_vec();
                all.sort_unstable();
                prop_assert_eq!(&all, &model.keys().copied().collect::<Vec<_>>());
                let racks: std::collections::BTreeSet<_> = model.values().collect();
                prop_assert_eq!(topology.rack_count(), racks.len());
                for (member, path) in &model {
                    let rack = topology.rack_of(*member).unwrap_or(u32::MAX);
                    prop_assert_eq!(topology.rack_path(rack).map(AsRef::as_ref), Some(path.as_str()));
                    prop_assert!(topology.members_of(rack).contains(member));
                }
            }
        }
    }
}
