//! `$filter`: a parser for the small part of OData in use, and what Intune makes of it for managed devices.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::data::Device;

/// How deep parentheses may nest, so that no text can exhaust the stack.
const DEEPEST: usize = 32;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// `property op value`
    Compare {
        property: String,
        operator: String,
        value: Literal,
    },
    /// `function(property,'value')`
    Call {
        function: String,
        property: String,
        value: String,
    },
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    /// `'text'`, its doubled quotes undone.
    Text(String),
    /// Anything without quotes: a number, a date, true, null.
    Bare(String),
}

impl Literal {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bare(_) => None,
        }
    }

    fn date(&self) -> Option<OffsetDateTime> {
        let (Self::Text(text) | Self::Bare(text)) = self;
        OffsetDateTime::parse(text, &Rfc3339).ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Text(String),
}

/// Parses a filter; nothing for a text that is none.
pub(crate) fn parse(text: &str) -> Option<Filter> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let filter = parser.any_of()?;
    parser.tokens.is_empty().then_some(filter)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter.is_whitespace() => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match letters.next()? {
                        '\'' if letters.next_if_eq(&'\'').is_some() => quoted.push('\''),
                        '\'' => break,
                        letter => quoted.push(letter),
                    }
                }
                tokens.push(Token::Text(quoted));
            }
            letter => {
                let mut word = String::from(letter);
                while let Some(letter) = letters
                    .next_if(|letter| !letter.is_whitespace() && !matches!(letter, '(' | ')' | ',' | '\''))
                {
                    word.push(letter);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn eat(&mut self, wanted: &Token) -> bool {
        match self.tokens.split_first() {
            Some((first, rest)) if first == wanted => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn any_of(&mut self) -> Option<Filter> {
        let mut terms = vec![self.all_of()?];
        while self.eat(&Token::Word("or".to_owned())) {
            terms.push(self.all_of()?);
        }
        single(terms, Filter::Or)
    }

    fn all_of(&mut self) -> Option<Filter> {
        let mut terms = vec![self.term()?];
        while self.eat(&Token::Word("and".to_owned())) {
            terms.push(self.term()?);
        }
        single(terms, Filter::And)
    }

    fn term(&mut self) -> Option<Filter> {
        if self.eat(&Token::Open) {
            self.depth += 1;
            let inner = if self.depth <= DEEPEST { self.any_of() } else { None };
            self.depth -= 1;
            return inner.filter(|_| self.eat(&Token::Close));
        }
        let Token::Word(property) = self.next()? else {
            return None;
        };
        if self.eat(&Token::Open) {
            let (Token::Word(argument), Token::Comma, Token::Text(value), Token::Close) =
                (self.next()?, self.next()?, self.next()?, self.next()?)
            else {
                return None;
            };
            return Some(Filter::Call { function: property.to_lowercase(), property: argument, value });
        }
        let Token::Word(operator) = self.next()? else {
            return None;
        };
        let value = match self.next()? {
            Token::Text(text) => Literal::Text(text),
            Token::Word(word) => Literal::Bare(word),
            Token::Open | Token::Close | Token::Comma => return None,
        };
        Some(Filter::Compare { property, operator, value })
    }
}

fn single(mut terms: Vec<Filter>, many: impl Fn(Vec<Filter>) -> Filter) -> Option<Filter> {
    if terms.len() == 1 { terms.pop() } else { Some(many(terms)) }
}

/// Which operators Intune's descriptions name for a property of managedDevice (Graph metadata, 2026-08). A
/// property that is not here cannot be filtered by.
fn operators(property: &str) -> &'static [&'static str] {
    match property {
        "deviceName" | "model" => &["eq", "contains"],
        "serialNumber"
        | "operatingSystem"
        | "complianceState"
        | "manufacturer"
        | "imei"
        | "jailBroken"
        | "deviceCategoryDisplayName"
        | "managementAgent"
        | "managementState"
        | "exchangeAccessState" => &["eq", "or"],
        "userPrincipalName" => &["eq", "ne"],
        "emailAddress" | "osVersion" | "phoneNumber" => &["contains"],
        "azureADDeviceId" => &["eq"],
        "enrolledDateTime" | "lastSyncDateTime" | "complianceGracePeriodExpirationDateTime" => &["lt", "gt"],
        _ => &[],
    }
}

/// Whether Intune heeds the filter. `or` only joins values of one property that has it.
pub(crate) fn supported_for_devices(filter: &Filter) -> bool {
    match filter {
        Filter::Compare { property, operator, value } => {
            let typed = match operator.as_str() {
                "lt" | "gt" => value.date().is_some(),
                _ => value.text().is_some(),
            };
            typed && operator != "or" && operators(property).contains(&operator.as_str())
        }
        Filter::Call { function, property, .. } => {
            function == "contains" && operators(property).contains(&"contains")
        }
        Filter::And(terms) => terms.iter().all(supported_for_devices),
        Filter::Or(terms) => {
            let mut properties = terms.iter().map(|term| match term {
                Filter::Compare { property, .. } => Some(property),
                _ => None,
            });
            let first = properties.next().flatten();
            first.is_some_and(|first| operators(first).contains(&"or"))
                && properties.all(|property| property == first)
                && terms.iter().all(supported_for_devices)
        }
    }
}

/// Whether a device passes a supported filter. Texts compare without regard to case.
pub(crate) fn device_passes(device: &Device, filter: &Filter) -> bool {
    match filter {
        Filter::And(terms) => terms.iter().all(|term| device_passes(device, term)),
        Filter::Or(terms) => terms.iter().any(|term| device_passes(device, term)),
        Filter::Call { property, value, .. } => {
            contains(text_of(device, property).unwrap_or_default(), value)
        }
        Filter::Compare { property, operator, value } => match operator.as_str() {
            "eq" => {
                value.text().is_some_and(|value| same(text_of(device, property).unwrap_or_default(), value))
            }
            "ne" => {
                value.text().is_some_and(|value| !same(text_of(device, property).unwrap_or_default(), value))
            }
            "lt" => date_of(device, property).zip(value.date()).is_some_and(|(date, value)| date < value),
            "gt" => date_of(device, property).zip(value.date()).is_some_and(|(date, value)| date > value),
            _ => false,
        },
    }
}

pub(crate) fn same(left: &str, right: &str) -> bool {
    // A text with other letters may equal one without: the Kelvin sign is a k.
    left.eq_ignore_ascii_case(right)
        || !(left.is_ascii() && right.is_ascii()) && left.to_lowercase() == right.to_lowercase()
}

pub(crate) fn contains(text: &str, part: &str) -> bool {
    if text.is_ascii() && part.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return part.is_empty() || text.windows(part.len()).any(|some| some.eq_ignore_ascii_case(part));
    }
    text.to_lowercase().contains(&part.to_lowercase())
}

fn text_of<'a>(device: &'a Device, property: &str) -> Option<&'a str> {
    match property {
        "deviceName" => Some(&device.name),
        "model" => Some(&device.model),
        "serialNumber" => device.serial.as_deref(),
        "operatingSystem" => Some(&device.operating_system),
        "osVersion" => Some(&device.os_version),
        "complianceState" => Some(&device.compliance_state),
        "manufacturer" => Some(&device.manufacturer),
        "imei" => device.imei.as_deref(),
        "jailBroken" => Some(&device.jail_broken),
        "deviceCategoryDisplayName" => Some(&device.category),
        "phoneNumber" => device.phone_number.as_deref(),
        "managementAgent" => Some(&device.management_agent),
        "managementState" => Some(&device.management_state),
        "exchangeAccessState" => Some("none"),
        "userPrincipalName" => device.user_principal_name.as_deref(),
        "emailAddress" => device.email_address.as_deref(),
        "azureADDeviceId" => device.azure_ad_device_id.as_deref(),
        _ => None,
    }
}

