//! This crate's layers, in both of its builds.

/// With the default features.
#[path = "."]
pub mod plain {
    use ::mainstay as subject;

    pub mod grow;
    pub mod keys;
    pub mod layers;
    pub mod stacks;
}

/// With every feature.
#[allow(dead_code, reason = "some rows are of one build only")]
#[path = "."]
pub mod full {
    use ::mainstay_full as subject;

    pub mod grow;
    pub mod keys;
    pub mod layers;
    pub mod stacks;
}
