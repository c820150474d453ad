//! Which HTTP requests may be sent again.

use http::header::HeaderName;

use crate::retry::Replay;

use super::body::Recording;

/// Repeats requests of safe methods, and those that carry an `Idempotency-Key`.
///
/// *Safe* is the word of RFC 9110 §9.2.1: GET, HEAD, OPTIONS, TRACE and QUERY ask for nothing to
/// change. PUT and DELETE are idempotent (§9.2.2), but only as long as nobody else writes in
/// between: the repeat of a PUT whose answer was lost undoes what another client wrote after it. So
/// those are repeated where [`idempotent_methods`](Self::idempotent_methods) says that it may be.
///
/// The key counts when it is not empty; that the callee honours it is for whoever sets it to know.
///
/// A request is copied by cloning it. A body that can be cloned, such as `Full<Bytes>`, is its own
/// copy; a streamed one is recorded by [`ReplayBody`](super::ReplayBody), and what could not be
/// recorded is not repeated.
#[derive(Clone, Copy, Debug, Default)]
pub struct SafeMethods {
    idempotent: bool,
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl SafeMethods {
    /// Repeats PUT and DELETE too. Default: not.
    #[must_use]
    pub const fn idempotent_methods(mut self) -> Self {
        self.idempotent = true;
        self
    }
}

impl<B: Clone> Replay<http::Request<B>> for SafeMethods {
    fn copy(&self, request: &http::Request<B>) -> Option<http::Request<B>> {
        Recording::is_intact(request.extensions()).then(|| request.clone())
    }

    fn is_safe(&self, request: &http::Request<B>) -> bool {
        let method = request.method();
        method.is_safe()
            || (self.idempotent && method.is_idempotent())
            || request
                .headers()
                .get(IDEMPOTENCY_KEY)
                .is_some_and(|key| !key.is_empty())
    }

    fn is_intact(&self, copy: &http::Request<B>) -> bool {
        Recording::is_intact(copy.extensions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, Request};

    fn request(method: &str) -> Request<()> {
        Request::builder().method(method).body(()).unwrap()
    }

    #[test]
    fn only_safe_methods_are_repeated_and_idempotent_ones_when_asked() {
        let (safe, idempotent) = (
            SafeMethods::default(),
            SafeMethods::default().idempotent_methods(),
        );
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
            assert!(safe.is_safe(&request(method)), "{method}");
            assert!(idempotent.is_safe(&request(method)), "{method}");
        }
        for method in ["PUT", "DELETE"] {
            assert!(!safe.is_safe(&request(method)), "{method}");
            assert!(idempotent.is_safe(&request(method)), "{method}");
        }
        for method in ["POST", "PATCH", "CONNECT", "get", "MKCOL"] {
            assert!(!safe.is_safe(&request(method)), "{method}");
            assert!(!idempotent.is_safe(&request(method)), "{method}");
        }
    }

    #[test]
    fn a_key_makes_any_request_safe_unless_it_is_empty() {
        let mut payment = request("POST");
        payment
            .headers_mut()
            .insert(IDEMPOTENCY_KEY, "".parse().unwrap());
        assert!(!SafeMethods::default().is_safe(&payment));
        let key = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        payment
            .headers_mut()
            .insert(IDEMPOTENCY_KEY, key.parse().unwrap());
        assert!(SafeMethods::default().is_safe(&payment));
    }

    #[test]
    fn a_copy_has_all_that_the_request_has() {
        let mut original = Request::builder()
            .method(Method::PUT)
            .uri("/accounts/1?x")
            .version(http::Version::HTTP_2)
            .header("a", "b")
            .body(7)
            .unwrap();
        original.extensions_mut().insert("kept");
        let rule = SafeMethods::default();
        let copy = rule.copy(&original).unwrap();
        assert_eq!(copy.method(), original.method());
        assert_eq!(copy.uri(), original.uri());
        assert_eq!(copy.version(), original.version());
        assert_eq!(copy.headers(), original.headers());
        assert_eq!(copy.extensions().get(), Some(&"kept"));
        assert_eq!(copy.body(), &7);
        assert!(rule.is_intact(&copy));
    }
}
