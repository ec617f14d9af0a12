//! How much a world holds. Each bound is that of every way in: a document, a snapshot, the admin API and the Rust API.

use serde_json::Value;

/// The most faults.
pub(crate) const FAULTS: usize = 1000;

/// The most users of a system.
pub(crate) const USERS: usize = 1_000_000;

/// The most credentials of a system. A session of Akana has two.
pub(crate) const CREDENTIALS: usize = 1000;

/// The most bytes of a user with its id, and of a fault, as JSON.
pub(crate) const BYTES: usize = 64 << 10;

/// Returns what a user takes.
pub(crate) fn room_of_user(user: &Value) -> usize {
    const VALUE: usize = 80;
    let inside: usize = match user {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(room_of_user).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + VALUE + room_of_user(value)).sum(),
        _ => 0,
    };
    VALUE + inside
}

/// Returns the number of bytes that a value has as JSON.
pub(crate) fn size(value: &impl serde::Serialize) -> usize {
    let mut counted = Counted(0);
    // It is only counted, and what is counted can be written.
    let _ = serde_json::to_writer(&mut counted, value);
    counted.0
}

struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
