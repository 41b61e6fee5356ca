//! Characters that XML cannot hold (`XMLUtils.mangleXmlString`), and those that must be escaped.

use std::fmt::Write;

const fn must_be_mangled(character: char) -> bool {
    matches!(character,
        '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\\' | '\u{fffe}' | '\u{ffff}')
}

/// Appends `text` with what XML cannot hold, and backslashes, as `\0001;`. With `entities`,
/// the five characters that XML names are written by their names.
pub(crate) fn mangle(text: &str, entities: bool, out: &mut String) {
    for character in text.chars() {
        if must_be_mangled(character) {
            // Writing to a String does not fail.
            let _ = write!(out, "\\{:04x};", u32::from(character));
            continue;
        }
        match character {
            '&' if entities => out.push_str("&amp;"),
            '"' if entities => out.push_str("&quot;"),
            '\'' if entities => out.push_str("&apos;"),
            '<' if entities => out.push_str("&lt;"),
            '>' if entities => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
}

/// Appends `text` mangled and escaped as Java's serializer does it: characters beyond the basic
/// plane and control characters by number.
pub(super) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{10000}'.. => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            other if must_be_mangled(other) => {
                let _ = write!(out, "\\{:04x};", u32::from(other));
            }
            other => out.push(other),
        }
    }
}

/// Undoes [`mangle`] without entities. The error says what is malformed.
pub(crate) fn unmangle(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escaped) = rest.split_at(at);
        out.push_str(before);
        let digits = escaped
            .get(1..5)
            .ok_or("unterminated code point escape: string broke off in the middle")?;
        if escaped.as_bytes().get(5) != Some(&b';') {
            return Err("unterminated code point escape: expected semicolon at end.");
        }
        let character = u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or("error parsing unmangling escape code")?;
        out.push(character);
        rest = escaped.get(6..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(text: String) {
            let mut mangled = String::new();
            mangle(&text, false, &mut mangled);
            prop_assert_eq!(unmangle(&mangled).unwrap(), text);
        }

        #[test]
        fn anything_is_answered(text in "[\\\\0-9a-f;é]{0,20}") {
            let _ = unmangle(&text);
        }
    }
}
