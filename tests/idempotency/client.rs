//! The client's keys.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use mainstay::context::Field;
use mainstay::idempotency::IdempotencyKeyLayer;
use mainstay::retry::{RetryConfig, RetryLayer};
use mainstay::{Rng, error};
use tower::{Layer, Service, ServiceExt};

type Seen = Arc<Mutex<Vec<Vec<String>>>>;

/// Writes down the keys that it sees, and is overloaded for the first two requests of each call.
fn server(
    seen: &Seen,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<Full<Bytes>>,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone
+ use<> {
    let seen = Arc::clone(seen);
    tower::service_fn(move |request: Request<Full<Bytes>>| {
        let keys = request.headers().get_all("idempotency-key");
        let keys = keys.iter().map(|key| key.to_str().unwrap().to_owned());
        let mut seen = seen.lock().unwrap();
        seen.push(keys.collect());
        let mut response = Response::new(Full::default());
        if seen.len() % 3 != 0 {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        std::future::ready(Ok(response))
    })
}

fn request(method: Method) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    *request.method_mut() = method;
    request
}

/// Fault 44.
#[tokio::test(start_paused = true)]
async fn all_attempts_of_one_call_have_one_key_and_two_calls_have_two() {
    let seen = Seen::default();
    let retry = RetryLayer::http("api", RetryConfig::default().attempts(3)).unwrap();
    let service =
        IdempotencyKeyLayer::new("api").layer(retry.layer(error::layer().layer(server(&seen))));
    for _ in 0..2 {
        let answer = service.clone().oneshot(request(Method::POST)).await;
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 6, "a POST with a key is repeated");
    assert!(seen.iter().all(|keys| keys.len() == 1));
    assert!(seen[..3].iter().all(|keys| *keys == seen[0]));
    assert!(seen[3..].iter().all(|keys| *keys == seen[3]));
    assert_ne!(seen[0], seen[3]);
    let key = seen[0][0]
        .strip_prefix('"')
        .unwrap()
        .strip_suffix('"')
        .unwrap();
    assert_eq!(key.len(), 32);
    assert!(key.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_caller_stays_and_only_the_chosen_requests_get_one() {
    let seen = Seen::default();
    let layer = IdempotencyKeyLayer::new("api")
        .only(|request: &Request<Full<Bytes>>| request.method() == Method::POST);
    let service = layer.layer(server(&seen));
    let mut own = request(Method::POST);
    own.headers_mut()
        .insert("idempotency-key", "mine".parse().unwrap());
    let mut empty = request(Method::POST);
    empty
        .headers_mut()
        .insert("idempotency-key", "".parse().unwrap());
    for request in [own, request(Method::GET), request(Method::POST), empty] {
        service.clone().oneshot(request).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(
        *seen[3],
        [String::new()],
        "the server says that it is wrong"
    );
    assert_eq!(
        (&*seen[0], seen[1].len(), seen[2].len()),
        (&["mine".to_owned()][..], 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_can_have_another_field_and_be_drawn_from_a_seed() {
    let keys = [(); 2].map(|()| {
        let field = Field::new("x-request-key").unwrap();
        let layer = IdempotencyKeyLayer::new("api")
            .field(field)
            .rng(Rng::seeded(7));
        let mut service = layer.layer(tower::service_fn(|request: Request<()>| {
            let key = request.headers()["x-request-key"].clone();
            std::future::ready(Ok::<_, ()>(key))
        }));
        service.call(Request::new(()))
    });
    let [first, second] = keys;
    assert_eq!(first.await, second.await);
}
