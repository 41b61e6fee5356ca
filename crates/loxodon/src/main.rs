//! Loxodon: Hadoop's HDFS as one program, which is also `hdfs` and `hadoop` by its name.

mod admin;
mod embedded;
mod environment;
mod generic;
mod mapred;
mod offline;
mod program;
mod shell;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> =
        std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    std::process::exit(program::run(&args));
}
