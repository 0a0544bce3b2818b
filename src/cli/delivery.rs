//! `baton delivery …`: what arrived, what became of it, and running it again.

use anyhow::anyhow;
use baton_store::{DeliveryFilter, DeliveryId, DeliveryOutcome, StoreError};
use clap::Subcommand;

use super::assemble::{self, configuration};
use super::given::Given;
use super::paint::Tone;
use super::table::{Cell, line, print, visible};
use super::{Fault, logs};
use crate::clock;
use crate::config::manifest_events;

/// What can be done with deliveries.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List deliveries, newest first.
    List {
        /// Only of this event, such as issue_comment.
        #[arg(long)]
        event: Option<String>,
        /// Only with this outcome.
        #[arg(long, value_parser = ["received", "handled", "ignored", "failed"])]
        outcome: Option<String>,
        /// Show at most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one, with its body.
    Show {
        /// The delivery's number, see `baton delivery list`.
        id: i64,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Look into one again. What was done already is not done twice.
    Replay {
        /// The delivery's number, see `baton delivery list`.
        id: i64,
    },
}

pub(super) async fn delivery(given: &Given, verb: Verb) -> Result<(), Fault> {
    logs::start("warn");
    let config = configuration(given)?;
    let store = assemble::store(&config, false).await?;
    match verb {
        Verb::List { event, outcome: of, limit, json } => {
            let filter = DeliveryFilter { event: event.as_deref(), outcome: of.as_deref() };
            let rows = store.deliveries(&filter, None, limit).await.map_err(Fault::failed)?;
            if let Some(event) =
                event.as_deref().filter(|event| rows.is_empty() && !events().iter().any(|it| it == event))
            {
                let allowed = events().join(", ");
                return Err(Fault::usage(anyhow!("`{event}` is no event that Baton hears of; there are: {allowed}")));
            }
            print(json, &["DELIVERY", "RECEIVED", "EVENT", "GUID", "OUTCOME"], &rows, |row| {
                vec![
                    row.id.to_string().into(),
                    row.received_at.to_string().into(),
                    row.event.clone().into(),
                    row.guid.clone().into(),
                    Cell::toned(tone(&row.outcome), &outcome(&row.outcome)),
                ]
            });
        }
        Verb::Show { id, json } => {
            let id = DeliveryId(id);
            let found = store.delivery(id).await.map_err(Fault::failed)?;
            let row = found.ok_or_else(|| Fault::usage(anyhow!("there is no delivery {id}")))?;
            let body = store.delivery_body(id).await.map_err(Fault::failed)?.unwrap_or_default();
            let body = match store.is_pruned(id).await.map_err(Fault::failed)? {
                true => "(the body was pruned, see `policy.retention`)".into(),
                false => String::from_utf8_lossy(&body),
            };
            if json {
                line(&serde_json::json!({ "delivery": row, "body": body }).to_string());
            } else {
                line(&visible(&format!("delivery {id} · {} · {} · {}", row.event, row.guid, outcome(&row.outcome))));
                line(&visible(&body));
            }
        }
        Verb::Replay { id } => {
            let replayed = store.replay_delivery(DeliveryId(id), clock::now()).await;
            let job = replayed.map_err(|error| match error {
                StoreError::NotFound(_) => Fault::usage(error),
                other => Fault::failed(other),
            })?;
            line(&format!("Delivery {id} will be looked into again (job {job})."));
        }
    }
    Ok(())
}

/// The events that an App made from `app-manifest.yml` hears of: those it asks for, and those GitHub sends to every App.
fn events() -> Vec<String> {
    let every_app =
        ["github_app_authorization", "installation", "installation_repositories", "installation_target", "ping"];
    let mut events = manifest_events();
    events.extend(every_app.map(str::to_owned));
    events.sort();
    events
}

fn outcome(outcome: &DeliveryOutcome) -> String {
    match outcome {
        DeliveryOutcome::Received => "waits".to_owned(),
        DeliveryOutcome::Handled => "handled".to_owned(),
        DeliveryOutcome::Ignored(reason) => format!("ignored: {reason}"),
        DeliveryOutcome::Failed(reason) => format!("failed: {reason}"),
    }
}

fn tone(outcome: &DeliveryOutcome) -> Tone {
    match outcome {
        DeliveryOutcome::Received => Tone::Busy,
        DeliveryOutcome::Handled => Tone::Good,
        DeliveryOutcome::Ignored(_) => Tone::Faint,
        DeliveryOutcome::Failed(_) => Tone::Bad,
    }
}
