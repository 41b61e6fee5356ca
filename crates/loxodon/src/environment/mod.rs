//! Commands about the machine that they run on: its configuration files, paths and libraries.

mod class_path;
mod configuration_files;
mod native;
mod providers;
mod variables;

pub(crate) use class_path::run as class_path;
pub(crate) use configuration_files::run as conf_test;
pub(crate) use native::run as check_native;
pub(crate) use providers::{credential, key};
pub(crate) use variables::run as variables;
