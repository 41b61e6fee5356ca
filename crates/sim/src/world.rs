//! A cluster, and one run of it: some minutes in which everything goes wrong, then rest.

use std::collections::BTreeMap;
use std::fmt;

use loxodon_wire::ids::BlockId;

use crate::checks::{self, Check, Contents};
use crate::client::Client;
use crate::datanode::{DataNode, State};
use crate::faults::{self, Fault};
use crate::losses::Losses;
use crate::message::Message;
use crate::namenode::Host;
use crate::network::{Address, Weather};
use crate::scene::{Event, Scene};
use crate::tree::Tree;

/// How large the cluster is, and how long it suffers.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// DataNodes, on three racks.
    pub nodes: usize,
    /// Clients at a time.
    pub clients: usize,
    /// Milliseconds with faults.
    pub trouble: u64,
    /// Milliseconds within which everything must be at rest afterwards.
    pub patience: u64,
    /// Lines of the record that a failure shows.
    pub record: usize,
}

impl Scenario {
    /// A cluster of five DataNodes and four clients, some minutes of trouble.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let trouble = fastrand::Rng::with_seed(seed ^ 0x5eed).u64(60_000..300_000);
        Self { seed, nodes: 5, clients: 4, trouble, patience: 600_000, record: 200 }
    }
}

/// What a run was like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Of every event of the run, in order.
    pub digest: u64,
    /// Events.
    pub steps: u64,
    /// Virtual milliseconds until everything was at rest.
    pub duration: u64,
    /// Operations of clients that were answered.
    pub operations: u64,
    /// Times that the NameNode started.
    pub starts: u64,
    /// How often each fault happened, and each call was answered.
    pub happened: BTreeMap<&'static str, u64>,
}

/// What did not hold, and how it came to that.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The run.
    pub seed: u64,
    /// The event after which it did not hold.
    pub step: u64,
    /// Virtual milliseconds.
    pub time: u64,
    /// What.
    pub what: String,
    /// What happened before.
    pub record: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.record {
            writeln!(f, "{line}")?;
        }
        let Self { seed, step, time, what, .. } = self;
        write!(
            f,
            "seed {seed}, step {step}, {time} ms: {what}\nrun it again with LOXODON_SEED={seed}"
        )
    }
}

/// Milliseconds between two looks at everything.
const CHECK: u64 = 2_000;

struct World {
    scene: Scene,
    scenario: Scenario,
    host: Host,
    nodes: Vec<DataNode>,
    clients: Vec<Client>,
    contents: Contents,
    steps: u64,
    starts: u64,
    is_over: bool,
    losses: Losses,
}

/// Runs a scenario.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(scenario: Scenario) -> Result<Summary, Box<Failure>> {
    let rng = fastrand::Rng::with_seed(scenario.seed);
    let failure = |scene: &mut Scene, step, what| {
        let (seed, time, record) = (scenario.seed, scene.now, scene.take_record());
        Box::new(Failure { seed, step, time, what, record })
    };
    let mut scene = Scene::new(rng, scenario.record);
    let host = Host::format().map_err(|what| failure(&mut scene, 0, what))?;
    let mut world = World {
        scene,
        scenario,
        host,
        nodes: (0..scenario.nodes).map(DataNode::new).collect(),
        clients: Vec::new(),
        contents: Contents::default(),
        steps: 0,
        starts: 0,
        is_over: false,
        losses: Losses::default(),
    };
    match world.play() {
        Ok(()) => Ok(Summary {
            digest: world.scene.digest(),
            steps: world.steps,
            duration: world.scene.now,
            operations: world.clients.iter().map(|client| client.done).sum(),
            starts: world.starts,
            happened: std::mem::take(&mut world.scene.happened),
        }),
        Err(what) => Err(failure(&mut world.scene, world.steps, what)),
    }
}

impl World {
    fn play(&mut self) -> Check {
        self.start_namenode()?;
        for node in &mut self.nodes {
            node.start(&mut self.scene);
        }
        for _ in 0..self.scenario.clients {
            self.add_client();
        }
        faults::schedule(&mut self.scene);
        self.scene.after(CHECK, Event::Check);
        while let Some(event) = self.scene.next() {
            self.steps += 1;
            if self.scene.is_busy && self.scene.now >= self.scenario.trouble {
                self.end_trouble()?;
            }
            self.step(event)?;
            self.losses.take_back(&mut self.scene, &mut self.nodes, &self.host);
            if self.is_over {
                break;
            }
        }
        Ok(())
    }

    fn add_client(&mut self) {
        let mut client = Client::new(self.clients.len());
        client.start(&mut self.scene);
        self.clients.push(client);
    }

    fn start_namenode(&mut self) -> Check {
        self.starts += 1;
        self.host.start(&mut self.scene)?;
        self.scene.note(&format!("the NameNode starts, life {}", self.host.life));
        self.check_trees()
    }

