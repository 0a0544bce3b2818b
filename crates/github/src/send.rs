//! The way of every request: through the gate, to GitHub, and then whatever `policy` decides.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use baton_core::domain::wait::Pause;
use bytes::Bytes;
use http::StatusCode;
use http::header::LOCATION;
use secrecy::SecretString;

use crate::app::Shared;
use crate::call::{Call, Reply};
use crate::conditional::Known;
use crate::errand::Errand;
use crate::error::GitHubError;
use crate::gate::Account;
use crate::importance::Importance;
use crate::policy::{Attempt, Decision, Kind, Limit, Outcome, decide};
use crate::refusal::{self, Refusal};
use crate::tokens::Scope;
use crate::transport::Broken;

/// Where a request's credential comes from.
pub(crate) trait Credential {
    /// Whose limits count.
    fn account(&self) -> Account;
    /// What answers are remembered under, where they may be.
    fn scope(&self) -> Option<Scope>;
    /// The credential as it is now.
    async fn current(&self) -> Result<SecretString, GitHubError>;
    /// Whether it was made with less than was wanted, and another would do more by now.
    async fn could_do_more(&self, secret: &SecretString) -> bool;
    /// GitHub refused it. True if another is worth a try; `answered_at` is GitHub's time.
    async fn renew(&self, refused: &SecretString, answered_at: Option<Timestamp>) -> bool;
}

/// What came of one try, and what there is to hand on.
struct Tried {
    outcome: Outcome,
    result: Result<Reply, GitHubError>,
    /// Where a redirect leads, if it is on the API's host.
    target: Option<String>,
    answered_at: Option<Timestamp>,
    /// When GitHub's hour is over, where this answer was the last of it.
    spent_until: Option<Timestamp>,
}

impl Shared {
    /// Sends a request until there is something to hand on: an answer, a refusal, or the time to come back.
    pub(crate) async fn send(
        &self,
        credential: &impl Credential,
        call: &Call,
        errand: Option<&Errand>,
    ) -> Result<Reply, GitHubError> {
        let (operation, account) = (call.operation, credential.account());
        let importance = errand.map_or_else(|| Importance::of(operation), |errand| errand.importance);
        let key = errand.map_or(call.path.as_str(), |errand| errand.key.as_str());
        let mut attempt = Attempt::default();
        let mut path = self.transport.path_of(call);
        loop {
            let secret = credential.current().await?;
            let known = self.conditional.known(credential.scope(), operation, &path).await;
            let pass = self.gate.enter(account, call, importance, key).await?;
            let etag = known.as_ref().map(|known| known.etag.as_str());
            let answer = self.transport.exchange(Some(&secret), call, &path, etag).await;
            let tried = self.judge(call, answer, known.as_deref());
            attempt.strikes = self.gate.strikes(account);
            let decision = self.settle(credential, &secret, &tried, &mut attempt, Kind::of(operation)).await;
            self.gate.learn(&pass, tried.outcome, decision, tried.spent_until);
            drop(pass);
            match (decision, tried.target) {
                (Decision::Take, _) => {
                    if let Ok(reply) = &tried.result
                        && reply.status == StatusCode::OK
                    {
                        let (headers, body) = (&reply.headers, &reply.body);
                        self.conditional.keep(credential.scope(), operation, &path, headers, body).await;
                    }
                    return tried.result;
                }
                (Decision::Follow, Some(target)) => path = target,
                (Decision::Again(after), _) => tokio::time::sleep(after).await,
                (Decision::Renew, _) => {}
                (Decision::Later(at), _) => {
                    return Err(GitHubError::RetryAfter {
                        operation: operation.name,
                        at,
                        pause: pause_of(tried.outcome),
                    });
                }
                (Decision::Fail | Decision::Follow, _) => return tried.result,
            }
        }
    }

