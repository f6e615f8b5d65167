//! The claims challenge in `WWW-Authenticate` (Microsoft Entra documentation, claims challenges): several headers are
//! possible, each with several schemes, their fields in any order.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The longest claims taken, in bytes before decoding.
const LONGEST: usize = 16 * 1024;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The decoded claims (a JSON object as text) of the first bearer challenge that asks for some.
pub(crate) fn claims(headers: &HeaderMap) -> Option<String> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        challenges(value).into_iter().find_map(|challenge| {
            if !challenge.scheme.eq_ignore_ascii_case("bearer") {
                return None;
            }
            match challenge.field("error") {
                Some(error) if !error.eq_ignore_ascii_case("insufficient_claims") => None,
                _ => challenge.field("claims").and_then(decoded),
            }
        })
    })
}

/// Base64 of either alphabet, padded or not.
fn decoded(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let standard: String = text
        .trim()
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let json = String::from_utf8(LENIENT.decode(standard).ok()?).ok()?;
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json).is_ok().then_some(json)
}

struct Challenge {
    scheme: String,
    fields: Vec<(String, String)>,
}

impl Challenge {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Splits `Scheme key="value", key=value, Scheme …`: a word before `=` is a field, any other word a scheme.
fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header.trim_start_matches(separator);
    while !rest.is_empty() {
        let end = rest.find(|c| separator(c) || c == '=').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let spaceless = after.trim_start();
        rest = if let Some(value) = spaceless.strip_prefix('=') {
            let (value, after) = field_value(value.trim_start());
            if let Some(challenge) = found.last_mut() {
                challenge.fields.push((word.to_owned(), value));
            }
            after
        } else {
            found.push(Challenge { scheme: word.to_owned(), fields: Vec::new() });
            after
        };
        rest = rest.trim_start_matches(separator);
    }
    found
}

fn separator(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

/// A quoted or bare value and what follows it. A bare value may hold `=`, as unquoted base64 does.
fn field_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(separator).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    // Its base64 has `+` or `/` and needs padding, so every form differs.
    const CLAIMS: &str =
        r#"{"access_token":{"nbf":{"essential":true,"value":"1700000000","x":"~~~???>>>ÿÿ"}}}"#;

    fn headers(values: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        headers
    }

    fn challenge(claims: &str) -> String {
        format!(
            r#"Bearer realm="", authorization_uri="https://login.example/a,b", error="insufficient_claims", claims="{claims}""#
        )
    }

    #[test]
    fn claims_are_found_in_every_form_of_base64() {
        let standard = STANDARD.encode(CLAIMS);
        assert!(standard.contains(['+', '/']), "the sample tells the alphabets apart");
        let bare = standard.trim_end_matches('=').to_owned();
        for form in [standard, bare, URL_SAFE.encode(CLAIMS), URL_SAFE_NO_PAD.encode(CLAIMS)] {
            assert_eq!(claims(&headers(&[challenge(&form)])).as_deref(), Some(CLAIMS), "{form}");
        }
    }

    #[test]
    fn claims_are_found_among_several_headers_and_schemes_in_any_order() {
        let form = STANDARD.encode(CLAIMS);
        let several = headers(&[
            "Negotiate YIIabc==".to_owned(),
            r#"PoP nonce="x", Bearer error="invalid_token", claims="e30=""#.to_owned(),
            format!(r#"Basic realm="a \"b\"", bearer claims="{form}",realm="x" , error=insufficient_claims"#),
        ]);
        assert_eq!(claims(&several).as_deref(), Some(CLAIMS));
    }

    #[test]
    fn what_asks_for_no_claims_gives_none() {
        for value in [
            r#"Bearer realm="urn:intune:service,a,b""#,
            r#"Bearer error="invalid_token", claims="e30=""#,
            r#"Bearer error="insufficient_claims", claims="%%%""#,
            r#"Bearer error="insufficient_claims", claims="bm90IGpzb24=""#,
            r#"Bearer error="insufficient_claims", claims="#,
            r#"Bearer error="insufficient_claims", claims="e30="#,
            "=,=,\"",
            "",
        ] {
            let found = claims(&headers(&[value.to_owned()]));
            assert!(found.is_none() || found.as_deref() == Some("{}"), "{value}");
        }
        assert_eq!(claims(&HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn no_header_stops_the_reading(value in "[ -~]{0,80}") {
            let _ = challenges(&value);
        }
    }
}
