//! Group commit: transactions gather while the last write is on its way; whoever waits for one
//! is told when it is on disk (`EditsDoubleBuffer`, `FSEditLog.logSync`, without their waiting
//! threads).

use loxodon_wire::editlog::put_frame;
use loxodon_wire::ids::TxId;
use std::convert::Infallible;

const OP_END_LOG_SEGMENT: u8 = 23;
const OP_START_LOG_SEGMENT: u8 = 24;

/// Part of a batch, to be written in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Frames for the open segment.
    Frames(Vec<u8>),
    /// The open segment is to be finished, its last transaction being this one.
    EndSegment {
        /// The segment's first transaction.
        first: TxId,
        /// Its last transaction.
        last: TxId,
    },
    /// A segment is to be opened.
    StartSegment {
        /// Its first transaction.
        first: TxId,
    },
}

/// What is written with one sync.
#[derive(Debug)]
pub struct Batch<W> {
    /// In this order.
    pub pieces: Vec<Piece>,
    /// The last transaction in it.
    pub last: TxId,
    waiters: Vec<W>,
}

impl<W> Batch<W> {
    /// Gives up who waits, when the batch could not be written.
    pub fn into_waiters(self) -> Vec<W> {
        self.waiters
    }
}

/// Transactions on their way to disk. `W` is whoever waits for one of them.
#[derive(Debug)]
pub struct GroupCommit<W> {
    gathering: Vec<Piece>,
    gathered_bytes: usize,
    /// Who waits for what is gathering, and for what is being written, in order of txid.
    waiters: Vec<W>,
    /// Who came while the batch that holds his transaction was being written already.
    late: Vec<(TxId, W)>,
    writing: Option<TxId>,
    last_written: TxId,
    last_synced: TxId,
    segment: Option<TxId>,
}

impl<W> GroupCommit<W> {
    /// Continues after `last`, which is on disk; no segment is open.
    #[must_use]
    pub const fn new(last: TxId) -> Self {
        Self {
            gathering: Vec::new(),
            gathered_bytes: 0,
            waiters: Vec::new(),
            late: Vec::new(),
            writing: None,
            last_written: last,
            last_synced: last,
            segment: None,
        }
    }

    /// The last transaction that was given a number.
    #[must_use]
    pub const fn last_written(&self) -> TxId {
        self.last_written
    }

    /// The last transaction that is on disk.
    #[must_use]
    pub const fn last_synced(&self) -> TxId {
        self.last_synced
    }

