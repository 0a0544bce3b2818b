//! One run on the loop that every model shares: ask, perform the calls, repeat, within limits. Knows no provider.

mod allowance;
mod room;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use baton_core::domain::run::{AgentEvent, Finish, RunEnd, RunKind, RunOutcome, RunRequest};
use baton_core::domain::tool::{TOOL_REPLY_LIMIT, ToolReply};
use baton_core::domain::usage::{Exhausted, Usage};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::agent::AgentFailure;
use crate::catalogue::{self, Invocation};
use crate::conversation::{AssistantPart, Call, Conversation, NOT_RUN, RunMark, UserPart};
use crate::fence::Fence;
use crate::model::{Answer, Ask, FaultKind, Model, ModelFault, Stop};
use crate::native::Retries;
use crate::port::{Standing, ToolPort};
use crate::prompt;
use allowance::Allowance;
use room::Room;

/// So many wrong calls in a row, or answers without a call, and the run is given up.
const PATIENCE_WITH_FORMAT: u32 = 5;
const PATIENCE_WITH_SILENCE: u32 = 3;

/// What a session needs to know of its model.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Tokens that fit into one conversation; `None` where the conversation must stay as it is.
    pub(crate) context_window: Option<u64>,
    /// Tokens of the window that the next answer may take.
    pub(crate) max_output_tokens: u64,
    /// How failed requests are repeated.
    pub(crate) retries: Retries,
}

/// The channels of one run.
pub(crate) struct Channels {
    pub(crate) tools: ToolPort,
    pub(crate) events: mpsc::Sender<AgentEvent>,
    pub(crate) cancel: CancellationToken,
}

/// Why the loop stops.
enum Halt {
    Finished(Box<Finish>),
    Exhausted(Exhausted),
    Cancelled,
    Failure(AgentFailure),
}

/// One run in progress.
struct Session<'a> {
    model: &'a dyn Model,
    limits: &'a Limits,
    channels: Channels,
    kind: RunKind,
    system: String,
    conversation: Conversation,
    allowance: Allowance,
    room: Room,
    usage: Usage,
    replies: u64,
    format_errors: u32,
    silences: u32,
}

/// Does one run from its opening to its end.
pub(crate) async fn conduct(
    agent: &str,
    model: &dyn Model,
    limits: &Limits,
    fence: &Fence,
    request: RunRequest,
    channels: Channels,
) -> Result<RunOutcome, AgentFailure> {
    let conversation = opened(&request, fence).map_err(AgentFailure::permanent)?;
    let system = prompt::system(request.kind);
    let mut session = Session {
        model,
        limits,
        channels,
        kind: request.kind,
        room: Room::new(limits, &system, catalogue::offered(request.kind)),
        system,
        conversation,
        allowance: Allowance::starting(request.budget, request.spent),
        usage: Usage::default(),
        replies: 0,
        format_errors: 0,
        silences: 0,
    };
    session.tell(AgentEvent::Started { agent: agent.to_owned(), model: model.name().to_owned() }).await;
    let halt = loop {
        if let Err(halt) = session.turn().await {
            break halt;
        }
    };
    match halt {
        Halt::Finished(finish) => session.outcome(RunEnd::Finished(*finish)),
        Halt::Exhausted(limit) => session.outcome(RunEnd::Exhausted { limit }),
        Halt::Cancelled => session.outcome(RunEnd::Cancelled),
        Halt::Failure(failure) => Err(failure),
    }
}

/// The conversation, ready for the first request: a new run opens with its task, a stopped one goes on.
fn opened(request: &RunRequest, fence: &Fence) -> Result<Conversation, String> {
    let mut conversation = match &request.conversation {
        None => Conversation::default(),
        Some(stored) => Conversation::restore(stored.clone())?,
    };
    let goes_on = conversation.runs.last().is_some_and(|run| run.kind == request.kind && !run.finished);
    if goes_on {
        conversation.say_text(prompt::going_on(request, fence));
    } else {
        let earlier = conversation.runs.iter().filter(|run| run.kind == request.kind).count();
        // A plan is revised in a conversation of its own: without one, being asked for a revision says it is not the first.
        let unseen = usize::from(earlier == 0 && request.revise.is_some());
        let round = u32::try_from(earlier + unseen + 1).map_err(|_| "too many runs in one conversation".to_owned())?;
        conversation.runs.push(RunMark { kind: request.kind, round, finished: false });
        conversation.say_text(prompt::opening(request, round, fence));
    }
    Ok(conversation)
}

