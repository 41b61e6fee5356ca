//! The `.md5` file beside an image (`MD5FileUtils`).

/// Its text.
#[must_use]
pub fn render(digest: &[u8; 16], file_name: &str) -> String {
    format!("{:032x} *{file_name}\n", u128::from_be_bytes(*digest))
}

/// The digest in it, if it is about `file_name`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str, file_name: &str) -> Result<[u8; 16], String> {
    let line = text.lines().next().unwrap_or_default().trim();
    let malformed = || format!("the content \"{line}\" does not match the expected pattern.");
    let (digits, rest) = line.split_at_checked(32).ok_or_else(malformed)?;
    let named =
        rest.strip_prefix(" *").or_else(|| rest.strip_prefix("  ")).ok_or_else(malformed)?;
    if !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(malformed());
    }
    let digest = u128::from_str_radix(digits, 16).map_err(|_| malformed())?;
    let base = named.rsplit('/').next().unwrap_or(named);
    if base != file_name {
        return Err(format!(
            "references file named {base} but we expected it to reference {file_name}"
        ));
    }
    Ok(digest.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_rejection() {
        let text = "3da0932b3abc653c62a2feb971c73e49 *fsimage_0000000000000000307\n";
        let digest = parse(text, "fsimage_0000000000000000307").unwrap();
        assert_eq!(render(&digest, "fsimage_0000000000000000307"), text);
        assert!(parse(text, "fsimage_0000000000000000308").is_err());
        assert!(parse("", "x").is_err());
        assert!(parse("3DA0932b3abc653c62a2feb971c73e49 *x", "x").is_err());
        assert!(parse("+da0932b3abc653c62a2feb971c73e49 *x", "x").is_err());
    }
}
