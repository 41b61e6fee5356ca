//! Hadoop's configuration files: `<configuration><property><name/><value/><final/></property>`.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// What a file says, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A property; who set it before, first to last, as `<source>` says in files that a program wrote.
    Property { name: String, value: String, is_final: bool, sources: Vec<String>, line: usize },
    /// `<xi:include href="..."/>`, with whether `<xi:fallback>` makes its absence no error.
    Include { href: String, fallback: bool, line: usize },
}

/// Where and what a file's text is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// Reads the text of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, SyntaxError> {
    let mut parser = Parser { text, items: Vec::new(), open: Vec::new(), property: None };
    let mut reader = Reader::from_str(text);
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|e| parser.error(at, e.to_string()))?;
        match event {
            Event::Start(tag) => parser.start(&tag, at)?,
            Event::Empty(tag) => {
                parser.start(&tag, at)?;
                parser.end();
            }
            Event::End(_) => parser.end(),
            Event::Text(part) => parser.characters(&part.xml10_content()),
            Event::CData(part) => parser.characters(&part.xml10_content()),
            Event::GeneralRef(part) => parser.reference(&part, at)?,
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if let Some(open) = parser.open.last() {
        return Err(parser.error(text.len(), format!("<{open}> is not closed")));
    }
    Ok(parser.items)
}

#[derive(Debug, Default)]
struct Property {
    name: Option<String>,
    value: Option<String>,
    is_final: bool,
    sources: Vec<String>,
    line: usize,
    /// The child element whose text is being read.
    field: Option<String>,
    text: String,
}

impl Property {
    /// A child element ends. One without text says nothing, as in Hadoop (`Configuration.Parser.handleEndElement`): an
    /// empty `<value/>` leaves what was set before, or the default.
    fn take_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        match self.field.take().as_deref() {
            Some("name") if !text.is_empty() => self.name = Some(text),
            Some("value") if !text.is_empty() => self.value = Some(text),
            Some("final") => self.is_final = text == "true",
            Some("source") => self.sources.push(text),
            _ => {}
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    items: Vec<Item>,
    open: Vec<String>,
    property: Option<Property>,
}

impl Parser<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|b| **b == b'\n').count()
    }

    fn error(&self, at: usize, reason: String) -> SyntaxError {
        SyntaxError { line: self.line(at), reason }
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<(), SyntaxError> {
        let name = tag.local_name().as_ref().to_owned();
        if self.open.is_empty() && name != "configuration" {
            return Err(
                self.error(at, format!("top-level element is <{name}>, not <configuration>"))
            );
        }
        match name.as_str() {
            "property" => self.property = Some(self.attributes(tag, at)?),
            "include" => {
                let href = attribute(tag, "href")
                    .ok_or_else(|| self.error(at, "<include> without href".into()))?;
                self.items.push(Item::Include { href, fallback: false, line: self.line(at) });
            }
            "fallback" => {
                if let Some(Item::Include { fallback, .. }) = self.items.last_mut() {
                    *fallback = true;
                }
            }
            "name" | "value" | "final" | "source" => {
                if let Some(property) = &mut self.property {
                    property.field = Some(name.clone());
                    property.text.clear();
                }
            }
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    /// `<property name="" value="" final=""/>` is a spelling too.
    fn attributes(&self, tag: &BytesStart<'_>, at: usize) -> Result<Property, SyntaxError> {
        if let Some(Err(e)) = tag.attributes().find(Result::is_err) {
            return Err(self.error(at, e.to_string()));
        }
        Ok(Property {
            name: attribute(tag, "name"),
            value: attribute(tag, "value"),
            is_final: attribute(tag, "final").is_some_and(|v| v == "true"),
            sources: Vec::new(),
            line: self.line(at),
            field: None,
            text: String::new(),
        })
    }

    fn characters(&mut self, text: &str) {
        if let Some(property) = self.property.as_mut().filter(|property| property.field.is_some()) {
            property.text.push_str(text);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>, at: usize) -> Result<(), SyntaxError> {
        let unknown = |name: &str| self.error(at, format!("unknown entity &{name};"));
        let character = reference.resolve_char_ref().map_err(|e| unknown(&e.to_string()))?;
        let name = reference.xml10_content();
        let text = match character {
            Some(c) => c.to_string(),
            None => quick_xml::escape::resolve_predefined_entity(&name)
                .ok_or_else(|| unknown(&name))?
                .to_owned(),
        };
        self.characters(&text);
        Ok(())
    }

    fn end(&mut self) {
        let closed = self.open.pop();
        match closed.as_deref() {
            Some("property") => {
                // A property without a name or a value sets nothing, as in Hadoop.
                if let Some(Property {
                    name: Some(name),
                    value: Some(value),
                    is_final,
                    sources,
                    line,
                    ..
                }) = self.property.take()
                {
                    let name = name.trim().to_owned();
                    self.items.push(Item::Property { name, value, is_final, sources, line });
                }
            }
            Some("name" | "value" | "final" | "source") => {
                if let Some(property) = &mut self.property {
                    property.take_text();
                }
            }
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(name: &str, value: &str, is_final: bool, line: usize) -> Item {
        let (name, value) = (name.into(), value.into());
        Item::Property { name, value, is_final, sources: Vec::new(), line }
    }

    #[test]
    fn both_spellings_entities_and_comments() {
        let text = r#"<?xml version="1.0"?>
<!-- <property><name>no</name><value>no</value></property> -->
<configuration xmlns:xi="http://www.w3.org/2001/XInclude">
  <property><name> a </name><value>x &amp; &#x41;<![CDATA[<y>]]></value><final>true</final></property>
  <property name="b" value="1 &lt; 2"/>
  <property><name>empty</name><value></value><description>about it</description></property>
  <property><name>nothing</name></property>
  <property name="none" value=""/>
  <xi:include href="other.xml"><xi:fallback/></xi:include>
</configuration>"#;
        assert_eq!(
            parse(text).unwrap(),
            [
                property("a", "x & A<y>", true, 4),
                property("b", "1 < 2", false, 5),
                property("none", "", false, 8),
                Item::Include { href: "other.xml".into(), fallback: true, line: 9 },
            ]
        );
    }

    #[test]
    fn who_set_it_before() {
        let text = "<configuration><property><name>a</name><value>1</value><source>core-site.xml</source>\
                    <source>-D &amp; more</source></property></configuration>";
        let [Item::Property { sources, .. }] = &parse(text).unwrap()[..] else { panic!("one") };
        assert_eq!(sources, &["core-site.xml", "-D & more"]);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line) in [
            ("<configuration>\n<property>\n</configuration>", 3),
            ("<configuration>\n", 2),
            ("<config/>", 1),
            ("<configuration>\n<property><name>&x;</name></property></configuration>", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
