//! The field that only trusted peers may send.

use std::sync::{Arc, Mutex};

use mainstay::Deadline;
use mainstay::deadline::{DeadlineServerConfig, Format};
use tower::Layer;

use crate::MS;
use crate::kit::{Note, call, grpc, millis, noted, server};

const ENVOY: &str = "x-envoy-expected-rq-timeout-ms";

fn from_envoy(peer: &str) -> Note {
    Note::default().with(ENVOY, "50").with("peer", peer)
}

fn is_ours(note: &Note) -> bool {
    note.fields().contains(&("peer", "ours"))
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_nobody_trusts_is_not_believed_and_what_it_said_goes_no_further() {
    let (inner, _, book) = noted();
    let closed = server(DeadlineServerConfig::default()).layer(inner.clone());
    let layer = server(DeadlineServerConfig::default());
    let unread = layer.formats([Format::MILLIS]).layer(inner.clone());
    let by_closure = server(DeadlineServerConfig::default()).trust(is_ours);
    for peer in ["ours", "theirs"] {
        for service in [&closed, &unread] {
            call(service, from_envoy(peer)).await.unwrap();
            let seen = book.last();
            assert_eq!(seen.current, None);
            assert_eq!(seen.note.fields(), [("peer", peer)]);
        }
    }
    let service = by_closure.layer(inner);
    call(&service, from_envoy("theirs").with(ENVOY, "0"))
        .await
        .unwrap();
    let seen = book.last();
    assert_eq!(seen.current, None);
    assert_eq!(seen.note.fields(), [("peer", "theirs")]);
}

#[tokio::test(start_paused = true)]
async fn a_trusted_peer_is_believed_but_only_to_shorten() {
    let (inner, _, book) = noted();
    let layer = server(DeadlineServerConfig::default().max(40 * MS));
    let service = layer.clone().trust(is_ours).layer(inner.clone());
    call(&service, from_envoy("ours")).await.unwrap();
    let seen = book.last();
    assert_eq!(seen.current, Some(Deadline::within(40 * MS)));
    assert!(
        seen.note.fields().contains(&(ENVOY, "50")),
        "left as it came"
    );

    let shorter = from_envoy("ours").with(ENVOY, "30");
    call(&service, shorter).await.unwrap();
    assert_eq!(book.last().current, Some(Deadline::within(30 * MS)));
}

#[tokio::test(start_paused = true)]
async fn any_peer_shortens_its_own_time_by_the_other_formats() {
    let (inner, _, book) = noted();
    let service = server(DeadlineServerConfig::default()).layer(inner);
    for note in [millis(20), grpc("20m")] {
        call(&service, note.with(ENVOY, "10")).await.unwrap();
        assert_eq!(book.last().current, Some(Deadline::within(20 * MS)));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_a_request_without_the_field() {
    let asked = Arc::new(Mutex::new(0));
    let asks = Arc::clone(&asked);
    let (inner, _, _) = noted();
    let trust = move |_: &Note| {
        *asks.lock().unwrap() += 1;
        true
    };
    let service = server(DeadlineServerConfig::default())
        .trust(trust)
        .layer(inner);
    call(&service, millis(20)).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), 0);
    call(&service, from_envoy("ours")).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), 1);
}
