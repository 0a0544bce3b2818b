//! What becomes of webhooks on their way: a test decides it for each, so that a day's deliveries can be lost, fail, come twice
//! or late.

use std::fmt;

use super::delivery::{Delivery, DeliveryRecord};

/// What becomes of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is sent.
    Arrives,
    /// It was never made: no list of deliveries knows it.
    IsLost,
    /// Nobody answers. The list of deliveries says so, and it can be asked for again.
    Fails,
    /// It is sent twice, under one GUID.
    ComesTwice,
    /// It is kept back until [`crate::Sim::release_webhooks`].
    ComesLate,
}

type Decide = Box<dyn FnMut(&DeliveryRecord) -> Fate + Send>;

/// Decides fates; everything arrives until somebody says otherwise.
#[derive(Default)]
pub(crate) struct Fates(Option<Decide>);

impl fmt::Debug for Fates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fates").field(&self.0.is_some()).finish()
    }
}

impl Fates {
    pub(crate) fn decided_by(decide: impl FnMut(&DeliveryRecord) -> Fate + Send + 'static) -> Self {
        Self(Some(Box::new(decide)))
    }

    /// The fate of a delivery that was just made, or asked for again.
    pub(crate) fn of(&mut self, delivery: &Delivery) -> Fate {
        match &mut self.0 {
            Some(decide) => decide(&delivery.record()),
            None => Fate::Arrives,
        }
    }
}
