//! The `claims` parameter: what a challenge asks for, and that this client can handle challenges.

use serde_json::{Map, Value, json};

/// The claims of a challenge (a JSON object, or none) with the capability `cp1` added, as every request of a sign-in carries
/// them. A client that declares it gets longer-lived tokens and, when one stops being good, a challenge that it must answer
/// (Microsoft identity platform, claims challenges and client capabilities).
pub(crate) fn with_capability(challenge: Option<&str>) -> String {
    let mut claims: Map<String, Value> =
        challenge.and_then(|claims| serde_json::from_str(claims).ok()).unwrap_or_default();
    let access = claims.entry("access_token").or_insert_with(|| json!({}));
    if !access.is_object() {
        *access = json!({});
    }
    access["xms_cc"] = json!({ "values": ["cp1"] });
    Value::Object(claims).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(challenge: Option<&str>) -> Value {
        serde_json::from_str(&with_capability(challenge)).unwrap()
    }

    #[test]
    fn the_capability_stands_alone_or_beside_what_a_challenge_asks_for() {
        assert_eq!(parsed(None), json!({"access_token": {"xms_cc": {"values": ["cp1"]}}}));
        let challenge = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}},"id_token":{"acrs":null}}"#;
        let merged = parsed(Some(challenge));
        assert_eq!(merged["access_token"]["nbf"]["value"], "1");
        assert_eq!(merged["access_token"]["xms_cc"]["values"], json!(["cp1"]));
        assert_eq!(merged["id_token"], json!({"acrs": null}));
    }

    #[test]
    fn a_challenge_that_is_no_object_leaves_the_capability() {
        for challenge in ["[]", "7", "{", "", r#"{"access_token":null}"#, r#"{"access_token":[1]}"#] {
            assert_eq!(parsed(Some(challenge)), parsed(None), "{challenge}");
        }
    }
}
