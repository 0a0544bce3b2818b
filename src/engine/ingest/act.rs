//! What a delivery asks of the state machine, decided and written inside one transaction.

use baton_core::command::Command;
use baton_core::domain::actor::{Action, Person, Role, authorise};
use baton_core::domain::effect::Effect;
use baton_core::domain::event::{Commanded, Event, Origin, Trigger, Triggered};
use baton_core::domain::ids::TaskId;
use baton_core::domain::issue::{RepositoryRef, Thread};
use baton_core::domain::note::{Asked, Note};
use baton_core::domain::rejection::Rejection;
use baton_core::domain::step::begins_anew;
use baton_core::domain::time::Timestamp;
use baton_core::prose;
use baton_core::prose::place::ReadAt;
use baton_store::{JobId, StoreError, Tx};

use crate::engine::Engine;
use crate::engine::apply::read;

/// One thing to do because of a delivery.
pub(in crate::engine) enum Act {
    /// Somebody handed the issue over, other than by a command.
    Trigger { repository: RepositoryRef, triggered: Box<Triggered> },
    /// Somebody typed a command.
    Command { thread: Thread, commanded: Box<Commanded>, line: String },
    /// Somebody typed nearly a command.
    Mistyped { thread: Thread, to: Person, occasion: String, line: String, problem: String, nearest: Option<String> },
    /// Something happened to a task.
    Happened { task: TaskId, event: Event },
    /// Somebody asked for work in a repository that is not served.
    NotServed { thread: Thread },
    /// Repositories are looked at for the first time.
    Meet { repositories: Vec<RepositoryRef> },
}

/// At most so many answers to one person on one issue in an hour: nobody can make the bot flood a thread. The last of them
/// says so.
const ANSWERS_PER_HOUR: u32 = 10;

/// What the operator's list says where the limit was reached.
const UNANSWERED: &str = "not answered: ten answers to this person here in this hour";

const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// Whether somebody gets an answer now.
enum Quota {
    /// Yes, and more after it.
    Plenty,
    /// Yes, the last one until this time.
    Last(Timestamp),
    /// No.
    UsedUp,
}

impl Engine {
    /// Does one thing; what it returns is why nothing came of it, if nothing did.
    pub(super) async fn perform_act(&self, tx: &mut Tx, act: Act, doer: JobId) -> Result<Option<String>, StoreError> {
        match act {
            Act::Trigger { repository, triggered } => self.trigger(tx, &repository, &triggered, doer).await,
            Act::Command { thread, commanded, line } => self.command(tx, &thread, &commanded, line, doer).await,
            Act::Mistyped { thread, to, occasion, line, problem, nearest } => {
                let note = Note::Mistyped { to: to.clone(), line, problem, nearest };
                let answered = self.answer(tx, &thread, &to, occasion, note).await?;
                Ok((!answered).then(|| UNANSWERED.to_owned()))
            }
            Act::Happened { task, event } => Ok(match self.apply(tx, task, &event, Some(doer)).await? {
                Ok(_) => None,
                Err(_) => Some(format!("it changes nothing about task {task} any more")),
            }),
            Act::Meet { repositories } => {
                self.meet(tx, &repositories).await?;
                Ok(None)
            }
            Act::NotServed { thread } => {
                if tx.once(&format!("not-served/{}", thread.repository.id), self.now()).await? {
                    let effect =
                        Effect::Say { occasion: "not-served".into(), thread: thread.clone(), note: Note::NotServed };
                    self.without_task(tx, &thread, &effect).await?;
                }
                Ok(Some("the operator does not serve this repository (`policy`)".into()))
            }
        }
    }

