//! The context that an HTTP request carries itself.

use http::header::{HeaderName, HeaderValue};

use crate::context::{Attempt, CallContext, Deadline};

/// Finds the deadline and the attempt in a request's extensions, and writes the attempt there.
///
/// Unlike [`Ambient`](crate::context::Ambient), extensions also survive a `Buffer` and
/// `tokio::spawn`. Where the task's context says something too, the sooner deadline counts, and the
/// request's own attempt.
///
/// Nothing is read from headers: a peer could say there what it likes. The attempt can be written to
/// one, for the callee to see.
///
/// ```
/// use http::Request;
/// use mainstay::context::CallContext;
/// use mainstay::http::{AttemptHeader, Extensions};
/// use mainstay::{Attempt, Failure};
///
/// let context = Extensions::default().attempt_header(AttemptHeader::XRetryAttempt);
/// let mut request = Request::new(());
/// context.mark(&mut request, Attempt::first(3).next(Failure::transient()));
/// assert_eq!(request.headers()["x-retry-attempt"], "2");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions {
    attempt_header: Option<AttemptHeader>,
}

/// A header that says to the callee which attempt it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptHeader {
    /// `x-retry-attempt`: the number of the attempt, 1 for the first.
    XRetryAttempt,
    /// `grpc-previous-rpc-attempts`: how many there were before, and absent on the first (gRPC A6).
    GrpcPreviousRpcAttempts,
}

const X_RETRY_ATTEMPT: HeaderName = HeaderName::from_static("x-retry-attempt");
const GRPC_PREVIOUS_RPC_ATTEMPTS: HeaderName =
    HeaderName::from_static("grpc-previous-rpc-attempts");

impl Extensions {
    /// Writes the attempt to `header` as well. None unless said. What a request had there before, of
    /// an inbound request that is passed on perhaps, is replaced or removed.
    #[must_use]
    pub const fn attempt_header(mut self, header: AttemptHeader) -> Self {
        self.attempt_header = Some(header);
        self
    }
}

impl<B> CallContext<http::Request<B>> for Extensions {
    fn deadline(&self, request: &http::Request<B>) -> Option<Deadline> {
        match (Deadline::of(request.extensions()), Deadline::current()) {
            (Some(own), Some(around)) => Some(own.sooner(around)),
            (one, None) | (None, one) => one,
        }
    }

    fn attempt(&self, request: &http::Request<B>) -> Option<Attempt> {
        let own = request.extensions().get().copied();
        own.or_else(Attempt::current)
    }

    fn mark(&self, request: &mut http::Request<B>, attempt: Attempt) {
        request.extensions_mut().insert(attempt);
        let (name, value) = match self.attempt_header {
            None => return,
            Some(AttemptHeader::XRetryAttempt) => (X_RETRY_ATTEMPT, attempt.number()),
            Some(AttemptHeader::GrpcPreviousRpcAttempts) => (
                GRPC_PREVIOUS_RPC_ATTEMPTS,
                attempt.number().saturating_sub(1),
            ),
        };
        let headers = request.headers_mut();
        // What a peer said stays in no case, also where the map is full.
        if value == 0 || headers.try_insert(&name, HeaderValue::from(value)).is_err() {
            headers.remove(name);
        }
    }
}

