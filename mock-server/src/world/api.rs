//! A world as programs and the admin API use it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use user_status_openapi::SystemKind;

use super::clock::Clock;
use super::room;
use super::state::{Beginning, State};
use super::{OnRequest, Settings, WorldError, WorldState, lock};
use crate::bounds;
use crate::credentials::{Mint, Minted};
use crate::fault::{ActiveFault, Fault, FaultError};
use crate::journal::matcher::{Expectation, RequestMatcher, Unmet};
use crate::journal::secrets::Secrets;
use crate::journal::{Exchange, Journal, Recorded};
use crate::model::{Deed, SystemResponse};
use crate::status::AccountStatus;
use crate::systems::{Credentials, Systems};

/// A world: users, credentials, faults, clock and journal, apart from every other world's.
///
/// Every server has one from the start, and is used as it: `server.status(…)` is that of the default world.
pub struct World {
    name: String,
    state: Mutex<State>,
    journal: Mutex<Journal>,
    /// `true` if anything is expected. It stays so: who looks for a world that may go asks every one of them.
    expects: AtomicBool,
    /// `true` if there is any fault, so that a call without one need not ask.
    faulty: AtomicBool,
    on_request: Option<OnRequest>,
    /// `true` if the transport can break the wire.
    breaks_the_wire: bool,
    /// When it was last used, in milliseconds of [`moment`].
    used: AtomicU64,
}

impl World {
    pub(crate) fn new(name: &str, settings: &Settings, beginning: &Beginning) -> World {
        let state = State::new(beginning.clone());
        World {
            name: name.to_owned(),
            faulty: AtomicBool::new(!state.faults.is_empty()),
            state: Mutex::new(state),
            journal: Mutex::new(Journal::new(settings.journal)),
            expects: AtomicBool::new(false),
            on_request: settings.on_request.clone(),
            breaks_the_wire: settings.breaks_the_wire,
            used: AtomicU64::new(moment()),
        }
    }

    /// It is used now.
    pub(crate) fn is_used(&self) {
        self.used.store(moment(), Ordering::Relaxed);
    }

    /// Returns the time for which ago it was last used.
    pub(crate) fn unused_for(&self) -> Duration {
        Duration::from_millis(moment().saturating_sub(self.used.load(Ordering::Relaxed)))
    }

    /// Returns its name; `default` for the one that every server has from the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns credentials that work.
    pub fn credentials(&self) -> Credentials {
        lock(&self.state).current.credentials()
    }

    /// Returns credentials that work, by the name under which they travel, as the admin API lists them.
    pub fn listed_credentials(&self) -> Value {
        let state = lock(&self.state);
        let now = state.clock.now();
        let list = SystemKind::ALL.iter().map(|&v| (v.to_string(), state.current.systems.of(v).credentials(now)));
        Value::Object(list.collect())
    }

    /// A call that works, as a command for a shell, to a system at this base URL.
    pub(crate) fn sample(&self, system: SystemKind, base_url: &str) -> Option<String> {
        let state = lock(&self.state);
        state.current.systems.of(system).sample(base_url, state.clock.now())
    }

    /// Makes credentials.
    ///
    /// # Errors
    /// Why the system has no such credentials.
    pub fn mint(&self, mint: &Mint) -> Result<Minted, WorldError> {
        mint.check().map_err(WorldError::new)?;
        let state = &mut *lock(&self.state);
        if state.current.systems.of(mint.system).secrets().len() + 2 > bounds::CREDENTIALS {
            let (system, most) = (mint.system, bounds::CREDENTIALS);
            let problem =
                format!("{system} must have at most {most} credentials; a reset forgets those that were made");
            return Err(WorldError::new(problem));
        }
        state.made += 1;
        let (now, number) = (state.clock.now(), state.made);
        let model = state.current.systems.of_mut(mint.system);
        let credentials = model.mint(mint, now, number).map_err(WorldError::new)?;
        let known = Arc::make_mut(&mut state.known);
        for credential in credentials.as_object().into_iter().flatten().filter_map(|(_, made)| made.as_str()) {
            known.add(credential);
            state.part.add(room::of_credential(credential));
        }
        Ok(Minted { system: mint.system, credentials })
    }

    /// Returns the status of an account; `None` if the system has no such user.
    pub fn status(&self, system: SystemKind, user: &str) -> Option<AccountStatus> {
        lock(&self.state).current.systems.of(system).status(user)
    }

    /// Returns the ids of a system's users.
    pub fn users(&self, system: SystemKind) -> Vec<String> {
        self.systems().of(system).users()
    }

