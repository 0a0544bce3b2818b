//! The log of webhook deliveries and the queues they wait in, one per App. Sending itself is in `send`.

use std::collections::HashMap;
use std::sync::{Mutex, Weak};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::fate::{Fate, Fates};
use super::send::send_all;
use crate::world::World;

/// One attempt to deliver one event.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub id: u64,
    pub guid: String,
    pub app: u64,
    pub event: String,
    pub action: Option<String>,
    pub installation: Option<u64>,
    pub repository: Option<u64>,
    pub body: Bytes,
    /// Sent as they are, in this order.
    pub headers: Vec<(String, String)>,
    pub url: String,
    pub redelivery: bool,
    pub at: Timestamp,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Waiting,
    Held,
    Answered { status: u16, seconds_milli: u64, headers: Vec<(String, String)>, body: String },
    Failed { reason: String, seconds_milli: u64 },
}

/// A delivery as tests see it.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryRecord {
    /// The attempt's own id, as in `GET /app/hook/deliveries`.
    pub id: u64,
    /// `X-GitHub-Delivery`; a redelivery keeps it.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The payload's `action`.
    pub action: Option<String>,
    /// The App's id.
    pub app_id: u64,
    /// Whether this is a repeated attempt.
    pub redelivery: bool,
    /// The receiver's status; `None` while waiting or when no answer came.
    pub status: Option<u16>,
    /// `waiting`, `held`, `answered`, or why it failed.
    pub outcome: String,
    /// The payload.
    pub payload: serde_json::Value,
}

impl Delivery {
    pub(crate) fn record(&self) -> DeliveryRecord {
        let (status, outcome) = match &self.outcome {
            Outcome::Waiting => (None, "waiting".to_owned()),
            Outcome::Held => (None, "held".to_owned()),
            Outcome::Answered { status, .. } => (Some(*status), "answered".to_owned()),
            Outcome::Failed { reason, .. } => (None, reason.clone()),
        };
        DeliveryRecord {
            id: self.id,
            guid: self.guid.clone(),
            event: self.event.clone(),
            action: self.action.clone(),
            app_id: self.app,
            redelivery: self.redelivery,
            status,
            outcome,
            payload: super::emit::payload(&self.body),
        }
    }
}

/// All deliveries so far, and the way to the senders.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub deliveries: Vec<Delivery>,
    /// While true, changes make no webhooks at all.
    pub quiet: bool,
    /// While true, webhooks are made but kept back.
    pub hold: bool,
    /// What becomes of each webhook.
    pub fates: Fates,
    queues: HashMap<u64, mpsc::UnboundedSender<u64>>,
    pending: watch::Sender<usize>,
    attendant: Option<Attendant>,
}

/// What it takes to start a sender for an App that has none yet.
#[derive(Debug)]
struct Attendant {
    runtime: Handle,
    world: Weak<Mutex<World>>,
    client: reqwest::Client,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        let (pending, _) = watch::channel(0);
        let deliveries = Vec::new();
        let fates = Fates::default();
        Self { deliveries, quiet: false, hold: false, fates, queues: HashMap::new(), pending, attendant: None }
    }

    /// Says where senders run.
    pub(crate) fn attend(&mut self, runtime: Handle, world: Weak<Mutex<World>>, client: reqwest::Client) {
        self.attendant = Some(Attendant { runtime, world, client });
    }

    /// The App's queue; its sender starts with the first use.
    fn queue(&mut self, app: u64) -> Option<&mpsc::UnboundedSender<u64>> {
        let attendant = self.attendant.as_ref()?;
        Some(self.queues.entry(app).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            attendant.runtime.spawn(send_all(attendant.world.clone(), attendant.client.clone(), receiver));
            sender
        }))
    }

    /// How many deliveries are not yet answered or failed.
    pub(crate) fn pending(&self) -> watch::Receiver<usize> {
        self.pending.subscribe()
    }

    pub(crate) fn add(&mut self, mut delivery: Delivery) {
        match self.fates.of(&delivery) {
            Fate::IsLost => {}
            Fate::Fails => {
                delivery.outcome = Outcome::Failed { reason: "failed to connect to host".into(), seconds_milli: 0 };
                self.deliveries.push(delivery);
            }
            Fate::ComesLate => {
                delivery.outcome = Outcome::Held;
                self.deliveries.push(delivery);
            }
            Fate::Arrives | Fate::ComesTwice if self.hold => {
                delivery.outcome = Outcome::Held;
                self.deliveries.push(delivery);
            }
            fate @ (Fate::Arrives | Fate::ComesTwice) => {
                self.deliveries.push(delivery);
                self.enqueue_last();
                if fate == Fate::ComesTwice {
                    self.enqueue_last();
                }
            }
        }
    }

    fn enqueue_last(&mut self) {
        if let Some((app, id)) = self.deliveries.last().map(|it| (it.app, it.id)) {
            self.enqueue(app, id);
        }
    }

    fn enqueue(&mut self, app: u64, id: u64) {
        if self.queue(app).is_some_and(|queue| queue.send(id).is_ok()) {
            self.pending.send_modify(|pending| *pending += 1);
        }
    }

    /// Lets the kept-back deliveries go, in the order made or the reverse.
    pub(crate) fn release(&mut self, reversed: bool) {
        self.hold = false;
        let held = self.deliveries.iter_mut().filter(|it| it.outcome == Outcome::Held);
        let mut released: Vec<(u64, u64)> = held
            .map(|it| {
                it.outcome = Outcome::Waiting;
                (it.app, it.id)
            })
            .collect();
        if reversed {
            released.reverse();
        }
        for (app, id) in released {
            self.enqueue(app, id);
        }
    }

    pub(crate) fn find(&self, id: u64) -> Option<&Delivery> {
        self.deliveries.iter().find(|it| it.id == id)
    }

    /// Notes what became of an attempt.
    pub(crate) fn finish(&mut self, id: u64, outcome: Outcome) {
        if let Some(delivery) = self.deliveries.iter_mut().find(|it| it.id == id) {
            delivery.outcome = outcome;
        }
        self.pending.send_modify(|pending| *pending = pending.saturating_sub(1));
    }
}

impl Delivery {
    /// Whether the receiver answered with success.
    pub(crate) fn succeeded(&self) -> bool {
        matches!(self.outcome, Outcome::Answered { status, .. } if (200..400).contains(&status))
    }
}
