//! What holds for every input: the decision to repeat, the reading of `Retry-After`, the examples of the contract and
//! what becomes of them when a system adds to them.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use user_status::retry::{AttemptOutcome, Decision, LEAST_WAIT, Progress, RetryContext, decide, retry_after};
use user_status::systems::{akana, clearsquare, mediconnect, scim, symphony, userdocks};
use user_status::{Conclusion, RetryPolicy};
use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;

fn outcomes() -> impl Strategy<Value = AttemptOutcome> {
    let wait = proptest::option::of((0u64..200_000).prop_map(Duration::from_millis));
    prop_oneof![
        Just(AttemptOutcome::NotSent),
        Just(AttemptOutcome::Lost),
        (100u16..600, conclusions(), wait).prop_map(|(status, conclusion, retry_after)| AttemptOutcome::Answered {
            status,
            conclusion,
            retry_after
        }),
    ]
}

fn conclusions() -> impl Strategy<Value = Conclusion> {
    prop_oneof![Just(Conclusion::Refused), Just(Conclusion::RefusedForNow), Just(Conclusion::Unknown)]
}

fn safeties() -> impl Strategy<Value = RetryContext> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(idempotent, repeats_500, can_refresh)| RetryContext {
        idempotent,
        repeats_500,
        can_refresh,
    })
}

fn policies() -> impl Strategy<Value = RetryPolicy> {
    (1u32..10, 0u64..5_000, 0u64..60_000, 0u64..120_000).prop_map(|(attempts, first, longest, after)| {
        let mut policy = RetryPolicy::default().with_attempts(attempts);
        policy.first_wait = Duration::from_millis(first);
        policy.longest_wait = Duration::from_millis(longest);
        policy.longest_retry_after = Duration::from_millis(after);
        policy
    })
}

