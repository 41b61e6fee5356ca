//! Signatures of shuffle requests and answers with the job's key (Hadoop's `SecureShuffleUtils`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Header of a request: the signature of what it asks for.
pub const URL_HASH: &str = "UrlHash";
/// Header of an answer: the signature of the request's signature.
pub const REPLY_HASH: &str = "ReplyHash";
/// Header that names the protocol, and its value.
pub const NAME: (&str, &str) = ("name", "mapreduce");
/// Header of the protocol's version, and its value.
pub const VERSION: (&str, &str) = ("version", "1.0.0");

fn mac(key: &[u8]) -> Option<Hmac<Sha1>> {
    Hmac::<Sha1>::new_from_slice(key).ok()
}

/// Signs a message: HMAC-SHA1, in base64.
pub fn sign(key: &[u8], message: &str) -> String {
    let Some(mut mac) = mac(key) else { return String::new() };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether a signature is that of a message; takes the same time for every wrong one.
pub fn verify(key: &[u8], message: &str, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature.trim()) else { return false };
    let Some(mut mac) = mac(key) else { return false };
    mac.update(message.as_bytes());
    mac.verify_slice(&signature).is_ok()
}

/// What a request's signature is made of: the server's port, the path and the query.
pub fn message(port: u16, path_and_query: &str) -> String {
    format!("{port}{path_and_query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_another_message_or_key_is_none() {
        // RFC 2202, test case 2.
        let signature = sign(b"Jefe", "what do ya want for nothing?");
        assert_eq!(signature, "7/zfauXrL6LSdBbV8YTfnCWafHk=");
        assert!(verify(b"Jefe", "what do ya want for nothing?", &signature));
        assert!(!verify(b"jefe", "what do ya want for nothing?", &signature));
        assert!(!verify(b"Jefe", "what do ya want for something?", &signature));
        assert!(!verify(b"Jefe", "what do ya want for nothing?", "no base64!"));
    }
}
