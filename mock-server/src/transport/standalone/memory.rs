//! What callers hold of the server's memory, in bytes that are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that a connection holds without being counted: a head that is read, a part of a response that waits to be written, a
/// short body and a short answer, and what the system keeps of either direction.
pub(super) const CONNECTION: usize = 320 << 10;

/// The bytes of a body, and of a response, that are a connection's own, so that ordinary calls are served whatever others
/// hold.
const FREE: usize = 16 << 10;

/// So many bytes, for bodies that are read and answers that wait to be written.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    left: AtomicUsize,
}

impl Memory {
    pub(super) fn of(bytes: usize) -> Memory {
        Memory(Arc::new(Pool { left: AtomicUsize::new(bytes) }))
    }

    /// Nothing yet.
    pub(super) fn hold(&self) -> Held {
        Held { memory: self.clone(), bytes: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
    }
}

/// The memory that one body or response holds, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    memory: Memory,
    bytes: usize,
}

impl Held {
    /// Holds what so many bytes take. Says whether there was room for it.
    pub(super) fn reach(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(FREE).saturating_sub(self.bytes);
        let there = more == 0 || self.memory.take(more);
        self.bytes += if there { more } else { 0 };
        there
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.0.left.fetch_add(self.bytes, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back() {
        let memory = Memory::of(100 << 10);
        let (mut one, mut other) = (memory.hold(), memory.hold());
        assert!(one.reach(FREE) && one.reach(FREE + (60 << 10)) && one.reach(10));
        assert!(!other.reach(FREE + (41 << 10)) && other.reach(FREE + (40 << 10)));
        assert!(!one.reach(FREE + (60 << 10) + 1));
        drop(one);
        assert!(other.reach(FREE + (100 << 10)));
        drop(other);
        assert_eq!(memory.0.left.load(Ordering::Acquire), 100 << 10);
    }
}
