//! Every operation of every system, by its typed client and, where there is one, by the interface that all systems share.
//!
//! The regions between `sample:` and `end` are the Rust samples of the documentation; `every_operation.sh` has those for
//! curl, `every_operation_cli.sh` those for the command line.
//!
//! `cargo run --example every_operation`

use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status::{AccountSystem, StatusChange};
use user_status_mock::{MockServer, SystemKind};

#[tokio::main]
async fn main() -> user_status::Result<()> {
    let server = MockServer::start().await;
    let known = server.credentials();
    let uri = |system| server.uri(system);
    userdocks(&uri(SystemKind::Userdocks), &known.userdocks.api_key, &known.userdocks.client_id).await?;
    akana(&uri(SystemKind::Akana), &known.akana.session_cookie, &known.akana.csrf_token).await?;
    mediconnect(&uri(SystemKind::Mediconnect), &known.mediconnect.token).await?;
    symphony(&uri(SystemKind::Symphony), &known.symphony.session_token).await?;
    clearsquare(&uri(SystemKind::Clearsquare), &known.clearsquare.token).await?;
    scim(&uri(SystemKind::Scim), &known.scim.token).await
}

async fn userdocks(base_url: &str, api_key: &str, client_id: &str) -> user_status::Result<()> {
    // sample: setAccessStatus client
    let userdocks = Userdocks::builder()
        .base_url(base_url)
        .credentials(userdocks::Credentials::api_key(api_key, client_id))
        .build()?;
    let answer = userdocks
        .client()
        .set_access_status()
        .user_id("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11")
        .access_status(userdocks::UserdocksAccessStatus::Freezed)
        .send()
        .await?;
    println!("{}: {:?}", answer.status(), answer.message);
    // end
    // sample: setAccessStatus unified
    let userdocks = Userdocks::builder()
        .base_url(base_url)
        .credentials(userdocks::Credentials::api_key(api_key, client_id))
        .build()?;
    let receipt = userdocks.apply("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11", &StatusChange::enable()).await?;
    println!("{}: {}", receipt.proof, receipt.status);
    // end
    // sample: setAppAccessStatus client
    let userdocks = Userdocks::builder()
        .base_url(base_url)
        .credentials(userdocks::Credentials::api_key(api_key, client_id))
        .build()?;
    let answer = userdocks
        .client()
        .set_app_access_status()
        .app_id(client_id)
        .user_id("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11")
        .access_status(userdocks::UserdocksAccessStatus::Unfreezed)
        .send()
        .await?;
    println!("{}: {:?}", answer.status(), answer.message);
    // end
    // sample: setAppAccessStatus unified
    let userdocks = Userdocks::builder()
        .base_url(base_url)
        .credentials(userdocks::Credentials::api_key(api_key, client_id))
        .route(userdocks::Route::Current)
        .app(client_id)
        .build()?;
    let receipt = userdocks.apply("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11", &StatusChange::disable()).await?;
    println!("{}: {}", receipt.proof, receipt.status);
    // end
    // sample: getUser client
    let userdocks = Userdocks::builder()
        .base_url(base_url)
        .credentials(userdocks::Credentials::api_key(api_key, client_id))
        .build()?;
    let answer = userdocks.client().get_user().user_id("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11").send().await?;
    println!("{:?}", answer.data);
    // end
    // sample: getUser unified
    let userdocks = Userdocks::builder()
        .base_url(base_url)
        .credentials(userdocks::Credentials::api_key(api_key, client_id))
        .build()?;
    let status = userdocks.status("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11").await?;
    println!("{status}; can sign in: {:?}", userdocks.can_sign_in(&status));
    // end
    Ok(())
}

