//! A way to the NameNode on which one request waits until a test lets it go.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

#[derive(Debug, Default, PartialEq, Eq)]
enum Gate {
    /// The request has not come yet.
    #[default]
    Ahead,
    Holds,
    Open,
}

/// Passes on what comes to its port; the first request that names a certain thing waits, and its connection with it.
#[derive(Clone)]
pub(crate) struct HeldLink {
    address: String,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

impl HeldLink {
    /// To somebody's address.
    pub(crate) fn new(to: &str, named: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let link = Self { address, gate: Arc::default() };
        let (own, to) = (link.clone(), to.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&to) else { continue };
                let [client_too, server_too] =
                    [&client, &server].map(|one| one.try_clone().expect("a socket"));
                thread::spawn(move || pass(&server_too, &client_too, |_| {}));
                let own = own.clone();
                thread::spawn(move || {
                    let mut seen = Vec::new();
                    pass(&client, &server, |bytes| own.look(&mut seen, bytes, named));
                });
            }
        });
        link
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Whether the request has come and waits.
    pub(crate) fn holds(&self) -> bool {
        *self.gate.0.lock().expect("a lock") == Gate::Holds
    }

    /// Lets it go, and everything after it.
    pub(crate) fn let_go(&self) {
        *self.gate.0.lock().expect("a lock") = Gate::Open;
        self.gate.1.notify_all();
    }

    /// Waits with these bytes if they, with those before them, are the first that name it.
    fn look(&self, seen: &mut Vec<u8>, bytes: &[u8], named: &str) {
        seen.extend_from_slice(bytes);
        let names_it = seen.windows(named.len()).any(|part| part == named.as_bytes());
        // What it begins with may be at the end of these.
        seen.drain(..seen.len().saturating_sub(named.len() - 1));
        let mut gate = self.gate.0.lock().expect("a lock");
        if names_it && *gate == Gate::Ahead {
            *gate = Gate::Holds;
            drop(self.gate.1.wait_while(gate, |gate| *gate == Gate::Holds).expect("a lock"));
        }
    }
}

/// Copies from one to the other until either ends.
fn pass(mut from: &TcpStream, mut to: &TcpStream, mut look: impl FnMut(&[u8])) {
    let mut buffer = [0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        look(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
    let _ = to.shutdown(Shutdown::Write);
}
