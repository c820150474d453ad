//! What of a response still ends with the deadline.

use std::sync::{Arc, Mutex};

use mainstay::Deadline;
use mainstay::deadline::{Cover, DeadlineClientConfig, DeadlineServerConfig, HeadOnly};
use mainstay::test_util::{Act, Token};
use tower::Layer;

use crate::kit::{Note, call, client, millis, noted, server};
use crate::{MS, SECOND};

/// Writes down what it is given, and gives it on.
#[derive(Clone, Debug, Default)]
struct Noted(Arc<Mutex<Vec<Deadline>>>);

impl Cover<Token> for Noted {
    type Response = (Token, Deadline);

    fn cover(&self, response: Token, deadline: Deadline) -> Self::Response {
        self.0.lock().unwrap().push(deadline);
        (response, deadline)
    }
}

#[tokio::test(start_paused = true)]
async fn what_streams_after_the_head_has_the_deadline_of_the_call() {
    let (inner, watch, _) = noted();
    watch.otherwise(Act::answer().after(20 * MS));
    let ends = Deadline::within(250 * MS);
    let layer = server(DeadlineServerConfig::default()).cover(Noted::default());
    let service = layer.trust(|_: &Note| true).layer(inner.clone());
    let (_, deadline) = call(&service, millis(250)).await.unwrap();
    assert_eq!(deadline, ends);

    let ends = Deadline::within(105 * MS);
    let config = DeadlineClientConfig::default().max(100 * MS);
    let service = client(config).cover(Noted::default()).layer(inner);
    let (_, deadline) = call(&service, Note::default()).await.unwrap();
    assert_eq!(deadline, ends);
}

#[tokio::test(start_paused = true)]
async fn an_endless_call_is_covered_without_an_end_and_an_error_is_not_covered() {
    let (inner, watch, _) = noted();
    let cover = Noted::default();
    let layer = server(DeadlineServerConfig::default()).cover(cover.clone());
    let service = layer.layer(inner);
    let (_, deadline) = call(&service, Note::default()).await.unwrap();
    assert_eq!(deadline, Deadline::NEVER);

    watch.play([Act::fail(), Act::hang()]);
    assert!(call(&service, millis(250)).await.is_err());
    assert!(call(&service, millis(250)).await.is_err());
    assert!(call(&service, millis(0)).await.is_err());
    assert_eq!(cover.0.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn by_default_the_head_alone_is_bounded() {
    let (inner, _, _) = noted();
    let layer = server(DeadlineServerConfig::default()).cover(HeadOnly);
    let response = call(&layer.layer(inner), millis(250)).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(response.id(), 1, "untouched");
}
