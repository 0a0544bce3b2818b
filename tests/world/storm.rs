//! Time that passes as it has to: from one wait to the next, until nothing waits any more.

use std::time::Duration;

use super::World;

/// More jobs than this before everything rests mean that jobs breed.
const VERY_MANY: usize = 100_000;

impl World {
    /// Does what can be done and lets time pass for what has to wait, however many jobs that takes; how long it took in
    /// the world's time.
    pub async fn lets_time_pass(&self) -> Duration {
        let begin = self.now();
        loop {
            self.sim.settle().await;
            if let Some(apart) = &self.apart {
                self.settles_apart(apart).await;
            }
            let ran = self.worker().run_until_idle(VERY_MANY).await.expect("the queue comes to rest");
            if !ran.is_empty() || self.sim.pending_webhooks() > 0 {
                continue;
            }
            match self.next_retry().await {
                Some(at) => self.advance_to(at),
                None => return self.now().since(begin),
            }
            assert!(self.now().since(begin) < Duration::from_secs(7 * 24 * 60 * 60), "it is waited for without end");
        }
    }

    /// Time passes, and what is due then is done, however many jobs that takes.
    pub async fn passes(&self, time: Duration) {
        self.advance_to(self.now().plus(time));
        self.lets_time_pass().await;
    }
}
