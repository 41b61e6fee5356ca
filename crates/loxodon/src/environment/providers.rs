//! `hadoop credential` and `hadoop key` (`CredentialShell`, `KeyShell`). Key stores are a matter of Java's
//! cryptography and of Hadoop's key server, which are not here: where none is configured the answers are
//! Java's, and one that is named is refused by name.

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, print, println};

use crate::shell::GENERIC_OPTIONS;

/// A tool: its name, the configuration key of its providers, its sub-commands.
struct Tool {
    name: &'static str,
    path_key: &'static str,
    commands: &'static [Command],
    /// Options that stand alone, and those with a value.
    flags: &'static [&'static str],
    valued: &'static [&'static str],
}

/// A sub-command: how it is written, whether a name follows, what it does.
struct Command {
    name: &'static str,
    usage: &'static str,
    named: bool,
    does: &'static str,
}

const fn command(
    name: &'static str,
    usage: &'static str,
    named: bool,
    does: &'static str,
) -> Command {
    Command { name, usage, named, does }
}

const CREDENTIAL: Tool = Tool {
    name: "credential",
    path_key: "hadoop.security.credential.provider.path",
    commands: &[
        command(
            "create",
            "create <alias> [-value alias-value] [-provider provider-path] [-strict]",
            true,
            "Stores a credential under a name.",
        ),
        command(
            "delete",
            "delete <alias> [-f] [-provider provider-path] [-strict]",
            true,
            "Deletes the credential of a name.",
        ),
        command("list", "list [-provider provider-path] [-strict]", false, "Prints the names."),
        command(
            "check",
            "check <alias> [-value alias-value] [-provider provider-path] [-strict]",
            true,
            "Compares a password with the one that is stored.",
        ),
    ],
    flags: &["-f", "-force", "-strict"],
    valued: &["-v", "-value"],
};

const KEY: Tool = Tool {
    name: "key",
    path_key: "hadoop.security.key.provider.path",
    commands: &[
        command(
            "create",
            "create <keyname> [-cipher <cipher>] [-size <size>] [-description <description>] [-attr <attribute=value>] \
             [-provider <provider>] [-strict] [-help]",
            true,
            "Makes a key.",
        ),
        command(
            "roll",
            "roll <keyname> [-provider <provider>] [-strict] [-help]",
            true,
            "Makes a new version of a key.",
        ),
        command(
            "delete",
            "delete <keyname> [-provider <provider>] [-strict] [-f] [-help]",
            true,
            "Deletes all versions of a key.",
        ),
        command(
            "list",
            "list [-provider <provider>] [-strict] [-metadata] [-help]",
            false,
            "Prints the names of keys.",
        ),
        command(
            "invalidateCache",
            "invalidateCache <keyname> [-provider <provider>] [-help]",
            true,
            "Makes a key server forget a key.",
        ),
    ],
    flags: &["-f", "-force", "-strict", "-metadata"],
    valued: &["-size", "-cipher", "-description", "-attr"],
};

/// What Java says where no provider is configured; scripts look for it.
const NO_PROVIDERS: &str = "There are no valid (non-transient) providers configured.
No action has been taken. Use the -provider option to specify
a provider. If you want to use a transient provider then you
MUST use the -provider argument.
";

/// Runs `credential`; its exit code.
pub(crate) fn credential(conf: &Configuration, args: &[String]) -> i32 {
    CREDENTIAL.run(conf, args)
}

/// Runs `key`; its exit code.
pub(crate) fn key(conf: &Configuration, args: &[String]) -> i32 {
    KEY.run(conf, args)
}

/// A command line that was understood.
enum Asked {
    /// For help, with this exit code.
    Help(i32),
    /// For what a provider would do.
    Provider(Option<String>),
}

impl Tool {
    fn run(&self, conf: &Configuration, args: &[String]) -> i32 {
        let mut chosen = None;
        let asked = self.parse(args, &mut chosen);
        match (asked, chosen) {
            (Asked::Help(code), chosen) => {
                self.print_usage(chosen);
                code
            }
            (Asked::Provider(_), None) => {
                self.print_usage(None);
                0
            }
            (Asked::Provider(named), Some(command)) => {
                let configured = conf.get(self.path_key).ok().flatten();
                let path = named.or(configured).filter(|path| !path.trim().is_empty());
                if let Some(path) = path {
                    eprintln!(
                        "{}: java.lang.UnsupportedOperationException: the provider {path} is not supported: there \
                         is no key store here",
                        self.name
                    );
                    return 1;
                }
                print!("{NO_PROVIDERS}");
                self.print_usage(Some(command));
                1
            }
        }
    }

    fn parse(&self, args: &[String], chosen: &mut Option<&'static Command>) -> Asked {
        // The one tool calls for words, the other is content with none.
        if args.is_empty() && self.name == "credential" {
            eprintln!("{GENERIC_OPTIONS}");
            return Asked::Help(1);
        }
        let (mut rest, mut provider) = (args.iter(), None);
        while let Some(arg) = rest.next() {
            let word = arg.as_str();
            if let Some(found) = self.commands.iter().find(|command| command.name == word) {
                let name = if found.named { rest.next() } else { Some(arg) };
                match name.map(String::as_str) {
                    None if self.name == "credential" => return Asked::Help(1),
                    None | Some("-help") => {
                        *chosen = Some(found);
                        return Asked::Help(i32::from(self.name == "key"));
                    }
                    Some(_) => *chosen = Some(found),
                }
            } else if word == "-provider" {
                let Some(path) = rest.next() else { return self.unknown() };
                provider = Some(path.clone());
            } else if word == "-help" {
                return Asked::Help(i32::from(self.name == "key"));
            } else if self.valued.contains(&word) {
                if rest.next().is_none() {
                    return self.unknown();
                }
            } else if !self.flags.contains(&word) {
                return self.unknown();
            }
        }
        Asked::Provider(provider)
    }

    fn unknown(&self) -> Asked {
        eprintln!("{GENERIC_OPTIONS}");
        Asked::Help(1)
    }

    fn print_usage(&self, command: Option<&Command>) {
        let about = |command: &Command| format!("{}:\n\n{}\n", command.usage, command.does);
        if let Some(command) = command {
            return print!("{}", about(command));
        }
        let name = self.name;
        let mut text = format!("Usage: hadoop {name} [generic options]\n   [-help]\n");
        for command in self.commands {
            text += &format!("   [{}]\n", command.usage);
        }
        for command in self.commands {
            text += &format!("{}\n{}", "=".repeat(66), about(command));
        }
        println!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_javas() {
        for (tool, text, wanted) in [
            (&CREDENTIAL, "", 1),
            (&CREDENTIAL, "-help", 0),
            (&CREDENTIAL, "list", 1),
            (&CREDENTIAL, "create", 1),
            (&CREDENTIAL, "create a -value b", 1),
            (&CREDENTIAL, "list -provider jceks://file/tmp/x.jceks", 1),
            (&CREDENTIAL, "nosuch", 1),
            (&KEY, "", 0),
            (&KEY, "-help", 1),
            (&KEY, "list", 1),
            (&KEY, "create", 1),
            (&KEY, "create k -size 128", 1),
            (&KEY, "-size", 1),
        ] {
            let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            assert_eq!(tool.run(&Configuration::new(), &args), wanted, "{} {text}", tool.name);
        }
    }
}
