//! The worlds of one server: the default one, and those that are made on demand and dropped when idle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::names::DEFAULT;
use super::room::{NO_ROOM, Room};
use super::state::Beginning;
use super::{Settings, World, WorldState, lock};

/// The time for which, after its last use, a world does not make room for another one.
const IN_USE: Duration = Duration::from_secs(60);

/// The caller that asks for a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Somebody to whom the admin API is open. What they ask for is theirs from then on.
    Owner,
    /// Anybody else: a caller without the admin token, or a page of another origin.
    Stranger,
}

#[derive(Debug)]
pub(crate) struct Worlds {
    settings: Settings,
    beginning: Beginning,
    default: Arc<World>,
    others: Mutex<HashMap<String, Other>>,
    /// Held while journals get their parts, which no call to a world waits for.
    sharing: Mutex<()>,
    started: Instant,
    /// When idle worlds were last dropped, in milliseconds since the start.
    swept: AtomicU64,
}

/// A world beside the default one.
#[derive(Debug)]
struct Other {
    world: Arc<World>,
    /// `true` if an owner has asked for it. No stranger's world takes its place.
    owned: bool,
}

impl Worlds {
    pub(crate) fn new(world: WorldState, settings: Settings) -> Worlds {
        let room = Room::of(settings.room);
        let beginning = Beginning::new(world, room);
        let default = Arc::new(World::new(DEFAULT, &settings, &beginning));
        Worlds {
            settings,
            beginning,
            default,
            others: Mutex::default(),
            sharing: Mutex::default(),
            started: Instant::now(),
            swept: AtomicU64::new(0),
        }
    }

    pub(crate) fn default(&self) -> &Arc<World> {
        &self.default
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The world of that name; it is made if there is none.
    ///
    /// # Errors
    /// That there are too many.
    pub(crate) fn get(&self, name: &str, asker: Asker) -> Result<Arc<World>, String> {
        self.sweep();
        if name == DEFAULT {
            return Ok(self.default.clone());
        }
        let owner = asker == Asker::Owner;
        let mut others = lock(&self.others);
        if let Some(other) = others.get_mut(name) {
            let promoted = owner && !other.owned;
            other.owned |= owner;
            // What is owned is in use when its owner asks, or when a call has credentials that work in it.
            if owner || !other.owned {
                other.world.is_used();
            }
            let world = other.world.clone();
            drop(others);
            if promoted {
                self.share_journals();
            }
            return Ok(world);
        }
        if !owner && !self.beginning.room.has(0) {
            return Err(NO_ROOM.to_owned());
        }
        let most = self.settings.most;
        let gone = if others.len() >= most { Some(make_room(&mut others, asker, most)?) } else { None };
        let world = Arc::new(World::new(name, &self.settings, &self.beginning));
        others.insert(name.to_owned(), Other { world: world.clone(), owned: owner });
        drop(others);
        // What is in it may take long to give back.
        drop(gone);
        self.share_journals();
        Ok(world)
    }

    /// Gives each world beside the default one its part of what journals may have: three quarters are for those that are
    /// owned, whatever strangers do.
    fn share_journals(&self) {
        let _turn = lock(&self.sharing);
        let others: Vec<_> = lock(&self.others).values().map(|other| (other.world.clone(), other.owned)).collect();
        let most = self.settings.journal.bytes;
        let all = self.settings.journals / 4 * 3;
        let owned = others.iter().filter(|(_, owned)| *owned).count();
        let part = |owned: bool, number: usize| (if owned { all / 4 * 3 } else { all / 4 }) / number.max(1);
        let parts = (part(true, owned), part(false, others.len() - owned));
        for (world, owned) in others {
            world.bound_journal(most.min(if owned { parts.0 } else { parts.1 }));
        }
    }

    /// The credentials of the world of that name, or those that it will begin with.
    pub(crate) fn credentials_of(&self, name: &str) -> Value {
        self.find(name).map_or_else(
            || World::new(name, &self.settings, &self.beginning).listed_credentials(),
            |w| w.listed_credentials(),
        )
    }

    /// The world of that name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<World>> {
        if name == DEFAULT {
            return Some(self.default.clone());
        }
        lock(&self.others).get(name).map(|other| other.world.clone())
    }

    /// Drops the worlds that are idle, if that was not done a moment ago.
    fn sweep(&self) {
        let idle = self.settings.idle;
        let now = u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX);
        let pause = u64::try_from(idle.as_millis() / 4).unwrap_or(u64::MAX).min(1000);
        let swept = self.swept.load(Ordering::Relaxed);
        let due = now.saturating_sub(swept) >= pause;
        if due && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let mut others = lock(&self.others);
            let is_idle = |other: &mut Other| other.world.unused_for() >= idle && !other.world.expects();
            let gone: Vec<_> = others.extract_if(|_, other| is_idle(other)).collect();
            drop(others);
            // What is in them may take long to give back.
            drop(gone);
        }
    }

    /// The names of all worlds.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = lock(&self.others).keys().cloned().collect();
        names.sort();
        names.insert(0, DEFAULT.to_owned());
        names
    }

    /// Returns what is not as it was expected in any world.
    pub(crate) fn failures(&self) -> Vec<String> {
        let others: Vec<Arc<World>> = lock(&self.others).values().map(|other| other.world.clone()).collect();
        let all = std::iter::once(&self.default).chain(&others);
        all.filter_map(|world| world.verify().err()).flat_map(|unmet| unmet.0).collect()
    }

    /// Drops a world. Says whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let gone = lock(&self.others).remove(name);
        gone.is_some()
    }
}

/// Takes out the world that is to make room for another one: a stranger's only for a stranger's, and then none that is in
/// use; for an owner's any stranger's first, and then an owner's that is not in use. Of several, the one that was longest
/// without use.
fn make_room(others: &mut HashMap<String, Other>, asker: Asker, most: usize) -> Result<Other, String> {
    let longest = |may: &dyn Fn(&Other) -> bool| {
        let candidates = others.iter().filter(|(_, other)| may(other) && !other.world.expects());
        candidates.max_by_key(|(_, other)| other.world.unused_for()).map(|(name, _)| name.clone())
    };
    let idle = |other: &Other| other.world.unused_for() >= IN_USE;
    let name = match asker {
        Asker::Stranger => longest(&|other| !other.owned && idle(other)),
        Asker::Owner => longest(&|other| !other.owned).or_else(|| longest(&idle)),
    };
    name.and_then(|name| others.remove(&name))
        .ok_or_else(|| format!("there are {most} worlds already; drop one, or start the server with more"))
}
