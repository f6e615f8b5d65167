//! A browser for the demo tenant: opens the sign-in page, signs the admin in, consents to what is asked for, and hands
//! the answer over as a browser would. It goes nowhere but to this machine. `UNLATCH_DEMO_ACCOUNT=plain` signs the
//! account without admin rights in, `UNLATCH_DEMO_CONSENT=cancel` consents to nothing.

use std::process::ExitCode;
use std::time::Duration;

use unlatch_demo_tenant::{AnswerForm, ConsentForm};
use unlatch_e2e::Failure;
use url::{Host, Url};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let asked = match (arguments.next(), arguments.next()) {
        (Some(address), None) => sign_in(&address).await,
        _ => Err(Failure::new("usage: unlatch-demo-browser ADDRESS")),
    };
    match asked {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "this is a command-line program")]
            {
                eprintln!("unlatch-demo-browser: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn sign_in(address: &str) -> Result<(), Failure> {
    let mut page = on_this_machine(address)?;
    let (name, value) = match std::env::var("UNLATCH_DEMO_ACCOUNT") {
        Ok(account) => ("demo_account", account),
        Err(_) => ("demo_sign_in", "1".to_owned()),
    };
    page.query_pairs_mut().append_pair(name, &value);
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| in_words(error, "the client"))?;
    let answer = client.get(page).send().await.map_err(|error| in_words(error, "the sign-in page"))?;
    let mut html = answer.text().await.map_err(|error| in_words(error, "the sign-in page"))?;
    if let Some(form) = ConsentForm::read(&html) {
        let consents = std::env::var("UNLATCH_DEMO_CONSENT").map_or(true, |answer| answer != "cancel");
        let fields = form.accepted().filter(|_| consents).unwrap_or_else(|| form.cancelled());
        let target = on_this_machine(&form.action)?;
        let answer = client.post(target).form(&fields).send().await;
        let answer = answer.map_err(|error| in_words(error, "the consent page"))?;
        html = answer.text().await.map_err(|error| in_words(error, "the consent page"))?;
    }
    let form =
        AnswerForm::read(&html).ok_or_else(|| Failure::new("the sign-in page holds no form to hand over"))?;
    let target = on_this_machine(&form.action)?;
    let taken =
        client.post(target).form(&form.fields).send().await.map_err(|error| in_words(error, "the answer"))?;
    if taken.status().is_success() {
        return Ok(());
    }
    Err(Failure::new(format!("the application refused the answer with {}", taken.status())))
}

/// Addresses of this machine only: the program would sign anyone in anywhere else too.
fn on_this_machine(address: &str) -> Result<Url, Failure> {
    let url = Url::parse(address).map_err(|_| Failure::new("that is no address"))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "http" && loopback {
        return Ok(url);
    }
    Err(Failure::new(format!("{} is not on this machine", url.host_str().unwrap_or("the address"))))
}

/// Addresses hold codes, so errors are told without them.
fn in_words(error: reqwest::Error, what: &str) -> Failure {
    Failure::new(format!("{what}: {}", error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_off_this_machine_is_opened() {
        for bad in [
            "https://login.example/authorize",
            "http://localhost.example/",
            "http://user@192.0.2.1/",
            "file:///etc/passwd",
            "http://[2001:db8::1]/",
            "",
        ] {
            assert!(on_this_machine(bad).is_err(), "{bad}");
        }
        for good in ["http://localhost:5/", "http://127.0.0.1:5/a", "http://[::1]:5/"] {
            assert!(on_this_machine(good).is_ok(), "{good}");
        }
    }
}
