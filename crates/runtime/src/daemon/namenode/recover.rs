//! `namenode -recover`: a file system of which not all edits can be read is brought back to what
//! can, by asking about each thing that is wrong (`NameNode.doRecovery`, `MetaRecoveryContext`).

use std::io::{self, BufRead, Write};

use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprint, eprintln, println};
use loxodon_namenode::settings::namespace_settings;
use loxodon_namespace::Namespace;
use loxodon_namespace::edit::Transaction;

use super::{StartError, directories, format, image, owner};
use crate::disk::{Choice, DiskError, Salvage, Salvaged, StorageSet, load_image};

const WARNING: &str = "You have selected Metadata Recovery mode.  This mode is intended to recover \
                       lost metadata on a corrupt filesystem.  Metadata recovery mode often \
                       permanently deletes data from your HDFS filesystem.  Please back up your \
                       edit log and fsimage before trying this!\n\nAre you ready to proceed? (Y/N)\n";

/// Recovers the configured directories; with `force` the first answer to each question is taken.
///
/// # Errors
/// What cannot be passed over.
pub(super) fn recover(conf: &Configuration, force: bool) -> Result<(), StartError> {
    if !format::confirmed(WARNING) {
        eprintln!("Recovery aborted at user request.\n");
        return Ok(());
    }
    tracing::info!("starting recovery...");
    let limit = directories::max_op_size(conf)?;
    let storage = StorageSet::open(directories::configured(conf)?, &owner(), limit)?;
    storage.set_restore_failed(conf.bool(&keys::NAME_DIR_RESTORE)?);
    let mut recovery = Recovery { namespace: None, force, input: io::stdin().lock() };
    let images = storage.images()?;
    let mut failure = DiskError::NotFormatted;
    let mut newest = None;
    'images: for (txid, paths) in images {
        for path in paths {
            let settings = namespace_settings(conf, &crate::daemon::process_user())?;
            match load_image(&path, settings, super::start::threads()) {
                Ok(loaded) => {
                    recovery.namespace = Some(loaded.namespace);
                    newest = Some(txid);
                    break 'images;
                }
                Err(error) => {
                    tracing::error!("{error}");
                    failure = error;
                }
            }
        }
    }
    let Some(txid) = newest else { return Err(failure.into()) };
    let last = match storage.salvage(txid, &mut recovery)? {
        Salvaged::UpTo(last) => last,
        Salvaged::Quit => {
            tracing::error!("Exiting on user request.");
            return Ok(());
        }
    };
    if let Some(mut namespace) = recovery.namespace {
        namespace.reclaim(usize::MAX);
        image::save(&storage, &namespace, last, image::compression(conf)?)?;
        storage.write_versions()?;
        storage.settle(last)?;
    }
    tracing::info!("RECOVERY COMPLETE");
    eprintln!("RECOVERY COMPLETE: the namespace is saved up to txid {last}");
    Ok(())
}

struct Recovery<R> {
    namespace: Option<Namespace>,
    force: bool,
    input: R,
}

impl<R: BufRead> Recovery<R> {
    /// A line without its end; `None` when there is no more.
    fn line(&mut self) -> Option<String> {
        let _ = io::stderr().flush();
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }
}

impl<R: BufRead> Salvage for Recovery<R> {
    fn ask(&mut self, what: &str, continuing: &str) -> Choice {
        tracing::error!("{what}");
        loop {
            eprint!(
                "{what}\n\nEnter 'c' to continue, {continuing}\nEnter 's' to stop reading the \
                 edit log here, abandoning any later edits\nEnter 'q' to quit without saving\n\
                 Enter 'a' to always select the first choice in the future without prompting. \
                 (c/s/q/a)\n"
            );
            if self.force {
                println!("automatically choosing c");
                return Choice::Continue;
            }
            let Some(answer) = self.line() else {
                // Nobody is there to decide.
                eprintln!("no answer: nothing is changed");
                return Choice::Quit;
            };
            match answer.to_ascii_lowercase().as_str() {
                "c" => return Choice::Continue,
                "s" => return Choice::Stop,
                "q" => return Choice::Quit,
                "a" => {
                    self.force = true;
                    return Choice::Continue;
                }
                _ => eprintln!("I'm sorry, I cannot understand your response."),
            }
        }
    }

    fn apply(&mut self, transaction: &Transaction) -> Result<(), String> {
        let Some(namespace) = &mut self.namespace else { return Ok(()) };
        namespace.apply(&transaction.edit).map(drop).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let ask = |answers: &str| {
            let mut recovery =
                Recovery { namespace: None, force: false, input: answers.as_bytes() };
            let first = recovery.ask("wrong", "going on");
            (first, recovery.ask("wrong", "going on"))
        };
        assert_eq!(ask("c\nS\n"), (Choice::Continue, Choice::Stop));
        assert_eq!(ask("what\nq\n"), (Choice::Quit, Choice::Quit));
        assert_eq!(ask("a\n"), (Choice::Continue, Choice::Continue));
        assert_eq!(ask(""), (Choice::Quit, Choice::Quit));
    }
}