    /// All users and credentials as they are now: a copy, which nobody waits for while it is looked through.
    pub(crate) fn systems(&self) -> Systems {
        lock(&self.state).current.systems.clone()
    }

    /// Returns a user as the world's document has it; `None` if the system has no such user.
    pub fn user(&self, system: SystemKind, user: &str) -> Option<Value> {
        lock(&self.state).current.systems.of(system).get(user)
    }

    /// Adds or replaces a user, as the world's document has it. What is left out is as for a new user.
    ///
    /// ```
    /// use user_status_mock::{Engine, SystemKind};
    /// use serde_json::json;
    ///
    /// let engine = Engine::new();
    /// engine.world().put_user(SystemKind::Symphony, "1001", &json!({ "status": "DISABLED" })).unwrap();
    /// ```
    ///
    /// # Errors
    /// What is wrong with the user, and what would be right; then nothing was changed.
    pub fn put_user(&self, system: SystemKind, user: &str, value: &Value) -> Result<(), WorldError> {
        let size = user.len() + bounds::size(value);
        if size > bounds::BYTES {
            return Err(WorldError::new(format!(
                "a user must have at most {} bytes with its id, and has {size}",
                bounds::BYTES
            )));
        }
        put_user(&mut lock(&self.state), system, user, value)
    }

    /// Removes a user. Says whether there was one.
    pub fn remove_user(&self, system: SystemKind, user: &str) -> bool {
        remove_user(&mut lock(&self.state), system, user)
    }

    /// Does what a request asks that no operation of the contract is for, and gives the response.
    pub(crate) fn beyond(&self, system: SystemKind, act: impl FnOnce(&mut State) -> Deed) -> SystemResponse {
        let state = &mut *lock(&self.state);
        match act(state) {
            Deed::Answer(answer) => answer,
            Deed::Put(_, value, _) if !state.part.room().has(bounds::size(&value)) => {
                state.current.systems.of(system).refuse(503, room::NO_ROOM)
            }
            Deed::Put(user, value, answer) => match put_user(state, system, &user, &value) {
                Ok(()) => answer,
                Err(problem) => state.current.systems.of(system).refuse(400, &problem.to_string()),
            },
            Deed::Remove(user, answer) => {
                remove_user(state, system, &user);
                answer
            }
        }
    }

    /// Signs the user in, and does what a system does only then: Symphony lifts a suspension whose end has passed.
    pub fn sign_in(&self, system: SystemKind, user: &str) {
        let mut state = lock(&self.state);
        let now = state.clock.now();
        state.current.systems.of_mut(system).sign_in(user, now);
    }

    /// Registers a fault, and gives its id. Of several that strike a call, the first registered does.
    ///
    /// # Errors
    /// A fault that strikes nothing, or sends a response that the contract does not have without saying so; on a
    /// [`MockServer`](crate::MockServer) also one that breaks the wire, which its transport cannot do.
    pub fn fault(&self, fault: Fault) -> Result<u64, FaultError> {
        fault.check()?;
        if !self.breaks_the_wire && fault.breaks_the_wire() {
            return Err(FaultError::no_wire());
        }
        let size = room::of_fault(&fault);
        let mut state = lock(&self.state);
        if state.faults.len() >= bounds::FAULTS {
            return Err(FaultError::too_many());
        }
        state.part.add(size);
        let id = state.arm(Arc::new(fault));
        self.faulty.store(true, Ordering::Release);
        Ok(id)
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        let mut state = lock(&self.state);
        let gone = std::mem::take(&mut state.faults);
        self.faulty.store(false, Ordering::Release);
        drop(state);
        let size: usize = gone.iter().map(|armed| room::of_fault(&**armed.fault())).sum();
        lock(&self.state).part.take(size);
    }

    /// Takes one fault back. Says whether there was one.
    pub fn remove_fault(&self, id: u64) -> bool {
        let State { faults, part, .. } = &mut *lock(&self.state);
        let Some(at) = faults.iter().position(|fault| fault.id() == id) else { return false };
        part.take(room::of_fault(&**faults.remove(at).fault()));
        true
    }

