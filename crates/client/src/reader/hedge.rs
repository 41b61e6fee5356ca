//! Hedged reads: a second replica is asked when the first is slow (`hedgedFetchBlockByteRange`).

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

use super::file::{Trouble, node_id, read_replica};
use crate::client::Client;
use crate::error::Error;
use crate::types::{LocatedBlock, Location};

type Outcome = (Location, Result<Bytes, Error>);

/// Reads `range` of a block into `target` from whichever replica answers first. On failure,
/// says what each replica that was asked had.
pub(super) async fn read_hedged(
    client: &Client,
    path: &str,
    located: &LocatedBlock,
    trouble: &Trouble,
    range: Range<u64>,
    target: &mut [u8],
) -> Result<(), Vec<(Location, Error)>> {
    let mut reads: JoinSet<Outcome> = JoinSet::new();
    let mut asked: Vec<String> = Vec::new();
    let mut failures = Vec::new();
    let prefer_cached = client.settings().prefer_cached;
    let threshold = client.settings().hedged_threshold;
    loop {
        let may_ask = asked.is_empty() || client.hedged_permits().available_permits() > 0;
        if may_ask && let Some(at) = trouble.best(located, &asked, prefer_cached) {
            asked.push(node_id(at));
            start(&mut reads, client, path, located, at, range.clone(), target.len());
        } else if reads.is_empty() {
            return Err(failures);
        }
        let more = trouble.best(located, &asked, prefer_cached).is_some();
        let finished = tokio::select! {
            finished = reads.join_next() => finished,
            () = tokio::time::sleep(threshold), if more => continue,
        };
        match finished {
            Some(Ok((_, Ok(bytes)))) => {
                // Dropping the set ends the reads that lost.
                target.copy_from_slice(bytes.get(..target.len()).unwrap_or(&bytes));
                return Ok(());
            }
            Some(Ok((at, Err(error)))) => failures.push((at, error)),
            Some(Err(error)) => tracing::error!(%error, "a hedged read ended abnormally"),
            None => return Err(failures),
        }
    }
}

fn start(
    reads: &mut JoinSet<Outcome>,
    client: &Client,
    path: &str,
    located: &LocatedBlock,
    at: &Location,
    range: Range<u64>,
    length: usize,
) {
    let (client, path) = (client.clone(), path.to_owned());
    let (located, at) = (located.clone(), at.clone());
    reads.spawn(async move {
        let _permit = client.hedged_permits().acquire().await;
        let mut buffer = BytesMut::zeroed(length);
        let outcome = read_replica(&client, &path, &located, &at, range, &mut buffer).await;
        (at, outcome.map(|()| buffer.freeze()))
    });
}
