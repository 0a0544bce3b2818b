//! What Baton's own doing brings back: runs, judgements, pushes, pull requests. An outcome of something that was stopped
//! in the meantime changes nothing but the bill.

use super::Draft;
use crate::domain::effect::Effect;
use crate::domain::event::{Event, PlanWritten};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{CommitSha, IssueNumber, RunId};
use crate::domain::issue::CommentRef;
use crate::domain::note::Note;
use crate::domain::plan::Plan;
use crate::domain::refusal::Refusal;
use crate::domain::rejection::Rejection;
use crate::domain::run::NothingReason;
use crate::domain::task::{
    Advance, Approval, ApprovedThrough, Closed, Continued, Failure, Implementing, InReview, Mend, PatchRef, PlanCause,
    PostedPlan, Proof, Question, Revising, Stage, State, Verifying, Work,
};
use crate::domain::usage::Usage;

pub(super) fn step(draft: &mut Draft<'_>, event: &Event) -> Result<(), Rejection> {
    match event {
        Event::RunStarted { run } => run_started(draft, *run),
        Event::RunInterrupted { usage, .. } if *usage == Usage::default() => Err(Rejection::Outdated),
        Event::RunInterrupted { usage, .. } => {
            draft.task.usage += *usage;
            Ok(())
        }
        Event::RunContinued { run, kept_at } => {
            current(draft, *run)?;
            draft.task.has_continued(Continued { run: *run, kept_at: *kept_at });
            draft.effects.push(Effect::ShowProgress);
            Ok(())
        }
        // For the history alone.
        Event::KeptWorkUnusable { run, .. } => current(draft, *run),
        Event::PlanWritten(written) => plan_written(draft, written),
        Event::PlanPosted { revision, comment } => plan_posted(draft, *revision, *comment),
        Event::ConfigurationInvalid { run, problems } => {
            current(draft, *run)?;
            draft.fail(Failure::Configuration { problems: problems.clone() });
            Ok(())
        }
        Event::AlreadyServed { run, pull } => {
            current(draft, *run)?;
            draft.say("end".into(), Note::AlreadyServed { pull: *pull });
            draft.task.state = State::Closed(Closed::AlreadyServed { pull: *pull });
            Ok(())
        }
        Event::PatchMade { run, patch, usage } => after_run(draft, *run, *usage, |draft| patch_made(draft, patch)),
        Event::NothingChanged { run, summary, taken_back, usage } => {
            after_run(draft, *run, *usage, |draft| nothing_changed(draft, summary, *taken_back))
        }
        Event::NothingToDo { run, reason, explanation, usage } => {
            after_run(draft, *run, *usage, |draft| nothing_to_do(draft, *reason, explanation))
        }
        Event::RunExhausted { run, limit, usage } => {
            after_run(draft, *run, *usage, |draft| draft.ask(Question::Exhausted { run: *run, limit: *limit }))
        }
        Event::RunBroke { run, reason, usage } => after_run(draft, *run, *usage, |draft| {
            draft.fail(Failure::RunBroke { run: *run, reason: reason.clone() });
        }),
        Event::PatchRefused { head, findings } => patch_refused(draft, head, findings),
        Event::BaseConflicted { head, files } => {
            let verifying = testing(draft, head)?;
            draft.say(format!("conflict/{}", verifying.work.plan.revision), Note::Conflict { files: files.clone() });
            draft.plan(PlanCause::Conflict { previous: verifying.work.plan, files: files.clone() });
            Ok(())
        }
        Event::BaseHasIt { head } => {
            testing(draft, head)?;
            let reason = NothingReason::AlreadyFixed;
            let explanation =
                "While the work was done, the default branch has come to contain the same change.".to_owned();
            draft.say("end".into(), Note::NothingToDo { reason, explanation });
            draft.task.state = State::Closed(Closed::NothingToDo { reason });
            Ok(())
        }
        Event::EvidenceTaken { head, patch, evidence, notices } => {
            evidence_taken(draft, head, patch, evidence, notices.clone())
        }
        Event::BranchPushed { head } => {
            let (work, patch, proof) = pushing(draft, head)?;
            draft.verify(work, patch, Stage::Opening(proof));
            Ok(())
        }
        Event::PullOpened { pull } => pull_opened(draft, *pull),
        Event::PullClosed { pull, merged, .. } => pull_closed(draft, *pull, *merged),
        Event::PullReopened { pull, .. } => pull_reopened(draft, *pull),
        // `step` handles these before it comes here.
        Event::Triggered(_)
        | Event::Commanded(_)
        | Event::Withdrawn { .. }
        | Event::IssueEdited { .. }
        | Event::AdvanceGiven { .. }
        | Event::ApprovalDeleted { .. }
        | Event::AdvanceTakenBack
        | Event::ApprovalVoided { .. }
        | Event::TimerFired { .. }
        | Event::EffectRefused { .. }
        | Event::EffectFailed { .. }
        | Event::Waited { .. } => Err(Rejection::Outdated),
    }
}

