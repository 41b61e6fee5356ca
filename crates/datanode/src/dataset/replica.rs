//! A replica as the DataNode remembers it: Hadoop's `ReplicaInfo` and its kin.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use loxodon_wire::ids::GenerationStamp;
use parking_lot::{Condvar, Mutex};

/// A volume's place in the list of volumes; never given to another one while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VolumeIndex(pub(crate) u16);

/// What is known of one replica.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) stamp: GenerationStamp,
    /// Length on disk; of replicas being written, their [`InPipeline`] knows better.
    pub(crate) length: u64,
    pub(crate) volume: VolumeIndex,
    pub(crate) state: ReplicaState,
}

/// What may be done with a replica (`HdfsServerConstants.ReplicaState`).
#[derive(Clone, Debug)]
pub(crate) enum ReplicaState {
    /// Complete.
    Finalized,
    /// Being written by a client's pipeline.
    Rbw(Arc<InPipeline>),
    /// Was being written when the DataNode stopped.
    Rwr,
    /// Taking part in a recovery.
    Rur(Arc<UnderRecovery>),
    /// Being copied from another DataNode.
    Temporary(Arc<InPipeline>),
}

/// A recovery's number, and what the replica was before it.
#[derive(Debug)]
pub(crate) struct UnderRecovery {
    pub(crate) recovery: GenerationStamp,
    pub(crate) original: Replica,
}

impl ReplicaState {
    /// The number in reports and messages.
    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::Finalized => 0,
            Self::Rbw(_) => 1,
            Self::Rwr => 2,
            Self::Rur(_) => 3,
            Self::Temporary(_) => 4,
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Finalized => "FINALIZED",
            Self::Rbw(_) => "RBW",
            Self::Rwr => "RWR",
            Self::Rur(_) => "RUR",
            Self::Temporary(_) => "TEMPORARY",
        }
    }
}

impl Replica {
    /// The bytes that a reader may ask for; `None` if it may not read at all.
    pub(crate) fn visible_length(&self) -> Option<u64> {
        match &self.state {
            ReplicaState::Finalized => Some(self.length),
            ReplicaState::Rbw(writing) => Some(writing.acked()),
            ReplicaState::Rur(recovery) => recovery.original.visible_length(),
            ReplicaState::Rwr | ReplicaState::Temporary(_) => None,
        }
    }

    /// The bytes that lie in the file.
    pub(crate) fn disk_length(&self) -> u64 {
        match &self.state {
            ReplicaState::Rbw(writing) | ReplicaState::Temporary(writing) => {
                writing.on_disk().length
            }
            ReplicaState::Rur(recovery) => recovery.original.disk_length(),
            ReplicaState::Finalized | ReplicaState::Rwr => self.length,
        }
    }

    /// The bytes received, on disk or not.
    pub(crate) fn received_length(&self) -> u64 {
        match &self.state {
            ReplicaState::Rbw(writing) | ReplicaState::Temporary(writing) => writing.received(),
            ReplicaState::Rur(recovery) => recovery.original.received_length(),
            ReplicaState::Finalized | ReplicaState::Rwr => self.length,
        }
    }

    /// Whether somebody has the right to write it now.
    pub(crate) fn is_being_written(&self) -> bool {
        match &self.state {
            ReplicaState::Rbw(writing) | ReplicaState::Temporary(writing) => writing.has_writer(),
            _ => false,
        }
    }

    /// Whether `writing` is what its writers write by.
    pub(crate) fn is_written_by(&self, writing: &Arc<InPipeline>) -> bool {
        matches!(&self.state, ReplicaState::Rbw(current) if Arc::ptr_eq(current, writing))
    }

    /// Whether the file lies in `finalized`; elsewhere it is in `rbw` or `tmp`.
    pub(crate) fn place(&self) -> Place {
        match &self.state {
            ReplicaState::Finalized => Place::Finalized,
            ReplicaState::Rbw(_) | ReplicaState::Rwr => Place::Rbw,
            ReplicaState::Temporary(_) => Place::Tmp,
            ReplicaState::Rur(recovery) => recovery.original.place(),
        }
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, getNumBytes() = {}, getBytesOnDisk() = {}, getVisibleLength() = {}, generation stamp {}",
            self.state.name(),
            self.received_length(),
            self.disk_length(),
            self.visible_length().map_or(-1, |length| length as i64),
            self.stamp
        )
    }
}

/// Which directory of the pool a replica's files lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Finalized,
    Rbw,
    Tmp,
}

/// The end of what is written of a replica, and the checksum of its last, partial chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnDisk {
    pub(crate) length: u64,
    pub(crate) last_checksum: Option<[u8; 4]>,
}

/// Ends a writer from outside: closes its connections.
pub(crate) type Interrupt = Box<dyn Fn() + Send + Sync>;

