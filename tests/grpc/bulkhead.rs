//! The bulkhead, whose permits are held until the trailers.

use http::Response;
use http_body_util::BodyExt;
use mainstay::bulkhead::{BulkheadConfig, BulkheadLayer};
use tower::{Layer, ServiceExt};

use super::kit::{Broken, Item, Upstream, message, reply, request, status, streaming};

/// How many permits are held when the head is there, after each frame that is read, and when the body
/// has been dropped.
async fn held(answer: Response<super::kit::Body>) -> Vec<u32> {
    let layer = BulkheadLayer::grpc("stock", BulkheadConfig::default()).unwrap();
    let service = layer.layer(Upstream::of([answer]));
    let answer = service.oneshot(request("/shop.Stock/Count")).await.unwrap();
    let mut held = vec![layer.handle().in_flight()];
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        held.push(layer.handle().in_flight());
        if frame.is_err() {
            break;
        }
    }
    drop(body);
    held.push(layer.handle().in_flight());
    held
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_held_until_the_trailers() {
    assert_eq!(held(reply("0")).await, [1, 1, 0, 0]);
    assert_eq!(held(reply("14")).await, [1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_status_in_the_head_gives_it_back_at_once() {
    assert_eq!(held(status("14")).await, [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_end_without_trailers_an_error_and_a_drop_give_it_back() {
    let broken: Item = Err(Broken);
    assert_eq!(held(streaming([message(), broken])).await, [1, 1, 0, 0]);
    assert_eq!(held(streaming([message()])).await, [1, 1, 0]);

    let layer = BulkheadLayer::grpc("stock", BulkheadConfig::default()).unwrap();
    let service = layer.layer(Upstream::of([reply("0")]));
    let answer = service.oneshot(request("/shop.Stock/Count")).await.unwrap();
    assert_eq!(layer.handle().in_flight(), 1);
    drop(answer);
    assert_eq!(layer.handle().in_flight(), 0);
}
