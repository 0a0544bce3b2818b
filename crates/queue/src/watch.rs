//! Keeping one job's lease alive, whatever its work is doing, and passing on the wish that it stop.

use std::sync::Arc;
use std::time::Duration;

use baton_store::{Heartbeat, Lease, Store};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::stop::{StopReason, StopSignal};
use crate::worker::Clock;

/// How often a job is looked after at least: half of the two seconds in which a wish to stop must arrive.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after a lease until the job is to stop. Looking only reads; the lease is extended when a third of it is over.
pub(crate) async fn watch(store: Store, lease: Arc<Lease>, ttl: Duration, clock: Clock, signal: StopSignal) {
    let mut ticks = interval(LOOK.min(ttl / 3).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut extended = Instant::now();
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        let due = asked.duration_since(extended) >= ttl / 3;
        let beat = if due { store.heartbeat(&lease, ttl, clock.now()).await } else { store.look(&lease).await };
        match beat {
            Ok(Heartbeat::Continue) => {
                if due {
                    extended = asked;
                }
            }
            Ok(Heartbeat::CancelRequested) => {
                if due {
                    extended = asked;
                }
                signal.stop(StopReason::CancelRequested);
            }
            Ok(Heartbeat::Lost) => return signal.stop(StopReason::LeaseLost),
            Err(error) => tracing::warn!(job = %lease.job(), %error, "cannot reach the store to keep a lease"),
        }
        // Who could not extend its lease in time must think it lost: another worker may have it by now.
        if extended.elapsed() >= ttl {
            return signal.stop(StopReason::LeaseLost);
        }
    }
}
