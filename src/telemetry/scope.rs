//! The two labels that everything said by one layer instance carries.

use crate::name::Name;

/// Which pattern and which instance speaks.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(super) layer: &'static str,
    pub(super) name: Name,
}

impl Scope {
    pub(crate) const fn new(layer: &'static str, name: Name) -> Self {
        Self { layer, name }
    }

    pub(crate) fn name(&self) -> Name {
        self.name.clone()
    }
}