    /// Returns whether there is room for something that came as so many bytes of JSON.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        lock(&self.state).part.room().has(bytes)
    }

    /// The faults as the admin API lists them.
    pub(crate) fn listed_faults(&self) -> Vec<Value> {
        let listed: Vec<_> = lock(&self.state).faults.iter().map(ActiveFault::listed).collect();
        let each = |(id, seen, struck, fault): (u64, u32, u32, Arc<Fault>)| json!({ "id": id, "fault": *fault, "seen": seen, "struck": struck });
        listed.into_iter().map(each).collect()
    }

    /// Returns the time of the world's clock.
    pub fn now(&self) -> Timestamp {
        lock(&self.state).clock.now()
    }

    /// Returns whether the clock stands still.
    pub(crate) fn clock_is_frozen(&self) -> bool {
        lock(&self.state).clock.is_frozen()
    }

    /// Stops the clock at this time, which is taken into the years 1 to 9999.
    pub fn set_clock(&self, time: Timestamp) {
        lock(&self.state).clock = Clock::new(Some(time));
    }

    /// Sets the clock back to that of the machine.
    pub fn release_clock(&self) {
        lock(&self.state).clock = Clock::new(None);
    }

    /// Puts the clock forward, whether it runs or stands still.
    ///
    /// ```
    /// use jiff::SignedDuration;
    /// use user_status_mock::Engine;
    ///
    /// let engine = Engine::new();
    /// engine.world().set_clock("2026-12-31T23:00:00Z".parse().unwrap());
    /// engine.world().advance(SignedDuration::from_hours(2));
    /// assert_eq!(engine.world().now().to_string(), "2027-01-01T01:00:00Z");
    /// ```
    pub fn advance(&self, by: SignedDuration) {
        let clock = &mut lock(&self.state).clock;
        *clock = clock.advanced(by);
    }

    /// Returns the present state, as a document that can be restored.
    ///
    /// ```
    /// use user_status_mock::{Engine, SystemKind};
    ///
    /// let engine = Engine::new();
    /// let world = engine.world();
    /// let before = world.snapshot();
    /// world.remove_user(SystemKind::Symphony, "7215545078541");
    /// world.restore(before).unwrap();
    /// assert!(world.status(SystemKind::Symphony, "7215545078541").is_some());
    /// ```
    pub fn snapshot(&self) -> WorldState {
        let state = lock(&self.state);
        let mut world = state.current.clone();
        world.clock = state.clock.is_frozen().then(|| state.clock.now());
        world.faults = state.faults.iter().map(|armed| armed.fault().clone()).collect();
        drop(state);
        world
    }

    /// Brings it to what the document says. Faults begin anew. The journal stays.
    ///
    /// # Errors
    /// On a [`MockServer`](crate::MockServer), a fault that breaks the wire, which its transport cannot do; then
    /// nothing was changed.
    pub fn restore(&self, world: WorldState) -> Result<(), FaultError> {
        if !self.breaks_the_wire && world.faults.iter().any(|fault| fault.breaks_the_wire()) {
            return Err(FaultError::no_wire());
        }
        let (size, room) = (room::of_world(&world), lock(&self.state).part.room().clone());
        self.begin_with(Beginning::new(world, room), size);
        Ok(())
    }

    fn begin_with(&self, beginning: Beginning, size: usize) {
        let mut state = lock(&self.state);
        let before = state.begin(beginning, size);
        self.faulty.store(!state.faults.is_empty(), Ordering::Release);
        drop(state);
        drop(before);
    }

    /// Brings it to how it began, with an empty journal. What is expected stays, counted from now on.
    pub fn reset(&self) {
        let initial = lock(&self.state).initial.clone();
        self.begin_with(initial, 0);
        self.clear_journal();
    }

    /// The journal keeps so many bytes at most from now on.
    pub(crate) fn bound_journal(&self, bytes: usize) {
        let gone = lock(&self.journal).bound(bytes);
        drop(gone);
    }

    /// Returns the number of requests that an operation got, also those that the journal no longer keeps.
    pub fn requests(&self, operation: &str) -> u64 {
        lock(&self.journal).count(operation)
    }

    /// Returns the number of requests, also those that the journal no longer keeps.
    pub fn total_requests(&self) -> u64 {
        lock(&self.journal).total()
    }

    /// Returns the last requests, oldest first.
    pub fn journal(&self) -> Vec<Exchange> {
        let kept = lock(&self.journal).kept();
        kept.iter().map(|(id, entry)| entry.exchange(*id)).collect()
    }

    /// The last requests, newest first, but not more than so many.
    pub(crate) fn last(&self, most: usize) -> Vec<Exchange> {
        let kept = lock(&self.journal).kept();
        kept.iter().rev().take(most).map(|(id, entry)| entry.exchange(*id)).collect()
    }

    /// Returns the number of requests that the journal no longer keeps.
    pub(crate) fn dropped(&self) -> u64 {
        lock(&self.journal).dropped()
    }

    /// Forgets the requests.
    pub fn clear_journal(&self) {
        let gone = lock(&self.journal).clear();
        drop(gone);
    }

    /// Expects requests from now on. The expectation is verified when the server is dropped, or by
    /// [`verify`](World::verify). Expectations of a world that was dropped before are not verified.
    pub fn expect(&self, expectation: Expectation) {
        self.expects.store(true, Ordering::Relaxed);
        lock(&self.journal).expect(expectation);
    }

    /// Returns whether anything is expected.
    pub(crate) fn expects(&self) -> bool {
        self.expects.load(Ordering::Relaxed)
    }

    /// Verifies that all expectations hold so far.
    ///
    /// # Errors
    /// Each one that does not, with the nearest request.
    pub fn verify(&self) -> Result<(), Unmet> {
        let (expected, kept) = {
            let journal = lock(&self.journal);
            (journal.failing(), journal.kept())
        };
        let exchanges = || kept.iter().map(|(id, entry)| entry.exchange(*id));
        let failure = |(expectation, count): &(Expectation, u64)| {
            expectation.failure(*count, expectation.pattern.nearest(exchanges()))
        };
        let failures: Vec<String> = expected.iter().map(failure).collect();
        if failures.is_empty() { Ok(()) } else { Err(Unmet(self.without_credentials(failures))) }
    }

    /// Texts about requests, in which a pattern may have a credential.
    pub(crate) fn without_credentials(&self, texts: Vec<String>) -> Vec<String> {
        let known = lock(&self.state).known.clone();
        let secrets = Secrets::of(&known, std::iter::empty());
        let clean = |text: String| if secrets.are_in(&text) { secrets.taken_out_of(&text) } else { text };
        texts.into_iter().map(clean).collect()
    }

    /// Returns the number of kept requests that match, and the nearest of those that do not.
    ///
    /// ```
    /// use user_status_mock::{Engine, RequestMatcher};
    ///
    /// let engine = Engine::new();
    /// engine.handle(&http::Request::get("/api/admin/users/42").body(Default::default()).unwrap());
    /// let (count, nearest) = engine.world().matching(&RequestMatcher::new().user("42").status(200));
    /// assert_eq!(count, 0);
    /// assert_eq!(nearest.unwrap().1, ["status is 401, not 200"]);
    /// ```
    pub fn matching(&self, pattern: &RequestMatcher) -> (u64, Option<(Exchange, Vec<String>)>) {
        let kept = lock(&self.journal).kept();
        let exchanges = || kept.iter().map(|(id, entry)| entry.exchange(*id));
        let count = exchanges().filter(|exchange| pattern.mismatches(exchange).is_empty()).count();
        (count as u64, pattern.nearest(exchanges()))
    }

    /// The state, for as long as nobody else may change it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Returns whether there may be any fault.
    pub(crate) fn is_faulty(&self) -> bool {
        self.faulty.load(Ordering::Acquire)
    }

    /// Keeps an exchange.
    pub(crate) fn record(&self, entry: Recorded) {
        let exchange = self.on_request.as_ref().map(|observe| (observe, entry.exchange(0)));
        let id = lock(&self.journal).record(entry);
        if let Some((observe, exchange)) = exchange {
            observe(self, &Exchange { id, ..exchange });
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Adds or replaces a user, and keeps count of the room.
fn put_user(state: &mut State, system: SystemKind, user: &str, value: &Value) -> Result<(), WorldError> {
    let State { current: world, part, .. } = state;
    let before = world.systems.of(system).get(user);
    if before.is_none() && world.systems.of(system).count() >= bounds::USERS {
        return Err(WorldError::new(format!(
            "{system} must have at most {} users, and has them already",
            bounds::USERS
        )));
    }
    world.systems.of_mut(system).put(user, value).map_err(WorldError::new)?;
    if let Err(problem) = world.check_user(system, user) {
        let model = world.systems.of_mut(system);
        // What was there before was put there the same way.
        let restored = before.is_some_and(|before| model.put(user, &before).is_ok());
        if !restored {
            model.remove(user);
        }
        return Err(WorldError::new(problem));
    }
    part.take(before.as_ref().map_or(0, bounds::room_of_user));
    part.add(world.systems.of(system).get(user).as_ref().map_or(0, bounds::room_of_user));
    Ok(())
}

/// Removes a user, and keeps count of the room.
fn remove_user(state: &mut State, system: SystemKind, user: &str) -> bool {
    let State { current, part, .. } = state;
    let model = current.systems.of_mut(system);
    part.take(model.get(user).as_ref().map_or(0, bounds::room_of_user));
    model.remove(user)
}

/// Milliseconds since the first call.
fn moment() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}