async fn akana(base_url: &str, session_cookie: &str, csrf_token: &str) -> user_status::Result<()> {
    // sample: changeUserStatus client
    let akana = Akana::builder()
        .base_url(base_url)
        .tenant("acmepaymentscorp")
        .credentials(akana::Credentials::session(session_cookie, csrf_token))
        .build()?;
    let answer = akana
        .client()
        .change_user_status()
        .user_id("f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp")
        .body_map(|body| body.user_status(akana::AkanaUserStatus::Locked).comments("Account compromised".to_owned()))
        .send()
        .await?;
    println!("disabled: {:?}, locked: {:?}", answer.disabled, answer.locked);
    // end
    // sample: changeUserStatus unified
    let akana = Akana::builder()
        .base_url(base_url)
        .tenant("acmepaymentscorp")
        .credentials(akana::Credentials::session(session_cookie, csrf_token))
        .build()?;
    let lock = StatusChange::lock().with_comment("Account compromised");
    let receipt = akana.apply("f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp", &lock).await?;
    println!("{}: {}", receipt.proof, receipt.status);
    // end
    // sample: getPlatformUser client
    let akana = Akana::builder()
        .base_url(base_url)
        .tenant("acmepaymentscorp")
        .credentials(akana::Credentials::session(session_cookie, csrf_token))
        .build()?;
    let user = akana
        .client()
        .get_platform_user()
        .user_id("f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp")
        .send()
        .await?;
    println!("disabled: {:?}, locked: {:?}", user.disabled, user.locked);
    // end
    // sample: getPlatformUser unified
    let akana = Akana::builder()
        .base_url(base_url)
        .tenant("acmepaymentscorp")
        .credentials(akana::Credentials::session(session_cookie, csrf_token))
        .build()?;
    let status = akana.status("f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp").await?;
    println!("{status}; can sign in: {:?}", akana.can_sign_in(&status));
    // end
    Ok(())
}

async fn mediconnect(base_url: &str, token: &str) -> user_status::Result<()> {
    // sample: toggleUserStatus client
    let mediconnect =
        Mediconnect::builder().base_url(base_url).credentials(mediconnect::Credentials::token(token)).build()?;
    let user = mediconnect
        .client()
        .toggle_user_status()
        .id(42)
        .body_map(|body| {
            // Both are named: the deployed system flips an `isActive` that is left out.
            let reason = "Violation of terms of service".to_owned();
            body.is_active(true).is_suspended(true).suspension_reason(reason)
        })
        .send()
        .await?;
    println!("active: {:?}, suspended: {:?}", user.is_active, user.is_suspended);
    // end
    // sample: toggleUserStatus unified
    let mediconnect =
        Mediconnect::builder().base_url(base_url).credentials(mediconnect::Credentials::token(token)).build()?;
    let receipt = mediconnect.apply("42", &StatusChange::suspend("Violation of terms of service")).await?;
    println!("{}: {}", receipt.proof, receipt.status);
    // end
    // sample: getAdminUser client
    let mediconnect =
        Mediconnect::builder().base_url(base_url).credentials(mediconnect::Credentials::token(token)).build()?;
    let user = mediconnect.client().get_admin_user().id(42).send().await?;
    println!("active: {:?}, suspended: {:?}", user.is_active, user.is_suspended);
    // end
    // sample: getAdminUser unified
    let mediconnect =
        Mediconnect::builder().base_url(base_url).credentials(mediconnect::Credentials::token(token)).build()?;
    let status = mediconnect.status("42").await?;
    println!("{status}; can sign in: {:?}", mediconnect.can_sign_in(&status));
    // end
    Ok(())
}

async fn symphony(base_url: &str, session_token: &str) -> user_status::Result<()> {
    // sample: updateUserStatus client
    let symphony = Symphony::builder()
        .base_url(base_url) // ends in /pod
        .credentials(symphony::Credentials::session_token(session_token))
        .build()?;
    let answer = symphony
        .client()
        .update_user_status()
        .uid(7215545078541_i64)
        .body_map(|body| {
            body.suspended(true)
                .suspended_until(1_798_761_599_000_i64) // milliseconds: 2026-12-31T23:59:59Z
                .suspension_reason("Leave of absence".to_owned())
        })
        .send()
        .await?;
    println!("{}: {:?}", answer.status(), answer.message);
    // end
    // sample: updateUserStatus unified
    let symphony = Symphony::builder()
        .base_url(base_url) // ends in /pod
        .credentials(symphony::Credentials::session_token(session_token))
        .build()?;
    // The answer carries no state, so it is read back: then the change is proved.
    let receipt = symphony.apply_and_verify("7215545078541", &StatusChange::disable()).await?;
    println!("{}: {}", receipt.proof, receipt.status);
    // end
    // sample: getUserStatus client
    let symphony = Symphony::builder()
        .base_url(base_url) // ends in /pod
        .credentials(symphony::Credentials::session_token(session_token))
        .build()?;
    let status = symphony.client().get_user_status().uid(7215545078541_i64).send().await?;
    println!("{:?}, suspended: {:?}", status.status, status.suspended);
    // end
    // sample: getUserStatus unified
    let symphony = Symphony::builder()
        .base_url(base_url) // ends in /pod
        .credentials(symphony::Credentials::session_token(session_token))
        .build()?;
    let status = symphony.status("7215545078541").await?;
    println!("{status}; can sign in: {:?}", symphony.can_sign_in(&status));
    // end
    Ok(())
}

