//! `hadoop conftest` (`ConfTest`): whether configuration files are well-formed.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use loxodon_console::{eprintln, println};
use loxodon_wire::java_hash;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const USAGE: &str = "Usage: hadoop conftest [-conffile <path>|-h|--help]
  -conffile <path>  a file, or a directory whose files ending with .xml are meant; may be given several times;
                    without it the files in ${HADOOP_CONF_DIR} are meant
  -h, --help        this text";

/// Where files are looked for that nobody named.
const DIRECTORY: &str = "HADOOP_CONF_DIR";

/// Runs `conftest`; its exit code.
pub(crate) fn run(args: &[String]) -> i32 {
    let files = match files(args) {
        Ok(files) => files,
        Err((code, message)) => {
            eprintln!("{message}");
            return code;
        }
    };
    let mut sound = true;
    for file in files {
        let path = std::path::absolute(&file).unwrap_or(file);
        let errors = match File::open(&path) {
            Ok(file) => check(file),
            Err(error) => vec![format!("bad conf file: {error}")],
        };
        if errors.is_empty() {
            println!("{}: valid", path.display());
            continue;
        }
        sound = false;
        eprintln!("{}:", path.display());
        for error in errors {
            eprintln!("\t{error}");
        }
    }
    if sound {
        println!("OK");
        return 0;
    }
    eprintln!("Invalid file exists");
    1
}

fn files(args: &[String]) -> Result<Vec<PathBuf>, (i32, String)> {
    let wrong = |message: String| Err((1, message));
    let mut files = Vec::new();
    let mut named = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-h" | "--help" | "-help" => return Err((0, USAGE.to_owned())),
            "-conffile" | "--conffile" => {
                let Some(path) = rest.next() else {
                    return wrong("No argument specified for -conffile option".into());
                };
                named = true;
                let path = Path::new(path);
                if path.is_file() {
                    files.push(path.to_owned());
                } else if path.is_dir() {
                    files.extend(listed(path));
                } else {
                    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                    return wrong(format!("{} is neither a file nor directory", path.display()));
                }
            }
            option if option.starts_with('-') => return wrong(USAGE.to_owned()),
            _ => {}
        }
    }
    if !named {
        let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
            return wrong(format!("{DIRECTORY} is not defined"));
        };
        if !directory.is_dir() {
            return wrong(format!("{DIRECTORY} is not a directory"));
        }
        files.extend(listed(&directory));
    }
    if files.is_empty() {
        return wrong("No input file to validate".into());
    }
    Ok(files)
}

fn listed(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file() && path.extension().is_some_and(|end| end == "xml"))
        .collect();
    files.sort_unstable();
    files
}

/// An element below `<configuration>`.
#[derive(Default)]
struct Element {
    line: usize,
    name: String,
    /// Names of its attributes and of the elements inside, in order, with their texts.
    parts: Vec<(String, Option<String>)>,
}

impl Element {
    fn part<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a (String, Option<String>)> + use<'a, 'n> {
        self.parts.iter().filter(move |(known, _)| known == name)
    }
}

/// What is wrong with a file, in Hadoop's words.
fn check(file: impl Read) -> Vec<String> {
    let elements = match parse(file) {
        Ok(Some(elements)) => elements,
        Ok(None) => return vec!["bad conf file: top-level element not <configuration>".to_owned()],
        Err(error) => return vec![format!("bad conf file: {error}")],
    };
    let mut errors = Vec::new();
    let mut names: Vec<(String, Vec<usize>)> = Vec::new();
    for element in &elements {
        let line = element.line;
        if element.name != "property" {
            errors.push(format!("Line {line}: element not <property>"));
            continue;
        }
        if element.part("name").next().is_none() {
            errors.push(format!("Line {line}: <property> has no <name>"));
        }
        let mut value = None;
        for (_, text) in element.part("name") {
            value = text.as_deref().or(value);
            if value.is_none_or(str::is_empty) {
                errors.push(format!("Line {line}: <property> has an empty <name>"));
            }
        }
        if let Some(name) = value.filter(|name| !name.is_empty()) {
            match names.iter_mut().find(|(known, _)| known == name) {
                Some((_, lines)) => lines.push(line),
                None => names.push((name.to_owned(), vec![line])),
            }
        }
        if element.part("value").next().is_none() {
            errors.push(format!("Line {line}: <property> has no <value>"));
        }
        let mut distinct: Vec<&str> = Vec::new();
        for (name, _) in &element.parts {
            if !distinct.contains(&name.as_str()) {
                distinct.push(name);
            }
        }
        java_hash::walk(&mut distinct, java_hash::BUCKETS, |name| java_hash::string_hash(name));
        for name in distinct {
            if name != "source" && element.part(name).nth(1).is_some() {
                errors.push(format!("Line {line}: <property> has duplicated <{name}>s"));
            }
        }
    }
    java_hash::walk(&mut names, java_hash::BUCKETS, |(name, _)| java_hash::string_hash(name));
    for (name, lines) in names.iter().filter(|(_, lines)| lines.len() > 1) {
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        errors.push(format!("Line {}: duplicated <property>s for {name}", lines.join(", ")));
    }
    errors
}