impl Session<'_> {
    /// One request and everything that follows from its answer.
    async fn turn(&mut self) -> Result<(), Halt> {
        self.check_limits()?;
        self.make_room(false).await;
        let answer = self.ask().await?;
        let stop = answer.stop.clone();
        let calls = self.hear(answer).await;
        if let Stop::Refused(reason) = stop {
            return Err(failed(format!("the model refused to go on: {reason}")));
        }
        let ends = calls.iter().any(|call| catalogue::ends_a_run(&call.tool));
        if !ends {
            // A model that ends the run in this very answer may do so even if the answer used up the budget.
            self.check_spending()?;
        }
        if calls.is_empty() {
            return self.remind(&stop).await;
        }
        self.silences = 0;
        for call in &calls {
            self.perform(call, &stop).await?;
        }
        self.warn_near_the_limit().await;
        Ok(())
    }

    /// Asks until there is an answer, the fault is not one that passes, or the time or the patience is over.
    async fn ask(&mut self) -> Result<Answer, Halt> {
        let mut attempt = 0;
        let mut squeezed = false;
        loop {
            let ask =
                Ask { system: &self.system, tools: catalogue::offered(self.kind), turns: &self.conversation.turns };
            let fault = tokio::select! {
                biased;
                () = self.channels.cancel.cancelled() => return Err(Halt::Cancelled),
                () = sleep_until(self.allowance.deadline()) => return Err(Halt::Exhausted(Exhausted::Time)),
                answered = self.model.ask(ask) => match answered {
                    Ok(answer) => return Ok(answer),
                    Err(fault) => fault,
                },
            };
            self.count(fault.used).await;
            match fault.kind {
                FaultKind::Permanent => return Err(failed(fault.reason)),
                FaultKind::ContextFull if squeezed => return Err(failed(fault.reason)),
                FaultKind::ContextFull => {
                    squeezed = true;
                    self.make_room(true).await;
                }
                FaultKind::Transient { retry_after } => {
                    attempt += 1;
                    self.wait_for_retry(attempt, retry_after, fault).await?;
                }
            }
            self.check_limits()?;
        }
    }

    async fn wait_for_retry(
        &mut self,
        attempt: u32,
        retry_after: Option<std::time::Duration>,
        fault: ModelFault,
    ) -> Result<(), Halt> {
        let Some(wait) = self.limits.retries.wait(attempt, retry_after, self.allowance.time_left()) else {
            return Err(Halt::Failure(AgentFailure::Transient {
                reason: format!("{} (gave up after {attempt} attempts)", fault.reason),
                retry_after,
            }));
        };
        self.tell(AgentEvent::Retrying {
            reason: fault.reason,
            after_millis: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        })
        .await;
        tokio::select! {
            biased;
            () = self.channels.cancel.cancelled() => Err(Halt::Cancelled),
            () = sleep(wait) => Ok(()),
        }
    }

    /// Takes an answer into the transcript and the conversation; returns its calls.
    async fn hear(&mut self, answer: Answer) -> Vec<Call> {
        self.count(answer.usage).await;
        for part in &answer.parts {
            if let AssistantPart::Text { text } = part
                && !text.trim().is_empty()
            {
                self.tell(AgentEvent::Text { text: text.clone() }).await;
            }
        }
        let calls = self.conversation.hear(answer.parts);
        self.room.measured(&answer.usage, &self.conversation);
        self.stands();
        calls
    }

    async fn count(&mut self, used: Usage) {
        if used != Usage::default() {
            self.usage += used;
            self.tell(AgentEvent::Used { usage: used }).await;
        }
    }

    /// An answer without a call: reminds the model, a few times.
    async fn remind(&mut self, stop: &Stop) -> Result<(), Halt> {
        self.silences += 1;
        if self.silences > PATIENCE_WITH_SILENCE {
            return Err(failed(format!(
                "the model answered {} times in a row without a tool call; try again, or use another model",
                self.silences
            )));
        }
        let reminder = if *stop == Stop::Length { prompt::CUT_OFF } else { prompt::REMINDER };
        self.conversation.say_text(reminder);
        self.tell(AgentEvent::Notice { text: format!("Reminded the model: {reminder}") }).await;
        Ok(())
    }

    /// Performs one call and puts its result into the conversation.
    async fn perform(&mut self, call: &Call, stop: &Stop) -> Result<(), Halt> {
        match catalogue::parse(self.kind, call) {
            Err(mistake) => self.refuse(call, mistake, stop).await,
            Ok(Invocation::Finish(finish)) => {
                self.answered(call, true, "Accepted: the run ends here.".to_owned());
                self.conversation.close_open_calls("Not run: the run had ended.");
                if let Some(run) = self.conversation.runs.last_mut() {
                    run.finished = true;
                }
                Err(Halt::Finished(Box::new(finish)))
            }
            Ok(Invocation::Tool(request)) => {
                self.check_time()?;
                self.format_errors = 0;
                self.tell(AgentEvent::ToolStarted { id: call.id.clone(), request: request.clone() }).await;
                let reply = tokio::select! {
                    biased;
                    () = self.channels.cancel.cancelled() => return Err(Halt::Cancelled),
                    () = sleep_until(self.allowance.deadline()) => return Err(Halt::Exhausted(Exhausted::Time)),
                    replied = self.channels.tools.call(request) => replied.map_err(|closed| {
                        Halt::Failure(AgentFailure::Transient { reason: closed.to_string(), retry_after: None })
                    })?,
                };
                let reply = ToolReply { text: bounded(&reply.text, TOOL_REPLY_LIMIT), ..reply };
                self.answered(call, reply.ok, shown(&reply));
                self.replies += 1;
                self.stands();
                self.tell(AgentEvent::ToolFinished { id: call.id.clone(), reply }).await;
                Ok(())
            }
        }
    }

    /// A call that cannot be performed: the model learns why, a few times in a row.
    async fn refuse(&mut self, call: &Call, mut mistake: String, stop: &Stop) -> Result<(), Halt> {
        self.format_errors += 1;
        if *stop == Stop::Length {
            mistake = format!("{} {mistake}", prompt::CUT_OFF);
        }
        self.tell(AgentEvent::Notice { text: format!("Refused a tool call: {mistake}") }).await;
        if self.format_errors > PATIENCE_WITH_FORMAT {
            return Err(failed(format!(
                "the model made {} wrong tool calls in a row; try again, or use another model. The last: {mistake}",
                self.format_errors
            )));
        }
        self.answered(call, false, format!("[refused]\n{mistake}"));
        Ok(())
    }

    /// Says how far it is, for whoever keeps that. A conversation that has no JSON form is not kept as it goes; the run
    /// says so at its end.
    fn stands(&self) {
        if let Ok(conversation) = serde_json::to_value(&self.conversation) {
            self.channels.tools.stands(Standing { conversation, replies: self.replies });
        }
    }

    fn answered(&mut self, call: &Call, ok: bool, text: String) {
        self.conversation.say(UserPart::Result { call: call.id.clone(), ok, text });
    }

    async fn make_room(&mut self, forced: bool) {
        if let Some(text) = self.room.make(&mut self.conversation, forced) {
            self.tell(AgentEvent::Notice { text }).await;
        }
    }

    async fn warn_near_the_limit(&mut self) {
        if self.allowance.comes_near(&self.usage) {
            self.conversation.say_text(prompt::NEAR_THE_LIMIT);
            self.tell(AgentEvent::Notice { text: "Told the model that its budget is nearly used up.".to_owned() })
                .await;
        }
    }

    fn check_limits(&self) -> Result<(), Halt> {
        self.check_time()?;
        self.check_spending()?;
        if self.allowance.turns_used(&self.usage) { Err(Halt::Exhausted(Exhausted::Turns)) } else { Ok(()) }
    }

    fn check_time(&self) -> Result<(), Halt> {
        if self.channels.cancel.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        if self.allowance.time_left().is_zero() { Err(Halt::Exhausted(Exhausted::Time)) } else { Ok(()) }
    }

    fn check_spending(&self) -> Result<(), Halt> {
        self.allowance.spent(&self.usage).map_or(Ok(()), |limit| Err(Halt::Exhausted(limit)))
    }

    /// Tells the transcript; a receiver that is slow holds the run up, but not its cancellation.
    async fn tell(&self, event: AgentEvent) {
        tokio::select! {
            sent = self.channels.events.send(event.clone()) => drop(sent),
            () = self.channels.cancel.cancelled() => drop(self.channels.events.try_send(event)),
        }
    }

    fn outcome(mut self, end: RunEnd) -> Result<RunOutcome, AgentFailure> {
        self.conversation.close_open_calls(NOT_RUN);
        let conversation = serde_json::to_value(&self.conversation)
            .map_err(|error| AgentFailure::permanent(format!("the conversation cannot be stored: {error}")))?;
        Ok(RunOutcome { end, usage: self.usage, conversation })
    }
}

fn failed(reason: String) -> Halt {
    Halt::Failure(AgentFailure::Permanent { reason })
}

/// A reply as a model reads it: what did not work says so in its first line.
pub(crate) fn shown(reply: &ToolReply) -> String {
    match (reply.ok, reply.exit) {
        (true, _) => reply.text.clone(),
        (false, Some(exit)) => format!("[exit status {exit}]\n{}", reply.text),
        (false, None) => format!("[failed]\n{}", reply.text),
    }
}

/// The text with its middle left out where it is longer than the limit, on characters' edges.
fn bounded(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let note = |left_out: usize| format!("\n[… {left_out} bytes left out …]\n");
    let half = limit.saturating_sub(note(text.len()).len()) / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    format!("{}{}{}", &text[..head], note(tail - head), &text[tail..])
}
