//! A transition in the making: the task as it will be, the effects so far, and the few moves all states share.

use super::Transition;
use crate::domain::effect::{Effect, Purpose, RunOrder, Timer};
use crate::domain::event::Origin;
use crate::domain::ids::{BranchName, RunId};
use crate::domain::note::Note;
use crate::domain::plan::Plan;
use crate::domain::settings::TaskPolicy;
use crate::domain::task::{
    Approval, AwaitingApproval, Failed, Failure, Implementing, Mend, PatchRef, PlanCause, Planning, Question, Queued,
    Revising, Stage, State, Task, Verifying, WaitingForUser, Work,
};
use crate::domain::time::Timestamp;

pub(super) struct Draft<'a> {
    before: &'a Task,
    pub(super) task: Task,
    pub(super) effects: Vec<Effect>,
    pub(super) now: Timestamp,
}

impl<'a> Draft<'a> {
    pub(super) fn new(before: &'a Task, now: Timestamp) -> Self {
        Self { before, task: before.clone(), effects: Vec::new(), now }
    }

    /// Every change of state shows in the progress comment.
    pub(super) fn finish(mut self) -> Transition {
        if self.task.state != self.before.state && !self.effects.contains(&Effect::ShowProgress) {
            self.effects.push(Effect::ShowProgress);
        }
        match (self.before.state.is_bare_end(), self.task.state.is_bare_end()) {
            (false, true) => self.task.ended_from = Some(Box::new(self.before.state.clone())),
            (_, false) => self.task.ended_from = None,
            (true, true) => {}
        }
        Transition { next: self.task, effects: self.effects }
    }

    pub(super) fn policy(&self) -> TaskPolicy {
        self.task.effective_policy()
    }

    /// Says something on the issue.
    pub(super) fn say(&mut self, occasion: String, note: Note) {
        self.effects.push(Effect::Say { occasion, thread: self.task.thread(), note });
    }

    /// Says something where it was asked for.
    pub(super) fn say_there(&mut self, origin: Origin, occasion: String, note: Note) {
        let on_pull = match origin {
            Origin::Pull { .. } => self.task.pull_thread(),
            Origin::Issue { .. } | Origin::CommandLine => None,
        };
        let thread = on_pull.unwrap_or_else(|| self.task.thread());
        self.effects.push(Effect::Say { occasion, thread, note });
    }

    /// Enters `Planning` with a new run.
    pub(super) fn plan(&mut self, cause: PlanCause) {
        let run = self.task.next_run();
        self.effects.push(Effect::Run(RunOrder { run, purpose: Purpose::Plan { cause: cause.clone() } }));
        self.task.state = State::Planning(Planning { run, cause });
    }

    /// Enters `AwaitingApproval`: from now on the clock runs.
    pub(super) fn await_approval(&mut self, plan: Plan) {
        let patience = self.policy().patience();
        let revision = plan.revision;
        self.wake(patience / 2, Timer::RemindOfPlan { revision });
        self.wake(patience, Timer::ExpirePlan { revision });
        self.task.state = State::AwaitingApproval(AwaitingApproval { plan, since: self.now });
    }

    fn wake(&mut self, after: std::time::Duration, timer: Timer) {
        self.effects.push(Effect::Wake { at: self.now.plus(after), timer });
    }

    /// Enters `Queued` with a new implementing run for a plan that was just approved.
    pub(super) fn queue(&mut self, plan: Plan, approval: Approval) {
        let issue = self.task.issue.clone();
        let prefix = self.task.settings.branch_prefix.as_deref().unwrap_or("baton");
        // One task, one branch: a title that changes between two approvals must not make a second one.
        let branch = match self.task.branch.take() {
            Some(branch) => branch,
            None => BranchName::for_issue(prefix, issue.number, &issue.title, self.task.attempt),
        };
        self.task.branch = Some(branch.clone());
        self.queue_work(Work { plan, approval, issue, branch, rounds: 0 });
    }