impl Deadline {
    /// The deadline that these extensions carry.
    pub fn of(extensions: &http::Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// Puts it into the extensions, where [`http::Extensions`](crate::http::Extensions) finds it, and
    /// says which deadline holds there now: one that was there before stays when it is sooner.
    #[expect(clippy::return_self_not_must_use, reason = "attaching is the point")]
    pub fn attach(self, extensions: &mut http::Extensions) -> Self {
        let holds = Self::of(extensions).map_or(self, |before| before.sooner(self));
        extensions.insert(holds);
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Failure;
    use crate::time;
    use std::time::Duration;

    fn in_secs(secs: u64) -> Deadline {
        time::after(time::now(), Duration::from_secs(secs)).map_or(Deadline::NEVER, Deadline::at)
    }

    #[test]
    fn an_attached_deadline_only_shrinks() {
        let (soon, late) = (in_secs(1), in_secs(2));
        let mut extensions = http::Extensions::new();
        assert_eq!(Deadline::of(&extensions), None);
        assert_eq!(late.attach(&mut extensions), late);
        assert_eq!(soon.attach(&mut extensions), soon);
        assert_eq!(late.attach(&mut extensions), soon);
        assert_eq!(Deadline::NEVER.attach(&mut extensions), soon);
        assert_eq!(Deadline::of(&extensions), Some(soon));
    }

    #[test]
    fn the_sooner_of_the_requests_deadline_and_the_tasks_counts() {
        let (soon, late) = (in_secs(1), in_secs(2));
        let context = Extensions::default();
        let bare = http::Request::new(());
        let with = |deadline: Deadline| {
            let mut request = http::Request::new(());
            deadline.attach(request.extensions_mut());
            request
        };
        assert_eq!(context.deadline(&bare), None);
        assert_eq!(context.deadline(&with(late)), Some(late));
        futures::executor::block_on(soon.scope(async {
            assert_eq!(context.deadline(&bare), Some(soon));
            assert_eq!(context.deadline(&with(late)), Some(soon));
        }));
        futures::executor::block_on(late.scope(async {
            assert_eq!(context.deadline(&with(soon)), Some(soon));
        }));
    }

    #[test]
    fn the_attempt_is_written_over_the_one_before() {
        let context = Extensions::default();
        let first = Attempt::first(3);
        let second = first.next(Failure::overload());
        let mut request = http::Request::new(());
        assert_eq!(context.attempt(&request), None);
        context.mark(&mut request, first);
        context.mark(&mut request, second);
        assert_eq!(context.attempt(&request), Some(second));
        assert!(request.headers().is_empty(), "no header unless asked for");
    }

    #[test]
    fn the_requests_own_attempt_counts_and_without_one_the_tasks() {
        let context = Extensions::default();
        let (own, around) = (Attempt::first(3), Attempt::first(5));
        let mut request = http::Request::new(());
        let _entered = crate::context::enter_attempt(around);
        assert_eq!(context.attempt(&request), Some(around));
        context.mark(&mut request, own);
        assert_eq!(context.attempt(&request), Some(own));
    }

    #[test]
    fn a_header_of_a_peer_is_no_attempt_and_is_replaced() {
        let grpc = Extensions::default().attempt_header(AttemptHeader::GrpcPreviousRpcAttempts);
        let plain = Extensions::default().attempt_header(AttemptHeader::XRetryAttempt);
        let mut request = http::Request::new(());
        for name in [X_RETRY_ATTEMPT, GRPC_PREVIOUS_RPC_ATTEMPTS] {
            request
                .headers_mut()
                .append(&name, HeaderValue::from_static("7"));
            request
                .headers_mut()
                .append(&name, HeaderValue::from_static("8"));
        }
        assert_eq!(plain.attempt(&request), None);

        let first = Attempt::first(u32::MAX);
        grpc.mark(&mut request, first);
        plain.mark(&mut request, first);
        assert!(!request.headers().contains_key(GRPC_PREVIOUS_RPC_ATTEMPTS));
        assert_eq!(request.headers().get_all(X_RETRY_ATTEMPT).iter().count(), 1);
        assert_eq!(request.headers()[X_RETRY_ATTEMPT], "1");

        grpc.mark(&mut request, first.next(Failure::transient()));
        assert_eq!(request.headers()[GRPC_PREVIOUS_RPC_ATTEMPTS], "1");
    }

    /// As those of a peer's request that is passed on may be.
    #[test]
    fn a_request_that_has_no_room_for_a_header_is_sent_without_it() {
        let plain = Extensions::default().attempt_header(AttemptHeader::XRetryAttempt);
        let mut request = http::Request::new(());
        let peers = HeaderValue::from_static("7");
        request.headers_mut().append(X_RETRY_ATTEMPT, peers);
        for number in 0_u32.. {
            let name: HeaderName = format!("x-{number}").parse().unwrap();
            let value = HeaderValue::from(number);
            if request.headers_mut().try_append(name, value).is_err() {
                break;
            }
        }
        plain.mark(&mut request, Attempt::first(u32::MAX));
        let said = request.headers().get(X_RETRY_ATTEMPT);
        assert!(said.is_none_or(|said| said == "1"), "{said:?}");
        assert!(request.extensions().get::<Attempt>().is_some());
    }
}
