//! Answers of calls that must not run twice, kept for clients that ask again (`RetryCache`).

use std::collections::VecDeque;

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use loxodon_namespace::edit::RpcIds;
use loxodon_wire::ids::{Milliseconds, TxId};

type Key = ([u8; 16], i32);

/// What a call was answered, and the transaction that must be on disk before it is said again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The encoded response.
    pub response: Bytes,
    /// The call's last edit; none where it changed nothing.
    pub txid: Option<TxId>,
}

/// The cache: bounded in time and in number of entries; the oldest go first.
#[derive(Debug)]
pub struct RetryCache {
    answers: HashMap<Key, Answered, FixedState>,
    order: VecDeque<(Milliseconds, Key)>,
    expiry: Milliseconds,
    capacity: usize,
    updated: u64,
    cleared: u64,
}

impl RetryCache {
    /// A cache that keeps at most `capacity` answers, each for `expiry`
    /// (`dfs.namenode.retrycache.expirytime.millis`). With a capacity of 0 it is switched off.
    #[must_use]
    pub fn new(capacity: usize, expiry: Milliseconds) -> Self {
        Self {
            answers: HashMap::with_hasher(FixedState::with_seed(0)),
            order: VecDeque::new(),
            expiry,
            capacity,
            updated: 0,
            cleared: 0,
        }
    }

    /// The answer that this call was given, if it was here before.
    #[must_use]
    pub fn answered(&self, rpc: RpcIds, now: Milliseconds) -> Option<&Answered> {
        let key = key(rpc)?;
        let answer = self.answers.get(&key)?;
        // Entries leave in order of arrival; one that is due but still here counts as gone.
        let oldest_valid = Milliseconds(now.0.saturating_sub(self.expiry.0));
        let due = self.order.front().is_some_and(|(at, first)| *first == key && *at < oldest_valid);
        (!due).then_some(answer)
    }

    /// Keeps the answer of a call that succeeded. Failed calls are not kept: a client that asks
    /// again has them run again, as in Hadoop.
    pub fn insert(&mut self, rpc: RpcIds, answer: Answered, now: Milliseconds) {
        let Some(key) = key(rpc) else { return };
        if self.capacity == 0 {
            return;
        }
        self.expire(now);
        while self.answers.len() >= self.capacity {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.answers.remove(&oldest);
            self.cleared += 1;
        }
        self.updated += 1;
        if self.answers.insert(key, answer).is_none() {
            self.order.push_back((now, key));
        }
    }

    /// Drops what is older than the expiry time.
    pub fn expire(&mut self, now: Milliseconds) {
        let oldest_valid = now.0.saturating_sub(self.expiry.0);
        while let Some((at, key)) = self.order.front() {
            if at.0 >= oldest_valid {
                break;
            }
            self.answers.remove(key);
            self.order.pop_front();
            self.cleared += 1;
        }
    }

    /// Answers that were taken in since the start.
    #[must_use]
    pub const fn updated(&self) -> u64 {
        self.updated
    }

    /// Answers that were dropped since the start.
    #[must_use]
    pub const fn cleared(&self) -> u64 {
        self.cleared
    }

    /// How many answers are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

/// Calls without a client id, and internal ones with a negative number, are never cached.
fn key(rpc: RpcIds) -> Option<Key> {
    (rpc.call_id >= 0).then_some((rpc.client_id?, rpc.call_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &'static str) -> Answered {
        Answered { response: Bytes::from_static(text.as_bytes()), txid: Some(TxId(7)) }
    }

    #[test]
    fn gives_the_answer_again_until_it_expires() {
        let mut cache = RetryCache::new(10, Milliseconds(100));
        let rpc = RpcIds::new([1; 16], 3);
        assert_eq!(cache.answered(rpc, Milliseconds(0)), None);
        cache.insert(rpc, answer("yes"), Milliseconds(0));
        assert_eq!(cache.answered(rpc, Milliseconds(100)), Some(&answer("yes")));
        assert_eq!(cache.answered(RpcIds::new([1; 16], 4), Milliseconds(0)), None);
        assert_eq!(cache.answered(RpcIds::new([2; 16], 3), Milliseconds(0)), None);
        assert_eq!(cache.answered(rpc, Milliseconds(101)), None);
        cache.expire(Milliseconds(101));
        assert!(cache.is_empty());
    }

    #[test]
    fn holds_no_more_than_its_capacity() {
        let mut cache = RetryCache::new(2, Milliseconds(1000));
        for call in 0..5 {
            cache.insert(RpcIds::new([1; 16], call), answer("x"), Milliseconds(1));
        }
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.answered(RpcIds::new([1; 16], 2), Milliseconds(1)), None);
        assert!(cache.answered(RpcIds::new([1; 16], 4), Milliseconds(1)).is_some());
    }

    #[test]
    fn calls_without_identity_are_not_kept() {
        let mut cache = RetryCache::new(2, Milliseconds(1000));
        cache.insert(RpcIds::NONE, answer("x"), Milliseconds(1));
        cache.insert(RpcIds::new([1; 16], -3), answer("x"), Milliseconds(1));
        assert!(cache.is_empty());
    }
}