    /// First transaction of the open segment.
    #[must_use]
    pub const fn segment(&self) -> Option<TxId> {
        self.segment
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub const fn backlog(&self) -> usize {
        self.gathered_bytes
    }

    /// Whether anything waits to be written.
    #[must_use]
    pub const fn has_gathered(&self) -> bool {
        !self.gathering.is_empty()
    }

    /// How many wait for what is not being written yet.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Gives the next number to a transaction, whose frame `write` appends.
    ///
    /// # Errors
    /// Those of `write`; the number is not used then.
    pub fn append<E>(
        &mut self,
        write: impl FnOnce(TxId, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<TxId, E> {
        let txid = self.last_written.next();
        if !matches!(self.gathering.last(), Some(Piece::Frames(_))) {
            self.gathering.push(Piece::Frames(Vec::new()));
        }
        if let Some(Piece::Frames(bytes)) = self.gathering.last_mut() {
            let before = bytes.len();
            if let Err(error) = write(txid, bytes) {
                bytes.truncate(before);
                return Err(error);
            }
            self.gathered_bytes += bytes.len() - before;
        }
        self.last_written = txid;
        Ok(txid)
    }

    /// Opens a segment: its first transaction says so. Finishes the open one, if there is one.
    pub fn start_segment(&mut self) -> TxId {
        self.end_segment();
        let first = self.last_written.next();
        self.gathering.push(Piece::StartSegment { first });
        self.segment = Some(first);
        self.append_empty(OP_START_LOG_SEGMENT);
        first
    }

    /// Finishes the open segment: its last transaction says so.
    pub fn end_segment(&mut self) {
        if let Some(first) = self.segment.take() {
            self.append_empty(OP_END_LOG_SEGMENT);
            self.gathering.push(Piece::EndSegment { first, last: self.last_written });
        }
    }

    fn append_empty(&mut self, opcode: u8) {
        let Ok(_) = self.append::<Infallible>(|txid, out| put_frame(opcode, txid, out, |_| Ok(())));
    }

    /// Waits for `txid`; if that is on disk already, gives `waiter` back.
    pub fn wait(&mut self, txid: TxId, waiter: W) -> Option<W> {
        if txid <= self.last_synced {
            return Some(waiter);
        }
        match self.writing {
            Some(writing) if txid <= writing => self.late.push((txid, waiter)),
            _ => self.waiters.push(waiter),
        }
        None
    }

    /// Everything that has gathered, to be written and synced; nothing while a batch is on its
    /// way, or if nothing has gathered.
    pub fn take(&mut self) -> Option<Batch<W>> {
        if self.writing.is_some() || self.gathering.is_empty() {
            return None;
        }
        self.writing = Some(self.last_written);
        self.gathered_bytes = 0;
        Some(Batch {
            pieces: std::mem::take(&mut self.gathering),
            last: self.last_written,
            waiters: std::mem::take(&mut self.waiters),
        })
    }

    /// The batch is on disk: who may be answered now.
    pub fn synced(&mut self, batch: Batch<W>) -> Vec<W> {
        self.last_synced = batch.last;
        self.writing = None;
        let mut released = batch.waiters;
        released.extend(self.late.drain(..).map(|(_, waiter)| waiter));
        released
    }

    /// The batch could not be written, and nothing will be any more: who waits in vain.
    pub fn failed(&mut self, batch: Batch<W>) -> Vec<W> {
        let mut abandoned = batch.waiters;
        abandoned.extend(self.late.drain(..).map(|(_, waiter)| waiter));
        abandoned.append(&mut self.waiters);
        abandoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn append(log: &mut GroupCommit<u64>) -> TxId {
        log.append::<()>(|txid, out| put_frame(2, txid, out, |_| Ok(()))).unwrap()
    }

    #[test]
    fn those_who_come_during_a_write_go_with_the_next() {
        let mut log = GroupCommit::new(TxId(10));
        let first = append(&mut log);
        assert_eq!(log.wait(first, 1), None);
        let batch = log.take().unwrap();
        let second = append(&mut log);
        assert_eq!(log.wait(second, 2), None);
        assert_eq!(log.wait(first, 3), None);
        assert!(log.take().is_none());
        assert_eq!(log.synced(batch), [1, 3]);
        assert_eq!(log.last_synced(), TxId(11));
        assert_eq!(log.wait(first, 4), Some(4));
        let batch = log.take().unwrap();
        assert_eq!(log.synced(batch), [2]);
        assert!(log.take().is_none());
    }

    #[test]
    fn a_roll_ends_one_segment_and_starts_another() {
        let mut log = GroupCommit::<u64>::new(TxId(0));
        assert_eq!(log.start_segment(), TxId(1));
        append(&mut log);
        assert_eq!(log.start_segment(), TxId(4));
        let pieces = log.take().unwrap().pieces;
        assert_eq!(pieces[0], Piece::StartSegment { first: TxId(1) });
        assert_eq!(pieces[2], Piece::EndSegment { first: TxId(1), last: TxId(3) });
        assert_eq!(pieces[3], Piece::StartSegment { first: TxId(4) });
        assert_eq!(pieces.len(), 5);
    }

    #[test]
    fn an_edit_that_cannot_be_encoded_uses_no_number() {
        let mut log = GroupCommit::<u64>::new(TxId(0));
        assert_eq!(
            log.append(|_, out| {
                out.push(1);
                Err("no")
            }),
            Err("no")
        );
        assert_eq!(append(&mut log), TxId(1));
        let batch = log.take().unwrap();
        let [Piece::Frames(bytes)] = &batch.pieces[..] else { panic!() };
        assert_eq!(bytes.len(), 17);
    }

    #[test]
    fn after_a_failure_nobody_waits_for_ever() {
        let mut log = GroupCommit::new(TxId(0));
        let first = append(&mut log);
        log.wait(first, 1);
        let batch = log.take().unwrap();
        let second = append(&mut log);
        log.wait(second, 2);
        assert_eq!(log.failed(batch), [1, 2]);
        assert_eq!(log.last_synced(), TxId(0));
    }

    proptest! {
        /// Whatever happens in whatever order: nobody is answered before his transaction is on
        /// disk, and everybody is in the end.
        #[test]
        fn answered_once_and_not_too_early(steps in prop::collection::vec(0_u8..4, 0..200)) {
            let mut log = GroupCommit::new(TxId(0));
            let (mut flying, mut on_disk, mut answered, mut asked) =
                (None::<Batch<u64>>, 0, 0, 0);
            for step in steps {
                match step {
                    0 => { append(&mut log); }
                    1 if log.last_written().0 > 0 => {
                        asked += 1;
                        let txid = log.last_written();
                        if log.wait(txid, txid.0).is_some() {
                            prop_assert!(txid.0 <= on_disk);
                            answered += 1;
                        }
                    }
                    2 if flying.is_none() => flying = log.take(),
                    3 => if let Some(batch) = flying.take() {
                        on_disk = batch.last.0;
                        for txid in log.synced(batch) {
                            prop_assert!(txid <= on_disk);
                            answered += 1;
                        }
                    }
                    _ => {}
                }
            }
            if let Some(batch) = flying.take() {
                answered += log.synced(batch).len();
            }
            if let Some(batch) = log.take() {
                answered += log.synced(batch).len();
            }
            prop_assert_eq!(asked, answered);
        }
    }
}
