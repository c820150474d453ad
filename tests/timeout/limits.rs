//! Where the limit comes from, and how it changes.

use std::convert::Infallible;
use std::time::Duration;

use futures::executor::block_on;
use mainstay::error;
use mainstay::test_util::{Act, Probe, Token};
use mainstay::timeout::{Limit, TimeoutConfig, TimeoutLayer};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::{SECOND, call, hanging, layer, over_probe, refusal};

const NANO: Duration = Duration::from_nanos(1);

#[tokio::test(start_paused = true)]
async fn a_limit_can_be_computed_from_the_request() {
    let by_millis = |millis: &u64| (*millis > 0).then(|| Duration::from_millis(*millis));
    let mut service = layer(SECOND).limit_by(by_millis).layer(hanging());
    for (request, limit) in [
        (10, Duration::from_millis(10)),
        (5_000, 5 * SECOND),
        (0, SECOND),
    ] {
        let refusal = refusal(service.ready().await.unwrap().call(request).await);
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, limit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_computed_limit_of_nothing_refuses_what_is_not_ready_at_once() {
    let probe = Probe::new();
    let watch = probe.watch();
    let nothing = |_: &Token| Some(Duration::ZERO);
    let mut service = layer(SECOND)
        .limit_by(nothing)
        .layer(error::layer().layer(probe));
    watch.play([Act::answer(), Act::hang()]);
    assert!(
        service
            .ready()
            .await
            .unwrap()
            .call(watch.request())
            .await
            .is_ok()
    );

    let started = Instant::now();
    let refusal = refusal(service.ready().await.unwrap().call(watch.request()).await);
    assert_eq!(refusal.limit_and_elapsed().unwrap().0, Duration::ZERO);
    assert!(started.elapsed() <= Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_is_never_and_the_shortest_is_kept() {
    let (mut service, watch, handle) = over_probe(Duration::MAX);
    assert_eq!(handle.limit(), Duration::MAX);
    watch.otherwise(Act::answer().after(50 * 365 * 24 * 3600 * SECOND));
    assert!(call(&mut service, &watch).await.is_ok());

    watch.otherwise(Act::hang());
    handle
        .reconfigure(TimeoutConfig::default().limit(NANO))
        .unwrap();
    assert_eq!(
        refusal(call(&mut service, &watch).await)
            .limit_and_elapsed()
            .unwrap()
            .0,
        NANO
    );
}

#[test]
fn a_configured_limit_of_nothing_is_refused_by_name() {
    let zero = TimeoutConfig::default().limit(Duration::ZERO);
    let error = TimeoutLayer::new("db", zero.clone()).unwrap_err();
    assert_eq!(error.to_string(), "limit is 0ns, but must be above zero");
    let (_, _, handle) = over_probe(SECOND);
    assert!(handle.reconfigure(zero).is_err());
    assert_eq!(handle.limit(), SECOND, "the old one stays");
}

#[tokio::test(start_paused = true)]
async fn new_settings_are_for_new_calls() {
    let (mut service, watch, handle) = over_probe(SECOND);
    watch.otherwise(Act::hang());
    let before = service.ready().await.unwrap().call(watch.request());
    handle
        .reconfigure(TimeoutConfig::default().limit(9 * SECOND))
        .unwrap();
    let after = service.ready().await.unwrap().call(watch.request());
    let (before, after) = futures::join!(before, after);
    assert_eq!(refusal(before).limit_and_elapsed().unwrap().0, SECOND);
    assert_eq!(refusal(after).limit_and_elapsed().unwrap().0, 9 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_and_its_clones_share_the_settings() {
    let layer = layer(SECOND);
    let services = [layer.layer(hanging()), layer.clone().layer(hanging())];
    layer
        .handle()
        .reconfigure(TimeoutConfig::default().limit(9 * SECOND))
        .unwrap();
    for service in services {
        let refusal = refusal(service.oneshot(()).await);
        assert_eq!(refusal.limit_and_elapsed().unwrap().0, 9 * SECOND);
    }
}

#[test]
fn a_limit_may_be_a_type_of_its_own() {
    #[derive(Clone)]
    struct ByLength;
    impl Limit<String> for ByLength {
        fn limit(&self, request: &String) -> Option<Duration> {
            Some(SECOND * u32::try_from(request.len()).unwrap_or(u32::MAX))
        }
    }
    let service = ServiceBuilder::new()
        .layer(layer(SECOND).limit_by(ByLength))
        .layer(error::layer())
        .service_fn(|request: String| async move { Ok::<_, Infallible>(request) });
    assert_eq!(block_on(service.oneshot("abc".into())).unwrap(), "abc");
}