    /// The decision about a try, with what it takes to know it: whether there is another credential.
    async fn settle(
        &self,
        credential: &impl Credential,
        secret: &SecretString,
        tried: &Tried,
        attempt: &mut Attempt,
        kind: Kind,
    ) -> Decision {
        let decision = decide(kind, tried.outcome, *attempt, self.gate.now());
        match decision {
            Decision::Again(_) => attempt.repeats += 1,
            Decision::Follow => attempt.hops += 1,
            Decision::Renew => {
                attempt.renewals += 1;
                let may_help = tried.outcome != Outcome::Lacking || credential.could_do_more(secret).await;
                if !(may_help && credential.renew(secret, tried.answered_at).await) {
                    return decide(kind, tried.outcome, *attempt, self.gate.now());
                }
            }
            Decision::Take | Decision::Later(_) | Decision::Fail => {}
        }
        decision
    }

    /// What an answer, or none, comes to.
    fn judge(&self, call: &Call, answer: Result<Reply, Broken>, known: Option<&Known>) -> Tried {
        let reply = match answer {
            Ok(reply) => reply,
            Err(Broken { outcome, error }) => {
                return Tried { outcome, result: Err(error), target: None, answered_at: None, spent_until: None };
            }
        };
        let operation = call.operation;
        let answered_at = reply.answered_at();
        let ours = |wait: Duration| self.gate.now().plus(wait);
        let spent_until = refusal::hour_spent(&reply.headers, answered_at.unwrap_or(self.gate.now())).map(ours);
        let tried = |outcome, result, target| Tried { outcome, result, target, answered_at, spent_until };
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (reply.status, known) {
            return tried(Outcome::Answered, Ok(unchanged(reply, known)), None);
        }
        if reply.status.is_success() {
            return match crate::graphql::trouble(operation, &reply.body) {
                Some(outcome) => {
                    let error = GitHubError::Server { operation: operation.name, status: reply.status.as_u16() };
                    tried(outcome, Err(error), None)
                }
                None => tried(Outcome::Answered, Ok(reply), None),
            };
        }
        let target = refusal::header(&reply.headers, LOCATION.as_str())
            .and_then(|address| self.transport.relative(operation, address));
        let moved = matches!(reply.status.as_u16(), 301 | 302 | 307 | 308);
        match refusal::of(operation, reply.status, &reply.headers, &reply.body, self.gate.now()) {
            Refusal::Limited { limit, wait } => {
                let error = GitHubError::Server { operation: operation.name, status: reply.status.as_u16() };
                tried(Outcome::Limited { limit, wait }, Err(error), None)
            }
            Refusal::Troubled { status, wait } => {
                let error = GitHubError::Server { operation: operation.name, status };
                tried(Outcome::Troubled { status, wait }, Err(error), None)
            }
            Refusal::No(error) => {
                let outcome = match &error {
                    GitHubError::Unauthorized { .. } => Outcome::Unauthorized,
                    GitHubError::Moved { .. } if moved => Outcome::Moved {
                        home: target.is_some(),
                        changes_method: matches!(reply.status.as_u16(), 301 | 302),
                    },
                    GitHubError::Forbidden { needs: Some(_), .. } => Outcome::Lacking,
                    GitHubError::Timeout { .. } => Outcome::Silent,
                    _ => Outcome::Refused,
                };
                tried(outcome, Err(error), target)
            }
        }
    }
}

/// The answer that was kept, as if it had come again.
fn unchanged(reply: Reply, known: &Known) -> Reply {
    let mut headers = reply.headers;
    if let Some(link) = &known.link {
        headers.insert(http::header::LINK, link.clone());
    }
    Reply { operation: reply.operation, status: StatusCode::OK, headers, body: Bytes::clone(&known.body) }
}

fn pause_of(outcome: Outcome) -> Pause {
    match outcome {
        Outcome::Limited { limit: Limit::Primary, .. } => Pause::PrimaryLimit,
        Outcome::Limited { limit: Limit::Secondary, .. } => Pause::SecondaryLimit,
        _ => Pause::Asked,
    }
}