    fn queue_work(&mut self, work: Work) {
        let run = self.task.next_run();
        self.effects.push(Effect::Run(RunOrder {
            run,
            purpose: Purpose::Implement {
                plan: work.plan.clone(),
                approval: work.approval.clone(),
                issue: work.issue.clone(),
            },
        }));
        self.task.state = State::Queued(Queued { work, run });
    }

    /// Enters `Revising` with a new run that goes on from the run `after`.
    pub(super) fn revise(&mut self, work: Work, patch: PatchRef, mend: Mend, after: RunId) {
        let run = self.task.next_run();
        self.effects.push(Effect::Run(RunOrder {
            run,
            purpose: Purpose::Revise {
                plan: work.plan.clone(),
                approval: work.approval.clone(),
                issue: work.issue.clone(),
                patch: patch.clone(),
                mend: mend.clone(),
                after,
            },
        }));
        self.task.state = State::Revising(Revising { work, run, after, patch, mend });
    }

    /// Enters `Verifying` at a stage.
    pub(super) fn verify(&mut self, work: Work, patch: PatchRef, stage: Stage) {
        self.effects.push(match &stage {
            Stage::Testing => {
                Effect::Verify { patch: patch.clone(), approval: work.approval.clone(), plan: work.plan.clone() }
            }
            Stage::Pushing(_) => {
                Effect::Push { head: patch.head.clone(), branch: work.branch.clone(), approval: work.approval.clone() }
            }
            Stage::Opening(proof) => {
                Effect::OpenPull { branch: work.branch.clone(), patch: patch.clone(), proof: proof.clone() }
            }
        });
        self.task.state = State::Verifying(Verifying { work, patch, stage });
    }

    /// Ends in `Failed`; a retry enters the present state again.
    pub(super) fn fail(&mut self, reason: Failure) {
        let resume = Box::new(self.task.state.clone());
        self.fail_to(reason, resume);
    }

    /// Ends in `Failed`; a retry enters `resume`.
    pub(super) fn fail_to(&mut self, reason: Failure, resume: Box<State>) {
        self.effects.push(Effect::StopWork);
        let note = Note::Failed { reason: reason.clone(), work_kept: resume.has_patch() };
        self.say(format!("failed/{}", self.task.generation), note);
        self.task.state = State::Failed(Failed { reason, resume });
    }

    /// Enters `WaitingForUser`; a retry enters the present state again.
    pub(super) fn ask(&mut self, question: Question) {
        let patience = self.policy().patience();
        let generation = self.task.generation;
        self.wake(patience / 2, Timer::RemindOfQuestion { generation });
        self.wake(patience, Timer::ExpireQuestion { generation });
        self.say(format!("asks/{generation}"), Note::Asks { question: question.clone() });
        let resume = Box::new(self.task.state.clone());
        self.task.state = State::WaitingForUser(WaitingForUser { question, since: self.now, resume });
    }

    /// Enters a state again after a failure, a question or a pause: the same work, as a new generation.
    pub(super) fn enter_again(&mut self, state: State) {
        self.task.generation += 1;
        match state {
            State::Planning(planning) => self.plan(planning.cause),
            State::AwaitingApproval(AwaitingApproval { plan, .. }) => {
                if self.task.plan_comment(plan.revision).is_none() {
                    self.effects.push(Effect::PostPlan { plan: plan.clone() });
                }
                self.await_approval(plan);
            }
            State::Queued(Queued { work, .. }) | State::Implementing(Implementing { work, .. }) => {
                self.queue_work(work);
            }
            State::Revising(Revising { work, patch, mend, after, .. }) => self.revise(work, patch, mend, after),
            State::Verifying(Verifying { work, patch, stage }) => self.verify(work, patch, stage),
            still @ (State::InReview(_)
            | State::Paused(_)
            | State::WaitingForUser(_)
            | State::Merged(_)
            | State::Closed(_)
            | State::Cancelled(_)
            | State::Failed(_)
            | State::Expired) => self.task.state = still,
        }
    }
}
