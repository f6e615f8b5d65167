//! A browser without a window: it fetches the sign-in page and submits its form as a page's script would.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use unlatch_auth::{Browser, ClosingPage, Cloud, Registration, SignInOptions};
use unlatch_demo_tenant::{AnswerForm, ConsentForm, DemoTenant, Options, Pace};
use url::Url;

/// Picks an account on the demo tenant's page.
pub struct TestBrowser {
    account: &'static str,
    consents: bool,
    opened: Arc<Mutex<Vec<Url>>>,
}

impl TestBrowser {
    pub fn admin() -> Self {
        Self::picking("admin")
    }

    /// `admin`, `plain`, `personal` or `cancel`.
    pub fn picking(account: &'static str) -> Self {
        Self { account, consents: true, opened: Arc::default() }
    }

    /// Gives no consent where it is asked for.
    pub fn declining(mut self) -> Self {
        self.consents = false;
        self
    }

    pub fn opened(&self) -> Vec<Url> {
        self.opened.lock().unwrap().clone()
    }

    /// A field of the last address that was opened.
    pub fn field(&self, name: &str) -> Option<String> {
        field(self.opened().last()?, name)
    }
}

impl Browser for TestBrowser {
    fn open(&self, url: &Url) -> Result<(), String> {
        self.opened.lock().unwrap().push(url.clone());
        let mut url = url.clone();
        let asks = field(&url, "login_hint").is_none() || field(&url, "prompt").as_deref() == Some("login");
        if asks {
            url.query_pairs_mut().append_pair("demo_account", self.account);
        }
        let consents = self.consents;
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(url).send().await.unwrap();
            let mut page = answer.text().await.unwrap();
            if let Some(form) = ConsentForm::read(&page) {
                let accepted = form.accepted().filter(|_| consents);
                let fields = accepted.unwrap_or_else(|| form.cancelled());
                let answer = client.post(&form.action).form(&fields).send().await.unwrap();
                page = answer.text().await.unwrap();
            }
            if let Some(AnswerForm { action, fields }) = AnswerForm::read(&page) {
                let closing = client.post(action).form(&fields).send().await.unwrap();
                assert_eq!(closing.status(), 200);
                assert!(closing.text().await.unwrap().contains(&page_words().title));
            }
        });
        Ok(())
    }
}

pub fn field(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub fn page_words() -> ClosingPage {
    ClosingPage { title: "Signed in".into(), text: "You can close this window.".into(), lang: "en".into() }
}

pub fn options() -> SignInOptions {
    SignInOptions {
        time_limit: Duration::from_secs(30),
        login_hint: None,
        afresh: false,
        claims: None,
        privileged: true,
        closing_page: page_words(),
        cancel: CancellationToken::new(),
    }
}

pub async fn demo() -> DemoTenant {
    DemoTenant::start(Options { users: 3, devices: 3, apps: 3, pace: Pace::fast(), ..Options::default() })
        .await
        .unwrap()
}

pub fn cloud_of(tenant: &DemoTenant) -> Cloud {
    Cloud::custom(tenant.login_url().clone(), tenant.graph_url().clone()).unwrap()
}

pub fn registration(tenant: &DemoTenant) -> Registration {
    Registration::new(cloud_of(tenant), tenant.tenant_id(), tenant.client_id()).unwrap()
}
