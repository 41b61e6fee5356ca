//! HTTP: the pages that every daemon has, a router for its own, and a client.
//!
//! `server` accepts, `router` finds the page, `page` is what a page sees and says, `body` carries
//! files and streams. `/jmx` and `/prom` show what a [`BeanSource`] gives.

mod bean;
mod body;
pub mod client;
mod configuration;
mod jmx;
mod log_level;
pub(crate) mod look;
mod pace;
mod page;
mod pages;
mod process;
mod prometheus;
mod router;
mod rpc_beans;
mod save;
mod server;
mod stacks;
mod stall;
mod traffic;

#[cfg(feature = "fuzzing")]
pub(crate) use bean::NamePattern;
pub use bean::{Bean, BeanSource};
pub use body::BodySender;
pub use hyper::{Method, StatusCode};
pub use log_level::LogLevels;
pub use page::{Request, Response, escape_html};
pub use pages::{Daemon, is_active_page, standard_pages};
pub use process::ProcessBeans;
pub use router::Router;
pub use rpc_beans::RpcBeans;
pub use save::{SaveError, Saved};
pub use server::{WebLimits, WebServer};
pub use traffic::{Traffic, TrafficBeans};
