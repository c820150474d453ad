//! The adapter at the bottom of a stack.

use tower::Layer as _;

use super::{Case, Inner};

pub(crate) fn mainstay(inner: impl Inner) -> impl Case {
    ::mainstay::error::layer().layer(inner)
}