async fn clearsquare(base_url: &str, token: &str) -> user_status::Result<()> {
    // sample: manageUserStatus client
    let clearsquare =
        Clearsquare::builder().base_url(base_url).credentials(clearsquare::Credentials::token(token)).build()?;
    // The client puts the token into the header and into the body.
    let answer =
        clearsquare.client().manage_user_status().body_map(|body| body.id("634441cecbb5901d133039f8")).send().await?;
    println!("{}: {:?}", answer.status(), answer.message);
    // end
    // sample: manageUserStatus unified
    let clearsquare =
        Clearsquare::builder().base_url(base_url).credentials(clearsquare::Credentials::token(token)).build()?;
    // A toggle is never sent twice by itself: after a lost answer the outcome is unknown.
    match clearsquare.apply("634441cecbb5901d133039f8", &StatusChange::toggle()).await {
        Ok(receipt) => println!("{}", receipt.proof),
        Err(error) => println!("{error}; changed all the same: {:?}", error.applied()),
    }
    // end
    Ok(())
}

async fn scim(base_url: &str, token: &str) -> user_status::Result<()> {
    // sample: getScimConfig client
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let config = idp.client().get_scim_config().send().await?;
    println!("PATCH: {:?}, versions: {:?}", config.patch, config.etag);
    // end
    // sample: getScimConfig unified
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    // The service is asked before the first change, once. A dry run says how it would be changed.
    let run = idp.dry_run("2819c223-7f76-453a-919d-413861904646", &StatusChange::disable()).await?;
    if let Some(request) = run.request {
        println!("{request}");
    }
    // end
    // sample: findScimUsers client
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let found = idp.client().find_scim_users().filter(r#"userName eq "jane@acme.example""#).send().await?;
    // There are services that pass over the filter: compare.
    for user in found.resources.iter().flatten().filter(|user| user.user_name.as_deref() == Some("jane@acme.example")) {
        println!("{:?}", user.id);
    }
    // end
    // sample: findScimUsers unified
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let id = idp.find("userName:jane@acme.example").await?;
    println!("{id}");
    // end
    // sample: getScimUser client
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let call = idp.client().get_scim_user().id("2819c223-7f76-453a-919d-413861904646");
    let user = call.attributes("id,active,meta").send().await?;
    println!("active: {:?}, version: {:?}", user.active, user.meta);
    // end
    // sample: getScimUser unified
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let status = idp.status("userName:jane@acme.example").await?;
    println!("{status}");
    // end
    // sample: patchScimUser client
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let disable = scim::types::ScimPatchOperation {
        op: scim::ScimPatchOp::Replace,
        path: scim::ScimPatchPath::Active,
        value: false,
    };
    let call = idp.client().patch_scim_user().id("2819c223-7f76-453a-919d-413861904646").body_map(|body| {
        let message = "urn:ietf:params:scim:api:messages:2.0:PatchOp".to_owned();
        body.schemas(vec![message]).operations(vec![disable])
    });
    let user = call.send().await?;
    println!("{}: active: {:?}", user.status(), user.active);
    // end
    // sample: patchScimUser unified
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let receipt = idp.apply_and_verify("userName:jane@acme.example", &StatusChange::disable()).await?;
    println!("{}: {} ({})", receipt.proof, receipt.status, receipt.account);
    // end
    // sample: replaceScimUser client
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .build()?;
    let read = idp.client().get_scim_user().id("2819c223-7f76-453a-919d-413861904646").send().await?.into_inner();
    let version = read.meta.and_then(|meta| meta.version).unwrap_or_default();
    let call = idp.client().replace_scim_user().id("2819c223-7f76-453a-919d-413861904646").if_match(version);
    let user = call
        .body_map(|body| {
            // What is left out is cleared: attributes that have no name here are in `extra`.
            let body = body.schemas(read.schemas.unwrap_or_default()).user_name(read.user_name.unwrap_or_default());
            body.external_id(read.external_id).display_name(read.display_name).active(true).extra(read.extra)
        })
        .send()
        .await?;
    println!("active: {:?}", user.active);
    // end
    // sample: replaceScimUser unified
    let idp = Scim::builder()
        .base_url(base_url) // what comes before /Users
        .credentials(scim::Credentials::bearer(token))
        .method(scim::Method::Put) // for a service that does not say that it has no PATCH
        .build()?;
    let receipt = idp.apply("2819c223-7f76-453a-919d-413861904646", &StatusChange::disable()).await?;
    println!("{}: {}", receipt.proof, receipt.status);
    // end
    Ok(())
}
