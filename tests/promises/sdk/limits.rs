//! A limit that adapts: a refusal holds the whole client back, and answers let it go again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use user_status::systems::Symphony;
use user_status::{
    AccountSystem, Applied, BoxFuture, CallOptions, Clock, ErrorKind, Limit, RetryPolicy, StatusChange, Throttle, Wait,
    WaitReason, hear_waits,
};
use user_status_mock::{Fault, RetryAfter, StandaloneServer, SystemKind};
use user_status_tests::TestClock;

use crate::support::script::{Reply, Script, json};
use crate::support::systems;

const USER: &str = "7215545078541";

fn symphony(uri: &str, clock: Arc<dyn Clock>, limit: Limit) -> Symphony {
    systems::symphony_builder(uri).clock(clock).limit(limit).build().unwrap()
}

fn once() -> CallOptions {
    CallOptions::default().with_retry(RetryPolicy::never())
}

fn throttle(system: &Symphony) -> Throttle {
    system.client().throttle().unwrap()
}

/// A server, a client of it with an adaptive limit, and a clock on which waiting takes no time.
struct Setting {
    server: StandaloneServer,
    clock: Arc<TestClock>,
    symphony: Symphony,
}

impl Setting {
    async fn new(limit: Limit) -> Setting {
        let (server, clock) = (systems::standalone_server().await, TestClock::new());
        let symphony = symphony(&server.uri(SystemKind::Symphony), clock.clone(), limit);
        Setting { server, clock, symphony }
    }

    /// One call of one attempt that this fault strikes.
    async fn struck(&self, fault: Fault) {
        self.server.fault(fault.times(1)).unwrap();
        self.symphony.apply_with(USER, &StatusChange::disable(), once()).await.unwrap_err();
    }

    /// One call that succeeds, and how long it was held back.
    async fn waited(&self) -> Duration {
        let before = self.clock.waits(Wait::RateLimit).len();
        self.symphony.apply_with(USER, &StatusChange::disable(), once()).await.unwrap();
        self.clock.waits(Wait::RateLimit)[before..].iter().sum()
    }
}

#[tokio::test]
async fn a_refusal_holds_back_all_calls_of_the_client() {
    let at = |seconds| RetryAfter::Date(Timestamp::from_second(TestClock::START + seconds).unwrap());
    let seconds = Duration::from_secs;
    let short = Duration::from_millis(500);
    for (what, fault, wait) in [
        ("429, 7 s", Fault::rate_limited(RetryAfter::Seconds(7)), seconds(7)),
        ("429, a date", Fault::rate_limited(at(9)), seconds(9)),
        ("503, 7 s", Fault::unavailable(RetryAfter::Seconds(7)), seconds(7)),
        ("429, nothing asked", Fault::rate_limited(RetryAfter::Missing), short),
        // Clocks that do not agree.
        ("429, 0 s", Fault::rate_limited(RetryAfter::Seconds(0)), short),
        ("429, an hour ago", Fault::rate_limited(at(-3600)), short),
        ("503, an hour ago", Fault::unavailable(at(-3600)), short),
        // These say nothing of how much is too much.
        ("503", Fault::unavailable(RetryAfter::Missing), Duration::ZERO),
        ("502", Fault::html_502(), Duration::ZERO),
        ("reset", Fault::reset(), Duration::ZERO),
    ] {
        let setting = Setting::new(Limit::default().adaptive()).await;
        assert_eq!(
            (setting.waited().await, throttle(&setting.symphony).max_in_flight),
            (Duration::ZERO, None),
            "{what}"
        );
        setting.struck(fault.clone()).await;
        let held = throttle(&setting.symphony);
        assert_eq!((held.paused_for, held.in_flight), (wait, 0), "{what}");
        assert_eq!(
            held.max_in_flight,
            (!wait.is_zero()).then_some(1),
            "{what}: half of what was under way, and at least one"
        );
        assert_eq!(setting.waited().await, wait, "{what}: another call, that was not refused itself");
        assert_eq!(setting.waited().await, Duration::ZERO, "{what}: the pause is over");

        // Not without being asked to.
        let setting = Setting::new(Limit::default().max_in_flight(4)).await;
        setting.struck(fault).await;
        assert_eq!((setting.waited().await, setting.symphony.client().throttle()), (Duration::ZERO, None), "{what}");
    }
}

