//! `getfacl`, `setfacl`.

use loxodon_client::{AclEntry, AclScope, AclSubject};

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::{Format, Given};
use super::session::Session;

/// The entries of an extended list with the three that permissions stand for, in Hadoop's order
/// (`AclUtil.getAclFromPermAndEntries`).
pub(crate) fn with_base(permission: u16, entries: &[AclEntry]) -> Vec<AclEntry> {
    let bits = |shift: u16| (permission >> shift & 7) as u8;
    let base =
        |subject, permission| AclEntry { subject, scope: AclScope::Access, permission, name: None };
    let (access, default): (Vec<_>, Vec<_>) =
        entries.iter().cloned().partition(|entry| entry.scope == AclScope::Access);
    let mut all = vec![base(AclSubject::User, bits(6))];
    if access.is_empty() {
        all.push(base(AclSubject::Group, bits(3)));
    } else {
        // With named entries the permission's group bits are the mask.
        all.extend(access);
        all.push(base(AclSubject::Mask, bits(3)));
    }
    all.push(base(AclSubject::Other, bits(0)));
    all.extend(default);
    all
}

fn show(entry: &AclEntry) -> String {
    let scope = if entry.scope == AclScope::Default { "default:" } else { "" };
    let subject = match entry.subject {
        AclSubject::User => "user",
        AclSubject::Group => "group",
        AclSubject::Mask => "mask",
        AclSubject::Other => "other",
    };
    let name = entry.name.as_deref().unwrap_or_default();
    format!("{scope}{subject}:{name}:{}", letters(entry.permission))
}

fn letters(permission: u8) -> String {
    let letter = |bit: u8, letter: char| if permission & bit != 0 { letter } else { '-' };
    [letter(4, 'r'), letter(2, 'w'), letter(1, 'x')].iter().collect()
}

/// `getfacl`.
#[derive(Debug, Default)]
pub(crate) struct GetFacl {
    recursive: bool,
}

/// One path and not more.
fn check_one_path(args: &[String], dot: &str) -> Result<()> {
    match args.len() {
        0 => Err(Failure::Illegal(format!("<path> is missing{dot}"))),
        1 => Ok(()),
        _ => Err(Failure::Illegal(format!("Too many arguments{dot}"))),
    }
}

/// Prints the entries of one scope, with what the mask leaves of those that it limits.
fn print_scope(session: &mut Session, entries: &[AclEntry]) -> Result<()> {
    let mask = entries.iter().find(|entry| entry.subject == AclSubject::Mask);
    for entry in entries {
        let limited = entry.name.is_some() || entry.subject == AclSubject::Group;
        let effective = match mask {
            Some(mask) if limited => entry.permission & mask.permission,
            _ => entry.permission,
        };
        if effective == entry.permission {
            session.line(show(entry))?;
        } else {
            session.line(format_args!("{}\t#effective:{}", show(entry), letters(effective)))?;
        }
    }
    Ok(())
}

impl Command for GetFacl {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.recursive = Format::new(0, &["R"]).parse(args)?.has("R");
        check_one_path(args, "")
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let status = item.stat()?;
        session.line(format_args!("# file: {item}"))?;
        session.line(format_args!("# owner: {}", status.owner))?;
        session.line(format_args!("# group: {}", status.group))?;
        if status.permission & 0o1000 != 0 {
            let flag = if status.permission & 1 != 0 { 't' } else { 'T' };
            session.line(format_args!("# flags: --{flag}"))?;
        }
        let entries = match status.has_acl {
            true => {
                let hdfs = item.fs.hdfs("getAclStatus")?;
                hdfs.wait(hdfs.client.acl_status(&item.path))?.entries
            }
            false => Vec::new(),
        };
        let all = with_base(status.permission, &entries);
        let (access, default): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|entry| entry.scope == AclScope::Access);
        print_scope(session, &access)?;
        print_scope(session, &default)?;
        session.line("")
    }

    fn recursive(&self) -> bool {
        self.recursive
    }
}

/// `setfacl`.
#[derive(Debug, Default)]
pub(crate) struct SetFacl {
    given: Given,
    entries: Vec<AclEntry>,
}

impl SetFacl {
    fn check_flags(&self) -> Result<()> {
        let has = |flag| self.given.has(flag);
        let removes = has("b") || has("k");
        let modifies = has("m") || has("x");
        if (has("b") && has("k"))
            || (has("m") && has("x"))
            || (removes && modifies)
            || (has("-set") && (removes || modifies))
        {
            let message = "Specified flags contains both remove and modify flags";
            return Err(Failure::Illegal(message.into()));
        }
        Ok(())
    }

    fn takes_entries(&self) -> bool {
        ["m", "x", "-set"].iter().any(|flag| self.given.has(flag))
    }
}

