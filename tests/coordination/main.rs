//! Coordination, as its users see it.

mod linearizable;
