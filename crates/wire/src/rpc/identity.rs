//! Who calls, and which call it is.

use std::fmt;

use bytes::Bytes;

/// Names a client process (`ClientId`): sixteen bytes that it draws once at random.
///
/// Together with the call id it recognises a call that is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub [u8; 16]);

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The number of a call among its client's. Negative ones are said by the RPC layer itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub i32);

impl CallId {
    /// An answer to a connection that may not call, whatever it called.
    pub const AUTHORIZATION_FAILED: Self = Self(-1);
    /// No call of any kind.
    pub const INVALID: Self = Self(-2);
    /// The frame that says who the user is.
    pub const CONNECTION_CONTEXT: Self = Self(-3);
    /// A frame that says only "still here".
    pub const PING: Self = Self(-4);
    /// A frame of the SASL negotiation.
    pub const SASL: Self = Self(-33);
}

/// The user that a connection speaks for, as its context frame says (`UserGroupInformation`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserIdentity {
    /// Whose rights count.
    pub effective: String,
    /// Who is really there, when he speaks for `effective` (a proxy user).
    pub real: Option<String>,
}

impl UserIdentity {
    /// A user who speaks for himself.
    pub fn new(name: impl Into<String>) -> Self {
        Self { effective: name.into(), real: None }
    }
}

/// What the caller adds for the audit log (`CallerContext`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerContext {
    /// Free text, such as a job's id.
    pub context: String,
    /// A signature of it, empty if there is none.
    pub signature: Bytes,
}
