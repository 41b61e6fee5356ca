//! `hdfs oiv -p Web` (`WebImageViewer`, `FSImageHandler`): an image behind WebHDFS's read-only calls.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use loxodon_console::eprintln;
use loxodon_namespace::edit::{XAttr, XAttrNamespace};
use loxodon_namespace::image;
use loxodon_namespace::settings::Settings;
use loxodon_namespace::view::{InodeBody, InodeView};
use loxodon_namespace::{Namespace, entry_text};
use loxodon_runtime::web::{Method, Request, Response, Router, StatusCode, WebLimits, WebServer};
use loxodon_wire::ids::InodeId;
use loxodon_wire::java_hash;
use serde_json::{Map, Value, json};

/// Where WebHDFS's paths begin.
const PREFIX: &str = "/webhdfs/v1";

/// Serves until the process is ended.
pub(super) fn serve(bytes: &[u8], address: &str) -> Result<(), String> {
    let loaded = image::load(bytes, Settings::default()).map_err(|e| e.to_string())?;
    let image = Arc::new(Image { tree: loaded.namespace });
    let wrong = || format!("Does not contain a valid host:port authority: {address}");
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let unknown = |e: io::Error| format!("{address}: {e}");
    let socket = (host, port).to_socket_addrs().map_err(unknown)?.next().ok_or_else(wrong)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(unknown)?.block_on(async {
        let pages = Router::new()
            .route_below("/", move |request: Request| std::future::ready(image.answer(&request)));
        let server = WebServer::bind(socket, WebLimits::default(), pages);
        let server = server.await.map_err(|e| e.to_string())?;
        eprintln!(
            "WebImageViewer started. Listening on /{}. Press Ctrl+C to stop the viewer.",
            server.local_addr()
        );
        tokio::signal::ctrl_c().await.map_err(unknown)?;
        server.shutdown().await;
        Ok(())
    })
}

/// An exception: status, simple name and package of the class, message.
struct Refusal(StatusCode, &'static str, &'static str, String);

type Answer = Result<String, Refusal>;

fn illegal(message: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, "IllegalArgumentException", "java.lang", message.into())
}

fn not_found(path: impl Into<String>) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "FileNotFoundException", "java.io", path.into())
}

struct Image {
    tree: Namespace,
}

impl Image {
    fn answer(&self, request: &Request) -> Response {
        if request.method != Method::GET {
            return Response::new(StatusCode::METHOD_NOT_ALLOWED, "").header("Connection", "close");
        }
        let (status, text) = match self.call(request) {
            Ok(text) => (StatusCode::OK, text),
            Err(Refusal(status, name, package, message)) => {
                let error = json!({"RemoteException": {
                    "exception": name,
                    "javaClassName": format!("{package}.{name}"),
                    "message": message,
                }});
                (status, error.to_string())
            }
        };
        Response::new(status, text)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Connection", "close")
    }

    fn call(&self, request: &Request) -> Answer {
        let whole = decoded(&request.path);
        let Some(path) = whole.strip_prefix(PREFIX) else {
            return Err(not_found(format!("Path: {whole} should start with {PREFIX}")));
        };
        let op = request.parameter("op").map(str::to_ascii_uppercase);
        let op = op.ok_or_else(|| illegal("Param op must be specified."))?;
        match op.as_str() {
            "GETFILESTATUS" => {
                let status = self.status(&self.find(path)?, false);
                Ok(format!("{{\"FileStatus\":\n{status}\n}}\n"))
            }
            "LISTSTATUS" => self.list(path),
            "GETACLSTATUS" => self.acl(path),
            "GETXATTRS" => self.xattrs(path, request),
            "LISTXATTRS" => {
                let names: Vec<_> = self.find(path)?.xattrs.iter().map(xattr_name).collect();
                Ok(json!({ "XAttrNames": json!(names).to_string() }).to_string())
            }
            "GETCONTENTSUMMARY" => self.summary(path),
            _ => Err(illegal("Invalid value for webhdfs parameter \"op\"")),
        }
    }

