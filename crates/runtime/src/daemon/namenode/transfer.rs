//! `/imagetransfer`: images and edits for, and images from, a Secondary NameNode (`ImageServlet`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_journal::names::StorageFile;
use loxodon_wire::ids::TxId;

use super::clock::wall;
use super::door::Door;
use super::store::Checkpoint;
use crate::web::{Method, Request, Response, Router, StatusCode};

/// Adds the page.
pub(crate) fn pages(router: Router, door: &Arc<Door>) -> Router {
    let door = Arc::clone(door);
    router.route("/imagetransfer", move |request| {
        let door = Arc::clone(&door);
        async move {
            let answer = match request.method {
                Method::GET | Method::HEAD => get(&door, &request).await,
                Method::PUT => put(&door, request).await,
                _ => Err(refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET and PUT are known here")),
            };
            answer.unwrap_or_else(|refusal| *refusal)
        }
    })
}

/// How images and edits travel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long a body may make no progress (`dfs.image.transfer.timeout`).
    patience: Duration,
    /// `dfs.image.transfer.bandwidthPerSec`; 0 is no limit.
    bytes_per_second: u64,
}

impl Pace {
    /// As the configuration has it.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        Ok(Self {
            patience: conf.time(&keys::IMAGE_TRANSFER_TIMEOUT)?,
            bytes_per_second: conf.bytes(&keys::IMAGE_TRANSFER_BANDWIDTH)?,
        })
    }
}

type Answer = Result<Response, Refusal>;

/// A page that says why not.
type Refusal = Box<Response>;

/// Who asks shows its user the status line.
fn refuse(status: StatusCode, reason: &str) -> Refusal {
    Box::new(Response::error(status, reason).reason(reason))
}

/// What fails is gone, whatever the cause.
fn failed(request: &Request, error: impl std::fmt::Display) -> Refusal {
    let what = if request.method == Method::PUT { "PutImage" } else { "GetImage" };
    refuse(StatusCode::GONE, &format!("{what} failed. java.io.IOException: {error}"))
}

fn number(request: &Request, name: &str) -> Result<TxId, Refusal> {
    let text = request.parameter(name).unwrap_or_default();
    text.parse()
        .map(TxId)
        .map_err(|_| failed(request, format!("Invalid request has no {name} parameter")))
}

/// Refuses NameNodes of another file system, by their `storageInfo`
/// (`layout:namespace:ctime:cluster`).
fn check_storage(door: &Door, request: &Request) -> Result<(), Refusal> {
    let Some(theirs) = request.parameter("storageInfo") else { return Ok(()) };
    let ours = {
        let machine = door.machine.read();
        let storage = &machine.storage;
        format!(
            "{}:{}:{}:{}",
            storage.layout_version, storage.namespace_id, storage.creation_time, storage.cluster_id
        )
    };
    if theirs == ours {
        return Ok(());
    }
    let message =
        format!("This namenode has storage info {ours} but the secondary expected {theirs}");
    Err(refuse(StatusCode::FORBIDDEN, &message))
}

async fn get(door: &Arc<Door>, request: &Request) -> Answer {
    check_storage(door, request)?;
    if request.parameter("getimage").is_some() {
        let txid = match request.parameter("txid") {
            Some("latest") | None => door.store.checkpoint.lock().txid,
            Some(_) => number(request, "txid")?,
        };
        let began = Instant::now();
        let answer = send(door, request, StorageFile::Image(txid)).await;
        door.counters.images_sent.record(began.elapsed());
        return answer;
    }
    if request.parameter("getedit").is_some() {
        let first = number(request, "startTxId")?;
        let last = number(request, "endTxId")?;
        let began = Instant::now();
        let answer = send(door, request, StorageFile::Edits { first, last }).await;
        door.counters.edits_sent.record(began.elapsed());
        return answer;
    }
    Err(failed(request, "Illegal parameters to TransferFsImage"))
}

