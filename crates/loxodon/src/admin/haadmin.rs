//! `hdfs haadmin` (`HAAdmin`, `DFSHAAdmin`): asks NameNodes of a highly available pair for their state, and to
//! change it. Without such a pair in the configuration it says so, in Java's words.

use std::io::{BufRead, Write};

use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprint, eprintln, println};
use loxodon_rpc::client::{ServerAddress, host_name};
use loxodon_wire::proto::common;
use loxodon_wire::proto::common::{HaRequestSource, HaServiceStateProto};
use loxodon_wire::rpc::protocol::HA_SERVICE;
use prost::Message;

use super::FAILED;
use super::call::call;
use crate::shell::{Failure, GENERIC_OPTIONS};

const USAGE: &str = "Usage: haadmin [-ns <nameserviceId>]";
/// Port of a NameNode's calls where an address has none.
const PORT: u16 = 8020;

/// Commands in the order in which Java lists them, how they are written, what they do.
const COMMANDS: [(&str, &str, &str); 8] = [
    ("-checkHealth", "<serviceId>", "Asks the NameNode whether it is well; the exit code says so."),
    (
        "-failover",
        "[--forcefence] [--forceactive] <serviceId> <serviceId>",
        "Makes the second NameNode active in place of the first.",
    ),
    ("-getAllServiceState", "", "Prints the state of all NameNodes."),
    ("-getServiceState", "<serviceId>", "Prints the state of a NameNode."),
    ("-help", "<command>", "Prints what a command does."),
    ("-transitionToActive", "[--forceactive] <serviceId>", "Makes a NameNode active."),
    ("-transitionToObserver", "<serviceId>", "Makes a NameNode an observer."),
    ("-transitionToStandby", "<serviceId>", "Makes a NameNode a standby."),
];

fn find(word: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    COMMANDS.iter().find(|(name, ..)| *name == word)
}

fn written(name: &str, usage: &str) -> String {
    if usage.is_empty() { format!("[{name}]") } else { format!("[{name} {usage}]") }
}

fn overview() -> String {
    let lines = COMMANDS.map(|(name, usage, _)| format!("    {}\n", written(name, usage)));
    format!("{USAGE}\n{}\n{GENERIC_OPTIONS}", lines.concat())
}

/// What is wrong with a command line, and how it is written.
fn wrong(message: &str) -> i32 {
    if !message.is_empty() {
        eprintln!("{message}");
    }
    eprintln!("{}", overview());
    FAILED
}

fn wrong_arguments(word: &str, message: &str) -> i32 {
    eprintln!("{}: {message}", word.trim_start_matches('-'));
    if let Some((name, usage, _)) = find(word) {
        eprintln!("{USAGE} {}", written(name, usage));
    }
    FAILED
}

/// Runs `haadmin`; its exit code.
pub(crate) fn run(conf: &Configuration, args: &[String]) -> i32 {
    let (service, args) = match args {
        [option] if option == "-ns" => return wrong("Missing nameservice ID"),
        [option, _] if option == "-ns" => return wrong("Missing command"),
        [option, service, rest @ ..] if option == "-ns" => (Some(service.clone()), rest),
        _ => (None, args),
    };
    let Some((word, rest)) = args.split_first() else { return wrong("") };
    if !word.starts_with('-') {
        return wrong(&format!("Bad command '{word}': expected command starting with '-'"));
    }
    if find(word).is_none() {
        return wrong(&format!("{}: Unknown command", word.trim_start_matches('-')));
    }
    if word == "-help" {
        return help(rest);
    }
    if word == "-failover" {
        eprintln!(
            "failover: java.lang.UnsupportedOperationException: -failover is not supported: there is no fencing here"
        );
        return FAILED;
    }
    let mut pair = Pair { conf, service, source: HaRequestSource::RequestByUser };
    match pair.execute(word, rest) {
        Ok(code) => code,
        Err(Failure::Illegal(message)) => {
            eprintln!("Illegal argument: {message}");
            FAILED
        }
        Err(failure) => {
            eprintln!("Operation failed: {failure}");
            FAILED
        }
    }
}

fn help(args: &[String]) -> i32 {
    match args {
        [] => {
            println!("{}", overview());
            0
        }
        [name] => {
            let name = format!("-{}", name.trim_start_matches('-'));
            let Some((name, usage, does)) = find(&name) else {
                return wrong(&format!("{name}: Unknown command"));
            };
            let usage = if usage.is_empty() { String::new() } else { format!(" [{usage}]") };
            println!("{name}{usage}: {does}");
            0
        }
        _ => wrong_arguments("-help", "incorrect number of arguments"),
    }
}

/// A configuration's NameNodes.
struct Pair<'a> {
    conf: &'a Configuration,
    /// `-ns`.
    service: Option<String>,
    source: HaRequestSource,
}

