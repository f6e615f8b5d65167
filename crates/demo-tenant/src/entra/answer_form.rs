//! The forms of the sign-in pages, read as a browser without a window reads them.

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
        let Found { action, fields, .. } = form(html, "answer")?;
        Some(Self { action, fields })
    }
}

/// The form of the page that asks for consent, or of the one that says that an administrator is needed.
#[derive(Debug, PartialEq, Eq)]
pub struct ConsentForm {
    /// The address it is posted to.
    pub action: String,
    fields: Vec<(String, String)>,
    can_accept: bool,
}

impl ConsentForm {
    /// Reads it from a page of the demo tenant; nothing if the page holds none.
    #[must_use]
    pub fn read(html: &str) -> Option<Self> {
        let Found { action, fields, body } = form(html, "consent")?;
        Some(Self { action, fields, can_accept: body.contains("value=\"accept\"") })
    }

    /// The fields to post for *Accept*; nothing if the account may not consent.
    #[must_use]
    pub fn accepted(&self) -> Option<Vec<(String, String)>> {
        self.can_accept.then(|| self.answered("accept"))
    }

    /// The fields to post for *Cancel*, or for going back without consent.
    #[must_use]
    pub fn cancelled(&self) -> Vec<(String, String)> {
        self.answered("cancel")
    }

    fn answered(&self, answer: &str) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.push(("demo_consent".to_owned(), answer.to_owned()));
        fields
    }
}

/// A form of a page.
struct Found<'a> {
    action: String,
    /// The hidden ones.
    fields: Vec<(String, String)>,
    body: &'a str,
}

fn form<'a>(html: &'a str, id: &str) -> Option<Found<'a>> {
    let (_, rest) = html.split_once(&format!("<form id=\"{id}\""))?;
    let (form, _) = rest.split_once("</form>")?;
    let (head, body) = form.split_once('>')?;
    let fields = body.split("<input ").skip(1).filter_map(|input| {
        let (input, _) = input.split_once('>')?;
        Some((attribute(input, "name")?, attribute(input, "value")?))
    });
    Some(Found { action: attribute(head, "action")?, fields: fields.collect(), body })
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
    fn consent_is_given_only_where_it_is_asked_for() {
        let form = |buttons: &str| {
            format!(
                "<form id=\"consent\" action=\"/a\"><input type=\"hidden\" name=\"state\" value=\"s\">{buttons}</form>"
            )
        };
        let asks = ConsentForm::read(&form("<button name=\"demo_consent\" value=\"accept\">")).unwrap();
        let answered = |answer: &str| {
            [("state", "s"), ("demo_consent", answer)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        assert_eq!(asks.accepted().unwrap(), answered("accept"));
        let tells = ConsentForm::read(&form("<button name=\"demo_consent\" value=\"cancel\">")).unwrap();
        assert_eq!(tells.accepted(), None);
        assert_eq!(tells.cancelled(), answered("cancel"));
    }

    #[test]
    fn a_page_without_that_form_gives_none() {
        let html = "<form id=\"other\" action=\"x\"></form>";
        assert!(AnswerForm::read(html).is_none() && ConsentForm::read(html).is_none());
    }
}
