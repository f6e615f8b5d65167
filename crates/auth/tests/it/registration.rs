use unlatch_auth::{Cloud, CloudName, ConfigError, Registration, RegistrationError};
use url::Url;

const CLIENT: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn the_clouds_have_their_documented_hosts() {
    let hosts = |cloud: Cloud| {
        let path = cloud.graph_url.path().to_owned();
        assert_eq!(path, "/v1.0");
        (cloud.name, cloud.login_url.to_string(), cloud.graph_url.host_str().unwrap().to_owned())
    };
    let expected = |name, login: &str, graph: &str| (name, login.to_owned(), graph.to_owned());
    assert_eq!(
        hosts(Cloud::global()),
        expected(CloudName::Global, "https://login.microsoftonline.com/", "graph.microsoft.com")
    );
    assert_eq!(
        hosts(Cloud::us_gov()),
        expected(CloudName::UsGov, "https://login.microsoftonline.us/", "graph.microsoft.us")
    );
    assert_eq!(
        hosts(Cloud::us_gov_dod()),
        expected(CloudName::UsGovDod, "https://login.microsoftonline.us/", "dod-graph.microsoft.us")
    );
    assert_eq!(
        hosts(Cloud::china()),
        expected(
            CloudName::China,
            "https://login.partner.microsoftonline.cn/",
            "microsoftgraph.chinacloudapi.cn"
        )
    );
}

#[test]
fn a_custom_cloud_is_https_or_this_machine() {
    let graph = || url("https://graph.example/v1.0");
    for good in
        ["https://login.example", "http://localhost:1", "http://127.0.0.1:8080/login/", "http://[::1]:1/"]
    {
        assert!(Cloud::custom(url(good), graph()).is_ok(), "{good}");
    }
    for bad in [
        "http://login.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "ftp://login.example",
        "data:text/plain,x",
    ] {
        assert_eq!(
            Cloud::custom(url(bad), graph()),
            Err(ConfigError::NotSecure { key: "login_url" }),
            "{bad}"
        );
    }
    for bad in [
        "https://u@login.example",
        "https://u:p@login.example",
        "https://login.example/?x",
        "https://login.example/#x",
    ] {
        assert_eq!(
            Cloud::custom(url(bad), graph()),
            Err(ConfigError::NotPlain { key: "login_url" }),
            "{bad}"
        );
    }
    let login = || url("https://login.example");
    assert_eq!(
        Cloud::custom(login(), url("http://graph.example/v1.0")),
        Err(ConfigError::NotSecure { key: "graph_url" })
    );
    assert_eq!(Cloud::custom(login(), url("https://graph.example/beta")), Err(ConfigError::NoVersion));
}

#[test]
fn slashes_at_the_end_do_not_count() {
    let with = Cloud::custom(url("https://login.example/a//"), url("https://graph.example/v1.0/")).unwrap();
    let without = Cloud::custom(url("https://login.example/a"), url("https://graph.example/v1.0")).unwrap();
    assert_eq!(with, without);
}

#[test]
fn a_registration_names_one_tenant_and_one_application() {
    let new = |tenant: &str, client: &str| Registration::new(Cloud::global(), tenant, client);
    for good in
        ["72f988bf-86f1-41af-91ab-2d7cd011db47", "contoso.com", "Contoso.OnMicrosoft.com", " a-b.example "]
    {
        assert!(new(good, CLIENT).is_ok(), "{good}");
    }
    assert_eq!(new("Contoso.COM", CLIENT).unwrap().tenant, "contoso.com");
    for many in ["common", "organizations", "consumers", "Common"] {
        assert!(matches!(new(many, CLIENT), Err(RegistrationError::ManyTenants(_))), "{many}");
    }
    for bad in [
        "",
        "contoso",
        "a/b.com",
        "a..com",
        "-a.com",
        "contoso.com?x",
        "../x.y",
        "1.2.3.4",
        "é.com",
        &"a.".repeat(200),
    ] {
        assert_eq!(new(bad, CLIENT), Err(RegistrationError::Tenant), "{bad}");
    }
    for bad in [
        "",
        "unlatch",
        "6731de7614a649ae97bc6eba6914391e",
        "{6731de76-14a6-49ae-97bc-6eba6914391e}",
        "urn:uuid:x",
    ] {
        assert_eq!(new("contoso.com", bad), Err(RegistrationError::ClientId), "{bad}");
    }
    let upper = new("contoso.com", &CLIENT.to_uppercase()).unwrap();
    assert_eq!(upper.client_id, CLIENT);
}

#[test]
fn an_administrator_consents_at_the_tenants_own_address_to_what_is_asked_for() {
    let registration = Registration::new(Cloud::us_gov(), "contoso.us", CLIENT).unwrap();
    let (all, to_search) = (registration.admin_consent_url(true), registration.admin_consent_url(false));
    assert_eq!(all.host_str(), Some("login.microsoftonline.us"));
    assert_eq!(all.path(), "/contoso.us/v2.0/adminconsent");
    let scope = |url: &Url| url.query_pairs().find(|(key, _)| key == "scope").unwrap().1.into_owned();
    let privileged = "https://graph.microsoft.us/DeviceManagementManagedDevices.PrivilegedOperations.All";
    assert!(scope(&all).contains(privileged) && !scope(&to_search).contains("Privileged"));
    assert!(scope(&to_search).contains("https://graph.microsoft.us/User.ReadBasic.All"));
}

#[test]
fn every_cloud_of_microsofts_has_a_place_to_register_applications() {
    for cloud in [Cloud::global(), Cloud::us_gov(), Cloud::us_gov_dod(), Cloud::china()] {
        assert_eq!(cloud.registrations_url().unwrap().scheme(), "https", "{}", cloud.name);
    }
}
