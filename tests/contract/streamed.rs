//! A token on its way through the body of a response.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use http::Response;
use http_body::{Body, Frame};
use mainstay::test_util::Token;

/// A body of one frame, which is there at once and holds the token.
pub(crate) struct OneFrame(Option<Token>);

impl OneFrame {
    pub(crate) fn of(token: Token) -> Self {
        Self(Some(token))
    }
}

/// Data of no length.
pub(crate) struct Carried(Token);

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
pub(crate) fn read<B: Body<Data = Carried>>(response: Response<B>) -> Token {
    let mut body = pin!(response.into_body());
    let frame = body
        .as_mut()
        .poll_frame(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Some(Ok(frame))) = frame else {
        panic!("the frame is there at once");
    };
    assert!(body.is_end_stream(), "it was the last");
    match frame.into_data() {
        Ok(carried) => carried.0,
        Err(_) => panic!("it is data"),
    }
}
