//! Memory and cores: what a tracker has and an attempt needs.

/// An amount of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Mebibytes.
    pub memory_mb: u64,
    /// Virtual cores.
    pub cores: u32,
}

impl Resources {
    /// Both.
    #[must_use]
    pub const fn new(memory_mb: u64, cores: u32) -> Self {
        Self { memory_mb, cores }
    }

    /// Whether `other` is within this.
    #[must_use]
    pub const fn fits(&self, other: &Self) -> bool {
        other.memory_mb <= self.memory_mb && other.cores <= self.cores
    }

    /// Whether there is none of either.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.memory_mb == 0 && self.cores == 0
    }

    /// Both added.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            memory_mb: self.memory_mb.saturating_add(other.memory_mb),
            cores: self.cores.saturating_add(other.cores),
        }
    }

    /// Both taken away; never below nothing.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            memory_mb: self.memory_mb.saturating_sub(other.memory_mb),
            cores: self.cores.saturating_sub(other.cores),
        }
    }

    /// This amount `count` times.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            memory_mb: self.memory_mb.saturating_mul(count as u64),
            cores: self.cores.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)),
        }
    }

    /// The lesser of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { memory_mb: self.memory_mb.min(other.memory_mb), cores: self.cores.min(other.cores) }
    }

    /// The greater of the two parts that this is of `whole`; 0 of nothing is 0.
    #[must_use]
    pub fn share_of(&self, whole: &Self) -> f64 {
        let part = |mine: f64, all: f64| if all > 0.0 { mine / all } else { 0.0 };
        let memory = part(self.memory_mb as f64, whole.memory_mb as f64);
        memory.max(part(f64::from(self.cores), f64::from(whole.cores)))
    }

    /// That fraction of both, rounded down.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            memory_mb: (self.memory_mb as f64 * factor) as u64,
            cores: (f64::from(self.cores) * factor) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_never_goes_below_nothing() {
        let tracker = Resources::new(2048, 2);
        let task = Resources::new(1024, 1);
        assert!(tracker.fits(&task.times(2)));
        assert!(!tracker.fits(&task.times(3)));
        assert_eq!(task.minus(tracker), Resources::default());
        assert_eq!(task.plus(task), tracker);
        assert!((task.share_of(&tracker) - 0.5).abs() < 1e-9);
        assert!(task.share_of(&Resources::default()).abs() < 1e-9);
    }
}
