//! Standard output and error as Java's `PrintStream` has them: where the reader has gone, what is
//! said is lost and the program goes on. The standard library's macros of the same names panic,
//! which would end a daemon whose log is piped into something that ended first.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Writes to standard output at once. Called by [`print!`] and [`println!`].
pub fn to_output(text: Arguments<'_>) {
    write(io::stdout().lock(), text);
}

/// Writes to standard error at once. Called by [`eprint!`] and [`eprintln!`].
pub fn to_error(text: Arguments<'_>) {
    write(io::stderr().lock(), text);
}

fn write(mut stream: impl Write, text: Arguments<'_>) {
    let _ = stream.write_fmt(text).and_then(|()| stream.flush());
}

/// [`std::print!`], flushed, for a reader who may have gone.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => { $crate::to_output(::std::format_args!($($text)*)) };
}

/// [`std::println!`] for a reader who may have gone.
#[macro_export]
macro_rules! println {
    () => { $crate::to_output(::std::format_args!("\n")) };
    ($($text:tt)*) => {
        $crate::to_output(::std::format_args!("{}\n", ::std::format_args!($($text)*)))
    };
}

/// [`std::eprint!`] for a reader who may have gone.
#[macro_export]
macro_rules! eprint {
    ($($text:tt)*) => { $crate::to_error(::std::format_args!($($text)*)) };
}

/// [`std::eprintln!`] for a reader who may have gone.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::to_error(::std::format_args!("\n")) };
    ($($text:tt)*) => {
        $crate::to_error(::std::format_args!("{}\n", ::std::format_args!($($text)*)))
    };
}
