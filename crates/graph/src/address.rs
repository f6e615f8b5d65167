//! Where Graph is, and nowhere else.

use url::{Host, Url};

use crate::device::Route;
use crate::error::Error;
use crate::id::DeviceId;

/// Whether an address is on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Graph's address with its version, without a slash at the end.
#[derive(Debug, Clone)]
pub(crate) struct Address(Url);

impl Address {
    /// Takes https, or http on loopback, without credentials, query or fragment.
    pub(crate) fn new(url: &Url) -> Result<Self, Error> {
        if url.host().is_none() {
            return Err(Error::InvalidInput("the address of Microsoft Graph has no host"));
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(Error::InvalidInput("the address of Microsoft Graph is not https"));
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(Error::InvalidInput(
                "the address of Microsoft Graph has more than a host and a path in it",
            ));
        }
        let mut url = url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
        }
        Ok(Self(url))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address of a resource. Each segment is encoded as one, whatever is in it.
    pub(crate) fn of(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }

    /// The address of a resource, with query parameters.
    pub(crate) fn asking(&self, segments: &[&str], parameters: &[(&str, &str)]) -> Url {
        let mut url = self.of(segments);
        url.query_pairs_mut().extend_pairs(parameters);
        // A plus in a query is a space to forms and a plus to some services; `%20` is a space to all. A plus that was
        // typed is `%2B` by now.
        let query = url.query().map(|query| query.replace('+', "%20"));
        url.set_query(query.as_deref());
        url
    }

    /// The address of a managed device.
    pub(crate) fn device(&self, id: &DeviceId, select: &str) -> Url {
        self.asking(&["deviceManagement", "managedDevices", id.as_str()], &[("$select", select)])
    }

    /// Where the POST for a device goes, and how that is called in a log.
    pub(crate) fn recover_passcode(&self, route: &Route, device: &DeviceId) -> (Url, &'static str) {
        const ACTION: &str = "recoverPasscode";
        let device = device.as_str();
        match route {
            Route::User(user) => (
                self.of(&["users", user.as_str(), "managedDevices", device, ACTION]),
                "/users/{user}/managedDevices/{device}/recoverPasscode",
            ),
            Route::App(app) => (
                self.of(&[
                    "deviceManagement",
                    "detectedApps",
                    app.as_str(),
                    "managedDevices",
                    device,
                    ACTION,
                ]),
                "/deviceManagement/detectedApps/{app}/managedDevices/{device}/recoverPasscode",
            ),
            Route::Direct => (
                self.of(&["deviceManagement", "managedDevices", device, ACTION]),
                "/deviceManagement/managedDevices/{device}/recoverPasscode",
            ),
        }
    }

    /// The address a list goes on at, if it is below this one: same scheme, host and port, and a path under its path.
    pub(crate) fn below(&self, link: &str) -> Option<Url> {
        let mut url = Url::parse(link).ok()?;
        url.set_fragment(None);
        let root = self.0.path().trim_end_matches('/');
        let inside = url.path().strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        let same = url.scheme() == self.0.scheme()
            && url.host() == self.0.host()
            && url.port_or_known_default() == self.0.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none();
        (same && inside).then_some(url)
    }
}

