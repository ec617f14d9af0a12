//! What becomes of a row of which nobody knows whether it was carried out.

use super::entry::{JournalEntry, RowOutcome, RowState};

/// The message for a request that was on its way when a program ended.
pub(super) const INTERRUPTED: &str = "the program ended while the request was on its way";

/// The state and the outcome that a row gets after a call, or a look at its account, ended so.
///
/// A request of which nobody knows the outcome may be carried out late, whatever is answered to the next one. So what was once
/// unknown stays so until a proof takes it away: the account shows what was asked, or the system says yes to the same change.
/// A refusal is none, nor is a look that shows otherwise. The row keeps what was known first, and says what came after it.
pub(super) fn settled(entry: &JournalEntry, state: RowState, mut outcome: RowOutcome) -> (RowState, RowOutcome) {
    if !entry.state.is_in_doubt() {
        outcome.doubt = outcome.message.clone().filter(|_| state == RowState::Unknown);
        return (state, outcome);
    }
    // What the account was before the request in doubt, a later call does not know.
    outcome.before = None;
    let then = match state {
        RowState::Confirmed | RowState::Accepted => return (state, outcome),
        // As asked now, and by whom nobody can say: it counts as changed, so that an undo does not pass it over.
        RowState::Unchanged => return (RowState::Confirmed, outcome),
        RowState::Refused | RowState::Failed => format!("then {state}: "),
        RowState::Pending | RowState::Sending | RowState::Unknown => "then: ".to_owned(),
    };
    let was = &entry.outcome;
    let first = was.doubt.as_ref().or(was.message.as_ref()).map_or(INTERRUPTED, String::as_str).to_owned();
    let message = match &outcome.message {
        Some(since) if since.starts_with(&first) => since.clone(),
        Some(since) => format!("unknown after: {first}; {then}{since}"),
        None => first.clone(),
    };
    // Those of the request that is in doubt; of one that a program did not live to hear of, those of the next.
    let call = if was.attempts > 0 { was } else { &outcome };
    let outcome = RowOutcome {
        after: None,
        reason: was.reason.clone().or_else(|| Some("interrupted".to_owned())),
        message: Some(message),
        status: call.status,
        attempts: call.attempts,
        request_id: call.request_id.clone(),
        doubt: Some(first),
        before: None,
    };
    (RowState::Unknown, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::row::Row;
    use crate::model::change::StatusChange;

    fn entry(state: RowState, outcome: RowOutcome) -> JournalEntry {
        let row = Row::new("site", "634441cecbb5901d133039f8", StatusChange::toggle());
        JournalEntry { number: 1, row, state, before: None, outcome, started: None, ended: None }
    }

    /// Every sequence of four outcomes, after every state that a row can have.
    #[test]
    fn what_was_once_unknown_stays_so_until_a_proof_takes_it_away() {
        let all = RowState::ALL;
        for (start, calls) in all.into_iter().flat_map(|start| (0..all.len().pow(4)).map(move |calls| (start, calls))) {
            let mut row = entry(start, RowOutcome::default());
            let mut in_doubt = start.is_in_doubt();
            for call in 0..4 {
                let said = all[calls / all.len().pow(call) % all.len()];
                let outcome = RowOutcome::because("a_word", format!("answer {call}"));
                let (state, outcome) = settled(&row, said, outcome);
                let proof = matches!(state, RowState::Confirmed | RowState::Accepted);
                assert!(!in_doubt || proof || state == RowState::Unknown, "{start}, {calls}: {said} became {state}");
                assert!(in_doubt || state == said, "{start}, {calls}: {said} became {state}");
                in_doubt = (in_doubt && !proof) || state.is_in_doubt();
                assert!(state != RowState::Unknown || outcome.doubt.is_some());
                assert!(outcome.message.as_ref().is_none_or(|message| message.matches("unknown after").count() <= 1));
                row = entry(state, outcome);
            }
        }
    }

    #[test]
    fn a_row_says_what_was_known_first_and_what_came_last() {
        let call = RowOutcome { status: Some(504), attempts: 1, ..RowOutcome::because("outcome_unknown", "no answer") };
        let (state, outcome) = settled(&entry(RowState::Pending, RowOutcome::default()), RowState::Unknown, call);
        let later = [(RowState::Refused, "not_found", "no such user"), (RowState::Failed, "forbidden", "no right")];
        let mut row = entry(state, outcome);
        for (state, reason, message) in later {
            let call = RowOutcome { status: Some(403), attempts: 2, ..RowOutcome::because(reason, message) };
            let (state, outcome) = settled(&row, state, call);
            row = entry(state, outcome);
        }
        let known = &row.outcome;
        assert_eq!((row.state, known.reason.as_deref()), (RowState::Unknown, Some("outcome_unknown")));
        assert_eq!(known.message.as_deref(), Some("unknown after: no answer; then failed: no right"));
        assert_eq!((known.status, known.attempts), (Some(504), 1));
    }
}