/// The elements of a file; none if it is no configuration.
fn parse(mut file: impl Read) -> Result<Option<Vec<Element>>, String> {
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|e| e.to_string())?;
    let line_at = |at: u64| {
        let before = text.get(..usize::try_from(at).unwrap_or(usize::MAX)).unwrap_or(&text);
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    };
    let mut reader = Reader::from_reader(BufReader::new(text.as_slice()));
    let mut elements: Vec<Element> = Vec::new();
    let (mut depth, mut closed, mut buffer) = (0_usize, false, Vec::new());
    loop {
        let at = reader.buffer_position();
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|e| e.to_string())?;
        match event {
            Event::Start(tag) | Event::Empty(tag) if closed => {
                return Err(format!("there is <{}> behind the end", name_of(&tag)));
            }
            Event::Start(tag) => {
                if !open(&tag, depth, line_at(at), &mut elements)? {
                    return Ok(None);
                }
                depth += 1;
            }
            Event::Empty(tag) => {
                if !open(&tag, depth, line_at(at), &mut elements)? {
                    return Ok(None);
                }
                closed = depth == 0;
            }
            Event::End(_) => {
                depth -= 1;
                closed = depth == 0;
            }
            Event::Text(piece) if depth == 3 => add_text(&mut elements, &piece.xml10_content()),
            Event::CData(piece) if depth == 3 => add_text(&mut elements, &piece.xml10_content()),
            Event::Eof if closed => return Ok(Some(elements)),
            Event::Eof => return Err("the document ends early".to_owned()),
            _ => {}
        }
    }
}

/// A name without its prefix.
fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

fn name_of(tag: &BytesStart<'_>) -> String {
    local(tag.name().0)
}

/// Takes note of an element; whether the document may still be a configuration.
fn open(
    tag: &BytesStart<'_>,
    depth: usize,
    line: usize,
    elements: &mut Vec<Element>,
) -> Result<bool, String> {
    let name = name_of(tag);
    match depth {
        0 => return Ok(name == "configuration"),
        1 => {
            let mut element = Element { line, name, parts: Vec::new() };
            for attribute in tag.attributes() {
                let attribute = attribute.map_err(|e| e.to_string())?;
                let key = local(attribute.key.0);
                element.parts.push((key, Some(attribute.value.into_owned())));
            }
            elements.push(element);
        }
        2 => {
            if let Some(element) = elements.last_mut() {
                element.parts.push((name, None));
            }
        }
        _ => {}
    }
    Ok(true)
}

fn add_text(elements: &mut [Element], text: &str) {
    if let Some((_, value)) = elements.last_mut().and_then(|element| element.parts.last_mut())
        && !text.is_empty()
    {
        value.get_or_insert_default().push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_hadoops_words() {
        let sound = "<?xml version=\"1.0\"?>\n<configuration>\n<property><name>a</name><value>1</value>\
             <source>x</source><source>y</source></property>\n<property name=\"b\" value=\"c\"/>\n</configuration>\n";
        assert!(check(sound.as_bytes()).is_empty(), "{:?}", check(sound.as_bytes()));
        for (inside, wanted) in [
            ("<x/>", "Line 1: element not <property>"),
            ("<property><value>1</value></property>", "Line 1: <property> has no <name>"),
            (
                "\n<property><name></name><value/></property>",
                "Line 2: <property> has an empty <name>",
            ),
            ("<property><name>a</name></property>", "Line 1: <property> has no <value>"),
            (
                "<property><name>a</name><value/><value/></property>",
                "Line 1: <property> has duplicated <value>s",
            ),
            (
                "<property><name>a</name><value/></property>\n<property><name>a</name><value/></property>",
                "Line 1, 2: duplicated <property>s for a",
            ),
        ] {
            let text = format!("<configuration>{inside}</configuration>");
            assert_eq!(check(text.as_bytes()), [wanted], "{inside}");
        }
        for wrong in ["<other/>", "<configuration>", "x <", "", "<configuration/><configuration/>"]
        {
            let errors = check(wrong.as_bytes());
            assert!(errors[0].starts_with("bad conf file: "), "{wrong}: {errors:?}");
        }
    }

    #[test]
    fn options_and_exit_codes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        let code = |args: &[&str]| run(&args.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(code(&["-conffile", &path]), 1);
        std::fs::write(directory.path().join("a.xml"), "<configuration/>").unwrap();
        assert_eq!(code(&["-conffile", &path]), 0);
        std::fs::write(directory.path().join("b.xml"), "<configuration>").unwrap();
        assert_eq!(code(&["-conffile", &path]), 1);
        assert_eq!(code(&["-conffile", "/no/such"]), 1);
        assert_eq!(code(&["-conffile"]), 1);
        assert_eq!(code(&["-x"]), 1);
        assert_eq!(code(&["-h"]), 0);
    }
}
