//! `hadoop checknative` (`NativeLibraryChecker`). What Java loads as libraries is part of this program.

use loxodon_console::{eprintln, print, println};

const USAGE: &str = "NativeLibraryChecker [-a|-h]
  -a  exit with 1 unless all of them are available
  -h  this text
";

/// A library by the name that scripts look for, and what stands in its place.
const LIBRARIES: [(&str, bool, &str); 7] = [
    ("hadoop: ", true, "part of this program"),
    ("zlib:   ", true, "zlib-rs, part of this program"),
    ("zstd  : ", true, "zstd, part of this program"),
    ("bzip2:  ", true, "libbz2-rs, part of this program"),
    ("openssl:", false, "encryption is not supported"),
    ("ISA-L:  ", false, "erasure coding is not supported"),
    ("PMDK:   ", false, "persistent memory is not supported"),
];

/// Runs `checknative`; its exit code.
pub(crate) fn run(args: &[String]) -> i32 {
    let all = match args {
        [] => false,
        [only] if only == "-a" => true,
        [only] if only == "-h" => {
            println!("{USAGE}");
            return 0;
        }
        _ => {
            eprintln!("{USAGE}");
            return 1;
        }
    };
    let mut text = String::from("Native library checking:\n");
    for (name, there, what) in LIBRARIES {
        text += &format!("{name} {there} {what}\n");
    }
    print!("{text}");
    // Java asks for these four with `-a`.
    let needed = ["zlib", "bzip2", "ISA-L", "zstd"];
    let there =
        |wanted: &str| LIBRARIES.iter().any(|(name, there, _)| *there && name.starts_with(wanted));
    i32::from(all && !needed.iter().all(|name| there(name)))
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn exit_codes() {
        for (args, wanted) in
            [(&[][..], 0), (&["-a"], 1), (&["-h"], 0), (&["-x"], 1), (&["-a", "-h"], 1)]
        {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert_eq!(run(&args), wanted, "{args:?}");
        }
    }
}
