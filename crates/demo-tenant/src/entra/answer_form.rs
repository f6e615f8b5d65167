//! The form that hands a sign-in's answer to the app, read as a browser without a window reads it.

/// The form that posts itself: where it goes and its hidden fields. It holds a code, so there is no Debug of it.
#[derive(PartialEq, Eq)]
pub struct AnswerForm {
    /// The address it is posted to.
    pub action: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl AnswerForm {
    /// Reads it from a page of the demo tenant; nothing if the page holds none.
    #[must_use]
    pub fn read(html: &str) -> Option<Self> {
        let (_, rest) = html.split_once("<form id=\"answer\"")?;
        let (form, _) = rest.split_once("</form>")?;
        let (head, body) = form.split_once('>')?;
        let fields = body.split("<input ").skip(1).filter_map(|input| {
            let (input, _) = input.split_once('>')?;
            Some((attribute(input, "name")?, attribute(input, "value")?))
        });
        Some(Self { action: attribute(head, "action")?, fields: fields.collect() })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    Some(plain.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_read_with_its_hidden_fields() {
        let html = "<form id=\"answer\" method=\"post\" action=\"http://localhost:5/?a=1&amp;b\">\
            <input type=\"hidden\" name=\"code\" value=\"a&amp;lt;b\"><input type=\"hidden\" name=\"state\" value=\"s&#39;\"></form>";
        let form = AnswerForm::read(html).unwrap();
        assert_eq!(form.action, "http://localhost:5/?a=1&b");
        let fields =
            [("code", "a&lt;b"), ("state", "s'")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form.fields, fields);
    }

    #[test]
    fn a_page_without_that_form_gives_none() {
        assert!(AnswerForm::read("<form id=\"other\" action=\"x\"></form>").is_none());
    }
}
