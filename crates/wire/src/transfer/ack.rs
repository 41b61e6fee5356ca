//! Acknowledgements of packets: Hadoop's `PipelineAck`.

use super::{Status, TransferError, decode_message, encode_message};
use crate::proto::hdfs::PipelineAckProto;

/// Whether a DataNode asks for less (`PipelineAck.ECN`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Congestion {
    /// The DataNode does not say.
    #[default]
    Disabled,
    /// It says, and is not congested.
    Supported,
    /// The same, the other code point.
    Supported2,
    /// The writer should slow down.
    Congested,
}

/// Whether a DataNode thinks itself slow (`PipelineAck.SLOW`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Slow {
    /// The DataNode does not say.
    #[default]
    Disabled,
    /// It is not slow.
    Normal,
    /// It is slow.
    Slow,
    /// Without a meaning yet.
    Reserved,
}

/// One DataNode's word in an acknowledgement: status (4 bits), reserved (1), congestion (2), slow (2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeaderFlag(pub u32);

impl HeaderFlag {
    /// `PipelineAck.combineHeader`.
    #[must_use]
    pub const fn new(status: Status, congestion: Congestion, slow: Slow) -> Self {
        Self(status as u32 & 0xf | (congestion as u32) << 5 | (slow as u32) << 7)
    }

    /// The status; one that does not exist counts as `Error`.
    #[must_use]
    pub fn status(self) -> Status {
        Status::try_from((self.0 & 0xf) as i32).unwrap_or(Status::Error)
    }

    /// Whether the DataNode asks for less.
    #[must_use]
    pub const fn congestion(self) -> Congestion {
        match self.0 >> 5 & 3 {
            0 => Congestion::Disabled,
            1 => Congestion::Supported,
            2 => Congestion::Supported2,
            _ => Congestion::Congested,
        }
    }

    /// Whether the DataNode thinks itself slow.
    #[must_use]
    pub const fn slow(self) -> Slow {
        match self.0 >> 7 & 3 {
            0 => Slow::Disabled,
            1 => Slow::Normal,
            2 => Slow::Slow,
            _ => Slow::Reserved,
        }
    }
}

/// What a pipeline says of one packet: one flag per DataNode, nearest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineAck {
    /// The packet's number; [`Self::UNKNOWN_SEQNO`] for out-of-band words.
    pub seqno: i64,
    /// One per DataNode from here on.
    pub flags: Vec<HeaderFlag>,
    /// Nanoseconds that the DataNodes behind took (0: not known).
    pub downstream_nanos: u64,
}

impl PipelineAck {
    /// `PipelineAck.UNKOWN_SEQNO`.
    pub const UNKNOWN_SEQNO: i64 = -2;

    /// Whether every DataNode has the packet.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.flags.iter().all(|flag| flag.status() == Status::Success)
    }

    /// The out-of-band status (`OobRestart` and its reserved kin), if this is such a word.
    #[must_use]
    pub fn out_of_band(&self) -> Option<Status> {
        if self.seqno != Self::UNKNOWN_SEQNO {
            return None;
        }
        let oob = Status::OobRestart as i32..=Status::OobReserved3 as i32;
        self.flags.iter().map(|flag| flag.status()).find(|status| oob.contains(&(*status as i32)))
    }

    /// Appends the acknowledgement with its length before it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let message = PipelineAckProto {
            seqno: self.seqno,
            reply: self.flags.iter().map(|flag| flag.status() as i32).collect(),
            downstream_ack_time_nanos: Some(self.downstream_nanos),
            flag: self.flags.iter().map(|flag| flag.0).collect(),
        };
        encode_message(&message, out);
    }

    /// Reads an acknowledgement without its length.
    ///
    /// # Errors
    /// If the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransferError> {
        let message: PipelineAckProto = decode_message("PipelineAckProto", bytes)?;
        let flags = message.reply.iter().enumerate().map(|(at, &reply)| {
            let plain = Status::try_from(reply).unwrap_or(Status::Error);
            let flag = message.flag.get(at).map(|&flag| HeaderFlag(flag));
            flag.unwrap_or_else(|| HeaderFlag::new(plain, Congestion::Disabled, Slow::Disabled))
        });
        let downstream_nanos = message.downstream_ack_time_nanos.unwrap_or(0);
        Ok(Self { seqno: message.seqno, flags: flags.collect(), downstream_nanos })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_javas() {
        let flag = HeaderFlag::new(Status::ErrorChecksum, Congestion::Congested, Slow::Slow);
        assert_eq!(flag.0, 2 | 3 << 5 | 2 << 7);
        assert_eq!(
            (flag.status(), flag.congestion(), flag.slow()),
            (Status::ErrorChecksum, Congestion::Congested, Slow::Slow)
        );
    }

    #[test]
    fn restart_is_out_of_band() {
        let flag = HeaderFlag::new(Status::OobRestart, Congestion::Disabled, Slow::Disabled);
        let ack = PipelineAck {
            seqno: PipelineAck::UNKNOWN_SEQNO,
            flags: vec![flag],
            downstream_nanos: 0,
        };
        assert_eq!(ack.out_of_band(), Some(Status::OobRestart));
        assert_eq!(PipelineAck { seqno: 3, ..ack }.out_of_band(), None);
    }

    proptest::proptest! {
        #[test]
        fn round_trip(seqno: i64, statuses in proptest::collection::vec(0_i32..14, 0..5), downstream_nanos: u64) {
            let flags = statuses.into_iter().map(|status| {
                HeaderFlag::new(Status::try_from(status).unwrap(), Congestion::Supported, Slow::Normal)
            });
            let ack = PipelineAck { seqno, flags: flags.collect(), downstream_nanos };
            let mut bytes = Vec::new();
            ack.encode(&mut bytes);
            assert_eq!(PipelineAck::decode(&bytes[1..]), Ok(ack));
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = PipelineAck::decode(&bytes);
        }
    }
}