/// A system that refuses again and again is asked less and less often, whatever it says.
#[tokio::test]
async fn pauses_double_until_an_answer_comes() {
    for (retry_after, pauses) in [
        (RetryAfter::Missing, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]),
        (RetryAfter::Seconds(3), [3000, 3000, 3000, 4000, 8000, 16_000, 20_000, 20_000]),
        (RetryAfter::Seconds(30), [30_000; 8]),
    ] {
        let setting = Setting::new(Limit::default().adaptive()).await;
        for _ in 0..2 {
            for pause in pauses {
                setting.struck(Fault::rate_limited(retry_after)).await;
                assert_eq!(throttle(&setting.symphony).paused_for, Duration::from_millis(pause), "{retry_after:?}");
            }
            setting.waited().await;
        }
        assert_eq!(setting.server.total_requests(), 18, "one request after each pause, and none besides");
    }
}

/// What nobody waits for: no call is sent before that time, and each says when to come back.
#[tokio::test]
async fn a_time_that_is_longer_than_a_call_waits_is_kept_and_told() {
    let at = |seconds| RetryAfter::Date(Timestamp::from_second(TestClock::START + seconds).unwrap());
    let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600));
    for (retry_after, kept) in [
        (RetryAfter::Seconds(61), Duration::from_secs(61)),
        (at(3600), hour),
        // Nobody means that: it comes from a clock or a counter that is wrong.
        (RetryAfter::Seconds(1_000_000_000), day),
        (RetryAfter::Seconds(u64::MAX), day),
    ] {
        let setting = Setting::new(Limit::default().adaptive()).await;
        setting.struck(Fault::rate_limited(retry_after)).await;
        assert_eq!(throttle(&setting.symphony).paused_for, kept);
        for patient in [once(), CallOptions::default().with_total_timeout(2 * day)] {
            let error = setting.symphony.apply_with(USER, &StatusChange::disable(), patient).await.unwrap_err();
            assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::NotSent, Applied::No, 0));
            let until = setting.clock.wall() + SignedDuration::try_from(kept).unwrap();
            assert_eq!((error.retry_after(), error.not_before()), (Some(kept), Some(until)), "{error}");
            assert!(error.to_string().ends_with(&format!(", until {until}")), "{error}");
        }
        assert_eq!(setting.server.total_requests(), 1, "it was asked again within the time that it named");
        drop(setting.clock.sleep(kept, Wait::Backoff));
        setting.waited().await;
    }
}

/// Whoever waits says for what, and until when.
#[tokio::test]
async fn a_wait_is_told_when_it_begins() {
    let setting = Setting::new(Limit::default().adaptive()).await;
    setting.server.fault(Fault::rate_limited(RetryAfter::Seconds(40)).times(1)).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let change = StatusChange::disable();
    let call = setting.symphony.apply(USER, &change);
    hear_waits(move |waiting| hears.lock().unwrap().push(waiting.clone()), call).await.unwrap();
    let heard = heard.lock().unwrap();
    let [waiting] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((waiting.system, waiting.why), (user_status::SystemKind::SYMPHONY, WaitReason::Asked));
    let until = Timestamp::from_second(TestClock::START + 40).unwrap();
    assert_eq!((waiting.wait, waiting.until), (Duration::from_secs(40), until));
    let time = until.strftime("%H:%M:%S");
    assert_eq!(waiting.to_string(), format!("waiting until {time} UTC (the system asked for 40 s)"));
}

/// A call whose time is over before the pause is, is not sent.
#[tokio::test]
async fn a_call_is_not_held_back_beyond_its_time() {
    let setting = Setting::new(Limit::default().adaptive()).await;
    setting.struck(Fault::rate_limited(RetryAfter::Seconds(7))).await;
    let hurry = once().with_total_timeout(Duration::from_secs(7));
    let error = setting.symphony.apply_with(USER, &StatusChange::disable(), hurry).await.unwrap_err();
    assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::NotSent, Applied::No, 0), "{error:?}");
    assert_eq!(setting.server.total_requests(), 1);
    setting
        .symphony
        .apply_with(USER, &StatusChange::disable(), hurry.with_total_timeout(Duration::from_secs(8)))
        .await
        .unwrap();

    // One that was refused itself ends with the refusal.
    setting.server.fault(Fault::rate_limited(RetryAfter::Seconds(3))).unwrap();
    let patient = CallOptions::default().with_total_timeout(Duration::from_secs(5));
    let error = setting.symphony.apply_with(USER, &StatusChange::disable(), patient).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.applied(), error.attempts()),
        (ErrorKind::RateLimited, Applied::Unknown, 2),
        "{error:?}"
    );
}

