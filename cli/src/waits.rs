//! What a call waits for, said while it waits.

use std::time::Duration;

use user_status::hear_waits;

use crate::output::Output;

/// Shorter waits are over before anybody wonders.
const NOTICED: Duration = Duration::from_secs(2);

/// Runs the calls to a system, and says of every longer wait in them for what it is and until when.
pub(crate) async fn aloud<T>(profile: &str, output: Output, calls: impl Future<Output = T>) -> T {
    let profile = profile.to_owned();
    let say = move |waiting: &user_status::Waiting| {
        if waiting.wait > NOTICED {
            output.note(&format!("{profile}: {waiting}"));
        }
    };
    hear_waits(say, calls).await
}