    fn find(&self, path: &str) -> Result<InodeView<'_>, Refusal> {
        if !path.starts_with('/') {
            return Err(illegal("a path begins with /"));
        }
        let missing = || not_found(path);
        let mut at = self.tree.inode_views().next().ok_or_else(missing)?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let mut children = self.tree.children_after(at.id, b"");
            let child = children.find(|(_, known)| *known == name.as_bytes());
            at = child.and_then(|(id, _)| self.tree.inode_view(id)).ok_or_else(missing)?;
        }
        Ok(at)
    }

    fn children(&self, directory: InodeId) -> impl Iterator<Item = InodeView<'_>> {
        self.tree.child_ids(directory).filter_map(|child| self.tree.inode_view(child))
    }

    fn list(&self, path: &str) -> Answer {
        let found = self.find(path)?;
        let statuses: Vec<String> = match found.body {
            InodeBody::Directory { .. } => {
                self.children(found.id).map(|child| self.status(&child, true).to_string()).collect()
            }
            _ => vec![self.status(&found, false).to_string()],
        };
        Ok(format!("{{\"FileStatuses\":{{\"FileStatus\":[\n{}\n]}}}}\n", statuses.join(",")))
    }

    fn status(&self, inode: &InodeView<'_>, named: bool) -> Value {
        let suffix = if named { String::from_utf8_lossy(inode.name) } else { "".into() };
        // Access time, block size, replication, children, and what it is.
        let (times, kind) = match &inode.body {
            InodeBody::File { replication, block_size, erasure_coding_policy, .. } => {
                // `INodeFile.DEFAULT_REPL_FOR_STRIPED_BLOCKS`.
                let striped = *erasure_coding_policy != 0;
                let replication = if striped { 1 } else { u64::from(*replication) };
                ([inode.atime.0, *block_size, replication, 0], "FILE")
            }
            InodeBody::Directory { children, .. } => ([0, 0, 0, u64::from(*children)], "DIRECTORY"),
            InodeBody::Symlink { .. } => ([inode.atime.0, 0, 0, 0], "SYMLINK"),
        };
        let [atime, block_size, replication, children] = times;
        // In the order in which Hadoop puts them into its map.
        let mut fields: Vec<(&str, Value)> = vec![
            ("accessTime", atime.into()),
            ("blockSize", block_size.into()),
            ("group", inode.group.into()),
            ("length", file_size(inode).into()),
            ("modificationTime", inode.mtime.0.into()),
            ("owner", inode.owner.into()),
            ("pathSuffix", suffix.into()),
            ("permission", format!("{:o}", inode.mode).into()),
            ("replication", replication.into()),
            ("type", kind.into()),
        ];
        if let InodeBody::Symlink { target } = &inode.body {
            fields.push(("symlink", (*target).into()));
        }
        fields.push(("fileId", inode.id.0.into()));
        fields.push(("childrenNum", children.into()));
        as_hash_map(fields)
    }

    fn acl(&self, path: &str) -> Answer {
        let inode = self.find(path)?;
        let entries: Vec<_> = inode.acl.iter().map(entry_text).collect();
        Ok(json!({"AclStatus": {
            "entries": entries,
            "group": inode.group,
            "owner": inode.owner,
            "permission": format!("{:o}", inode.mode),
            "stickyBit": inode.mode & 0o1000 != 0,
        }})
        .to_string())
    }

    fn xattrs(&self, path: &str, request: &Request) -> Answer {
        let inode = self.find(path)?;
        let encoding = request.parameter("encoding").unwrap_or_default().to_ascii_uppercase();
        if !matches!(encoding.as_str(), "" | "TEXT" | "HEX" | "BASE64") {
            return Err(illegal("Invalid value for webhdfs parameter \"encoding\""));
        }
        let mut chosen = Vec::new();
        let named = request.parameters.iter().filter(|(key, _)| key == "xattr.name");
        for (_, name) in named {
            let (space, name) = name.split_once('.').filter(|(space, name)| {
                let spaces = ["user", "trusted", "security", "system", "raw"];
                spaces.iter().any(|known| known.eq_ignore_ascii_case(space)) && !name.is_empty()
            }).ok_or_else(|| {
                let words = "An XAttr name must be prefixed with user/trusted/security/system/raw, followed by a '.'";
                Refusal(
                    StatusCode::BAD_REQUEST,
                    "HadoopIllegalArgumentException",
                    "org.apache.hadoop",
                    words.to_owned(),
                )
            })?;
            let wanted = format!("{}.{name}", space.to_ascii_lowercase());
            let found = inode.xattrs.iter().find(|xattr| xattr_name(xattr) == wanted);
            chosen.push(found.ok_or_else(|| {
                Refusal(
                    StatusCode::FORBIDDEN,
                    "XAttrNotFoundException",
                    "org.apache.hadoop.hdfs.protocol",
                    "At least one of the attributes provided was not found.".to_owned(),
                )
            })?);
        }
        if chosen.is_empty() {
            chosen.extend(inode.xattrs);
        }
        let shown = chosen.into_iter().map(|xattr| {
            let value = encoded(xattr.value.as_deref().unwrap_or_default(), &encoding);
            json!({ "name": xattr_name(xattr), "value": value })
        });
        Ok(json!({ "XAttrs": shown.collect::<Vec<_>>() }).to_string())
    }

    fn summary(&self, path: &str) -> Answer {
        let found = self.find(path)?;
        let (mut directories, mut files, mut length, mut space) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut quotas = (-1, -1);
        if let InodeBody::Directory { quota, .. } = &found.body {
            quotas = (quota.namespace, quota.storage);
        }
        let mut left = vec![found];
        while let Some(inode) = left.pop() {
            match &inode.body {
                InodeBody::Directory { .. } => {
                    directories += 1;
                    left.extend(self.children(inode.id));
                }
                InodeBody::File { replication, .. } => {
                    let size = file_size(&inode);
                    files += 1;
                    length = length.wrapping_add(size);
                    space = space.wrapping_add(size.wrapping_mul(u64::from(*replication)));
                }
                InodeBody::Symlink { .. } => files += 1,
            }
        }
        let summary = as_hash_map(vec![
            ("directoryCount", directories.into()),
            ("fileCount", files.into()),
            ("length", length.into()),
            ("quota", quotas.0.into()),
            ("spaceConsumed", space.into()),
            ("spaceQuota", quotas.1.into()),
        ]);
        Ok(format!("{{\"ContentSummary\":\n{summary}\n}}\n"))
    }
}

