//! Joins namespace, journal, blocks and cluster into the NameNode's machine.
