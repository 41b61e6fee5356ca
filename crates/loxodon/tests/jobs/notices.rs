//! Whoever wants to be told of a job's end is called (`mapreduce.job.end-notification.*`).

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::site::{LIMIT, Site, all};

/// A listener whose first answers are these statuses, and 200 afterwards; it tells what it was asked for.
fn listener(statuses: &[&str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let statuses: Vec<String> = statuses.iter().map(|status| (*status).to_owned()).collect();
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut statuses = statuses.into_iter();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let mut lines = BufReader::new(stream.try_clone().expect("a socket"));
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                continue;
            }
            let mut header = String::new();
            while lines.read_line(&mut header).is_ok_and(|length| length > 2) {
                header.clear();
            }
            let status = statuses.next().unwrap_or_else(|| "200 OK".to_owned());
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    (address, told)
}

#[test]
fn the_end_of_a_job_is_told_again_until_it_is_heard() {
    let site = Site::start(1, &[]);
    site.put("/in", "a\nb\n");
    let run = |output: &str, mapper: &str, url: &str| {
        let settings = [
            format!("mapreduce.job.end-notification.url={url}"),
            "mapreduce.job.end-notification.retry.attempts=3".to_owned(),
            "mapreduce.job.end-notification.retry.interval=50".to_owned(),
            "mapreduce.map.maxattempts=1".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let options = ["-input", "/in", "-output", output, "-mapper", mapper, "-reducer", "cat"];
        all(&site.stream(&settings, &options))
    };
    let heard = |told: &Receiver<String>| told.recv_timeout(LIMIT).expect("somebody calls");
    let id_of = |text: &str| {
        let word = text.split_whitespace().find(|word| word.starts_with("job_")).expect("an id");
        word.trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned()
    };
    let (address, told) = listener(&["500 No", "404 No"]);
    let url = format!("http://{address}/done?id=$jobId&status=$jobStatus");
    let text = run("/out", "cat", &url);
    let wanted = format!("GET /done?id={}&status=SUCCEEDED HTTP/1.1\r\n", id_of(&text));
    // Two refusals, and the call that is heard; then none.
    assert_eq!([heard(&told), heard(&told), heard(&told)], [&*wanted, &*wanted, &*wanted]);
    let text = run("/out2", "false", &url);
    let wanted = format!("GET /done?id={}&status=FAILED HTTP/1.1\r\n", id_of(&text));
    assert_eq!(heard(&told), wanted);
}
