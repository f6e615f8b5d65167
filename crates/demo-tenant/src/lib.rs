//! A small Entra ID and Microsoft Graph v1.0 tenant on loopback, for demonstrations and tests.
//!
//! It behaves as Microsoft's services are documented or were seen to behave, their unpleasant sides
//! included: a `$filter` that is not supported is ignored silently, lists leave fields empty, results arrive late
//! or never, and any [`Fault`] can be switched on. Nothing leaves 127.0.0.1.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use unlatch_demo_tenant::{DemoTenant, Options, Pace};
//!
//! let tenant = DemoTenant::start(Options { pace: Pace::fast(), ..Options::default() }).await?;
//! let token = tenant.issue_access_token();
//! println!("{}/me", tenant.graph_url());
//! # Ok(())
//! # }
//! ```

mod clock;
mod control;
mod data;
mod entra;
mod exchange;
mod facts;
mod faults;
mod generate;
mod graph;
mod hostile;
mod names;
mod options;
mod record;
mod server;
mod tenant;

use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::{Url, form_urlencoded};

pub use data::{ActionResult, ActionState, App, Device, Directory, ExecutedAction, Route, User, Word};
pub use entra::{AnswerForm, ConsentForm};
pub use faults::{Fault, FaultKind, IntermediaryBody, Matches, RetryAfter};
pub use hostile::{HOSTILE_USER, hostile_texts};
pub use options::{AppFilter, Consent, Options, Pace, ResultPace, RetryAfterStyle};
pub use record::RecordedRequest;
pub use server::StartError;

use crate::entra::{Account, Answer, sign_in_form};
use crate::tenant::{Tenant, lock};

/// A running tenant. Dropping it stops the server and its connections.
#[derive(Debug)]
pub struct DemoTenant {
    tenant: Arc<Tenant>,
    /// None while it is away.
    serving: Mutex<Option<Serving>>,
}

#[derive(Debug)]
struct Serving {
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Serving {
    fn start(listener: TcpListener, tenant: &Arc<Tenant>) -> Self {
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(server::serve(listener, Arc::clone(tenant), stop.clone()));
        Self { stop, accepting }
    }
}

/// Why [`DemoTenant::sign_in_without_browser`] did not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Entra's own words.
    #[error("the demo tenant refused the sign-in: {0}")]
    Refused(String),
    /// The redirect address could not be reached.
    #[error("the redirect address does not answer")]
    Redirect(#[from] std::io::Error),
    /// The app took the answer for wrong.
    #[error("the redirect address answered with status {0}")]
    NotTaken(u16),
}

impl DemoTenant {
    /// Builds the directory and serves it on 127.0.0.1, on the current tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (listener, port) = server::listen(options.port).await?;
        let tenant = Arc::new(Tenant::new(options, port)?);
        let serving = Mutex::new(Some(Serving::start(listener, &tenant)));
        Ok(Self { tenant, serving })
    }

    /// Is away, as in an outage, until [`DemoTenant::come_back`]: every connection ends and none is had. Devices and tokens
    /// stay as they are.
    pub async fn go_away(&self) {
        let serving = lock(&self.serving).take();
        if let Some(Serving { stop, accepting }) = serving {
            stop.cancel();
            // It ends with the listener; that it was cancelled or failed changes nothing.
            let _ = accepting.await;
        }
    }

    /// Answers again at the same addresses after [`DemoTenant::go_away`].
    ///
    /// # Errors
    /// When somebody else has taken the port.
    pub async fn come_back(&self) -> Result<(), StartError> {
        let port = self.tenant.graph_url.port().unwrap_or_default();
        let (listener, _) = server::listen(port).await?;
        *lock(&self.serving) = Some(Serving::start(listener, &self.tenant));
        Ok(())
    }

    /// The base of the sign-in, `http://127.0.0.1:PORT/login`; endpoints are at `{login_url}/{tenant}/oauth2/v2.0/…`.
    #[must_use]
    pub fn login_url(&self) -> &Url {
        &self.tenant.login_url
    }

