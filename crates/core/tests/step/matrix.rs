//! State × Event, as one table that a person can read and a change cannot slip past.

use std::fmt::Write as _;
use std::time::Duration;

use baton_core::domain::effect::Effect;
use baton_core::domain::event::Event;
use baton_core::domain::note::Note;
use baton_core::domain::rejection::Rejection;
use baton_core::domain::step::step;

use crate::sample::{NOW, every_event, every_state};

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Acknowledge { .. } => "ack".into(),
        Effect::Say { note, .. } => {
            let kind = serde_json::to_value(note).expect("a note is data");
            let kind = kind["note"].as_str().unwrap_or_default();
            match note {
                Note::Failed { work_kept: true, .. } => "say:failed(work kept)".into(),
                _ => format!("say:{kind}"),
            }
        }
        Effect::Run(order) => format!("run:{}#{}", order.purpose.kind().name(), order.run.number),
        other => {
            let tag = serde_json::to_value(other).expect("an effect is data");
            tag["effect"].as_str().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn every_state_meets_every_event() {
    let mut table = String::new();
    for (state, task) in every_state() {
        let mut ignored = Vec::new();
        writeln!(table, "{state}").expect("a string takes everything");
        for (label, event) in every_event() {
            // Timers fire when they are due; everything else happens at once.
            let now = match event {
                Event::TimerFired { .. } => NOW.plus(Duration::from_secs(15 * 24 * 60 * 60)),
                _ => NOW,
            };
            match step(&task, &event, now) {
                Ok(transition) => {
                    let effects: Vec<_> = transition.effects.iter().map(effect).collect();
                    let next = transition.next.state.name().as_str();
                    let billed = if transition.next.usage == task.usage { "" } else { " (billed)" };
                    writeln!(table, "  {label:40} → {next}{billed}  [{}]", effects.join(" "))
                }
                Err(Rejection::Outdated) => {
                    ignored.push(label);
                    Ok(())
                }
                Err(rejection) => writeln!(table, "  {label:40} ✗ {rejection:?}"),
            }
            .expect("a string takes everything");
        }
        writeln!(table, "  ignored: {}", ignored.join(", ")).expect("a string takes everything");
    }
    insta::assert_snapshot!("state_by_event", table);
}