fn file_size(inode: &InodeView<'_>) -> u64 {
    let InodeBody::File { blocks, .. } = &inode.body else { return 0 };
    let each = (0..blocks.len()).filter_map(|index| blocks.get(index));
    each.fold(0, |sum, block| sum.wrapping_add(block.length))
}

fn xattr_name(xattr: &XAttr) -> String {
    let space = match xattr.namespace {
        XAttrNamespace::User => "user",
        XAttrNamespace::Trusted => "trusted",
        XAttrNamespace::Security => "security",
        XAttrNamespace::System => "system",
        XAttrNamespace::Raw => "raw",
    };
    format!("{space}.{}", xattr.name)
}

/// `XAttrCodec.encodeValue`.
fn encoded(value: &[u8], encoding: &str) -> String {
    match encoding {
        "HEX" => {
            let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("0x{digits}")
        }
        "BASE64" => format!("0s{}", STANDARD.encode(value)),
        _ => format!("\"{}\"", String::from_utf8_lossy(value)),
    }
}

/// Fields in the order in which Hadoop sends them.
fn as_hash_map(mut fields: Vec<(&str, Value)>) -> Value {
    java_hash::walk(&mut fields, java_hash::BUCKETS, |(name, _)| java_hash::string_hash(name));
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// A path with `%xx` as the bytes that they stand for.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = tail.first_chunk::<2>().filter(|_| *first == b'%').and_then(|digits| {
            let text = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(text, 16).ok()
        });
        bytes.push(hex.unwrap_or(*first));
        if hex.is_some() {
            rest = tail.get(2..).unwrap_or_default();
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let bytes = include_bytes!("../../../namespace/tests/data/fsimage");
        Image { tree: image::load(bytes, Settings::default()).unwrap().namespace }
    }

    fn get(image: &Image, path: &str, query: &str) -> (u16, Value) {
        let answer = image.answer(&Request::get(path, query));
        (answer.status().as_u16(), serde_json::from_str(&answer.text().unwrap()).unwrap())
    }

    #[test]
    fn answers() {
        let image = image();
        let (code, root) = get(&image, "/webhdfs/v1/", "op=GETFILESTATUS");
        assert_eq!((code, &root["FileStatus"]["type"]), (200, &json!("DIRECTORY")));
        assert_eq!(root["FileStatus"]["fileId"], json!(16_385));
        let (_, list) = get(&image, "/webhdfs/v1/", "op=liststatus");
        let list = list["FileStatuses"]["FileStatus"].as_array().unwrap();
        assert_eq!(json!(list.len()), root["FileStatus"]["childrenNum"]);
        let (_, summary) = get(&image, "/webhdfs/v1/", "op=GETCONTENTSUMMARY");
        assert!(summary["ContentSummary"]["fileCount"].as_u64().unwrap() > 0);
        for op in ["GETACLSTATUS", "GETXATTRS", "LISTXATTRS"] {
            assert_eq!(get(&image, "/webhdfs/v1/", &format!("op={op}")).0, 200, "{op}");
        }
    }

    #[test]
    fn refusals_are_javas() {
        let image = image();
        for (path, query, code, class) in [
            ("/webhdfs/v1/", "", 400, "IllegalArgumentException"),
            ("/webhdfs/v1/", "op=DELETE", 400, "IllegalArgumentException"),
            ("/webhdfs/v1/", "op=GETXATTRS&encoding=x", 400, "IllegalArgumentException"),
            ("/webhdfs/v1/", "op=GETXATTRS&xattr.name=x", 400, "HadoopIllegalArgumentException"),
            ("/webhdfs/v1/", "op=GETXATTRS&xattr.name=user.none", 403, "XAttrNotFoundException"),
            ("/webhdfs/v1/no%20such", "op=LISTSTATUS", 404, "FileNotFoundException"),
            ("/other", "op=LISTSTATUS", 404, "FileNotFoundException"),
        ] {
            let (given, error) = get(&image, path, query);
            let error = &error["RemoteException"]["exception"];
            assert_eq!((given, error), (code, &json!(class)), "{path} {query}");
        }
        let mut put = Request::get("/webhdfs/v1/", "op=LISTSTATUS");
        put.method = Method::PUT;
        assert_eq!(image.answer(&put).status().as_u16(), 405);
        assert_eq!(decoded("/a%20b%zz%4"), "/a b%zz%4");
    }
}