    async fn trigger(
        &self,
        tx: &mut Tx,
        repository: &RepositoryRef,
        triggered: &Triggered,
        doer: JobId,
    ) -> Result<Option<String>, StoreError> {
        let newest = tx.load_task_of_issue(repository.id, triggered.issue.number).await?;
        let task = newest.as_ref().map(read).transpose()?;
        let result = match &task {
            Some(task) if !begins_anew(Some(task)) => {
                let event = Event::Triggered(Box::new(triggered.clone()));
                self.apply(tx, task.id, &event, Some(doer)).await?
            }
            // The task that was asked for since has ended, and this was done before it: that is no wish for another one.
            Some(task) if triggered.at.is_some_and(|at| task.was_asked_for_after(at)) => Err(Rejection::Outdated),
            _ => self.begin(tx, repository, triggered, Some(doer)).await?,
        };
        let Err(rejection) = result else { return Ok(None) };
        let asked = match triggered.trigger {
            Trigger::Assigned => Asked::Assignment,
            Trigger::Labelled | Trigger::LabelledAuto => Asked::Label,
            Trigger::Command { .. } | Trigger::CommandLine => Asked::Command { line: Command::Plan.to_string() },
        };
        let thread = Thread { repository: repository.clone(), number: triggered.issue.number };
        let occasion = format!("trigger/{}/{}", triggered.by.person.id, self.now().0);
        self.refuse(tx, &thread, &triggered.by.person, asked, rejection, occasion).await.map(Some)
    }

    async fn command(
        &self,
        tx: &mut Tx,
        thread: &Thread,
        commanded: &Commanded,
        line: String,
        doer: JobId,
    ) -> Result<Option<String>, StoreError> {
        let repository = &thread.repository;
        let (occasion, on_issue) = match commanded.origin {
            Origin::Issue { comment, index } => (format!("answer/{}/{index}", comment.id), Some(comment)),
            Origin::Pull { comment, index } => (format!("answer/{}/{index}", comment.id), None),
            Origin::CommandLine => ("answer/command-line".to_owned(), None),
        };
        let newest = tx.load_task_of_issue(repository.id, commanded.issue.number).await?;
        let task = newest.as_ref().map(read).transpose()?;
        let asks = matches!(commanded.command, Command::Status | Command::Help);
        let mut commanded = commanded.clone();
        if asks && task.is_some() && commanded.by.role < Role::Write {
            match self.quota(tx, thread, &commanded.by.person).await? {
                Quota::Plenty => {}
                Quota::Last(next) => commanded.quiet_until = Some(next),
                Quota::UsedUp => return Ok(Some(UNANSWERED.to_owned())),
            }
        }
        let commanded = &commanded;
        let result = match (&task, &commanded.command, on_issue) {
            // An earlier attempt's pull request steers no later one.
            (Some(task), _, None) if task.pull != Some(thread.number) && is_on_pull(commanded) => {
                Err(Rejection::OfAnEarlierTask { pull: thread.number })
            }
            (Some(task), Command::Plan, Some(comment))
                if begins_anew(Some(task)) && task.was_asked_for_after(comment.at) =>
            {
                authorise(&commanded.by, Action::Steer).and(Err(Rejection::BeforeThisTask))
            }
            (task, Command::Plan, Some(comment)) if begins_anew(task.as_ref()) => {
                let triggered = Triggered {
                    by: commanded.by.clone(),
                    trigger: Trigger::Command { comment },
                    at: None,
                    issue: commanded.issue.clone(),
                    policy: self.parts().task_policy.clone(),
                };
                self.begin(tx, repository, &triggered, Some(doer)).await?.map(drop)
            }
            (Some(task), _, _) => {
                let event = Event::Commanded(Box::new(commanded.clone()));
                self.apply(tx, task.id, &event, Some(doer)).await?.map(drop)
            }
            (None, Command::Status | Command::Help, _) => {
                if let Origin::Issue { comment, .. } | Origin::Pull { comment, .. } = commanded.origin {
                    self.without_task(tx, thread, &Effect::Acknowledge { comment: comment.id }).await?;
                }
                let note = if commanded.command == Command::Help { Note::Help } else { Note::Status };
                if !self.answer(tx, thread, &commanded.by.person, occasion, note).await? {
                    return Ok(Some(UNANSWERED.to_owned()));
                }
                return Ok(None);
            }
            (None, command, _) if !command.spec().is_some_and(|spec| spec.available) => {
                let command = command.name().to_owned();
                authorise(&commanded.by, Action::Steer).and(Err(Rejection::NotYet { command }))
            }
            (None, Command::Doctor, Some(comment)) => match authorise(&commanded.by, Action::Steer) {
                Ok(()) => {
                    self.without_task(tx, thread, &Effect::Acknowledge { comment: comment.id }).await?;
                    if !self.answer(tx, thread, &commanded.by.person, occasion, Note::Doctor).await? {
                        return Ok(Some(UNANSWERED.to_owned()));
                    }
                    return Ok(None);
                }
                Err(rejection) => Err(rejection),
            },
            (None, _, _) => authorise(&commanded.by, Action::Steer).and(Err(Rejection::NoTask)),
        };
        match result {
            Ok(()) => Ok(None),
            Err(rejection) => {
                let asked = Asked::Command { line };
                self.refuse(tx, thread, &commanded.by.person, asked, rejection, occasion).await.map(Some)
            }
        }
    }

