//! The worlds of one server: the default one, and those that are made on demand and dropped when idle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::DEFAULT;
use super::world::{World, lock};
use crate::options::Options;

/// How long after a request a world does not make room for another one.
const IN_USE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Worlds {
    options: Options,
    default: Arc<World>,
    /// The others, each with the time of its last request.
    others: Mutex<HashMap<String, (Arc<World>, Instant)>>,
    started: Instant,
    /// When idle worlds were last dropped, in milliseconds since the start.
    swept: AtomicU64,
}

impl Worlds {
    pub(super) fn new(options: Options) -> Worlds {
        let default = Arc::new(World::new(DEFAULT, &options));
        Worlds { options, default, others: Mutex::default(), started: Instant::now(), swept: AtomicU64::new(0) }
    }

    pub(super) fn default(&self) -> &Arc<World> {
        &self.default
    }

    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The world of that name; it is made if there is none.
    ///
    /// # Errors
    /// That there are too many.
    pub(super) fn get(&self, name: &str) -> Result<Arc<World>, String> {
        self.sweep();
        if name == DEFAULT {
            return Ok(self.default.clone());
        }
        let mut others = lock(&self.others);
        if let Some((world, touched)) = others.get_mut(name) {
            *touched = Instant::now();
            return Ok(world.clone());
        }
        let most = self.options.most_worlds;
        if others.len() >= most {
            // The one that was longest without a request makes room, unless all are in use.
            let idle = others.iter().filter(|(_, (world, touched))| touched.elapsed() >= IN_USE && !world.expects());
            let longest = idle.min_by_key(|(_, (_, touched))| *touched).map(|(name, _)| name.clone());
            if longest.and_then(|name| others.remove(&name)).is_none() {
                return Err(format!("there are {most} worlds already; drop one, or start the server with more"));
            }
        }
        let world = Arc::new(World::new(name, &self.options));
        others.insert(name.to_owned(), (world.clone(), Instant::now()));
        Ok(world)
    }

    /// The world of that name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<Arc<World>> {
        if name == DEFAULT {
            return Some(self.default.clone());
        }
        lock(&self.others).get(name).map(|(world, _)| world.clone())
    }

    /// Drops the worlds that are idle, if that was not done a moment ago.
    fn sweep(&self) {
        let idle = self.options.idle;
        let now = u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX);
        let pause = u64::try_from(idle.as_millis() / 4).unwrap_or(u64::MAX).min(1000);
        let swept = self.swept.load(Ordering::Relaxed);
        let due = now.saturating_sub(swept) >= pause;
        if due && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            lock(&self.others).retain(|_, (world, touched)| touched.elapsed() < idle || world.expects());
        }
    }

    /// The names of all worlds.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = lock(&self.others).keys().cloned().collect();
        names.sort();
        names.insert(0, DEFAULT.to_owned());
        names
    }

    /// What is not as it was expected in any world.
    pub(super) fn failures(&self) -> Vec<String> {
        let others: Vec<Arc<World>> = lock(&self.others).values().map(|(world, _)| world.clone()).collect();
        let all = std::iter::once(&self.default).chain(&others);
        all.filter_map(|world| world.verify().err()).flatten().collect()
    }

    /// Drops a world. Says whether there was one.
    pub(super) fn remove(&self, name: &str) -> bool {
        lock(&self.others).remove(name).is_some()
    }
}