impl Pair<'_> {
    fn execute(&mut self, word: &str, args: &[String]) -> Result<i32, Failure> {
        let flags: &[&str] = match word {
            "-transitionToActive" => &["forceactive", "forcemanual"],
            "-transitionToStandby" | "-transitionToObserver" => &["forcemanual"],
            _ => &[],
        };
        let (mut given, mut ids) = (Vec::new(), Vec::new());
        for arg in args {
            match arg.strip_prefix('-').map(|name| name.trim_start_matches('-')) {
                None => ids.push(arg.as_str()),
                Some(name) if flags.contains(&name) => given.push(name),
                Some(_) => return Ok(wrong_arguments(word, "incorrect arguments")),
            }
        }
        if given.contains(&"forcemanual") {
            if !confirm_manual() {
                eprintln!("Aborted");
                return Ok(FAILED);
            }
            self.source = HaRequestSource::RequestByUserForced;
        }
        if word == "-getAllServiceState" {
            return self.print_all();
        }
        let &[id] = &ids[..] else {
            return Ok(wrong_arguments(word, "incorrect number of arguments"));
        };
        match word {
            "-getServiceState" => {
                let state = self.state(&self.address(id)?)?;
                println!("{state}");
                Ok(0)
            }
            "-checkHealth" => self.check_health(&self.address(id)?),
            _ => self.change_state(word, id, given.contains(&"forceactive")),
        }
    }

    /// The name service that is meant, if one is.
    fn service(&self) -> Result<Option<String>, Failure> {
        if self.service.is_some() {
            return Ok(self.service.clone());
        }
        let mut all = self.conf.list(&keys::NAMESERVICES)?;
        Ok(if all.len() == 1 { all.pop() } else { None })
    }

    /// Where the NameNode of this id takes calls of administrators.
    fn address(&self, id: &str) -> Result<ServerAddress, Failure> {
        let Some(service) = self.service()? else {
            let all = self.conf.list(&keys::NAMESERVICES)?;
            let mut message = "Unable to determine the name service ID.".to_owned();
            if all.len() > 1 {
                message += &format!(
                    " This is an HA configuration with multiple name services configured. dfs.nameservices is set \
                     to [{}]. Please re-run with the -ns option.",
                    all.join(", ")
                );
            }
            return Err(Failure::Illegal(message));
        };
        for key in [keys::NAMENODE_SERVICE_RPC_ADDRESS.name, keys::NAMENODE_RPC_ADDRESS.name] {
            let found = self.conf.get(&format!("{key}.{service}.{id}"))?;
            if let Some(text) = found.filter(|text| !text.trim().is_empty()) {
                let text = text.trim();
                let text =
                    if text.contains(':') { text.to_owned() } else { format!("{text}:{PORT}") };
                return super::call::parse_address(&text);
            }
        }
        Err(Failure::Illegal(format!("Unable to determine service address for namenode '{id}'")))
    }

    /// Ids of the name service's NameNodes.
    fn ids(&self) -> Result<Vec<String>, Failure> {
        let service = self.service()?;
        let suffixes: Vec<&str> = service.iter().map(String::as_str).collect();
        let ids = self.conf.suffixed(&keys::HA_NAMENODES, &suffixes)?.unwrap_or_default();
        let ids = ids.split(',').map(|id| id.trim().to_owned());
        Ok(ids.filter(|id| !id.is_empty()).collect())
    }

    fn ask<Q: Message, A: Message + Default>(
        &self,
        address: &ServerAddress,
        method: &str,
        request: &Q,
    ) -> Result<A, Failure> {
        call(self.conf, address, &HA_SERVICE, method, request)
    }

    fn state(&self, address: &ServerAddress) -> Result<&'static str, Failure> {
        let request = common::GetServiceStatusRequestProto {};
        let status: common::GetServiceStatusResponseProto =
            self.ask(address, "getServiceStatus", &request)?;
        Ok(match status.state() {
            HaServiceStateProto::Initializing => "initializing",
            HaServiceStateProto::Active => "active",
            HaServiceStateProto::Standby => "standby",
            HaServiceStateProto::Observer => "observer",
        })
    }

    fn print_all(&self) -> Result<i32, Failure> {
        let ids = self.ids()?;
        if ids.is_empty() {
            eprintln!("Failed to get service IDs");
            return Ok(FAILED);
        }
        for id in ids {
            let address = self.address(&id)?;
            let shown = format!("{}:{}", host_name(&address.host), address.port);
            let state = match self.state(&address) {
                Ok(state) => state.to_owned(),
                Err(failure) => format!("Failed to connect: {failure}"),
            };
            println!("{shown:<50} {state:<10}");
        }
        Ok(0)
    }

    fn check_health(&self, address: &ServerAddress) -> Result<i32, Failure> {
        let request = common::MonitorHealthRequestProto {};
        let done: Result<common::MonitorHealthResponseProto, _> =
            self.ask(address, "monitorHealth", &request);
        match done {
            Ok(_) => Ok(0),
            Err(failure) if failure.is("HealthCheckFailedException") => {
                eprintln!("Health check failed: {failure}");
                Ok(FAILED)
            }
            Err(failure) => Err(failure),
        }
    }

    fn change_state(&self, word: &str, id: &str, force_active: bool) -> Result<i32, Failure> {
        if word == "-transitionToActive" && !force_active && self.another_is_active(id)? {
            return Ok(FAILED);
        }
        let address = self.address(id)?;
        if !self.may_decide(&address)? {
            return Ok(FAILED);
        }
        let req_info = common::HaStateChangeRequestInfoProto { req_source: self.source as i32 };
        let done = match word {
            "-transitionToActive" => {
                let request = common::TransitionToActiveRequestProto { req_info };
                self.ask(&address, "transitionToActive", &request)
                    .map(|_: common::TransitionToActiveResponseProto| ())
            }
            "-transitionToStandby" => {
                let request = common::TransitionToStandbyRequestProto { req_info };
                self.ask(&address, "transitionToStandby", &request)
                    .map(|_: common::TransitionToStandbyResponseProto| ())
            }
            _ => {
                let request = common::TransitionToObserverRequestProto { req_info };
                self.ask(&address, "transitionToObserver", &request)
                    .map(|_: common::TransitionToObserverResponseProto| ())
            }
        };
        match done {
            Ok(()) => Ok(0),
            Err(failure)
                if word == "-transitionToObserver" && failure.is("ServiceFailedException") =>
            {
                eprintln!("transitionToObserver failed! {failure}");
                Ok(FAILED)
            }
            Err(failure) => Err(failure),
        }
    }

    fn another_is_active(&self, chosen: &str) -> Result<bool, Failure> {
        for id in self.ids()?.iter().filter(|id| *id != chosen) {
            let address = self.address(id)?;
            if !self.may_decide(&address)? {
                return Ok(true);
            }
            let word = "-transitionToActive";
            match self.state(&address) {
                Ok("active") => {
                    wrong_arguments(word, &format!("Node {id} is already active"));
                    return Ok(true);
                }
                Ok(_) => {}
                Err(failure) => {
                    eprintln!("Unexpected error occurred  {failure}");
                    if let Some((name, usage, _)) = find(word) {
                        eprintln!("{USAGE} {}", written(name, usage));
                    }
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether it is not the failover controllers who decide.
    fn may_decide(&self, address: &ServerAddress) -> Result<bool, Failure> {
        let automatic = self.conf.get("dfs.ha.automatic-failover.enabled")?;
        let automatic = automatic.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
        if !automatic || self.source == HaRequestSource::RequestByUserForced {
            return Ok(true);
        }
        eprintln!(
            "Automatic failover is enabled for NameNode at {address}\n\
             Refusing to manually manage HA state, since it may cause\n\
             a split-brain scenario or other incorrect state.\n\
             If you are very sure you know what you are doing, please \n\
             specify the --forcemanual flag."
        );
        Ok(false)
    }
}

fn confirm_manual() -> bool {
    eprint!(
        "--forcemanual changes a NameNode's state although failover controllers decide on it: two may become \
         active, which destroys the namespace. Are you sure you want to continue? (Y or N) "
    );
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("y")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> Configuration {
        let mut conf = Configuration::new();
        for (name, value) in pairs {
            conf.set(name, value, "test");
        }
        conf
    }

    fn failure(conf: &Configuration, text: &str) -> String {
        let mut pair = Pair { conf, service: None, source: HaRequestSource::RequestByUser };
        pair.execute(text, &["nn1".to_owned()]).unwrap_err().to_string()
    }

    #[test]
    fn what_the_configuration_lacks_is_said_in_javas_words() {
        let none = conf(&[]);
        let state = "-getServiceState";
        assert_eq!(failure(&none, state), "Unable to determine the name service ID.");
        let two = conf(&[("dfs.nameservices", "a,b")]);
        assert!(failure(&two, state).ends_with("[a, b]. Please re-run with the -ns option."));
        let one = conf(&[("dfs.nameservices", "a"), ("dfs.ha.namenodes.a", "nn1,nn2")]);
        let wanted = "Unable to determine service address for namenode 'nn1'";
        assert_eq!(failure(&one, "-checkHealth"), wanted);
        let code = |text: &str| {
            run(&none, &text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(code("-help"), 0);
        assert_eq!(code("-help checkHealth"), 0);
        for wrong in [
            "",
            "-ns",
            "-ns a",
            "getServiceState",
            "-nosuch",
            "-getServiceState",
            "-getServiceState a b",
            "-getServiceState --x nn1",
            "-getAllServiceState",
            "-failover a b",
            "-help nosuch",
        ] {
            assert_eq!(code(wrong), FAILED, "{wrong}");
        }
    }
}
