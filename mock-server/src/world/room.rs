//! How much memory worlds take beside the one that all begin with. What callers ask for is refused when there is no room
//! for it; what the program itself does is counted, and never refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Serialize;

use super::WorldState;
use crate::bounds;

/// The memory of a world in which nothing was done yet.
const WORLD: usize = 16 << 10;

/// The message where there is no memory left.
pub(crate) const NO_ROOM: &str =
    "the memory for worlds is used up; drop or reset some, or start the server with more --max-memory";

/// The room for all worlds of a server.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<AtomicI64>);

impl Room {
    pub(crate) fn of(bytes: usize) -> Room {
        Room(Arc::new(AtomicI64::new(signed(bytes))))
    }

    /// Returns whether there is room for something that came as so many bytes of JSON.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        self.0.load(Ordering::Relaxed) > signed(bytes.saturating_mul(JSON))
    }

    /// The part of a new world.
    pub(crate) fn part(&self) -> Part {
        let mut part = Part { room: self.clone(), bytes: 0 };
        part.add(WORLD);
        part
    }
}

/// The factor by which a value is larger in memory than as JSON, at worst and about.
const JSON: usize = 16;

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The memory that one world takes.
#[derive(Debug)]
pub(crate) struct Part {
    room: Room,
    bytes: usize,
}

impl Part {
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.room.0.fetch_sub(signed(bytes), Ordering::Relaxed);
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        // What the world began with was not counted.
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.room.0.fetch_add(signed(bytes), Ordering::Relaxed);
    }

    /// It takes so much in all, beside what every world takes.
    pub(crate) fn set(&mut self, bytes: usize) {
        self.take(self.bytes);
        self.add(bytes.saturating_add(WORLD));
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.take(self.bytes);
    }
}

/// Returns what a fault takes.
pub(crate) fn of_fault(fault: &impl Serialize) -> usize {
    bounds::size(fault).saturating_mul(JSON)
}

/// Returns what a credential takes, with what gives it away.
pub(crate) fn of_credential(credential: &str) -> usize {
    credential.len().saturating_mul(32) + 256
}

/// Returns what a world takes beside every other one.
pub(crate) fn of_world(world: &WorldState) -> usize {
    let users: usize = world.users().map(|user| bounds::room_of_user(&user)).sum();
    let faults: usize = world.faults.iter().map(|fault| of_fault(&**fault)).sum();
    users + faults + world.secrets().map(of_credential).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_world_takes_comes_back_when_it_goes() {
        let room = Room::of(1 << 20);
        let mut part = room.part();
        part.add(2 << 20);
        assert!(!room.has(0));
        part.take(1 << 20);
        part.set(1000);
        assert!(room.has(1000) && !room.has(1 << 17));
        drop(part);
        assert_eq!(room.0.load(Ordering::Relaxed), 1 << 20);
    }
}