fn date_of(device: &Device, property: &str) -> Option<OffsetDateTime> {
    match property {
        "enrolledDateTime" => Some(device.enrolled),
        "complianceGracePeriodExpirationDateTime" => {
            Some(device.grace_until.unwrap_or(time::macros::datetime!(9999-12-31 23:59:59 UTC)))
        }
        // Never is the year 1, which lies before every date there is.
        "lastSyncDateTime" => Some(device.last_sync.unwrap_or(time::macros::datetime!(0001-01-01 00:00 UTC))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heeded(text: &str) -> bool {
        parse(text).is_some_and(|filter| supported_for_devices(&filter))
    }

    #[test]
    fn documented_filters_are_heeded() {
        for text in [
            "deviceName eq 'IPADOS-00012'",
            "contains(deviceName,'IPAD')",
            "contains( deviceName , 'O''Brien')",
            "serialNumber eq 'SN1' or serialNumber eq 'SN2'",
            "userPrincipalName eq 'a@b.example' and (operatingSystem eq 'iOS' or operatingSystem eq 'iPadOS')",
            "lastSyncDateTime gt 2026-01-01T00:00:00Z",
        ] {
            assert!(heeded(text), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not_heeded() {
        for text in [
            "",
            "id eq 'a'",
            "startswith(deviceName,'IPAD')",
            "deviceName ne 'a'",
            "deviceName eq 'a' or deviceName eq 'b'",
            "deviceName eq 'a' or serialNumber eq 'b'",
            "userId eq 'a'",
            "isSupervised eq true",
            "contains(serialNumber,'SN')",
            "lastSyncDateTime ge 2026-01-01T00:00:00Z",
            "deviceName eq null",
            "deviceName eq 'unterminated",
            "not contains(deviceName,'a')",
            "deviceName eq 'a' and id eq 'b'",
            "deviceName eq 'a' deviceName",
        ] {
            assert!(!heeded(text), "{text}");
        }
    }

    #[test]
    fn and_binds_closer_than_or_and_quotes_are_undone() {
        let Some(Filter::Or(terms)) = parse("a eq 'x' and b eq 'y' or c eq 'it''s'") else {
            panic!("no or");
        };
        assert!(matches!(terms[0], Filter::And(_)));
        let value = Literal::Text("it's".to_owned());
        assert_eq!(terms[1], Filter::Compare { property: "c".into(), operator: "eq".into(), value });
    }

    #[test]
    fn a_mountain_of_parentheses_is_refused_and_does_not_overflow() {
        let text = format!("{}a eq 'x'{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(parse(&text), None);
        assert!(parse("((a eq 'x'))").is_some());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn nearly_right_text_does_not_either(text in "(deviceName|contains|eq|or|and|'|''|\\(|\\)|,| |é|x){0,40}") {
            if let Some(filter) = parse(&text) {
                let _ = supported_for_devices(&filter);
            }
        }

        #[test]
        fn any_text_survives_quoting(value in "\\PC*") {
            let text = format!("deviceName eq '{}'", value.replace('\'', "''"));
            let expected = Filter::Compare {
                property: "deviceName".into(),
                operator: "eq".into(),
                value: Literal::Text(value),
            };
            prop_assert_eq!(parse(&text), Some(expected));
        }
    }
}
