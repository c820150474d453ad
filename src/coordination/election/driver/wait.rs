//! Waiting for one of two, and for a moment of a clock.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::coordination::{Clock, Moment};
use crate::time;
use crate::timer::Timer;

/// Which of two ended, and how.
#[derive(Debug)]
pub(in crate::coordination::election) enum First<A, B> {
    One(A),
    Other(B),
}

/// Polls `one` and then `other` until one of them has ended, and drops both.
pub(in crate::coordination::election) async fn first<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> First<A, B> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        if let Poll::Ready(end) = one.as_mut().poll(cx) {
            return Poll::Ready(First::One(end));
        }
        other.as_mut().poll(cx).map(First::Other)
    })
    .await
}

/// Polls both until each has ended.
pub(super) async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut one_ended, mut other_ended) = (false, false);
    poll_fn(|cx| {
        one_ended = one_ended || one.as_mut().poll(cx).is_ready();
        other_ended = other_ended || other.as_mut().poll(cx).is_ready();
        if one_ended && other_ended {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Returns when `moment` has come by `clock`. The timer only wakes.
pub(in crate::coordination::election) async fn reach(clock: &dyn Clock, moment: Moment) {
    let mut timer = pin!(Timer::unarmed());
    loop {
        let left = moment.since(clock.now());
        if left.is_zero() {
            return;
        }
        timer.as_mut().arm(time::after(time::now(), left));
        poll_fn(|cx| timer.as_mut().poll_fired(cx)).await;
    }
}
