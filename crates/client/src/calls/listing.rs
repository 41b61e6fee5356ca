//! Directories, page by page.

use bytes::Bytes;
use loxodon_wire::proto::hdfs;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::types::{BatchedListingPage, FileStatus, ListingPage};

/// The children of a directory, fetched a page at a time. Of a file it yields the file.
#[derive(Debug)]
pub struct Listing {
    client: Client,
    path: String,
    locations: bool,
    started: bool,
    after: Bytes,
    remaining: u32,
    page: std::vec::IntoIter<FileStatus>,
}

impl Listing {
    /// The next child, by name.
    ///
    /// # Errors
    /// `FileNotFoundException` where there is no such path, and what else the NameNode answers.
    pub async fn next(&mut self) -> Result<Option<FileStatus>> {
        loop {
            if let Some(status) = self.page.next() {
                return Ok(Some(status));
            }
            match self.next_page().await? {
                Some(page) => self.page = page.into_iter(),
                None => return Ok(None),
            }
        }
    }

    /// The next page of children; the NameNode chooses how many (`dfs.ls.limit`).
    ///
    /// # Errors
    /// As [`Listing::next`].
    pub async fn next_page(&mut self) -> Result<Option<Vec<FileStatus>>> {
        if self.started && self.remaining == 0 {
            return Ok(None);
        }
        let page = self.client.list_page(&self.path, &self.after, self.locations).await?;
        let first = !self.started;
        self.started = true;
        let Some(page) = page else {
            self.remaining = 0;
            // A directory that vanished in the middle of its listing just ends.
            return if first { Err(Error::no_such_file(&self.path)) } else { Ok(None) };
        };
        match page.entries.last() {
            Some(last) => {
                self.after = last.raw_name.clone();
                self.remaining = page.remaining;
            }
            None => self.remaining = 0,
        }
        Ok(if first || !page.entries.is_empty() { Some(page.entries) } else { None })
    }
}

impl Client {
    /// Children of a directory, without the locations of their blocks.
    #[must_use]
    pub fn list(&self, path: &str) -> Listing {
        self.listing(path, false)
    }

    /// Children of a directory, with the locations of their blocks.
    #[must_use]
    pub fn list_located(&self, path: &str) -> Listing {
        self.listing(path, true)
    }

    fn listing(&self, path: &str, locations: bool) -> Listing {
        Listing {
            client: self.clone(),
            path: path.to_owned(),
            locations,
            started: false,
            after: Bytes::new(),
            remaining: 0,
            page: Vec::new().into_iter(),
        }
    }

    /// One page of a directory's children, those named after `after`; `None` if there is no
    /// such path.
    ///
    /// # Errors
    /// What the NameNode answers.
    pub async fn list_page(
        &self,
        path: &str,
        after: &[u8],
        locations: bool,
    ) -> Result<Option<ListingPage>> {
        let request = hdfs::GetListingRequestProto {
            src: path.to_owned(),
            start_after: Bytes::copy_from_slice(after),
            need_location: locations,
        };
        let answer: hdfs::GetListingResponseProto = self.safe_call("getListing", &request).await?;
        answer.dir_list.map(ListingPage::from_proto).transpose()
    }

    /// One page of several directories at once; `cursor` is empty for the first.
    ///
    /// # Errors
    /// What the NameNode answers; failures of single directories are within the page.
    pub async fn list_batched(
        &self,
        paths: &[&str],
        cursor: &Bytes,
        locations: bool,
    ) -> Result<BatchedListingPage> {
        let request = hdfs::GetBatchedListingRequestProto {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            start_after: cursor.clone(),
            need_location: locations,
        };
        let answer: hdfs::GetBatchedListingResponseProto =
            self.safe_call("getBatchedListing", &request).await?;
        BatchedListingPage::from_proto(answer)
    }
}