/// The budget guards against storms. The limit makes none, so what it held back costs nothing; all else does.
#[tokio::test]
async fn refusals_do_not_spend_the_budget() {
    for (adaptive, all) in [(true, true), (false, false)] {
        let limit = if adaptive { Limit::default().adaptive() } else { Limit::default() };
        let setting = Setting::new(limit).await;
        let mut succeeded = 0;
        for _ in 0..12 {
            setting.server.fault(Fault::rate_limited(RetryAfter::Seconds(1)).times(3)).unwrap();
            succeeded += u32::from(setting.symphony.apply(USER, &StatusChange::disable()).await.is_ok());
            setting.server.clear_faults();
        }
        assert_eq!(succeeded == 12, all, "{succeeded}");
    }
    let setting = Setting::new(Limit::default().adaptive()).await;
    setting.server.fault(Fault::html_502()).unwrap();
    let mut attempts = Vec::new();
    for _ in 0..6 {
        attempts.push(setting.symphony.apply(USER, &StatusChange::disable()).await.unwrap_err().attempts());
    }
    assert_eq!(attempts, [4, 4, 4, 2, 1, 1], "an outage is no refusal");
}

/// A rate is halved once for each pause and comes back little by little, never above what is configured.
#[tokio::test]
async fn the_rate_is_halved_and_recovers() {
    let setting = Setting::new(Limit::default().per_second(10.0).adaptive()).await;
    let tenth = Duration::from_millis(100);
    setting.waited().await;
    assert_eq!(setting.waited().await, tenth);
    setting.struck(Fault::rate_limited(RetryAfter::Seconds(7))).await;
    setting.waited().await;
    let slower = setting.waited().await;
    assert!(slower > tenth.mul_f64(1.9) && slower <= 2 * tenth, "{slower:?}");
    let mut last = slower;
    for answers in 0.. {
        let wait = setting.waited().await;
        assert!(wait <= last && wait >= tenth, "{wait:?}");
        last = wait;
        if wait == tenth {
            assert!((100..200).contains(&answers), "{answers}");
            break;
        }
    }
    assert_eq!(setting.waited().await, tenth);
    // However often it is refused, it does not come to a stop.
    for _ in 0..100 {
        setting.struck(Fault::rate_limited(RetryAfter::Missing)).await;
    }
    setting.waited().await;
    assert_eq!(setting.waited().await.as_secs_f64().round(), 6.0);
}

/// A clock that stands until it is moved on. What waits for an answer waits for ever.
#[derive(Debug, Default)]
struct StandingClock(Mutex<(Duration, Vec<Sleeper>)>);

/// Until when somebody waits, and what wakes it.
type Sleeper = (Duration, oneshot::Sender<()>);

impl StandingClock {
    /// Returns the number of calls that wait for a time.
    fn sleepers(&self) -> usize {
        self.0.lock().unwrap().1.iter().filter(|(_, sleeper)| !sleeper.is_closed()).count()
    }

    /// Moves on to the next time that somebody waits for. How far that was.
    fn step(&self) -> Duration {
        let (now, sleepers) = &mut *self.0.lock().unwrap();
        sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        let Some(next) = sleepers.iter().map(|(until, _)| *until).min() else { return Duration::ZERO };
        let step = next.saturating_sub(*now);
        *now += step;
        for (_, sleeper) in sleepers.extract_if(.., |(until, _)| *until <= *now) {
            // One that is gone does not wait any more.
            let _ = sleeper.send(());
        }
        step
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(TestClock::START).unwrap() + self.now()
    }

    fn sleep(&self, duration: Duration, wait: Wait) -> BoxFuture<'static, ()> {
        if wait == Wait::Deadline {
            return Box::pin(std::future::pending());
        }
        let (sleeper, woken) = oneshot::channel();
        let (now, sleepers) = &mut *self.0.lock().unwrap();
        sleepers.push((*now + duration, sleeper));
        Box::pin(async move { woken.await.unwrap() })
    }
}

/// A server that answers when it is told to, and what it is told to.
struct Counter {
    uri: String,
    arrived: Arc<AtomicUsize>,
    answers: mpsc::UnboundedSender<u16>,
}

