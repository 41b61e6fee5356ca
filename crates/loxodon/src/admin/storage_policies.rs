//! `hdfs storagepolicies`: which there are, and which a path has (`StoragePolicyAdmin`).

use loxodon_client::StoragePolicy;
use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprint, eprintln, println};
use loxodon_wire::storage::StorageType;

use super::FAILED;
use super::cluster::Cluster;
use crate::shell::{Failure, GENERIC_OPTIONS};

/// Exit code where the cluster refuses.
const REFUSED: i32 = 2;
/// Exit code of a wrong command line.
const WRONG: i32 = 1;

/// A command: its name, its arguments, what it does.
const COMMANDS: [(&str, &str, &str); 5] = [
    ("-listPolicies", "", "Prints all storage policies."),
    ("-setStoragePolicy", " -path <path> -policy <policy>", "Sets that of a file or directory."),
    ("-getStoragePolicy", " -path <path>", "Prints that of a file or directory."),
    ("-unsetStoragePolicy", " -path <path>", "Takes away what was set: what is set above holds."),
    ("-satisfyStoragePolicy", " -path <path>", "Asks the NameNode to move blocks as policies say."),
];

/// What a command line asks for.
enum Order {
    List,
    Set { path: String, policy: String },
    Get { path: String },
    Unset { path: String },
    Satisfy { path: String },
}

/// Runs `storagepolicies`; its exit code.
pub(crate) fn run(conf: Configuration, args: &[String]) -> i32 {
    let Some((word, rest)) = args.split_first() else {
        eprintln!("{}", overview());
        return WRONG;
    };
    if word == "-help" {
        return help(rest);
    }
    if !COMMANDS.iter().any(|(name, ..)| name == word) {
        eprintln!("Can't understand command '{word}'");
        if !word.starts_with('-') {
            eprintln!("Command names must start with dashes.");
        }
        eprintln!("{}", overview());
        return WRONG;
    }
    let order = match Order::parse(word, rest) {
        Ok(order) => order,
        Err((code, message)) => {
            eprintln!("{message}");
            return code;
        }
    };
    match order.carry_out(conf) {
        Ok(text) => {
            println!("{text}");
            0
        }
        Err((code, message)) => {
            eprintln!("{message}");
            code
        }
    }
}

fn overview() -> String {
    let commands = COMMANDS.map(|(name, usage, _)| format!("          [{name}{usage}]\n")).concat();
    format!(
        "Usage: bin/hdfs storagepolicies [COMMAND]\n{commands}          [-help <command-name>]\n\n\
         {GENERIC_OPTIONS}"
    )
}

fn help(args: &[String]) -> i32 {
    let text = |(name, usage, does): &(&str, &str, &str)| format!("[{name}{usage}]\n\n{does}\n");
    match args {
        [] => {
            for command in &COMMANDS {
                eprintln!("{}", text(command));
            }
            WRONG
        }
        [name] => match COMMANDS.iter().find(|(known, ..)| known.strip_prefix('-') == Some(name)) {
            Some(command) => {
                eprint!("{}", text(command));
                0
            }
            None => {
                let names = COMMANDS.map(|(known, ..)| known.trim_start_matches('-')).join(", ");
                eprintln!("Unknown command '{name}'.\nValid help command names are:\n{names}");
                WRONG
            }
        },
        _ => {
            eprintln!("You must give exactly one argument to -help.");
            WRONG
        }
    }
}

/// The word behind an option (`StringUtils.popOptionWithArgument`).
fn option(args: &[String], name: &str) -> Result<Option<String>, (i32, String)> {
    let before = args.iter().take_while(|arg| *arg != "--");
    let Some(at) = before.enumerate().find(|(_, arg)| *arg == name).map(|(at, _)| at) else {
        return Ok(None);
    };
    let missing =
        || (FAILED, format!("IllegalArgumentException: option {name} requires 1 argument."));
    args.get(at + 1).cloned().map(Some).ok_or_else(missing)
}

impl Order {
    fn parse(word: &str, args: &[String]) -> Result<Self, (i32, String)> {
        if word == "-listPolicies" {
            return Ok(Self::List);
        }
        let usage = || {
            let found = COMMANDS.iter().find(|(name, ..)| *name == word);
            found.map(|(name, usage, _)| format!("Usage: [{name}{usage}]")).unwrap_or_default()
        };
        let lacks = |what: &str| (WRONG, format!("{what}\n{}", usage()));
        let path = option(args, "-path")?.ok_or_else(|| {
            lacks(match word {
                "-getStoragePolicy" => "Please specify the path with -path.",
                "-unsetStoragePolicy" => {
                    "Please specify the path from which the storage policy will be unset."
                }
                _ => "Please specify the path for setting the storage policy.",
            })
        })?;
        Ok(match word {
            "-getStoragePolicy" => Self::Get { path },
            "-unsetStoragePolicy" => Self::Unset { path },
            "-satisfyStoragePolicy" => Self::Satisfy { path },
            _ => {
                let policy = option(args, "-policy")?;
                Self::Set {
                    path,
                    policy: policy.ok_or_else(|| lacks("Please specify the policy name."))?,
                }
            }
        })
    }

