//! Which gRPC calls may be sent again.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::ConfigError;
use crate::http::SafeMethods;
use crate::retry::Replay;

/// Repeats the methods that it is given, and of all others only what did not run.
///
/// Every gRPC call is a POST, and none is taken for idempotent unless somebody says so (gRPC over HTTP/2,
/// *Idempotency and Retries*). Here it is you who says so: name those that are safe to run twice, for
/// which a `.proto` file has `idempotency_level`.
///
/// A method is named as it is in the request's path, which is case-sensitive: `/package.Service/Method`,
/// or `/package.Service/*` for all of a service. A path of a channel that has a prefix has that too.
///
/// A request is copied by cloning it, as [`SafeMethods`] does: a streamed body is recorded by
/// [`ReplayBodyLayer`](crate::http::ReplayBodyLayer), and what could not be recorded is not repeated.
///
/// ```
/// use mainstay::grpc::IdempotentMethods;
///
/// # fn main() -> Result<(), mainstay::ConfigError> {
/// let methods = IdempotentMethods::new(["/shop.Stock/Count", "/shop.Catalog/*"])?;
/// assert!(methods.contains("/shop.Catalog/Search"));
/// assert!(!methods.contains("/shop.Stock/Take"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct IdempotentMethods {
    named: Arc<Named>,
}

#[derive(Debug, Default)]
struct Named {
    methods: HashSet<String>,
    /// With the slash at their end.
    services: HashSet<String>,
}

impl IdempotentMethods {
    /// The methods that may run twice.
    ///
    /// # Errors
    /// When one is not of the form `/package.Service/Method` or `/package.Service/*`: it would never be
    /// met.
    pub fn new<I>(methods: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let mut named = Named::default();
        for method in methods {
            let method = method.into();
            match method.rsplit_once('/') {
                Some((service, method_name)) if is_service(service) && !method_name.is_empty() => {
                    if method_name == "*" {
                        named.services.insert(format!("{service}/"));
                    } else {
                        named.methods.insert(method);
                    }
                }
                _ => {
                    let forms = "`/package.Service/Method` or `/package.Service/*`";
                    return Err(ConfigError::new("methods", method, forms));
                }
            }
        }
        Ok(Self {
            named: Arc::new(named),
        })
    }

    /// Whether the method of this path may run twice.
    pub fn contains(&self, path: &str) -> bool {
        if self.named.methods.contains(path) {
            return true;
        }
        let service = path.rfind('/').and_then(|slash| path.get(..=slash));
        service.is_some_and(|service| self.named.services.contains(service))
    }
}

fn is_service(service: &str) -> bool {
    service
        .strip_prefix('/')
        .is_some_and(|rest| !rest.is_empty() && rest.split('/').all(|part| !part.is_empty()))
}

impl<B: Clone> Replay<http::Request<B>> for IdempotentMethods {
    fn copy(&self, request: &http::Request<B>) -> Option<http::Request<B>> {
        SafeMethods::default().copy(request)
    }

    fn is_safe(&self, request: &http::Request<B>) -> bool {
        self.contains(request.uri().path())
    }

    fn is_intact(&self, copy: &http::Request<B>) -> bool {
        SafeMethods::default().is_intact(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_safe(methods: &IdempotentMethods, uri: &str) -> bool {
        let request = http::Request::post(uri).body(()).unwrap();
        methods.is_safe(&request)
    }

    #[test]
    fn nothing_is_repeated_unless_it_is_named() {
        let none = IdempotentMethods::default();
        assert!(!is_safe(&none, "/shop.Stock/Count"));
        assert!(!is_safe(&none, "/"));
        let get = http::Request::get("/shop.Stock/Count").body(()).unwrap();
        assert!(!none.is_safe(&get), "the method of HTTP says nothing");
    }

    #[test]
    fn a_method_is_met_by_its_whole_path() {
        let methods = IdempotentMethods::new(["/shop.Stock/Count"]).unwrap();
        assert!(is_safe(&methods, "/shop.Stock/Count"));
        assert!(is_safe(&methods, "http://host:1/shop.Stock/Count?x=1"));
        for other in [
            "/shop.Stock/count",
            "/shop.Stock/Count/",
            "/shop.Stock/CountAll",
            "/v1/shop.Stock/Count",
            "/shop.Stock/",
            "/shop.Stock",
        ] {
            assert!(!is_safe(&methods, other), "{other}");
        }
    }

    #[test]
    fn a_service_is_met_by_all_its_methods_and_no_others() {
        let methods = IdempotentMethods::new(["/shop.Stock/*", "/v1/a.B/*"]).unwrap();
        assert!(is_safe(&methods, "/shop.Stock/Count"));
        assert!(is_safe(&methods, "/v1/a.B/C"));
        for other in [
            "/shop.Stocks/Count",
            "/shop.Stock",
            "/a.B/C",
            "/x/shop.Stock/Count",
        ] {
            assert!(!is_safe(&methods, other), "{other}");
        }
    }

    #[test]
    fn a_name_that_would_never_be_met_is_refused() {
        for name in [
            "",
            "/",
            "//",
            "*",
            "/*",
            "shop.Stock/Count",
            "/shop.Stock",
            "/shop.Stock/",
            "//Count",
            "/a//b",
            "Count",
        ] {
            let error = IdempotentMethods::new([name]).unwrap_err();
            assert!(error.to_string().contains("methods"), "{name}: {error}");
        }
    }
}