    fn step(&mut self, event: Event) -> Check {
        match event {
            Event::Arrival { to: Address::NameNode, life, .. } if life != self.host.life => Ok(()),
            Event::Arrival { from, to, message, .. } => self.deliver(from, to, message),
            Event::Alarm { of, life, alarm } => match of {
                Address::NameNode if life == self.host.life => {
                    self.host.alarm(&mut self.scene, alarm)
                }
                Address::DataNode(node) => {
                    if let Some(node) = self.nodes.get_mut(node)
                        && node.life == life
                    {
                        node.alarm(&mut self.scene, alarm);
                    }
                    Ok(())
                }
                Address::Client(client) => {
                    let alive = self.clients.get_mut(client).filter(|client| client.is_alive);
                    alive.map_or(Ok(()), |client| client.alarm(&mut self.scene, alarm))
                }
                Address::NameNode => Ok(()),
            },
            Event::Fault => {
                if self.scene.is_busy {
                    let clients = self.clients.len();
                    let fault = faults::draw(&mut self.scene, self.nodes.len(), clients);
                    self.go_wrong(fault)?;
                    faults::schedule(&mut self.scene);
                }
                Ok(())
            }
            Event::Restart(who) => self.restart(who),
            Event::RoomAgain => {
                self.make_room();
                Ok(())
            }
            Event::Check => self.look(),
        }
    }

    fn deliver(&mut self, from: Address, to: Address, message: Message) -> Check {
        match (to, message) {
            (Address::NameNode, Message::Call(call)) => {
                if let Address::Client(client) = from
                    && !self.clients.get(client).is_some_and(|it| it.may_arrive(call.number))
                {
                    return Ok(());
                }
                self.scene.note(&format!("{from:?} calls {} {}", call.method, call.call_id));
                if let Some(running) = &self.host.running {
                    self.contents.expect(&call, &running.machine.namespace);
                }
                self.host.call(&mut self.scene, call)
            }
            (Address::DataNode(node), message) => {
                let Some(node) = self.nodes.get_mut(node).filter(|node| node.is_up) else {
                    return Ok(());
                };
                match message {
                    Message::Answer { number, answer } => {
                        node.answered(&mut self.scene, number, answer)
                    }
                    message => {
                        self.scene.note(&format!("{from:?} to {to:?}: {message:?}"));
                        node.receive(&mut self.scene, from, message)
                    }
                }
            }
            (Address::Client(client), message) => {
                let alive = self.clients.get_mut(client).filter(|client| client.is_alive);
                let Some(client) = alive else { return Ok(()) };
                match message {
                    Message::Answer { number, answer } => {
                        if answer.is_ok() {
                            self.contents.done(number);
                        }
                        client.answered(&mut self.scene, &mut self.contents, number, answer)
                    }
                    Message::Written { number, stage, refused, .. } => {
                        client.written(&mut self.scene, number, &stage, refused)
                    }
                    _ => Ok(()),
                }
            }
            (Address::NameNode, _) => Ok(()),
        }
    }

    fn go_wrong(&mut self, fault: Fault) -> Check {
        self.scene.note(&format!("{fault:?}"));
        match fault {
            Fault::NameNodeCrashes { back_after } => {
                if self.host.running.is_some() {
                    self.host.crash(&mut self.scene)?;
                    self.scene.count("the NameNode crashes");
                    self.scene.after(back_after, Event::Restart(Address::NameNode));
                }
            }
            Fault::DataNodeCrashes { node, back_after } => {
                if let Some(node) = self.nodes.get_mut(node).filter(|node| node.is_up) {
                    node.crash();
                    self.scene.count("a DataNode crashes");
                    self.scene.after(back_after, Event::Restart(node.address()));
                }
            }
            Fault::Partition { a, b, lasts } => {
                let until = self.scene.now + lasts;
                self.scene.network.cut(a, b, until);
                self.scene.count("a partition");
            }
            Fault::ClockJumps { by } => {
                self.host.skew += by;
                self.scene.count("the clock is set");
            }
            Fault::VolumeFails { node, volume } => self.fail_volume(node, volume),
            Fault::DiskFull { node, lasts } => {
                let until = self.scene.now + lasts;
                if let Some(node) = self.nodes.get_mut(node) {
                    node.fill(until);
                    self.scene.count("a DataNode is full");
                }
            }
            Fault::ReplicaDamaged { node, which } => self.damage(node, which),
            Fault::NameNodeDiskFull { lasts } => {
                if let Some(running) = &mut self.host.running {
                    running.machine.set_low_on_resources();
                    self.scene.count("the NameNode's disk is full");
                    self.scene.after(lasts, Event::RoomAgain);
                }
            }
            Fault::DirectoryFails { directory } => {
                self.host.fail_directory(&mut self.scene, directory);
                self.scene.count("a storage directory fails");
            }
            Fault::ClientDies { client } => {
                if let Some(client) = self.clients.get_mut(client).filter(|it| it.is_alive) {
                    client.is_alive = false;
                    self.scene.count("a client dies");
                    self.add_client();
                }
            }
        }
        Ok(())
    }

