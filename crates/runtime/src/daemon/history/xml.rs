//! What REST tells, as XML: an element for each field, again and again where there are several.

use serde_json::Value;

/// The document of an object with one field, which is the root's name.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>");
    if let Value::Object(fields) = value {
        fields.iter().for_each(|(name, value)| element(name, value, &mut text));
    }
    text
}

fn element(name: &str, value: &Value, text: &mut String) {
    if let Value::Array(items) = value {
        items.iter().for_each(|item| element(name, item, text));
        return;
    }
    text.push_str(&format!("<{name}>"));
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| element(name, value, text));
        }
        Value::String(value) => escape(value, text),
        Value::Null => {}
        other => text.push_str(&other.to_string()),
    }
    text.push_str(&format!("</{name}>"));
}

/// Characters that XML cannot have are left out.
fn escape(value: &str, text: &mut String) {
    for letter in value.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\t' | '\n' | '\r' => text.push(letter),
            control if control < ' ' || matches!(control, '\u{fffe}' | '\u{ffff}') => {}
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_elements_of_one_name() {
        let value =
            json!({"jobs": {"job": [{"id": "a<&\u{1}"}, {"id": 7, "ok": true}], "x": null}});
        assert_eq!(
            document(&value),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><jobs><job><id>a&lt;&amp;</id></job>\
             <job><id>7</id><ok>true</ok></job><x></x></jobs>"
        );
    }
}