/// A text between quotes, as OData writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    quoted.push_str(&text.replace('\'', "''"));
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, UserId};
    use proptest::prelude::*;

    fn address(url: &str) -> Result<Address, Error> {
        Address::new(&Url::parse(url).unwrap())
    }

    fn graph() -> Address {
        address("https://graph.example/v1.0").unwrap()
    }

    #[test]
    fn only_https_is_taken_except_on_loopback() {
        for good in [
            "https://graph.microsoft.com/v1.0",
            "http://localhost:1/v1.0",
            "http://127.0.0.9/v1.0",
            "http://[::1]:80/v1.0/",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://graph.microsoft.com/v1.0",
            "http://localhost.evil.example/v1.0",
            "ftp://localhost/v1.0",
            "https://u@graph.example/v1.0",
            "https://u:p@graph.example/v1.0",
            "https://graph.example/v1.0?x",
            "https://graph.example/v1.0#x",
            "data:text/plain,x",
        ] {
            assert!(matches!(address(bad), Err(Error::InvalidInput(_))), "{bad}");
        }
    }

    #[test]
    fn a_link_is_followed_only_below_the_address() {
        let graph = graph();
        for good in [
            "https://graph.example/v1.0/users?$skiptoken=x",
            "https://GRAPH.example:443/v1.0/users",
            "https://graph.example/v1.0/users#x",
        ] {
            assert!(graph.below(good).is_some(), "{good}");
        }
        for bad in [
            "http://graph.example/v1.0/users",
            "https://graph.example:444/v1.0/users",
            "https://evil.example/v1.0/users",
            "https://graph.example.evil.example/v1.0/users",
            "https://graph.example@evil.example/v1.0/users",
            "https://u:p@graph.example/v1.0/users",
            "https://graph.example/beta/users",
            "https://graph.example/v1.0",
            "https://graph.example/v1.0evil/users",
            "https://graph.example/v1.0/../beta/users",
            "https://graph.example/v1.0/%2e%2e/beta/users",
            "https:\\\\evil.example/v1.0/users",
            "//evil.example/v1.0/users",
            "/v1.0/users",
            "not a link",
            "",
        ] {
            assert!(graph.below(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_query_keeps_every_character_and_writes_spaces_as_percent_20() {
        let text = "a+b & c='d'#?%20é";
        let url = graph().asking(&["users"], &[("$filter", text)]);
        assert!(!url.query().unwrap().contains('+') && !url.query().unwrap().contains(' '));
        assert_eq!(url.query_pairs().collect::<Vec<_>>(), vec![("$filter".into(), text.into())]);
    }

    proptest! {
        #[test]
        fn an_id_is_one_segment_and_comes_back_whole(id in "\\PC{1,40}") {
            prop_assume!(DeviceId::new(id.clone()).is_ok());
            let device = DeviceId::new(id.clone()).unwrap();
            let routes = [
                (Route::User(UserId::new(id.clone()).unwrap()), 6, vec![2, 4]),
                (Route::App(AppId::new(id.clone()).unwrap()), 7, vec![3, 5]),
                (Route::Direct, 5, vec![3]),
            ];
            for (route, count, places) in routes {
                let (url, _) = graph().recover_passcode(&route, &device);
                let url = Url::parse(url.as_str()).unwrap();
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), count, "{}", url);
                prop_assert_eq!(segments[0], "v1.0");
                prop_assert_eq!(segments[count - 1], "recoverPasscode");
                prop_assert!(url.query().is_none() && url.fragment().is_none());
                prop_assert_eq!(url.host_str(), Some("graph.example"));
                for place in places {
                    let back = percent_encoding::percent_decode_str(segments[place]).decode_utf8().unwrap();
                    prop_assert_eq!(back.as_ref(), id.as_str());
                }
            }
        }

        #[test]
        fn ids_made_of_awkward_characters_stay_one_segment(id in "[./%'\\\\?#;:@& 2eEfF+\\[\\]-]{1,12}") {
            prop_assume!(DeviceId::new(id.clone()).is_ok());
            let url = graph().device(&DeviceId::new(id.clone()).unwrap(), "id");
            let url = Url::parse(url.as_str()).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 4);
            let back = percent_encoding::percent_decode_str(segments[3]).decode_utf8().unwrap();
            prop_assert_eq!(back.as_ref(), id.as_str());
        }

        #[test]
        fn a_quoted_text_ends_where_it_should(text in "\\PC{0,30}") {
            let inside = quoted(&text);
            let inside = &inside[1..inside.len() - 1];
            prop_assert_eq!(inside.replace("''", "'"), text);
            prop_assert_eq!(inside.matches('\'').count() % 2, 0);
        }
    }
}