    /// Whether a block could do without this DataNode's replica: somewhere else there is a good
    /// one, which nobody is about to delete.
    fn can_spare(&self, id: BlockId, node: usize) -> bool {
        let Some(running) = &self.host.running else { return false };
        let blocks = &running.machine.blocks;
        let Some(info) = blocks.block(id) else { return true };
        let counts = blocks.count_replicas(id);
        let others = self.nodes.iter().filter(|other| other.index != node);
        let good = others.filter_map(|other| other.replicas.get(&id)).filter(|replica| {
            replica.state == State::Final
                && !replica.is_damaged
                && replica.recovery.is_none()
                && replica.block(id) == info.block
        });
        info.is_complete() && counts.excess == 0 && counts.corrupt == 0 && good.count() > 0
    }

    /// A volume breaks, unless that would cost the only replica of something.
    fn fail_volume(&mut self, index: usize, volume: usize) {
        let Some(node) = self.nodes.get(index) else { return };
        let here = node.replicas.iter().filter(|(_, replica)| replica.volume == volume);
        let is_last = node.good_volumes().all(|good| good == volume);
        let spared = !is_last && here.into_iter().all(|(id, _)| self.can_spare(*id, index));
        if let Some(node) = self.nodes.get_mut(index).filter(|_| spared) {
            self.scene.note(&format!("volume {volume} of DataNode {index} breaks"));
            self.scene.count("a volume breaks");
            self.losses.volume(node, volume);
            node.lose_volume(&mut self.scene, volume);
        }
    }

    /// A replica's bytes change, unless it is the only one.
    fn damage(&mut self, index: usize, which: usize) {
        let Some(node) = self.nodes.get(index) else { return };
        let whole = node.replicas.iter().filter(|(_, replica)| {
            replica.state == State::Final && replica.recovery.is_none() && !replica.is_damaged
        });
        let ids: Vec<BlockId> = whole.map(|(id, _)| *id).collect();
        let Some(id) = ids.get(which % ids.len().max(1)).copied() else { return };
        if !self.can_spare(id, index) {
            return;
        }
        if let Some(replica) = self.nodes.get_mut(index).and_then(|it| it.replicas.get_mut(&id)) {
            self.scene.note(&format!("blk_{id} on DataNode {index} is damaged"));
            self.scene.count("a replica is damaged");
            replica.is_damaged = true;
            self.losses.damaged(index, id, replica);
        }
    }

    fn restart(&mut self, who: Address) -> Check {
        match who {
            Address::NameNode if self.host.running.is_none() => self.start_namenode(),
            Address::DataNode(node) => {
                if let Some(node) = self.nodes.get_mut(node).filter(|node| !node.is_up) {
                    node.start(&mut self.scene);
                }
                Ok(())
            }
            Address::NameNode | Address::Client(_) => Ok(()),
        }
    }

    fn make_room(&mut self) {
        if let Some(running) = &mut self.host.running
            && running.machine.blocks.safe_mode().is_low_on_resources()
        {
            running.machine.blocks.leave_low_resources();
        }
    }

    /// Nothing goes wrong any more, and nobody begins anything.
    fn end_trouble(&mut self) -> Check {
        self.scene.note("the faults stop");
        self.scene.is_busy = false;
        self.scene.network.heal();
        self.scene.network.weather = Weather::FAIR;
        self.restart(Address::NameNode)?;
        self.make_room();
        self.nodes.iter_mut().for_each(|node| node.fill(0));
        for node in 0..self.nodes.len() {
            self.restart(Address::DataNode(node))?;
        }
        Ok(())
    }

    /// Looks at everything; at the end, whether it has come to rest.
    fn look(&mut self) -> Check {
        self.scene.after(CHECK, Event::Check);
        self.host.compare()?;
        let namespace = match &self.host.running {
            Some(running) => {
                checks::blocks(&running.machine, running.is_reclaiming)?;
                &running.machine.namespace
            }
            None => self.host.durable(),
        };
        checks::one_writer(namespace)?;
        self.contents.check(namespace, &self.nodes)?;
        if self.scene.is_busy {
            return Ok(());
        }
        let unrest = self.unrest();
        self.is_over = unrest.is_none();
        match unrest {
            None => self.check_trees(),
            Some(what) if self.scene.now > self.scenario.trouble + self.scenario.patience => {
                Err(format!("no rest: {what}"))
            }
            Some(_) => Ok(()),
        }
    }

    fn unrest(&self) -> Option<String> {
        if let Some(client) = self.clients.iter().find(|client| !client.is_idle()) {
            return Some(format!("client {} is {:?}", client.index, client.doing));
        }
        let running = self.host.running.as_ref()?;
        checks::unrest(&running.machine, &self.nodes)
    }

    /// Each client finds in its directory what it was told to be there.
    fn check_trees(&self) -> Check {
        let Some(running) = &self.host.running else { return Ok(()) };
        for client in &self.clients {
            let found = Tree::of(&running.machine.namespace, &client.root());
            let possible = client.possible();
            if !possible.contains(&found) {
                return Err(format!(
                    "client {} finds {found:?}; there may be {possible:?}",
                    client.index
                ));
            }
        }
        Ok(())
    }
}
