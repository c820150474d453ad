//! A client's stack that gives its requests keys.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use mainstay::error;
use mainstay::http::RespondLayer;
use mainstay::idempotency::{
    IdempotencyConfig, IdempotencyKeyLayer, IdempotencyLayer, MemoryStore, MemoryStoreConfig,
};
use mainstay::retry::{RetryConfig, RetryLayer};
use tower::{BoxError, ServiceBuilder, ServiceExt as _};

type Sent = Request<Full<Bytes>>;

fn request(method: Method) -> Sent {
    let request = Request::builder().method(method).uri("/charges");
    request.body(Full::from("12")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn all_attempts_of_one_call_carry_one_key_and_run_once() {
    // Fault 44.
    let keys = Arc::new(Mutex::new(Vec::new()));
    let ran = Arc::new(Mutex::new(0));
    let store = MemoryStore::new(MemoryStoreConfig::default()).unwrap();
    let layer = IdempotencyLayer::http("payments", IdempotencyConfig::default(), store).unwrap();
    let counted = Arc::clone(&ran);
    let server = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(layer.single_tenant())
        .layer(error::layer())
        .service_fn(move |_: Request<mainstay::http::ReadBody<Full<Bytes>>>| {
            *counted.lock().unwrap() += 1;
            async {
                Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("charged")))
            }
        });
    let seen = Arc::clone(&keys);
    // Each first answer is lost on its way back.
    let lossy = tower::service_fn(move |request: Sent| {
        let key = request.headers().get("idempotency-key").cloned();
        let mut seen = seen.lock().unwrap();
        let is_first = !seen.contains(&key);
        seen.push(key);
        let call = server.clone().oneshot(request);
        async move {
            let answer = call.await.map_err(BoxError::from)?;
            if is_first {
                Err(BoxError::from("reset"))
            } else {
                Ok(answer)
            }
        }
    });
    let client = ServiceBuilder::new()
        .layer(IdempotencyKeyLayer::http("payments"))
        .layer(RetryLayer::http("payments", RetryConfig::default()).unwrap())
        .service(lossy);
    let answer = client.clone().oneshot(request(Method::POST)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["idempotency-replayed"], "true");
    {
        let keys = keys.lock().unwrap();
        assert_eq!((keys.len(), *ran.lock().unwrap()), (2, 1));
        assert_eq!(keys[0], keys[1]);
        assert!(keys[0].is_some());
    }
    client
        .clone()
        .oneshot(request(Method::PATCH))
        .await
        .unwrap();
    let keys = keys.lock().unwrap();
    assert_eq!(keys.len(), 4);
    assert_ne!(keys[2], keys[0], "another call has another key");
}

#[tokio::test(start_paused = true)]
async fn other_methods_get_no_key_and_a_callers_own_is_kept() {
    let client = ServiceBuilder::new()
        .layer(IdempotencyKeyLayer::http("payments"))
        .service_fn(|request: Sent| async move {
            Ok::<_, BoxError>(request.headers().get("idempotency-key").cloned())
        });
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(client.clone().oneshot(request(method)).await.unwrap(), None);
    }
    let mut own = request(Method::POST);
    own.headers_mut()
        .append("idempotency-key", "mine".parse().unwrap());
    assert_eq!(client.clone().oneshot(own).await.unwrap().unwrap(), "mine");
}
