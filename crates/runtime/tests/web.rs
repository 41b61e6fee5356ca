//! The HTTP server and client over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use loxodon_conf::Configuration;
use loxodon_runtime::web::client::{HttpError, HttpTarget, get, put_file};
use loxodon_runtime::web::{
    Bean, BeanSource, Daemon, LogLevels, Method, ProcessBeans, Request, Response, Router,
    SaveError, StatusCode, TrafficBeans, WebLimits, WebServer, is_active_page, standard_pages,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

struct Info;

impl BeanSource for Info {
    fn beans(&self) -> Vec<Bean> {
        vec![Bean::new("Hadoop:service=NameNode,name=NameNodeInfo", "Info").with("Total", 7)]
    }
}

fn pages(router: Router) -> Router {
    let process = ProcessBeans::new("NameNode", "localhost", SystemTime::now());
    let (_, levels) = LogLevels::layer::<tracing_subscriber::Registry>(
        tracing_subscriber::filter::LevelFilter::INFO,
    );
    let daemon = Daemon {
        name: "NameNode".into(),
        beans: Arc::new([Arc::new(Info) as Arc<dyn BeanSource>, Arc::new(process)]),
        configuration: Arc::new(Configuration::new()),
        log_levels: Arc::new(levels),
    };
    standard_pages(router, daemon)
}

async fn serve(limits: WebLimits, router: Router) -> WebServer {
    WebServer::bind(([127, 0, 0, 1], 0).into(), limits, router).await.unwrap()
}

/// Everything that the server says to `request` until it closes the connection.
async fn raw(server: &WebServer, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn standard_pages_answer() {
    let router = Router::new().page("/isActive", is_active_page(|| false));
    let server = serve(WebLimits::default(), pages(router)).await;
    let target = HttpTarget::from(server.local_addr());
    let text = async |path: &str| {
        let answer = get(&target, path, &[]).await.unwrap();
        (answer.status.as_u16(), answer.text(1 << 20).await.unwrap())
    };
    let (status, beans) = text("/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo").await;
    assert_eq!(status, 200);
    assert!(beans.contains("\"Total\" : 7"), "{beans}");
    assert!(text("/jmx").await.1.contains("java.lang:type=Memory"));
    assert!(text("/conf").await.1.contains("dfs.replication"));
    assert!(text("/prom").await.1.contains("jvm_metrics_mem_heap_used_m{"));
    assert!(text("/logLevel?log=root").await.1.contains("Effective Level: <b>INFO</b>"));
    assert!(text("/").await.1.contains("<a href=\"/jmx\">"));
    let (status, body) = text("/isActive").await;
    assert_eq!(status, 405);
    assert!(body.contains("I am not Active!"));
    assert!(text("/stacks").await.1.starts_with("Process Thread Dump: "));
    assert_eq!(text("/nothing").await.0, 404);
    // Pages can be exchanged under open connections; what was asked is counted.
    server.replace(Router::new().page("/other", |_| Response::plain(StatusCode::OK, "other")));
    assert_eq!(text("/other").await, (200, "other".to_owned()));
    assert_eq!(text("/jmx").await.0, 404);
    let traffic = TrafficBeans::new("NameNode", "nn", 9870, server.traffic()).beans().remove(0);
    let count = |name: &str| {
        traffic.attributes.iter().find(|(found, _)| found == name).unwrap().1.as_u64().unwrap()
    };
    assert_eq!((count("Responses2xx"), count("Responses4xx")), (8, 3));
    server.shutdown().await;
}

#[tokio::test]
async fn a_file_goes_out_and_comes_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    let bytes: Vec<u8> = (0..3_000_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
    std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let length = bytes.len() as u64;
    let (uploaded, source) = (directory.path().join("uploaded"), path.clone());
    let store = uploaded.clone();
    let router = Router::new()
        .route("/imagetransfer", move |mut request: Request| {
            let (source, store) = (source.clone(), store.clone());
            async move {
                if request.method == Method::PUT {
                    let mut file = tokio::fs::File::create(store).await.unwrap();
                    let patience = Duration::from_secs(10);
                    let saved = request.save_body(&mut file, 1 << 24, patience, 0).await.unwrap();
                    return Response::plain(StatusCode::OK, saved.length.to_string());
                }
                let file = tokio::fs::File::open(source).await.unwrap();
                Response::file(file, length).header("X-MD5-Digest", "abc")
            }
        })
        .route("/cut", {
            let source = path.clone();
            move |_| {
                let source = source.clone();
                async move {
                    let file = tokio::fs::File::open(source).await.unwrap();
                    Response::file(file, length + 1)
                }
            }
        });
    let server = serve(WebLimits::default(), router).await;
    let target = HttpTarget::from(server.local_addr());

    let answer = get(&target, "/imagetransfer?getimage=1", &[]).await.unwrap();
    assert_eq!(answer.content_length(), Some(length));
    assert_eq!(answer.header("X-MD5-Digest"), Some("abc"));
    let copy = directory.path().join("copy");
    let mut file = tokio::fs::File::create(&copy).await.unwrap();
    let saved = answer.save(&mut file, u64::MAX).await.unwrap();
    assert_eq!(saved.length, length);
    assert_eq!(std::fs::read(&copy).unwrap(), bytes);

    let answer = get(&target, "/imagetransfer", &[]).await.unwrap();
    let error = answer.save(&mut file, 1000).await.unwrap_err();
    assert!(matches!(error, HttpError::Save { source: SaveError::TooLong(1000), .. }));

    let answer = get(&target, "/cut", &[]).await.unwrap();
    let error = answer.save(&mut file, u64::MAX).await.unwrap_err();
    assert!(matches!(error, HttpError::Save { source: SaveError::Broken(_), .. }), "{error}");

    let answer = put_file(&target, "/imagetransfer", &[], &path, length).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(std::fs::read(&uploaded).unwrap(), bytes);
}

#[tokio::test]
async fn an_answer_can_be_written_while_it_is_sent() {
    let router = Router::new().route("/fsck", |_| async {
        let (sender, answer) = Response::channel();
        tokio::spawn(async move {
            for i in 0..1000 {
                assert!(sender.send(format!("line {i}\n")).await);
            }
        });
        answer
    });
    let server = serve(WebLimits::default(), router).await;
    let answer = get(&server.local_addr().into(), "/fsck", &[]).await.unwrap();
    let text = answer.text(1 << 20).await.unwrap();
    assert_eq!(text.lines().count(), 1000);
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let limits = WebLimits { max_header: 8192, ..WebLimits::default() };
    let server = serve(limits, pages(Router::new())).await;
    for bad in [&b"nonsense\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"GET \x00 HTTP/1.1\r\n\r\n"] {
        assert!(raw(&server, bad).await.starts_with("HTTP/1.1 400"), "{bad:?}");
    }
    let long = format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    let answer = raw(&server, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let post = b"POST /jmx HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let answer = raw(&server, post).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert_eq!(get(&server.local_addr().into(), "/jmx", &[]).await.unwrap().status, 200);
}

#[tokio::test]
async fn slow_requests_are_given_up() {
    let limits = WebLimits { idle_timeout: Duration::from_millis(50), ..WebLimits::default() };
    let server = serve(limits, pages(Router::new())).await;
    let answer = raw(&server, b"GET /jmx HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up() {
    let router = Router::new().route("/endless", |_| async {
        let (sender, answer) = Response::channel();
        tokio::spawn(async move { while sender.send(vec![0; 65536]).await {} });
        answer
    });
    let limits = WebLimits {
        stall_timeout: Duration::from_millis(50),
        max_connections: 1,
        ..WebLimits::default()
    };
    let server = serve(limits, pages(router)).await;
    let mut stuck = TcpStream::connect(server.local_addr()).await.unwrap();
    stuck.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // The only place there is becomes free once the first peer is given up.
    assert_eq!(get(&server.local_addr().into(), "/", &[]).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let server = serve(WebLimits::default(), Router::new()).await;
    let again = WebServer::bind(server.local_addr(), WebLimits::default(), Router::new()).await;
    let message = again.unwrap_err().to_string();
    assert!(message.starts_with(&format!("Port in use: {}", server.local_addr())), "{message}");
    let gone = server.local_addr();
    server.shutdown().await;
    let error = get(&gone.into(), "/", &[]).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to http://{gone}")), "{error}");
}