    /// The base of Graph, `http://127.0.0.1:PORT/graph/v1.0`.
    #[must_use]
    pub fn graph_url(&self) -> &Url {
        &self.tenant.graph_url
    }

    /// The tenant's id, a GUID.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.tenant.tenant_id
    }

    /// The id of the app registration, a GUID.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.tenant.client_id
    }

    /// The principal name of the account that may do everything.
    #[must_use]
    pub fn admin_upn(&self) -> &str {
        Account::Admin.upn()
    }

    /// Every request that arrived since the start or the last clearing, those below `/_demo` left out.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.tenant.log).all()
    }

    /// Forgets the requests seen so far.
    pub fn clear_requests(&self) {
        lock(&self.tenant.log).clear();
    }

    /// Switches a fault on.
    pub fn add_fault(&self, fault: Fault) {
        lock(&self.tenant.faults).add(fault, self.tenant.clock.now());
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        lock(&self.tenant.faults).clear();
    }

    /// A copy of the directory as of now.
    #[must_use]
    pub fn directory(&self) -> Directory {
        lock(&self.tenant.store).snapshot(self.tenant.clock.now())
    }

    /// Which devices really got a recoverPasscode, in order, whatever their callers were told.
    #[must_use]
    pub fn executed(&self) -> Vec<ExecutedAction> {
        lock(&self.tenant.store).executed.clone()
    }

    /// Changes a device, as if someone else had. Its id stays; an unknown id changes nothing.
    pub fn change_device(&self, id: &str, change: impl FnOnce(&mut Device)) {
        lock(&self.tenant.store).change(id, change);
    }

    /// Gives a device another name. False without such a device.
    pub fn rename_device(&self, id: &str, name: &str) -> bool {
        lock(&self.tenant.store).change(id, |device| name.clone_into(&mut device.name))
    }

    /// Gives a device another serial number, or takes it away. Another device may have the same. False without such a device.
    pub fn set_serial(&self, id: &str, serial: Option<&str>) -> bool {
        lock(&self.tenant.store).change(id, |device| device.serial = serial.map(str::to_owned))
    }

    /// Makes a person, by object id or principal name, the primary user of a device, or nobody. False without such a device or
    /// person.
    pub fn give_device(&self, id: &str, user: Option<&str>) -> bool {
        lock(&self.tenant.store).give(id, user)
    }

    /// Removes a device, as if it had been retired.
    pub fn remove_device(&self, id: &str) {
        lock(&self.tenant.store).remove(id);
    }

    /// Settles the running recovery of a device now. Nothing happens when there is none.
    pub fn settle(&self, id: &str, outcome: ActionState) {
        lock(&self.tenant.store).settle(id, outcome, self.tenant.clock.now());
    }

    /// Settles the running recovery of a device now: it is `done` and names this passcode. Nothing happens when
    /// there is none.
    pub fn settle_with_passcode(&self, id: &str, passcode: &str) {
        lock(&self.tenant.store).settle_with_passcode(id, passcode, self.tenant.clock.now());
    }

    /// Asks for a recoverPasscode on a device as somebody else would, past this tenant's requests: it is not in
    /// [`DemoTenant::executed`] and stays pending at any [`Pace`] until [`DemoTenant::settle`], or until another
    /// takes its place. An unknown id changes nothing.
    pub fn recover_elsewhere(&self, id: &str) {
        lock(&self.tenant.store).begin_elsewhere(id, self.tenant.clock.now());
    }

    /// Makes every access token issued so far expire.
    pub fn expire_access_tokens(&self) {
        lock(&self.tenant.ledger).expire_access();
    }

    /// Revokes every refresh token issued so far.
    pub fn revoke_refresh_tokens(&self) {
        lock(&self.tenant.ledger).revoke_refresh();
    }

    /// Sets what the organization has consented to. What was consented to before is forgotten, everybody's own consent
    /// too; tokens issued so far keep what they carry.
    pub fn set_consent(&self, consent: Consent) {
        lock(&self.tenant.ledger).consents.set(consent);
    }

    /// Consents to a Graph permission for the organization, by its short name. False for one that the registration does
    /// not ask for.
    pub fn grant(&self, scope: &str) -> bool {
        lock(&self.tenant.ledger).consents.grant(scope)
    }

    /// Withdraws every consent to a Graph permission, by its short name; tokens issued so far keep it. False for one
    /// that the registration does not ask for.
    pub fn revoke(&self, scope: &str) -> bool {
        lock(&self.tenant.ledger).consents.revoke(scope)
    }

    /// The Graph permissions that the organization has consented to, by their short names.
    #[must_use]
    pub fn consented(&self) -> Vec<String> {
        lock(&self.tenant.ledger).consents.of_organization()
    }

    /// A bearer of the admin's with every scope, for tests that skip the sign-in.
    #[must_use]
    pub fn issue_access_token(&self) -> String {
        entra::issue_admin_token(&self.tenant)
    }

    /// A bearer of the admin's with these scopes only, by their short names.
    #[must_use]
    pub fn issue_access_token_with_scopes(&self, scopes: &[&str]) -> String {
        entra::issue_token_with_scopes(&self.tenant, scopes)
    }

    /// Every access, refresh and id token and every code ever issued, for tests that look for leaks.
    #[must_use]
    pub fn issued_secrets(&self) -> Vec<String> {
        lock(&self.tenant.ledger).issued()
    }

    /// Every passcode any device result ever held, for tests that look for leaks.
    #[must_use]
    pub fn passcodes(&self) -> Vec<String> {
        lock(&self.tenant.store).passcodes().iter().cloned().collect()
    }

    /// Approves a waiting device code flow as the admin, by the code a person is shown, and consents to what it asks
    /// for. False when none waits.
    #[must_use]
    pub fn approve_device_code(&self, user_code: &str) -> bool {
        entra::decide_device_code(&self.tenant, user_code, true)
    }

    /// Declines a waiting device code flow. False when none waits.
    #[must_use]
    pub fn decline_device_code(&self, user_code: &str) -> bool {
        entra::decide_device_code(&self.tenant, user_code, false)
    }

    /// Signs the admin in where there is no browser: checks the authorize address as the endpoint would, consents to
    /// what it asks for, then posts code and state to the redirect address as the sign-in page would.
    ///
    /// # Errors
    /// When the address is refused, or the app's listener does not take the answer.
    pub async fn sign_in_without_browser(&self, authorize_url: &Url) -> Result<(), SignInError> {
        self.answer_without_browser(authorize_url, Answer::Accept).await
    }

    /// As [`DemoTenant::sign_in_without_browser`], but where consent is missing the admin cancels: the app is told
    /// `access_denied` and nothing is consented to.
    ///
    /// # Errors
    /// When the address is refused, or the app's listener does not take the answer.
    pub async fn decline_without_browser(&self, authorize_url: &Url) -> Result<(), SignInError> {
        self.answer_without_browser(authorize_url, Answer::Cancel).await
    }

    async fn answer_without_browser(&self, authorize_url: &Url, answer: Answer) -> Result<(), SignInError> {
        let (redirect_uri, fields) =
            sign_in_form(&self.tenant, authorize_url, answer).map_err(SignInError::Refused)?;
        let port = Url::parse(&redirect_uri).ok().and_then(|url| url.port_or_known_default()).unwrap_or(80);
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        match server::post_form(port, &form).await? {
            200..=399 => Ok(()),
            status => Err(SignInError::NotTaken(status)),
        }
    }
}

impl Drop for DemoTenant {
    fn drop(&mut self) {
        if let Some(serving) = lock(&self.serving).take() {
            serving.stop.cancel();
        }
    }
}