fn progresses() -> impl Strategy<Value = Progress> {
    (1u32..12, 0u64..200_000, any::<bool>(), 0.0..=1.0f64).prop_map(|(attempt, left, budget, jitter)| Progress {
        attempt,
        time_left: Duration::from_millis(left),
        budget,
        jitter,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Written down once more, the other way round: what must never be repeated.
    #[test]
    fn a_forbidden_repetition_never_happens(
        policy in policies(), safety in safeties(), outcome in outcomes(), progress in progresses()
    ) {
        let decision = decide(&policy, safety, outcome, progress);
        if decision == Decision::Stop {
            return Ok(());
        }
        match outcome {
            // What may have been done is repeated only where doing it twice is doing it once.
            AttemptOutcome::Lost => prop_assert!(safety.idempotent),
            AttemptOutcome::NotSent => {}
            AttemptOutcome::Answered { status: 401, conclusion, .. } => {
                prop_assert!(safety.can_refresh);
                prop_assert!(safety.idempotent || conclusion != Conclusion::Unknown);
                prop_assert_eq!(decision, Decision::Refresh);
            }
            AttemptOutcome::Answered { status, conclusion, .. } => {
                // What may have been done, and what only the system's own word shows not to have been.
                let documented = conclusion == Conclusion::RefusedForNow;
                prop_assert!(documented || [408, 429, 500, 502, 503, 504].contains(&status), "{}", status);
                prop_assert!(safety.idempotent || conclusion != Conclusion::Unknown, "{}", status);
                prop_assert!(documented || status != 500 || safety.repeats_500);
            }
        }
        if let Decision::Again(wait) = decision {
            prop_assert!(progress.attempt < policy.attempts);
            prop_assert!(progress.budget);
            prop_assert!(wait < progress.time_left, "no wait goes beyond the deadline");
            if let AttemptOutcome::Answered { retry_after: Some(asked), .. } = outcome {
                prop_assert!(wait >= asked, "a system is not asked again before the time it named");
                prop_assert!(asked <= policy.longest_retry_after);
            } else {
                prop_assert!(wait <= policy.longest_wait.max(LEAST_WAIT));
            }
            // Never within milliseconds, whatever the response asked for.
            if matches!(outcome, AttemptOutcome::Answered { status: 429, .. })
                || matches!(outcome, AttemptOutcome::Answered { conclusion: Conclusion::RefusedForNow, .. })
                || matches!(outcome, AttemptOutcome::Answered { status: 503, retry_after: Some(_), .. })
            {
                prop_assert!(wait >= LEAST_WAIT, "{:?}", wait);
            }
        }
    }

    /// And what must be: with attempts, budget and time to spare, what is safe is tried again.
    #[test]
    fn a_safe_repetition_happens(safety in safeties(), jitter in 0.0..=1.0f64, attempt in 1u32..4) {
        let policy = RetryPolicy::default();
        let progress = Progress { attempt, time_left: Duration::from_secs(600), budget: true, jitter };
        let again = |outcome| matches!(decide(&policy, safety, outcome, progress), Decision::Again(_));
        let answered = |status| AttemptOutcome::Answered { status, conclusion: Conclusion::Unknown, retry_after: None };
        let (conclusion, retry_after) = (Conclusion::RefusedForNow, None);
        let documented = AttemptOutcome::Answered { status: 429, conclusion, retry_after };
        let (conclusion, retry_after) = (Conclusion::Unknown, Some(Duration::ZERO));
        let busy = AttemptOutcome::Answered { status: 503, conclusion, retry_after };
        prop_assert!(again(AttemptOutcome::NotSent) && again(documented));
        for outcome in [AttemptOutcome::Lost, busy, answered(408), answered(429), answered(502), answered(503), answered(504)] {
            prop_assert_eq!(again(outcome), safety.idempotent);
        }
    }

    /// A whole call of nothing but failures: the waits together never exceed the time.
    #[test]
    fn all_waits_together_stay_within_the_deadline(
        policy in policies(), outcomes in proptest::collection::vec(outcomes(), 12),
        total in 0u64..100_000, jitter in 0.0..=1.0f64
    ) {
        let total = Duration::from_millis(total);
        let safety = RetryContext { idempotent: true, repeats_500: true, can_refresh: false };
        let mut waited = Duration::ZERO;
        let mut attempts = 1;
        for outcome in outcomes {
            let progress = Progress { attempt: attempts, time_left: total.saturating_sub(waited), budget: true, jitter };
            let Decision::Again(wait) = decide(&policy, safety, outcome, progress) else { break };
            waited += wait;
            attempts += 1;
        }
        prop_assert!(waited <= total);
        prop_assert!(attempts <= policy.attempts);
    }

    #[test]
    fn retry_after_reads_seconds_and_dates_and_nothing_else(seconds in 0u64..4_000_000_000, text in "\\PC{0,40}") {
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        prop_assert_eq!(retry_after(&seconds.to_string(), now), Some(Duration::from_secs(seconds)));
        let date = now + Duration::from_secs(seconds % 1_000_000);
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        prop_assert_eq!(retry_after(&date, now), Some(Duration::from_secs(seconds % 1_000_000)));
        // Whatever else it is, it is read without a panic, and an asked wait is a number or a date.
        if retry_after(&text, now).is_some() {
            prop_assert!(text.bytes().any(|byte| byte.is_ascii_digit()));
        }
    }
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Contract::embedded()).unwrap());

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text at all, and texts close to ids: the SDK takes what the contract allows, and what it takes names one
    /// segment of a path and nothing else.
    #[test]
    fn an_id_that_is_taken_names_one_segment_of_a_path(id in prop_oneof!["\\PC{0,12}", "[a-z./\\\\%?#;:@~ -]{0,8}", ".{0,200}"]) {
        let allowed = VALIDATOR.validate("/components/schemas/UserdocksUserId", &Value::from(id.as_str())).is_empty();
        let taken = userdocks::UserdocksUserId::try_from(id.as_str());
        prop_assert_eq!(taken.is_ok(), allowed, "{:?}", id);
        if let Ok(taken) = taken {
            let url = reqwest::Url::parse(&format!("https://host.example/users/{taken}/status")).unwrap();
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments, ["users", taken.as_str(), "status"]);
            prop_assert!(url.query().is_none() && url.fragment().is_none());
        }
    }

    #[test]
    fn an_integer_id_is_its_digits(text in prop_oneof!["[0-9]{0,22}", "[-+0-9a-f.x ]{0,8}", "\\PC{0,4}"]) {
        let taken = symphony::SymphonyUserId::try_from(text.as_str());
        let number = text.parse::<i64>().ok().filter(|number| *number >= 1 && number.to_string() == text);
        prop_assert_eq!(taken.as_ref().ok().map(|id| id.get()), number);
        if let Ok(id) = taken {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}

#[test]
fn retry_after_in_its_odd_forms() {
    let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    let read = |text: &str| retry_after(text, now);
    assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO), "a date that is past");
    assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT"), Some(Duration::ZERO), "the form of RFC 850");
    assert_eq!(read("Sun Nov  6 08:49:37 1994"), Some(Duration::ZERO), "the form of asctime");
    assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)), "longer than anybody waits");
    for text in ["", "-1", "1.5", "soon", "1e3", "+1", "0x10"] {
        assert_eq!(read(text), None, "{text}");
    }
}

