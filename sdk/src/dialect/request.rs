//! A request that a dialect has made, and that is not sent yet.

use std::fmt;
use std::future::Future;

use progenitor_client::ResponseValue;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method};
use serde::Serialize;
use url::Url;

use crate::client::session::Session;
use crate::model::error::{Error, Result};
use crate::model::kind::SystemKind;
use crate::policy::clock::BoxFuture;
use crate::seam::convert::ErrorBody;

/// A request to a system, not sent yet: a method, a path below the base URL, and a body.
///
/// The path is given as segments. Each is encoded, so that no id can lead to another path; a segment that is empty, `.` or
/// `..`, or has a control character, is refused before anything is sent.
///
/// ```
/// use user_status::dialect::Request;
///
/// let user = "jane/../admin";
/// let request = Request::put(&["people", user, "access"]).with_json(&serde_json::json!({ "open": false }));
/// assert_eq!(format!("{request:?}"), "Request(PUT of 3 segments)");
/// ```
pub struct Request<'a>(pub(super) Inner<'a>);

pub(super) enum Inner<'a> {
    /// A call of a generated client.
    Generated(BoxFuture<'a, Result<()>>),
    Own(Box<Own>),
}

/// A request that is written by hand.
pub(super) struct Own {
    pub(super) method: Method,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    problem: Option<String>,
}

impl fmt::Debug for Request<'_> {
    /// Without the path and the body, which have the id of the user in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Generated(_) => f.write_str("Request(a call of a generated client)"),
            Inner::Own(own) => write!(f, "Request({} of {} segments)", own.method, own.segments.len()),
        }
    }
}

impl<'a> Request<'a> {
    /// Creates a request with a method and the segments of a path below the base URL.
    pub fn new(method: Method, segments: &[&str]) -> Request<'a> {
        // A parser of URLs leaves out tabs and the ends of lines, so that a segment with one would lead elsewhere.
        let leads_elsewhere =
            |segment: &&&str| matches!(**segment, "" | "." | "..") || segment.contains(char::is_control);
        let strange = segments.iter().find(leads_elsewhere);
        let problem = strange.map(|segment| format!("`{}` cannot be a part of a path", segment.escape_debug()));
        let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
        let own = Own { method, segments, query: Vec::new(), headers: HeaderMap::new(), body: None, problem };
        Request(Inner::Own(Box::new(own)))
    }

    /// Creates a GET.
    pub fn get(segments: &[&str]) -> Request<'a> {
        Request::new(Method::GET, segments)
    }

    /// Creates a POST.
    pub fn post(segments: &[&str]) -> Request<'a> {
        Request::new(Method::POST, segments)
    }

    /// Creates a PUT.
    pub fn put(segments: &[&str]) -> Request<'a> {
        Request::new(Method::PUT, segments)
    }

    /// Creates a PATCH.
    pub fn patch(segments: &[&str]) -> Request<'a> {
        Request::new(Method::PATCH, segments)
    }

    /// Creates a DELETE.
    pub fn delete(segments: &[&str]) -> Request<'a> {
        Request::new(Method::DELETE, segments)
    }

    /// Creates a request from a call of a generated client, as its `send` returns it.
    pub(crate) fn generated<T, E>(
        call: impl Future<Output = std::result::Result<ResponseValue<T>, progenitor_client::Error<E>>> + Send + 'a,
    ) -> Request<'a>
    where
        T: Send,
        E: ErrorBody + Send,
    {
        Request(Inner::Generated(Box::pin(async move { call.await.map(drop).map_err(Error::from) })))
    }

    /// Adds a parameter to the query of the URL. Name and value are encoded.
    #[must_use]
    pub fn with_query(self, name: impl Into<String>, value: impl Into<String>) -> Request<'a> {
        self.and(|own| own.query.push((name.into(), value.into())))
    }

    /// Sets a header, other than those of the credentials. The last value of a name counts.
    #[must_use]
    pub fn with_header(self, name: &str, value: &str) -> Request<'a> {
        self.and(|own| match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => drop(own.headers.insert(name, value)),
            _ => own.refuse(format!("the header `{}` cannot be sent", name.escape_debug())),
        })
    }

    /// Sets the body, as JSON. Its media type is `application/json` unless a header says otherwise.
    #[must_use]
    pub fn with_json(self, body: &(impl Serialize + ?Sized)) -> Request<'a> {
        self.and(|own| match serde_json::to_vec(body) {
            Ok(body) => own.body = Some(body),
            Err(error) => own.refuse(format!("the body cannot be written as JSON: {error}")),
        })
    }

    fn and(mut self, set: impl FnOnce(&mut Own)) -> Request<'a> {
        if let Inner::Own(own) = &mut self.0 {
            set(own);
        }
        self
    }

    /// Refuses what cannot be sent.
    pub(super) fn check(&self, system: SystemKind) -> Result<()> {
        match &self.0 {
            Inner::Own(own) => {
                own.problem.as_ref().map_or(Ok(()), |why| Err(Error::invalid_input(system, why.clone())))
            }
            Inner::Generated(_) => Ok(()),
        }
    }
}

impl Own {
    /// Keeps what is wrong; the first fault counts.
    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    /// As it is sent, without credentials.
    pub(super) fn build(self, session: &Session) -> reqwest::Request {
        let mut url: Url = session.url("");
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
            // A space is written as `%20`, which every server reads as one; a `+` of a value is `%2B` by now.
            let query = url.query().unwrap_or_default().replace('+', "%20");
            url.set_query(Some(&query));
        }
        let mut request = reqwest::Request::new(self.method, url);
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, JSON);
        if let Some(body) = self.body {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
            *request.body_mut() = Some(Body::from(body));
        }
        request.headers_mut().extend(self.headers);
        request
    }
}