impl Counter {
    async fn start() -> Counter {
        let (answers, told) = mpsc::unbounded_channel::<u16>();
        let (told, arrived) = (Arc::new(tokio::sync::Mutex::new(told)), Arc::new(AtomicUsize::new(0)));
        let count = arrived.clone();
        let answer = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let told = told.clone();
            async move {
                let status = told.lock().await.recv().await.unwrap_or(500);
                let response = http::Response::builder().status(status).header("content-type", "application/json");
                response.header("retry-after", "3").body(r#"{"message":"OK"}"#.to_owned()).unwrap()
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Counter { uri, arrived, answers }
    }

    /// Waits until so many requests have arrived, and sees that there come no more.
    #[track_caller]
    fn arrivals(&self, count: usize) -> impl Future<Output = ()> {
        let (arrived, caller) = (self.arrived.clone(), std::panic::Location::caller());
        async move {
            while arrived.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
            for _ in 0..300 {
                tokio::task::yield_now().await;
            }
            assert_eq!(arrived.load(Ordering::SeqCst), count, "{caller}");
        }
    }

    fn answer(&self, count: usize, status: u16) {
        for _ in 0..count {
            self.answers.send(status).unwrap();
        }
    }
}

async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

fn spawn(calls: &mut JoinSet<Result<(), ErrorKind>>, symphony: &Symphony, count: usize) {
    for _ in 0..count {
        let symphony = symphony.clone();
        calls.spawn(async move {
            let receipt = symphony.apply_with(USER, &StatusChange::disable(), once()).await;
            receipt.map(drop).map_err(|error| error.kind())
        });
    }
}

async fn results(calls: &mut JoinSet<Result<(), ErrorKind>>, count: usize) -> Vec<Result<(), ErrorKind>> {
    let mut results = Vec::new();
    while results.len() < count {
        results.push(calls.join_next().await.unwrap().unwrap());
    }
    results
}

/// What was under way together is halved once, however many of it are refused; and comes back.
#[tokio::test]
async fn as_many_max_in_flight_as_half_of_what_was_refused() {
    for (limit, most) in [(Limit::default(), None), (Limit::default().max_in_flight(16), Some(16))] {
        let (server, clock) = (Counter::start().await, Arc::new(StandingClock::default()));
        let symphony = symphony(&server.uri, clock.clone(), limit.adaptive());
        let mut calls = JoinSet::new();
        spawn(&mut calls, &symphony, 16);
        server.arrivals(16).await;
        assert_eq!((throttle(&symphony).max_in_flight, throttle(&symphony).in_flight), (most, 16));
        server.answer(16, 429);
        assert_eq!(results(&mut calls, 16).await, [Err(ErrorKind::RateLimited); 16]);
        let held = throttle(&symphony);
        assert_eq!((held.max_in_flight, held.in_flight, held.paused_for), (Some(8), 0, Duration::from_secs(3)));

        // Nothing leaves in the pause, and then no more than that.
        spawn(&mut calls, &symphony, 20);
        until(|| clock.sleepers() == 8).await;
        server.arrivals(16).await;
        assert_eq!(clock.step(), Duration::from_secs(3));
        server.arrivals(24).await;
        server.answer(1, 200);
        server.arrivals(25).await;

        // A late refusal of one that left after the pause begins another.
        server.answer(1, 429);
        until(|| throttle(&symphony).max_in_flight == Some(4)).await;
        server.answer(7, 200);
        results(&mut calls, 9).await;
        until(|| clock.sleepers() == 4).await;
        server.arrivals(25).await;
        clock.step();
        server.arrivals(29).await;
        server.answer(11, 200);
        results(&mut calls, 11).await;

        // Calls that are given up in a pause, or before it is their turn, leave their places to others.
        server.answer(1, 429);
        spawn(&mut calls, &symphony, 1);
        results(&mut calls, 1).await;
        spawn(&mut calls, &symphony, 10);
        until(|| clock.sleepers() == 1).await;
        calls.shutdown().await;
        until(|| throttle(&symphony).in_flight == 0).await;
        spawn(&mut calls, &symphony, 1);
        until(|| clock.sleepers() == 1).await;
        clock.step();
        let before = server.arrived.load(Ordering::SeqCst);
        server.arrivals(before + 1).await;
        server.answer(1, 200);
        results(&mut calls, 1).await;

        // Many at once, and many answers: all places come back that were configured, and no more.
        assert_eq!(throttle(&symphony).max_in_flight, Some(1));
        for round in 2..=most.unwrap_or(4) {
            spawn(&mut calls, &symphony, 16 * round);
            server.answer(16 * round, 200);
            results(&mut calls, 16 * round).await;
            let max_in_flight = throttle(&symphony).max_in_flight.unwrap();
            assert!(
                max_in_flight >= round && most.is_none_or(|most| max_in_flight <= most),
                "{round}: {max_in_flight}"
            );
        }
        assert!(most.is_none() || throttle(&symphony).max_in_flight == most);
    }
}

/// Between any two requests there is the time of one, whoever gives up while waiting, and whenever.
#[tokio::test]
async fn a_call_that_is_given_up_lets_no_other_leave_too_soon() {
    let spacing = Duration::from_millis(100);
    for (seed, limit) in (0..12u64).flat_map(|seed| [(seed, Limit::default()), (seed, Limit::default().adaptive())]) {
        let clock = Arc::new(StandingClock::default());
        let left = Arc::new(Mutex::new(Vec::new()));
        let (now, arrived) = (clock.clone(), left.clone());
        let server = Script::start(move |_, _| {
            arrived.lock().unwrap().push(now.now());
            Reply::Kept(json(200, "", r#"{"message":"OK"}"#))
        })
        .await;
        let symphony = symphony(&server.uri, clock.clone(), limit.per_second(10.0));
        let mut waiting: Vec<tokio::task::JoinHandle<()>> = Vec::new();
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for _ in 0..150 {
            // Xorshift: the same calls with every run.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            match random % 8 {
                0..=2 => {
                    let symphony = symphony.clone();
                    waiting.push(tokio::spawn(async move {
                        symphony.apply_with(USER, &StatusChange::disable(), once()).await.unwrap();
                    }));
                }
                3..=5 if !waiting.is_empty() => {
                    let which = (random >> 8) as usize % waiting.len();
                    waiting.swap_remove(which).abort();
                }
                _ => drop(clock.step()),
            }
            // Whoever does not wait has its answer.
            until(|| {
                waiting.retain(|call| !call.is_finished());
                waiting.len() == clock.sleepers()
            })
            .await;
        }
        let left = left.lock().unwrap();
        assert!(left.len() > 10, "seed {seed}: {left:?}");
        for pair in left.windows(2) {
            assert!(pair[1] - pair[0] >= spacing, "seed {seed}: {left:?}");
        }
    }
}

/// Two thousand calls, sixty-four at a time, against a system that takes a hundred in ten seconds.
#[tokio::test]
async fn two_thousand_calls_end_well_and_few_are_refused() {
    for limit in [Limit::default(), Limit::default().max_in_flight(32).per_second(1000.0)] {
        let (server, clock) = (systems::standalone_server().await, Arc::new(StandingClock::default()));
        server.set_clock(clock.wall());
        server.fault(Fault::quota(100, 10)).unwrap();
        let symphony = symphony(&server.uri(SystemKind::Symphony), clock.clone(), limit.adaptive());
        let options = CallOptions::default().with_total_timeout(Duration::from_secs(3600));
        let left = Arc::new(Mutex::new((0..2000).collect::<VecDeque<u32>>()));
        let mut workers = JoinSet::new();
        for _ in 0..64 {
            let (left, symphony) = (left.clone(), symphony.clone());
            workers.spawn(async move {
                let mut failed = Vec::new();
                while left.lock().unwrap().pop_front().is_some() {
                    failed.extend(symphony.apply_with(USER, &StatusChange::disable(), options).await.err());
                }
                failed
            });
        }
        let mut failed = Vec::new();
        while !workers.is_empty() {
            tokio::task::yield_now().await;
            while let Some(worker) = workers.try_join_next() {
                failed.extend(worker.unwrap());
            }
            // Time goes on when nothing else does: all that hold a place wait for it.
            if clock.sleepers() > 0 && throttle(&symphony).in_flight <= clock.sleepers() {
                server.advance(SignedDuration::try_from(clock.step()).unwrap());
            }
        }
        assert!(failed.is_empty(), "{limit:?}: {} failed: {:?}", failed.len(), failed.first());
        let requests = server.requests("updateUserStatus");
        assert!((2000..2200).contains(&requests), "{limit:?}: {requests} requests");
    }
}