/// A replica's lengths while it is written, and who writes it: Hadoop's `ReplicaInPipeline`.
#[derive(Default)]
pub(crate) struct InPipeline {
    received: AtomicU64,
    acked: AtomicU64,
    /// Bytes of the volume that are set aside for what is still to come.
    reserved: AtomicU64,
    disk: Mutex<OnDisk>,
    grown: Condvar,
    writer: Mutex<Option<Writer>>,
    left: Condvar,
}

struct Writer {
    interrupt: Option<Interrupt>,
}

impl fmt::Debug for InPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPipeline")
            .field("received", &self.received)
            .field("acked", &self.acked)
            .field("disk", &*self.disk.lock())
            .finish_non_exhaustive()
    }
}

impl InPipeline {
    pub(crate) fn new(length: u64, reserved: u64) -> Arc<Self> {
        let new = Self::default();
        new.restart_at(length, None);
        new.acked.store(length, Ordering::Relaxed);
        new.reserved.store(reserved, Ordering::Relaxed);
        Arc::new(new)
    }

    /// Forgets what lies beyond `length`.
    pub(crate) fn restart_at(&self, length: u64, last_checksum: Option<[u8; 4]>) {
        self.received.store(length, Ordering::Release);
        *self.disk.lock() = OnDisk { length, last_checksum };
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    pub(crate) fn set_received(&self, length: u64) {
        self.received.fetch_max(length, Ordering::AcqRel);
    }

    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::Acquire)
    }

    pub(crate) fn set_acked(&self, length: u64) {
        self.acked.fetch_max(length, Ordering::AcqRel);
    }

    pub(crate) fn on_disk(&self) -> OnDisk {
        *self.disk.lock()
    }

    pub(crate) fn set_on_disk(&self, state: OnDisk) {
        *self.disk.lock() = state;
        self.grown.notify_all();
    }

    /// Waits until `length` bytes are on disk, or `patience` ends; what is there then.
    pub(crate) fn wait_for(&self, length: u64, patience: Duration) -> OnDisk {
        let until = Instant::now() + patience;
        let mut disk = self.disk.lock();
        while disk.length < length && !self.grown.wait_until(&mut disk, until).timed_out() {}
        *disk
    }

    /// Takes what is still reserved.
    pub(crate) fn take_reserved(&self) -> u64 {
        self.reserved.swap(0, Ordering::AcqRel)
    }

    /// Takes up to `bytes` of what is reserved.
    pub(crate) fn use_reserved(&self, bytes: u64) -> u64 {
        let before = self.reserved.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            Some(left.saturating_sub(bytes))
        });
        before.unwrap_or(0).min(bytes)
    }

    /// Becomes the writer, if there is none.
    pub(crate) fn enter(&self) -> bool {
        let mut writer = self.writer.lock();
        if writer.is_some() {
            return false;
        }
        *writer = Some(Writer { interrupt: None });
        true
    }

    fn has_writer(&self) -> bool {
        self.writer.lock().is_some()
    }

    /// Says how the writer is ended.
    pub(crate) fn set_interrupt(&self, interrupt: Interrupt) {
        if let Some(writer) = self.writer.lock().as_mut() {
            writer.interrupt = Some(interrupt);
        }
    }

    /// The writer ends.
    pub(crate) fn leave(&self) {
        *self.writer.lock() = None;
        self.left.notify_all();
    }

    /// Ends the writer and waits for it; whether it went in time.
    pub(crate) fn stop_writer(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut writer = self.writer.lock();
        while let Some(running) = writer.as_ref() {
            if let Some(interrupt) = &running.interrupt {
                interrupt();
            }
            // Woken up now and then, in case the writer had not said yet how it is interrupted.
            let next = until.min(Instant::now() + Duration::from_millis(50));
            if self.left.wait_until(&mut writer, next).timed_out() && Instant::now() >= until {
                return writer.is_none();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time() {
        let writing = InPipeline::new(0, 10);
        assert!(writing.enter());
        assert!(!writing.enter());
        let other = Arc::clone(&writing);
        writing.set_interrupt(Box::new(|| {}));
        let thread = std::thread::spawn(move || other.stop_writer(Duration::from_secs(20)));
        writing.leave();
        assert!(thread.join().unwrap());
        assert!(writing.enter());
        assert!(!writing.stop_writer(Duration::from_millis(1)));
    }

    #[test]
    fn readers_wait_for_bytes() {
        let writing = InPipeline::new(0, 0);
        let other = Arc::clone(&writing);
        let reader = std::thread::spawn(move || other.wait_for(5, Duration::from_secs(20)).length);
        writing.set_on_disk(OnDisk { length: 7, last_checksum: None });
        assert_eq!(reader.join().unwrap(), 7);
        assert_eq!(writing.wait_for(8, Duration::from_millis(1)).length, 7);
    }

    #[test]
    fn reservations_are_used_once() {
        let writing = InPipeline::new(0, 10);
        assert_eq!(
            (writing.use_reserved(4), writing.use_reserved(9), writing.take_reserved()),
            (4, 6, 0)
        );
    }
}
