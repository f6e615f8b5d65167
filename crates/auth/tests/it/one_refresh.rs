use std::sync::Arc;

use futures::future::join_all;
use unlatch_auth::{Session, Vault, sign_in};
use unlatch_demo_tenant::{Fault, FaultKind};
use unlatch_graph::Client;

use crate::browser::{TestBrowser, demo, options, registration};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_at_once_with_an_expired_token_cause_one_refresh_and_all_are_answered() {
    let tenant = demo().await;
    let registration = registration(&tenant);
    let signed_in = sign_in(&registration, &TestBrowser::admin(), options()).await.unwrap();
    let session = Session::begin(registration, Vault::memory(), signed_in).await;
    let client = Client::new(tenant.graph_url(), Arc::new(session), None).unwrap();
    let count = |path: &str, status: u16| {
        let requests = tenant.requests();
        requests.iter().filter(|seen| seen.path.ends_with(path) && seen.status == Some(status)).count()
    };
    // Slow enough for all of them to be out with the old token at once.
    tenant.add_fault(Fault::new(FaultKind::Slow { millis: 300 }).path_contains("/me"));
    // Again and again, as the token of each round is the one that the round before brought.
    for round in 1..=3 {
        tenant.expire_access_tokens();
        tenant.clear_requests();
        let asking = (0..50).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.me().await })
        });
        for answer in join_all(asking).await {
            assert_eq!(answer.unwrap().unwrap().user_principal_name, tenant.admin_upn());
        }
        assert_eq!(count("/token", 200), 1, "round {round}");
        assert_eq!(tenant.requests().iter().filter(|seen| seen.path.ends_with("/token")).count(), 1);
        assert_eq!(count("/me", 200), 50);
        assert!(count("/me", 401) > 1, "one alone tells nothing");
    }
}
