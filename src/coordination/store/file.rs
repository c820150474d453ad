//! Tokens in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::sync::Lock;

use super::journal::{self, Journal};
use super::{StoreError, TokenRecord, TokenStore, lock};

/// Keeps the highest token in a file of 8 KiB, with a checksum over each record.
///
/// [`record`](TokenStore::record) returns after `fdatasync(2)`. A write that a crash cut short is as if
/// it had not been begun; any other damage is an error when the store is opened. To lose a record in
/// silence, both of its copies must be damaged, and no record may stand behind it.
///
/// A file that is not there is an error too, and [`create`](Self::create) is for the first start
/// alone: whoever creates anew what was lost must take another identity, an
/// [`AcceptorId`](crate::coordination::AcceptorId) that never took part, or for a gate a resource that
/// holds nothing yet. So there is no call that opens or creates.
///
/// Beside the file at `path` stand `path.lock`, which is locked while the store is open and then stays,
/// and for moments `path.new`. Locks and renames must work there: a local disk, no network share. On Unix
/// only; elsewhere it fails with [`ErrorKind::Unsupported`].
///
/// Everything here blocks the thread for as long as the disk takes.
#[derive(Debug)]
pub struct FileTokenStore {
    path: PathBuf,
    name: String,
    state: Lock<State>,
    /// Keeps other processes out while it is open.
    _lock: File,
}

#[derive(Debug)]
struct State {
    last: Option<TokenRecord>,
    next: usize,
    /// `None` after a failure: what a failed write or sync left behind is not known, and a further sync
    /// would not tell, for the kernel reports an error once.
    file: Option<File>,
}

impl FileTokenStore {
    /// Makes the store called `name`, with nothing kept.
    ///
    /// # Errors
    /// [`Exists`](StoreError::Exists), [`Locked`](StoreError::Locked), [`Name`](StoreError::Name), or an
    /// error of the file system.
    pub fn create(path: impl AsRef<Path>, name: &str) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = locked(path)?;
        if path.try_exists()? {
            return Err(StoreError::Exists);
        }
        Self::written(path, name, lock, None)
    }

    /// Opens the store called `name`.
    ///
    /// It writes what it has read to the disk once more, because after a failed sync what is read may be
    /// in memory only.
    ///
    /// # Errors
    /// [`Missing`](StoreError::Missing), [`Locked`](StoreError::Locked),
    /// [`Foreign`](StoreError::Foreign), [`Corrupt`](StoreError::Corrupt), or an error of the file system.
    pub fn open(path: impl AsRef<Path>, name: &str) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = locked(path)?;
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => StoreError::Missing,
            _ => error.into(),
        })?;
        let mut bytes = Vec::new();
        let most = u64::try_from(journal::LENGTH).unwrap_or(u64::MAX);
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let Journal { last, .. } = journal::read(name, &bytes)?;
        Self::written(path, name, lock, last)
    }

    fn written(
        path: &Path,
        name: &str,
        lock: File,
        last: Option<TokenRecord>,
    ) -> Result<Self, StoreError> {
        let (file, next) = replace(path, name, last)?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            state: Lock::new(State {
                last,
                next,
                file: Some(file),
            }),
            _lock: lock,
        })
    }

    /// The file after `record`, and its next slot. A full one is replaced by one that holds `record` alone.
    fn append(
        &self,
        mut file: File,
        next: usize,
        record: TokenRecord,
    ) -> Result<(File, usize), StoreError> {
        let Some(places) = journal::places(next) else {
            return replace(&self.path, &self.name, Some(record));
        };
        let slot = journal::slot(next, record);
        for place in places {
            file.seek(SeekFrom::Start(u64::try_from(place).unwrap_or(u64::MAX)))?;
            file.write_all(&slot)?;
        }
        file.sync_data()?;
        Ok((file, next.saturating_add(1)))
    }
}

impl TokenStore for FileTokenStore {
    fn load(&self) -> Option<TokenRecord> {
        self.state.lock().last
    }

    fn record(&self, record: TokenRecord) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if !TokenRecord::follows(state.last, record)? {
            return Ok(());
        }
        let file = state.file.take().ok_or(StoreError::Failed)?;
        let (file, next) = self.append(file, state.next, record)?;
        *state = State {
            last: Some(record),
            next,
            file: Some(file),
        };
        Ok(())
    }
}

fn locked(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))?;
    lock::exclusively(&file)?;
    Ok(file)
}

/// Puts a file that holds `last` alone in the place of what is at `path`, whole or not at all.
fn replace(
    path: &Path,
    name: &str,
    last: Option<TokenRecord>,
) -> Result<(File, usize), StoreError> {
    let image = journal::image(name, last)?;
    let new = beside(path, ".new");
    let mut file = File::create(&new)?;
    file.write_all(&image)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    folder(path)?.sync_all()?;
    Ok((file, if last.is_some() { 2 } else { 1 }))
}

fn folder(path: &Path) -> io::Result<File> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(all(test, unix, not(mainstay_loom)))]
mod tests;