    fn path(&self) -> Option<&str> {
        match self {
            Self::List => None,
            Self::Set { path, .. }
            | Self::Get { path }
            | Self::Unset { path }
            | Self::Satisfy { path } => Some(path),
        }
    }

    fn carry_out(&self, mut conf: Configuration) -> Result<String, Refusal> {
        // A path may name a file system of its own.
        if let Some(path) = self.path().filter(|path| path.contains("://")) {
            let authority = path.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            conf.set(keys::DEFAULT_FS.name, &authority, "-path");
        }
        let cluster = Cluster::of(conf).map_err(|failure| pretty(&failure))?;
        let client = &cluster.client;
        let at = |path: &str| cluster.absolute(path);
        let done = match self {
            Self::List => cluster.wait(client.storage_policies()).map(|policies| {
                let lines = policies.iter().map(|policy| format!("\n\t{}", shown(policy)));
                format!("Block Storage Policies:{}", lines.collect::<String>())
            }),
            Self::Get { path } => return held(&cluster, path),
            Self::Set { path, policy } => cluster
                .wait(client.set_storage_policy(&at(path), policy))
                .map(|()| format!("Set storage policy {policy} on {path}")),
            Self::Unset { path } => cluster
                .wait(client.unset_storage_policy(&at(path)))
                .map(|()| format!("Unset storage policy from {path}")),
            Self::Satisfy { path } => {
                cluster.wait(client.satisfy_storage_policy(&at(path))).map(|()| {
                    format!(
                        "Scheduled blocks to move based on the current storage policy on {path}"
                    )
                })
            }
        };
        done.map_err(|failure| pretty(&failure))
    }
}

fn held(cluster: &Cluster, path: &str) -> Result<String, Refusal> {
    let status = cluster.wait(cluster.client.file_status(&cluster.absolute(path)));
    let id = match status {
        Ok(status) => status.storage_policy,
        Err(failure) if failure.is("FileNotFoundException") => {
            return Err((REFUSED, format!("File/Directory does not exist: {path}")));
        }
        Err(failure) => return Err(pretty(&failure)),
    };
    if id == 0 {
        return Ok(format!("The storage policy of {path} is unspecified"));
    }
    let policies = cluster.wait(cluster.client.storage_policies());
    let policies = policies.map_err(|failure| pretty(&failure))?;
    match policies.iter().find(|policy| policy.id == id) {
        Some(policy) => Ok(format!("The storage policy of {path}:\n{}", shown(policy))),
        None => Err((
            REFUSED,
            format!("the storage policy of {path} has number {id}, which nobody knows"),
        )),
    }
}

/// `BlockStoragePolicy.toString`.
fn shown(policy: &StoragePolicy) -> String {
    let types =
        |kinds: &[StorageType]| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    format!(
        "BlockStoragePolicy{{{}:{}, storageTypes=[{}], creationFallbacks=[{}], \
         replicationFallbacks=[{}]}}",
        policy.name,
        policy.id,
        types(&policy.storage_types),
        types(&policy.creation_fallbacks),
        types(&policy.replication_fallbacks)
    )
}

/// An exit code, and what is said before.
type Refusal = (i32, String);

/// The exception and the first line of what it says (`AdminHelper.prettifyException`). What the
/// client of Hadoop does not know by class stays a `RemoteException`.
fn pretty(failure: &Failure) -> Refusal {
    const KNOWN: [&str; 4] = [
        "AccessControlException",
        "FileNotFoundException",
        "SafeModeException",
        "NSQuotaExceededException",
    ];
    /// How errors begin that come from this side (`NetUtils.wrapException`).
    const OWN: [&str; 6] = [
        "Call From ",
        "Your endpoint configuration",
        "End of File Exception between ",
        "Invalid host name: ",
        "No Route to Host from ",
        "DestHost:destPort ",
    ];
    let text = failure.to_string();
    let line = text.lines().next().unwrap_or_default();
    let own = OWN.iter().any(|start| line.starts_with(start));
    let class = match failure {
        // What the server refuses is a `RemoteException`, an address that makes no sense is not.
        Failure::Illegal(_) if line.starts_with("java.net.") => {
            return (FAILED, format!("IllegalArgumentException: {line}"));
        }
        Failure::Io { class, .. } if own || KNOWN.contains(&class.as_str()) => class,
        _ => "RemoteException",
    };
    (REFUSED, format!("{class}: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_missing_is_named() {
        for (word, rest, code, named) in [
            ("-getStoragePolicy", "", WRONG, "-path"),
            ("-getStoragePolicy", "-path", FAILED, "option -path requires 1 argument."),
            ("-getStoragePolicy", "-- -path /a", WRONG, "-path"),
            ("-setStoragePolicy", "-path /a", WRONG, "policy name"),
            ("-unsetStoragePolicy", "/a", WRONG, "from which"),
        ] {
            let (given, message) = Order::parse(word, &args(rest)).err().unwrap();
            assert!(given == code && message.contains(named), "{word} {rest}: {message}");
        }
        let order = Order::parse("-setStoragePolicy", &args("-policy COLD -path /a")).ok().unwrap();
        assert!(matches!(order, Order::Set { path, policy } if path == "/a" && policy == "COLD"));
    }
}
