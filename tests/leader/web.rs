//! What clients of a server read: axum's, and gRPC's.

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path};
use axum::routing::get;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use mainstay::coordination::{
    FencingToken, LeaderConfig, LeaderLayer, ManualSeat, NodeId, NotLeader, Term, TokioClock,
};
use mainstay::error;
use mainstay::http::RespondLayer;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::{ServiceBuilder, ServiceExt};

use super::MS;
use super::kit::{timing, token};

fn seat() -> ManualSeat {
    ManualSeat::new(timing(), TokioClock::new())
}

fn app(seat: &ManualSeat) -> Router {
    let work = async |Path(millis): Path<u32>,
                      Extension(token): Extension<FencingToken>,
                      Extension(term): Extension<Term>,
                      headers: HeaderMap| {
        sleep(MS * millis).await;
        let field = headers.get_all("fencing-token").iter();
        let field: Vec<_> = field.map(|value| value.to_str().unwrap()).collect();
        assert_eq!(term.token(), token);
        format!("{token} {field:?}")
    };
    let leader = LeaderLayer::new("orders", seat.clone(), LeaderConfig::default()).unwrap();
    let stack = ServiceBuilder::new()
        .layer(RespondLayer::new())
        .layer(leader)
        .layer(error::layer());
    Router::new()
        .route("/work/{millis}", get(work))
        .layer(stack)
}

async fn ask(app: &Router, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::get(path)
        .header("Fencing-Token", "18446744073709551615")
        .header("fencing-token", "2");
    let request = request.body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    (head.status, head.headers, body)
}

#[tokio::test(start_paused = true)]
async fn a_leaders_handler_is_given_its_token_and_not_the_one_that_came_from_outside() {
    let seat = seat();
    seat.lead(token(7));
    let (status, _, body) = ask(&app(&seat), "/work/100").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, br#"7 ["7"]"#);
}

#[tokio::test(start_paused = true)]
async fn a_follower_answers_503_and_names_the_leader() {
    let seat = seat();
    let app = app(&seat);
    let (status, headers, body) = ask(&app, "/work/0").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!headers.contains_key("leader-node"), "nobody knows");
    let problem: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "This node of the service does not lead.",
        "kind": "not_leader",
    });
    assert_eq!(problem, expected);

    seat.follow(Some(NodeId(3)));
    let (status, headers, _) = ask(&app, "/work/0").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(NotLeader::read_leader(&headers), Some(NodeId(3)));
    assert!(!headers.contains_key("fencing-token"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_loses_its_term_answers_504_and_what_it_ran_is_gone() {
    let seat = seat();
    seat.lead(token(1));
    let (status, _, body) = ask(&app(&seat), "/work/5000").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["kind"], "leadership_lost");
}

/// A request whose headers are full has no room for the token; what came in its place is gone as well.
#[tokio::test(start_paused = true)]
async fn where_no_header_more_fits_no_token_is_better_than_a_strangers() {
    let seat = seat();
    seat.lead(token(1));
    let leader = LeaderLayer::new("orders", seat, LeaderConfig::default()).unwrap();
    let service = ServiceBuilder::new()
        .layer(leader)
        .layer(error::layer())
        .service_fn(async |request: Request<()>| {
            let token = request.extensions().get::<FencingToken>().copied();
            let fields = request.headers().get_all("fencing-token").iter().count();
            Ok::<_, ()>((token, fields))
        });
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert("fencing-token", 9.into());
    for number in 0..u32::MAX {
        let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
        if headers.try_append(name, 0.into()).is_err() {
            break;
        }
    }
    assert_eq!(service.oneshot(request).await.unwrap(), (Some(token(1)), 0));
}