/// Reads and writes a value as the type.
fn round<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, serde_json::Error> {
    serde_json::from_value::<T>(value.clone()).and_then(serde_json::to_value)
}

type Round = fn(&Value) -> Result<Value, serde_json::Error>;

/// The generated type of each schema that a body has.
const TYPES: &[(&str, Round)] = &[
    ("UserdocksSuccess", round::<userdocks::types::UserdocksSuccess>),
    ("UserdocksUserResponse", round::<userdocks::types::UserdocksUserResponse>),
    ("UserdocksError", round::<userdocks::types::UserdocksError>),
    ("AkanaChangeUserStatusRequest", round::<akana::types::AkanaChangeUserStatusRequest>),
    ("AkanaUser", round::<akana::types::AkanaUser>),
    ("AkanaFault", round::<akana::types::AkanaFault>),
    ("MediconnectToggleUserStatusRequest", round::<mediconnect::types::MediconnectToggleUserStatusRequest>),
    ("MediconnectUser", round::<mediconnect::types::MediconnectUser>),
    ("MediconnectError", round::<mediconnect::types::MediconnectError>),
    ("SymphonyUserStatus", round::<symphony::types::SymphonyUserStatus>),
    ("SymphonySuccessResponse", round::<symphony::types::SymphonySuccessResponse>),
    ("SymphonyError", round::<symphony::types::SymphonyError>),
    ("ClearsquareManageStatusRequest", round::<clearsquare::types::ClearsquareManageStatusRequest>),
    ("ClearsquareResult", round::<clearsquare::types::ClearsquareResult>),
    ("ScimUser", round::<scim::types::ScimUser>),
    ("ScimPatch", round::<scim::types::ScimPatch>),
    ("ScimReplacement", round::<scim::types::ScimReplacement>),
    ("ScimList", round::<scim::types::ScimList>),
    ("ScimConfig", round::<scim::types::ScimConfig>),
    ("ScimError", round::<scim::types::ScimError>),
];

/// Every example of every body in the contract, with the name of its schema.
fn examples() -> Vec<(String, Value)> {
    let contract = Contract::embedded();
    let mut examples = Vec::new();
    for operation in contract.operations() {
        let bodies = operation.request_body.iter().flat_map(|body| &body.content);
        let answers = operation.responses.values().flat_map(|response| &response.content);
        for media_type in bodies.chain(answers) {
            let list = contract.resolve(&format!("{}/examples", media_type.pointer)).unwrap().as_object().unwrap();
            for name in list.keys() {
                let at = format!("{}/examples/{name}", media_type.pointer);
                let value = contract.resolve(&at).unwrap()["value"].clone();
                examples.push((media_type.schema.rsplit('/').next().unwrap().to_owned(), value));
            }
        }
    }
    examples
}

/// Members that are null say no more than members that are not there.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[test]
fn every_example_of_the_contract_survives_the_generated_types() {
    let examples = examples();
    assert!(examples.len() > 100, "{}", examples.len());
    for (schema, example) in &examples {
        let (_, round) =
            TYPES.iter().find(|(name, _)| name == schema).unwrap_or_else(|| panic!("no type for {schema}"));
        assert_eq!(without_nulls(&round(example).unwrap()), without_nulls(example), "{schema}");
    }
    for (name, _) in TYPES {
        assert!(examples.iter().any(|(schema, _)| schema == name), "no example of {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A system adds members, and values to its enumerations: what is known is still read, and the new values are kept.
    #[test]
    fn an_example_with_unknown_members_and_values_is_still_read(
        which in any::<prop::sample::Index>(), member in "[a-z]{1,12}_new", word in "[A-Z]{3,12}_NEW"
    ) {
        let examples = examples();
        let (schema, example) = which.get(&examples);
        let (_, round) = TYPES.iter().find(|(name, _)| name == schema).unwrap();
        let mut mutated = example.clone();
        mutated[&member] = serde_json::json!({ "a": [1, null, word] });
        let open = ["status", "format", "role", "UserStatus"];
        let mut changed = None;
        for name in open {
            if mutated.get(name).is_some_and(Value::is_string) {
                mutated[name] = word.clone().into();
                changed = Some(name);
            }
        }
        let read = round(&mutated).unwrap();
        if let Some(name) = changed {
            prop_assert_eq!(&read[name], &Value::from(word));
        }
        let mut expected = mutated.clone();
        // Of a whole user nothing is lost on the way back.
        if !matches!(schema.as_str(), "ScimReplacement" | "ScimUser") {
            expected.as_object_mut().unwrap().remove(&member);
        }
        prop_assert_eq!(without_nulls(&read), without_nulls(&expected));
    }
}
