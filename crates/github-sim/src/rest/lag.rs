//! Reading behind the webhooks: for some seconds an App is answered as if the newest things had not happened yet.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::access::Identity;
use super::call::{Answer, Outcome};
use crate::git::read::ZERO;
use crate::refusal::Refusal;
use crate::world::World;

/// A branch that moved too recently to be seen: from, to.
type Fresh = Vec<(String, String)>;

impl World {
    /// The answer as it would have been before the lag; people and writes see everything.
    pub(super) fn lagging(&self, who: Identity, method: &str, path: &str, repo: u64, answer: Answer) -> Outcome {
        let lag = i64::try_from(self.switches.lag_seconds).unwrap_or(i64::MAX);
        let reads = method == "GET" && matches!(who, Identity::Installation { .. }) && lag > 0;
        let (true, Some(body)) = (reads, &answer.body) else { return Ok(answer) };
        let horizon = self.now().checked_sub(SignedDuration::from_secs(lag)).unwrap_or(Timestamp::MIN);
        let moves = self.repo(repo).map(|repo| repo.moves.as_slice()).unwrap_or_default();
        let fresh: Fresh = moves
            .iter()
            .rev()
            // Who names a commit knows it already.
            .filter(|it| it.at > horizon && !path.contains(&it.new))
            .map(|it| (it.old.clone(), it.new.clone()))
            .collect();
        let body = older(body, horizon, &fresh).ok_or_else(Refusal::not_found)?;
        Ok(Answer { body: Some(body), ..answer })
    }
}

fn older(value: &Value, horizon: Timestamp, fresh: &Fresh) -> Option<Value> {
    match value {
        Value::Array(list) => Some(list.iter().filter_map(|it| older(it, horizon, fresh)).collect()),
        Value::Object(fields) => {
            let made = fields.get("created_at").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
            if made.is_some_and(|made| made > horizon) && fields.contains_key("id") && !fields.contains_key("full_name")
            {
                return None;
            }
            let older =
                fields.iter().map(|(name, value)| Some((name.clone(), older_field(name, value, horizon, fresh)?)));
            older.collect::<Option<serde_json::Map<_, _>>>().map(Value::Object)
        }
        other => Some(other.clone()),
    }
}

fn older_field(name: &str, value: &Value, horizon: Timestamp, fresh: &Fresh) -> Option<Value> {
    match (name, value) {
        ("sha", Value::String(sha)) => {
            let mut sha = sha.clone();
            for (old, new) in fresh {
                if sha == *new {
                    sha.clone_from(old);
                }
            }
            (sha != ZERO).then_some(Value::String(sha))
        }
        ("head" | "object" | "commit", Value::Object(_)) => older(value, horizon, fresh),
        _ => Some(value.clone()),
    }
}
