//! A recorded delivery, read: large bodies beside the runtime, so that nobody else waits for one.

use baton_queue::Failure;
use baton_store::{Delivery, DeliveryId};
use baton_webhook::Incoming;

use crate::engine::Engine;

/// Bodies up to this many bytes are read in well under a millisecond, on the spot.
const SMALL: usize = 128 * 1024;

impl Engine {
    /// A delivery, what it says, and its body.
    pub(super) async fn read_delivery(&self, id: DeliveryId) -> Result<(Delivery, Incoming, Vec<u8>), Failure> {
        let delivery =
            self.store().delivery(id).await?.ok_or_else(|| Failure::bug(format!("delivery {id} is gone")))?;
        let body = self.store().delivery_body(id).await?.unwrap_or_default();
        if body.len() <= SMALL {
            let incoming = baton_webhook::parse(&delivery.event, &body);
            return Ok((delivery, incoming, body));
        }
        let event = delivery.event.clone();
        let read = move || (baton_webhook::parse(&event, &body), body);
        let (incoming, body) = tokio::task::spawn_blocking(read).await.map_err(Failure::bug)?;
        Ok((delivery, incoming, body))
    }
}
