//! Counts what is allocated, while somebody asks for it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, which counts only when told to: a count costs more than some of the calls.
pub struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static HELD: AtomicI64 = AtomicI64::new(0);

/// What was allocated meanwhile, and how much more is held than before.
#[derive(Clone, Copy, Debug)]
pub struct Allocated {
    pub count: u64,
    pub bytes: u64,
    pub held: i64,
}

pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Allocated) {
    COUNT.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    HELD.store(0, Relaxed);
    ON.store(true, Relaxed);
    let done = work();
    ON.store(false, Relaxed);
    let allocated = Allocated {
        count: COUNT.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        held: HELD.load(Relaxed),
    };
    (done, allocated)
}

fn note(taken: usize, given: usize) {
    if ON.load(Relaxed) {
        COUNT.fetch_add(u64::from(taken > 0), Relaxed);
        BYTES.fetch_add(taken as u64, Relaxed);
        HELD.fetch_add(taken as i64 - given as i64, Relaxed);
    }
}

// SAFETY: everything is the system allocator's own; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}