    /// Tells a person why not, as often as that makes sense; returns the reason for the operator's list.
    async fn refuse(
        &self,
        tx: &mut Tx,
        thread: &Thread,
        to: &Person,
        asked: Asked,
        rejection: Rejection,
        occasion: String,
    ) -> Result<String, StoreError> {
        let reason = format!("refused: {}", prose::note::refusal(&rejection, ReadAt::Issue));
        if !rejection.is_answered() {
            return Ok(reason);
        }
        if rejection.is_about_the_person() {
            let key = format!("refused/{}/{}/{}", thread.repository.id, thread.number, to.id);
            if !tx.once(&key, self.now()).await? {
                return Ok(format!("{reason} (said before)"));
            }
        }
        let note = Note::Refused { to: to.clone(), asked, rejection };
        let answered = self.answer(tx, thread, to, occasion, note).await?;
        Ok(if answered { reason } else { format!("{reason} ({UNANSWERED})") })
    }

    /// Says something to a person, unless they were told enough in this hour; returns whether it was said.
    async fn answer(
        &self,
        tx: &mut Tx,
        thread: &Thread,
        to: &Person,
        occasion: String,
        note: Note,
    ) -> Result<bool, StoreError> {
        let note = match self.quota(tx, thread, to).await? {
            Quota::Plenty => note,
            Quota::Last(next) => Note::LastForNow { answer: Box::new(note), next },
            Quota::UsedUp => return Ok(false),
        };
        let effect = Effect::Say { occasion, thread: thread.clone(), note };
        self.without_task(tx, thread, &effect).await?;
        Ok(true)
    }

    /// Takes one of a person's answers of this hour on this issue, if there is one left.
    async fn quota(&self, tx: &mut Tx, thread: &Thread, to: &Person) -> Result<Quota, StoreError> {
        let now = self.now();
        let hour = now.0.div_euclid(HOUR_MILLIS);
        for slot in 1..=ANSWERS_PER_HOUR {
            let key = format!("answers/{}/{}/{}/{hour}/{slot}", thread.repository.id, thread.number, to.id);
            if tx.once(&key, now).await? {
                let next = Timestamp((hour + 1) * HOUR_MILLIS);
                return Ok(if slot == ANSWERS_PER_HOUR { Quota::Last(next) } else { Quota::Plenty });
            }
        }
        tracing::info!(issue = %thread.number, "no more answers to this person in this hour");
        Ok(Quota::UsedUp)
    }
}

fn is_on_pull(commanded: &Commanded) -> bool {
    matches!(commanded.origin, Origin::Pull { .. })
}
