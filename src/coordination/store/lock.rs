//! One process at a time.

use std::fs::File;
use std::io;

use super::StoreError;

/// Locks `file` for as long as it is open.
pub(super) fn exclusively(file: &File) -> Result<(), StoreError> {
    platform::lock(file).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => StoreError::Locked,
        _ => error.into(),
    })
}

#[cfg(unix)]
mod platform {
    use std::fs::File;
    use std::io;

    use rustix::fs::{FlockOperation, flock};

    pub(super) fn lock(file: &File) -> io::Result<()> {
        Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
    }
}

// `File::lock` of the standard library is younger than our minimum Rust.
#[cfg(not(unix))]
mod platform {
    use std::fs::File;
    use std::io;

    pub(super) fn lock(_file: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
