//! A token on its way through the body of a response.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use http::{Request, Response};
use http_body::{Body, Frame};
use mainstay::error;
use mainstay::http::{BodyTimeoutConfig, BodyTimeoutLayer, TimedBody};
use mainstay::test_util::{Probe, Token};
use tower::ServiceBuilder;

use super::subject::Stack;

/// A body timeout over the probe, whose tokens go through it as the body of a response.
pub(crate) fn body_timeout(probe: Probe) -> impl Stack {
    let config = BodyTimeoutConfig::default();
    let layer = BodyTimeoutLayer::new("contract", config).expect("the settings are valid");
    ServiceBuilder::new()
        .map_request(Request::new)
        .map_response(|response: Response<TimedBody<OneFrame>>| read(response))
        .layer(layer)
        .map_request(Request::into_body)
        .map_response(|token| Response::new(OneFrame(Some(token))))
        .layer(error::layer())
        .service(probe)
}

/// A body of one frame, which is there at once and holds the token.
struct OneFrame(Option<Token>);

/// Data of no length.
struct Carried(Token);

impl Buf for Carried {
    fn remaining(&self) -> usize {
        0
    }

    fn chunk(&self) -> &[u8] {
        &[]
    }

    fn advance(&mut self, count: usize) {
        assert_eq!(count, 0);
    }
}

impl Body for OneFrame {
    type Data = Carried;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Carried>, Infallible>>> {
        Poll::Ready(self.0.take().map(|token| Ok(Frame::data(Carried(token)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

/// Reads the body to its end.
fn read<B: Body<Data = Carried>>(response: Response<B>) -> Token {
    let mut body = pin!(response.into_body());
    let frame = body
        .as_mut()
        .poll_frame(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Some(Ok(frame))) = frame else {
        panic!("the frame is there at once");
    };
    assert!(body.is_end_stream(), "it was the last");
    let carried = frame.into_data().ok();
    carried.expect("the frame is data").0
}