/// A job that died. The task fails if that is what it waits for; otherwise the dead-letter list has it.
pub(super) fn effect_failed(draft: &mut Draft<'_>, effect: &Effect, reason: &str) -> Result<(), Rejection> {
    if !effect.is_awaited_in(&draft.task.state) {
        return Err(Rejection::Outdated);
    }
    draft.fail(Failure::Effect { what: effect.describe().to_owned(), reason: reason.to_owned() });
    Ok(())
}

/// GitHub's no. The task fails if that is what it waits for; a retry does the same again, once the cause is put right.
pub(super) fn effect_refused(
    draft: &mut Draft<'_>,
    effect: &Effect,
    refusal: &Refusal,
    said: &str,
) -> Result<(), Rejection> {
    if !effect.is_awaited_in(&draft.task.state) {
        return Err(Rejection::Outdated);
    }
    let (what, refusal) = (effect.describe().to_owned(), refusal.clone());
    draft.fail(Failure::Refused { what, refusal, said: said.to_owned() });
    Ok(())
}

fn current(draft: &Draft<'_>, run: RunId) -> Result<(), Rejection> {
    if draft.task.current_run() == Some(run) { Ok(()) } else { Err(Rejection::Outdated) }
}

/// Books what a run used, and goes on only if it is the run the task waits for.
fn after_run(
    draft: &mut Draft<'_>,
    run: RunId,
    usage: Usage,
    go_on: impl FnOnce(&mut Draft<'_>),
) -> Result<(), Rejection> {
    let is_current = current(draft, run);
    if is_current.is_err() && usage == Usage::default() {
        return is_current;
    }
    draft.task.usage += usage;
    if is_current.is_ok() {
        go_on(draft);
    }
    Ok(())
}

fn run_started(draft: &mut Draft<'_>, run: RunId) -> Result<(), Rejection> {
    current(draft, run)?;
    if let State::Queued(queued) = &draft.task.state {
        draft.task.state = State::Implementing(Implementing { work: queued.work.clone(), run });
    }
    Ok(())
}

fn plan_written(draft: &mut Draft<'_>, written: &PlanWritten) -> Result<(), Rejection> {
    after_run(draft, written.run, written.usage, |draft| {
        if !matches!(draft.task.state, State::Planning(_)) {
            let reason = "the agent handed in a plan where work was asked for".to_owned();
            return draft.fail(Failure::RunBroke { run: written.run, reason });
        }
        draft.task.plans += 1;
        draft.task.settings = written.settings.clone();
        let plan = Plan::new(
            draft.task.plans,
            written.issue_digest.clone(),
            written.base.clone(),
            written.draft.clone(),
            written.commands.clone(),
        );
        draft.effects.push(Effect::PostPlan { plan: plan.clone() });
        match approved_in_advance(draft, &plan) {
            Some(approval) => draft.queue(plan, approval),
            None => draft.await_approval(plan),
        }
    })
}

/// `baton:auto` counts where the default branch's file allows it, for the text the writer saw when setting it.
fn approved_in_advance(draft: &Draft<'_>, plan: &Plan) -> Option<Approval> {
    let Advance::Given { by, issue_digest, .. } = &draft.task.advance else { return None };
    let same_text = *issue_digest == plan.issue_digest && draft.task.issue.digest() == plan.issue_digest;
    let needs_another = draft.task.policy.second_person_approves && by.id == draft.task.requester.id;
    (draft.task.settings.plan.auto && same_text && !needs_another).then(|| Approval {
        by: by.clone(),
        through: ApprovedThrough::Label,
        at: draft.now,
        revision: plan.revision,
        plan_digest: plan.digest.clone(),
        issue_digest: plan.issue_digest.clone(),
        base: plan.base.clone(),
    })
}

fn plan_posted(draft: &mut Draft<'_>, revision: u32, comment: CommentRef) -> Result<(), Rejection> {
    if draft.task.plan_comment(revision) == Some(comment) {
        return Err(Rejection::Outdated);
    }
    if let Some(older) = draft.task.plan_comments.last() {
        draft.effects.push(Effect::MinimisePlan { revision: older.revision, comment: older.comment.id });
    }
    draft.task.plan_comments.push(PostedPlan { revision, comment });
    draft.effects.push(Effect::ShowProgress);
    Ok(())
}

fn patch_made(draft: &mut Draft<'_>, patch: &PatchRef) {
    if let Some(work) = draft.task.work().cloned() {
        draft.verify(work, patch.clone(), Stage::Testing);
    }
}

fn nothing_changed(draft: &mut Draft<'_>, summary: &str, taken_back: bool) {
    if taken_back || !judge_as_it_is(draft) {
        draft.say("end".into(), Note::EmptyPatch { summary: summary.to_owned() });
        draft.task.state = State::Closed(Closed::EmptyPatch);
    }
}

fn nothing_to_do(draft: &mut Draft<'_>, reason: NothingReason, explanation: &str) {
    if !judge_as_it_is(draft) {
        draft.say("end".into(), Note::NothingToDo { reason, explanation: explanation.to_owned() });
        draft.task.state = State::Closed(Closed::NothingToDo { reason });
    }
}

/// An agent that was sent back and changes nothing leaves the patch as it was: it is judged once more, for the last time.
fn judge_as_it_is(draft: &mut Draft<'_>) -> bool {
    let State::Revising(Revising { work, patch, .. }) = &draft.task.state else { return false };
    let (mut work, patch) = (work.clone(), patch.clone());
    work.rounds = draft.policy().max_rounds;
    draft.verify(work, patch, Stage::Testing);
    true
}

fn testing(draft: &Draft<'_>, head: &CommitSha) -> Result<Verifying, Rejection> {
    match &draft.task.state {
        State::Verifying(verifying) if verifying.stage == Stage::Testing && verifying.patch.head == *head => {
            Ok(verifying.clone())
        }
        _ => Err(Rejection::Outdated),
    }
}

fn pushing(draft: &Draft<'_>, head: &CommitSha) -> Result<(Work, PatchRef, Proof), Rejection> {
    match &draft.task.state {
        State::Verifying(Verifying { work, patch, stage: Stage::Pushing(proof) }) if patch.head == *head => {
            Ok((work.clone(), patch.clone(), proof.clone()))
        }
        _ => Err(Rejection::Outdated),
    }
}

/// The last run: every patch comes from it.
fn last_run(draft: &Draft<'_>) -> RunId {
    RunId { task: draft.task.id, number: draft.task.runs }
}

fn patch_refused(draft: &mut Draft<'_>, head: &CommitSha, findings: &[String]) -> Result<(), Rejection> {
    let Verifying { mut work, patch, .. } = testing(draft, head)?;
    let mend = Mend::Refused { findings: findings.to_vec() };
    let after = last_run(draft);
    if work.rounds < draft.policy().max_rounds {
        work.rounds += 1;
        draft.revise(work, patch, mend, after);
    } else {
        // A person who retries gives the agent all its rounds again.
        let work = Work { rounds: 0, ..work };
        let resume = Revising { work, run: after, after, patch, mend };
        draft.fail_to(Failure::PatchRefused { findings: findings.to_vec() }, Box::new(State::Revising(resume)));
    }
    Ok(())
}

fn evidence_taken(
    draft: &mut Draft<'_>,
    head: &CommitSha,
    patch: &PatchRef,
    evidence: &Evidence,
    notices: Vec<String>,
) -> Result<(), Rejection> {
    let Verifying { mut work, .. } = testing(draft, head)?;
    if evidence.has_failures() && work.rounds < draft.policy().max_rounds {
        work.rounds += 1;
        let after = last_run(draft);
        draft.revise(work, patch.clone(), Mend::Failing { evidence: Box::new(evidence.clone()) }, after);
    } else {
        let proof = Proof { evidence: evidence.clone(), notices };
        draft.verify(work, patch.clone(), Stage::Pushing(proof));
    }
    Ok(())
}

/// Whatever the task does now, its pull request is its pull request.
fn pull_opened(draft: &mut Draft<'_>, pull: IssueNumber) -> Result<(), Rejection> {
    if draft.task.pull == Some(pull) && !matches!(draft.task.state, State::Verifying(_)) {
        return Err(Rejection::Outdated);
    }
    draft.task.pull = Some(pull);
    if let State::Verifying(Verifying { stage: Stage::Opening(proof), .. }) = &draft.task.state {
        match proof.evidence.doubt() {
            None => {
                let mut logins = vec![draft.task.requester.login.clone()];
                logins.extend(draft.task.settings.reviewers.iter().cloned());
                logins.dedup();
                draft.effects.push(Effect::RequestReview { pull, logins });
            }
            // Nobody is asked for a review of what is not ready, and nobody hears of a comment that is edited.
            Some(doubt) => draft.say(format!("draft/{}", draft.task.generation), Note::OpenedAsDraft { pull, doubt }),
        }
    }
    if let State::Verifying(_) = &draft.task.state
        && let Some(review) = review_of(&draft.task.state, pull)
    {
        draft.task.state = State::InReview(Box::new(review));
    }
    Ok(())
}

/// What is in review, as far as a state knows it; looks through pauses and failures.
fn review_of(state: &State, pull: IssueNumber) -> Option<InReview> {
    match state {
        State::InReview(review) => Some((**review).clone()),
        State::Verifying(Verifying { work, patch, stage: Stage::Opening(proof) | Stage::Pushing(proof) }) => {
            Some(InReview { work: work.clone(), patch: patch.clone(), proof: proof.clone(), pull })
        }
        State::Paused(paused) => review_of(&paused.resume, pull),
        State::Failed(failed) => review_of(&failed.resume, pull),
        _ => None,
    }
}

fn pull_closed(draft: &mut Draft<'_>, pull: IssueNumber, merged: bool) -> Result<(), Rejection> {
    if draft.task.pull != Some(pull) {
        return Err(Rejection::Outdated);
    }
    let review = match &draft.task.state {
        State::Merged(_) | State::Closed(_) | State::Cancelled(_) | State::Expired => None,
        state => review_of(state, pull).map(Box::new),
    };
    let review = review.ok_or(Rejection::Outdated)?;
    draft.effects.push(Effect::StopWork);
    draft.task.state = if merged { State::Merged(review) } else { State::Closed(Closed::PullClosed(review)) };
    Ok(())
}

fn pull_reopened(draft: &mut Draft<'_>, pull: IssueNumber) -> Result<(), Rejection> {
    match &draft.task.state {
        State::Closed(Closed::PullClosed(review)) if review.pull == pull => {
            draft.task.state = State::InReview(review.clone());
            Ok(())
        }
        _ => Err(Rejection::Outdated),
    }
}