impl Command for SetFacl {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let illegal = |message: &str| Err(Failure::Illegal(message.into()));
        self.given = Format::new(0, &["b", "k", "R", "m", "x", "-set"]).parse(args)?;
        self.check_flags()?;
        if self.takes_entries() {
            match args.len() {
                0 => return illegal("Missing arguments: <acl_spec> <path>"),
                1 => return illegal("Missing either <acl_spec> or <path>"),
                _ => {}
            }
            let text = args.remove(0);
            self.entries = parse_entries(&text, !self.given.has("x"))?;
            if self.entries.is_empty() {
                return illegal("Missing <acl_spec> entry");
            }
        }
        check_one_path(args, "")?;
        if !self.takes_entries() && !self.given.has("b") && !self.given.has("k") {
            return illegal("Expected one of -b, -k, -m, -x or --set options");
        }
        Ok(())
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        let hdfs = item.fs.hdfs("setAcl")?;
        let (client, path) = (&hdfs.client, item.path.as_str());
        if self.given.has("b") {
            return hdfs.wait(client.remove_acl(path));
        }
        if self.given.has("k") {
            return hdfs.wait(client.remove_default_acl(path));
        }
        // Files below a directory have no default entries.
        let all = !self.recursive() || item.is_directory();
        let entries = self.entries.iter().filter(|entry| all || entry.scope == AclScope::Access);
        let entries: Vec<AclEntry> = entries.cloned().collect();
        if entries.is_empty() {
            return Ok(());
        }
        if self.given.has("m") {
            hdfs.wait(client.modify_acl_entries(path, &entries))
        } else if self.given.has("x") {
            hdfs.wait(client.remove_acl_entries(path, &entries))
        } else {
            hdfs.wait(client.set_acl(path, &entries))
        }
    }

    fn recursive(&self) -> bool {
        self.given.has("R")
    }
}

/// `user:ann:rw-,default:group::r-x`; without permissions where entries are removed.
fn parse_entries(text: &str, with_permission: bool) -> Result<Vec<AclEntry>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| parse_entry(entry, with_permission)).collect()
}

fn parse_entry(text: &str, with_permission: bool) -> Result<AclEntry> {
    let wrong = |what: &str| Failure::Illegal(format!("{what} : {text}"));
    let mut parts: Vec<&str> = text.split(':').collect();
    // Java's split drops what is empty at the end.
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    let is_default = parts.first() == Some(&"default");
    if is_default {
        parts.remove(0);
    }
    let subject = match parts.first().map(|part| part.to_ascii_lowercase()).as_deref() {
        None => return Err(wrong("Invalid <aclSpec>")),
        Some("user") => AclSubject::User,
        Some("group") => AclSubject::Group,
        Some("mask") => AclSubject::Mask,
        Some("other") => AclSubject::Other,
        Some(_) => {
            return Err(Failure::Illegal(format!("Invalid type of acl in <aclSpec> :{text}")));
        }
    };
    let name = parts.get(1).filter(|name| !name.is_empty()).map(|name| (*name).to_owned());
    let permission = match parts.get(2) {
        Some(text) if with_permission => {
            parse_letters(text).ok_or_else(|| wrong("Invalid permission in <aclSpec>"))?
        }
        None if with_permission => return Err(wrong("Invalid <aclSpec>")),
        _ => 0,
    };
    if parts.len() > if with_permission { 3 } else { 2 } {
        return Err(wrong("Invalid <aclSpec>"));
    }
    let scope = if is_default { AclScope::Default } else { AclScope::Access };
    Ok(AclEntry { subject, scope, permission, name })
}

fn parse_letters(text: &str) -> Option<u8> {
    let letters: Vec<char> = text.to_ascii_lowercase().chars().collect();
    let &[read, write, execute] = letters.as_slice() else { return None };
    let bit = |given: char, letter: char, bit: u8| match given {
        '-' => Some(0),
        c if c == letter => Some(bit),
        _ => None,
    };
    Some(bit(read, 'r', 4)? | bit(write, 'w', 2)? | bit(execute, 'x', 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_round_trip() {
        for text in ["user:ann:rw-", "group::r-x", "mask::---", "default:other::r--"] {
            let entries = parse_entries(text, true).unwrap();
            assert_eq!(entries.iter().map(show).collect::<Vec<_>>(), [text]);
        }
        assert_eq!(parse_entries("user:ann,group:x", false).unwrap().len(), 2);
        for bad in ["user", "users:a:rwx", "user:a:rwz", "user:a:rwx:x", "user:a:r"] {
            assert!(parse_entries(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn permissions_become_entries() {
        let named = parse_entries("user:ann:rwx,group::r--", true).unwrap();
        let shown: Vec<String> = with_base(0o750, &named).iter().map(show).collect();
        assert_eq!(shown, ["user::rwx", "user:ann:rwx", "group::r--", "mask::r-x", "other::---"]);
        let shown: Vec<String> = with_base(0o640, &[]).iter().map(show).collect();
        assert_eq!(shown, ["user::rw-", "group::r--", "other::---"]);
    }
}
