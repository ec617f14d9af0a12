//! The request of an attempt: with credentials, in the representation that the session speaks.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, PRAGMA, USER_AGENT,
};
use reqwest::{Body, Request};
use serde_json::{Map, Value};

use super::CallDriver;
use crate::client::auth::WireCredentials;
use crate::codec::redact::Secrets;
use crate::model::dry_run::DryRunRequest;
use crate::model::error::Error;

impl CallDriver<'_> {
    /// The request with credentials, in the representation that the session speaks.
    pub(super) fn prepare(
        &self,
        template: &Request,
        credentials: &WireCredentials,
        fresh: bool,
    ) -> Result<Request, Error> {
        let mut request = self.copy(template)?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("user-status/", env!("CARGO_PKG_VERSION"))));
        if self.operation.only_reads() {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
            headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        }
        if fresh {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // What comes encoded all the same is decoded; but nothing is gained by it in answers that are so short.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &credentials.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let Some((name, secret)) = &credentials.body_member
            && let Some(mut members) = members(template)
            // A caller who gave a token of its own means it.
            && !members.contains_key(*name)
        {
            members.insert((*name).to_owned(), Value::from(secret.expose()));
            *request.body_mut() = Some(Body::from(Value::Object(members).to_string()));
        }
        if let Some(representation) = &self.parts.representation {
            let name = HeaderValue::from_static(representation.media_type);
            request.headers_mut().insert(ACCEPT, name.clone());
            if let Some(body) = request.body().and_then(Body::as_bytes) {
                let body = representation.request(body);
                let body = body.map_err(|e| Error::invalid_input(self.parts.system, e.to_string()))?;
                request.headers_mut().insert(CONTENT_TYPE, name);
                *request.body_mut() = Some(Body::from(body));
            }
        }
        Ok(request)
    }

    /// The request as it would be sent, without the credentials. They are left out when it is prepared, so that none
    /// can be overlooked in it; what the caller put in besides is cleaned before it is written in another
    /// representation.
    pub(super) fn planned(&self, credentials: &WireCredentials, secrets: &Secrets) -> Result<DryRunRequest, Error> {
        let mut template = self.copy(&self.template)?;
        if let Some(body) = template.body().and_then(Body::as_bytes).map(Bytes::copy_from_slice) {
            *template.body_mut() = Some(Body::from(secrets.clean_body(body)));
        }
        Ok(DryRunRequest::of(&self.prepare(&template, &credentials.redacted(), false)?, secrets))
    }

    pub(super) fn copy(&self, request: &Request) -> Result<Request, Error> {
        let once = || Error::invalid_input(self.parts.system, "the body can be sent once only");
        request.try_clone().ok_or_else(once)
    }

    /// The secrets that a request with these credentials carries.
    pub(super) fn secrets(&self, credentials: &WireCredentials) -> Arc<Secrets> {
        if let Some((name, _)) = &credentials.body_member
            && let Some(members) = members(&self.template)
            && let Some(given) = members.get(*name).and_then(Value::as_str)
        {
            return Arc::new(credentials.secrets.and(&Secrets::of([given])));
        }
        credentials.secrets.clone()
    }
}

/// The members of a request's body.
fn members(request: &Request) -> Option<Map<String, Value>> {
    serde_json::from_slice(request.body()?.as_bytes()?).ok()
}