async fn send(door: &Arc<Door>, request: &Request, file: StorageFile) -> Answer {
    let name = file.name();
    let missing = || match file {
        StorageFile::Image(txid) => {
            failed(request, format!("Could not find image with txid {}", txid.0))
        }
        _ => failed(request, format!("No edits file {name}")),
    };
    let path = door.store.storage.find(file).ok_or_else(missing)?;
    let opened = tokio::fs::File::open(&path).await.map_err(|_| missing())?;
    let length = opened.metadata().await.map_err(|_| missing())?.len();
    let mut response = Response::file(opened, length)
        .paced(door.store.pace.bytes_per_second)
        .header("Content-Disposition", &format!("attachment; filename={name}"))
        .header("X-Image-Edits-Name", &name)
        .header("Content-Length", &length.to_string());
    if let Some(digest) = digest_beside(&path).await {
        response = response.header("X-MD5-Digest", &digest);
    }
    Ok(response)
}

/// The digest that lies beside an image, as its header carries it.
async fn digest_beside(path: &Path) -> Option<String> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".md5");
    let line = tokio::fs::read_to_string(PathBuf::from(beside)).await.ok()?;
    line.split_whitespace().next().map(str::to_owned)
}

/// A checkpoint that somebody else made of our edits.
async fn put(door: &Arc<Door>, mut request: Request) -> Answer {
    let began = Instant::now();
    check_storage(door, &request)?;
    let txid = number(&request, "txid")?;
    if request.parameter("imageFile").is_some_and(|kind| kind != "IMAGE") {
        return Err(failed(&request, "only images of the kind IMAGE are taken"));
    }
    let newest = door.store.checkpoint.lock().txid;
    if txid <= newest || door.store.storage.find(StorageFile::Image(txid)).is_some() {
        return Err(refuse(
            StatusCode::CONFLICT,
            &format!(
                "Either current namenode has checkpointed or another checkpointer already \
                 uploaded an checkpoint for txid {}",
                txid.0
            ),
        ));
    }
    let expected = request.header("X-MD5-Digest").map(str::to_owned);
    let target = door
        .store
        .upload_path(txid)
        .ok_or_else(|| failed(&request, "no image directory is left"))?;
    let mut file =
        tokio::fs::File::create(&target).await.map_err(|error| failed(&request, error))?;
    let saved = request
        .save_body(&mut file, u64::MAX, door.store.pace.patience, door.store.pace.bytes_per_second)
        .await
        .map_err(|error| failed(&request, error))?;
    let found: String = saved.md5.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(advertised) = expected.filter(|expected| *expected != found) {
        let _ = tokio::fs::remove_file(&target).await;
        let what = format!(
            "File fsimage_{:019} computed digest {found} does not match advertised digest {advertised}",
            txid.0
        );
        return Err(failed(&request, what));
    }
    door.counters.images_taken.record(began.elapsed());
    let door = Arc::clone(door);
    let published = tokio::task::spawn_blocking(move || door.publish(&target, txid)).await;
    match published {
        Ok(Ok(())) => Ok(Response::new(StatusCode::OK, "")),
        Ok(Err(error)) => Err(failed(&request, error)),
        Err(error) => Err(failed(&request, error)),
    }
}

impl Door {
    /// Takes over an image that has arrived: it goes into every image directory with its digest.
    fn publish(&self, uploaded: &Path, txid: TxId) -> Result<(), String> {
        let result = crate::disk::save_image(&self.store.storage, txid, |sink| {
            let mut from = std::fs::File::open(uploaded)?;
            std::io::copy(&mut from, sink).map(drop)
        });
        if let Err(error) = std::fs::remove_file(uploaded) {
            tracing::warn!(path = %uploaded.display(), %error, "an upload cannot be removed");
        }
        result.map_err(|error| error.to_string())?;
        *self.store.checkpoint.lock() = Checkpoint { txid, saved: wall().0 };
        self.store.storage.purge(&self.store.retention);
        Ok(())
    }
}
