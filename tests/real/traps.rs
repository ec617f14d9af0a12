//! What real servers do that a client must not fall for.

use user_status::systems::Scim;
use user_status::systems::scim::Credentials;
use user_status::{AccountSystem, Applied, ErrorKind, Proof, StatusChange};

use crate::drive::{LATE, PATIENCE, client};
use crate::proxy::{Fault, Proxy};
use crate::servers::{Server, TOKEN};

/// A server with one user, and a name that nobody has. One that passes over the filter answers with that user.
pub(crate) async fn nobody(server: &Server) -> Result<Option<String>, String> {
    let proxy = Proxy::start(server.address, LATE).await;
    let scim = client(server, &proxy, PATIENCE)?;
    let before = server.users().await?;
    let result = scim.apply_and_verify("userName:nobody@acme.example", &StatusChange::disable()).await;
    let changed = server.users().await? != before;
    let name = server.kind.name;
    Ok(match result {
        Err(error) if error.applied() == Applied::No && !changed => None,
        other => Some(format!("{name}: a name that nobody has: {other:?}; the record has changed: {changed}")),
    })
}

/// The traps for a server with this user.
pub(crate) async fn others(server: &Server, id: &str) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    wrong.extend(no_such_path(server, id).await?);
    if server.kind.versions {
        wrong.extend(changed_meanwhile(server, id).await?);
        wrong.extend(stale_read(server, id).await?);
    }
    Ok(wrong)
}

/// A base URL that is wrong is not an account that is not there.
async fn no_such_path(server: &Server, id: &str) -> Result<Option<String>, String> {
    let built = Scim::builder()
        .base_url(format!("http://{}/nowhere", server.address))
        .credentials(Credentials::bearer(TOKEN))
        .build();
    let Err(error) = built.map_err(|e| e.to_string())?.status(id).await else {
        return Ok(Some(format!("{}: there is an account where there is no SCIM", server.kind.name)));
    };
    let is_scim = error.raw().is_some_and(|raw| String::from_utf8_lossy(&raw.body).contains("2.0:Error"));
    let taken = error.kind() == ErrorKind::NotFound && !is_scim;
    Ok(taken.then(|| format!("{}: a path that is not there is taken for an account: {error}", server.kind.name)))
}

/// Between the read and the change somebody else changes the account. The service has versions: the change is not carried out.
async fn changed_meanwhile(server: &Server, id: &str) -> Result<Option<String>, String> {
    let proxy = Proxy::start(server.address, LATE).await;
    let scim = client(server, &proxy, PATIENCE)?;
    scim.apply_and_verify(id, &StatusChange::enable()).await.map_err(|e| e.to_string())?;
    proxy.plan([None, Some(Fault::Hold)]);
    let change = StatusChange::disable();
    let (result, meanwhile) = tokio::join!(scim.apply(id, &change), async {
        proxy.held().await;
        let touched = server.touch(id).await;
        proxy.release();
        touched
    });
    meanwhile?;
    let active = server.users().await?.get(id).copied();
    let name = server.kind.name;
    Ok(match (result, active) {
        (Err(_), Some(true)) => None,
        (result, active) => Some(format!("{name}: changed meanwhile: {result:?}; the record has active: {active:?}")),
    })
}

/// The first read after the change shows what was there before it.
async fn stale_read(server: &Server, id: &str) -> Result<Option<String>, String> {
    let proxy = Proxy::start(server.address, LATE).await;
    let scim = client(server, &proxy, PATIENCE)?;
    scim.apply_and_verify(id, &StatusChange::enable()).await.map_err(|e| e.to_string())?;
    proxy.plan([None, None, Some(Fault::Stale)]);
    let result = scim.apply_and_verify(id, &StatusChange::disable()).await;
    let struck = proxy.settled().await;
    let name = server.kind.name;
    Ok(match result {
        Ok(receipt) if receipt.proof == Proof::Confirmed && struck == [Fault::Stale] => None,
        other => Some(format!("{name}: a stale read ({struck:?}): {other:?}")),
    })
}
