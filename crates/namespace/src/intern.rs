//! Values that many inodes share, each kept once and named by a small number.

use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

#[derive(Clone)]
struct Table<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32, FixedState>,
}

/// A set of values that only grows: owners, groups, permissions, file layouts. A process sees few
/// of them, whatever the number of files.
#[derive(Clone)]
pub(crate) struct Interner<T> {
    table: Arc<Table<T>>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            table: Arc::new(Table {
                values: Vec::new(),
                numbers: HashMap::with_hasher(FixedState::default()),
            }),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The number of `value`, which is added if it is new.
    pub(crate) fn number<Q>(&mut self, value: &Q) -> u32
    where
        Q: Hash + Eq + ?Sized,
        T: std::borrow::Borrow<Q> + for<'a> From<&'a Q>,
    {
        if let Some(&number) = self.table.numbers.get(value) {
            return number;
        }
        let table = Arc::make_mut(&mut self.table);
        let number = u32::try_from(table.values.len()).unwrap_or(u32::MAX);
        table.values.push(T::from(value));
        table.numbers.insert(T::from(value), number);
        number
    }

    /// The value with this number.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.table.values.get(number as usize)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.table.values.capacity() * size_of::<T>()
            + self.table.numbers.capacity() * (size_of::<T>() + 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_number() {
        let mut names: Interner<Arc<str>> = Interner::default();
        let a = names.number("alice");
        let b = names.number("bob");
        assert_ne!(a, b);
        assert_eq!(names.number("alice"), a);
        let frozen = names.clone();
        let c = names.number("carol");
        assert_eq!(names.get(c).map(|s| &**s), Some("carol"));
        assert_eq!(frozen.get(c), None);
    }
}
