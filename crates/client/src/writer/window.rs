//! Packets that are not acknowledged yet (`dataQueue` and `ackQueue` of `DataStreamer`). Pure.

use std::collections::VecDeque;

use super::packet::Packet;

/// An acknowledgement that is not of the packet at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnexpectedAck {
    /// Number that was due; `None` if nothing was.
    pub(crate) expected: Option<i64>,
    /// Number that came.
    pub(crate) found: i64,
}

/// Packets in order: first those sent, then those still to be sent.
#[derive(Debug, Default)]
pub(crate) struct Window {
    packets: VecDeque<Packet>,
    sent: usize,
    /// End of the farthest packet of this block that was ever sent.
    farthest: u64,
}

impl Window {
    pub(crate) fn push(&mut self, packet: Packet) {
        self.packets.push_back(packet);
    }

    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many were sent and are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.sent
    }

    /// The next packet to send. The one that ends a block waits for all before it, unless
    /// `eager`: with several DataNodes, some could finish the block while others lost data.
    pub(crate) fn next_to_send(&self, eager: bool) -> Option<&Packet> {
        let next = self.packets.get(self.sent)?;
        // What follows the end of a block belongs to the next one's pipeline.
        if self
            .sent
            .checked_sub(1)
            .and_then(|before| self.packets.get(before))
            .is_some_and(|p| p.last)
        {
            return None;
        }
        (!next.last || eager || self.sent == 0).then_some(next)
    }

    /// The packet of the last `next_to_send` went out.
    pub(crate) fn mark_sent(&mut self) {
        if let Some(packet) = self.packets.get(self.sent) {
            self.farthest = self.farthest.max(packet.end());
        }
        self.sent = self.sent.saturating_add(1).min(self.packets.len());
    }

    /// Takes the packet that is acknowledged, which must be the oldest one sent.
    pub(crate) fn acknowledge(&mut self, seqno: i64) -> Result<Packet, UnexpectedAck> {
        let expected = self.packets.front().filter(|_| self.sent > 0).map(|front| front.seqno);
        if expected != Some(seqno) {
            return Err(UnexpectedAck { expected, found: seqno });
        }
        self.sent = self.sent.saturating_sub(1);
        self.packets.pop_front().ok_or(UnexpectedAck { expected, found: seqno })
    }

    /// After a failure everything that is not acknowledged is sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The oldest packet, sent or not.
    pub(crate) fn front(&self) -> Option<&Packet> {
        self.packets.front()
    }

    /// Takes the oldest packet, for a block end that recovery made true.
    pub(crate) fn pop_front(&mut self) -> Option<Packet> {
        self.sent = self.sent.saturating_sub(1);
        self.packets.pop_front()
    }

    /// What comes now belongs to another block.
    pub(crate) fn end_block(&mut self) {
        self.farthest = 0;
    }

    /// How much of this block DataNodes may have, for `maxBytesRcvd`: also what was sent before a
    /// failure and is to be sent again.
    pub(crate) fn sent_end(&self) -> u64 {
        self.farthest
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn packet(seqno: i64, last: bool) -> Packet {
        Packet { seqno, offset: 0, data: Bytes::new(), checksums: Bytes::new(), last, sync: false }
    }

    #[test]
    fn acknowledgements_come_in_order_and_only_for_what_was_sent() {
        let mut window = Window::default();
        window.push(packet(0, false));
        window.push(packet(1, false));
        assert_eq!(window.acknowledge(0), Err(UnexpectedAck { expected: None, found: 0 }));
        window.mark_sent();
        window.mark_sent();
        assert_eq!(window.acknowledge(1), Err(UnexpectedAck { expected: Some(0), found: 1 }));
        assert_eq!(window.acknowledge(0).map(|packet| packet.seqno), Ok(0));
        assert_eq!(window.unacknowledged(), 1);
    }

    #[test]
    fn what_was_sent_before_a_failure_still_counts() {
        let mut window = Window::default();
        for seqno in 0..3 {
            let offset = u64::try_from(seqno).unwrap() * 100;
            window.push(Packet { offset, data: vec![0; 100].into(), ..packet(seqno, false) });
        }
        window.mark_sent();
        window.mark_sent();
        window.rewind();
        window.acknowledge(0).unwrap_err();
        assert_eq!(window.sent_end(), 200);
        window.end_block();
        assert_eq!(window.sent_end(), 0);
    }

    #[test]
    fn end_of_block_waits_unless_eager() {
        let mut window = Window::default();
        window.push(packet(0, false));
        window.push(packet(1, true));
        window.mark_sent();
        assert_eq!(window.next_to_send(false), None);
        assert_eq!(window.next_to_send(true).map(|packet| packet.seqno), Some(1));
        window.acknowledge(0).unwrap();
        assert_eq!(window.next_to_send(false).map(|packet| packet.seqno), Some(1));
    }

    #[test]
    fn next_block_waits_for_the_end_of_this_one() {
        let mut window = Window::default();
        window.push(packet(0, true));
        window.push(packet(1, false));
        window.mark_sent();
        assert_eq!(window.next_to_send(true), None);
        window.acknowledge(0).unwrap();
        assert_eq!(window.next_to_send(true).map(|packet| packet.seqno), Some(1));
    }

    proptest! {
        /// However sends, acknowledgements and failures fall, every packet is acknowledged
        /// once and in order.
        #[test]
        fn nothing_is_lost(steps in proptest::collection::vec(0_u8..4, 0..200)) {
            let mut window = Window::default();
            let (mut made, mut acknowledged) = (0_i64, 0_i64);
            for step in steps {
                match step {
                    0 => { window.push(packet(made, false)); made += 1; }
                    1 => if window.next_to_send(false).is_some() { window.mark_sent(); },
                    2 => if window.unacknowledged() > 0 {
                        prop_assert_eq!(window.acknowledge(acknowledged).unwrap().seqno, acknowledged);
                        acknowledged += 1;
                    },
                    _ => window.rewind(),
                }
                prop_assert_eq!(window.len() as i64, made - acknowledged);
            }
        }
    }
}
