//! What a story needs while a worker fetches beside it.

use std::time::{Duration, Instant};

use baton::engine::transfer_of;
use baton_core::domain::task::Task;
use baton_core::domain::transfer::Transfer;
use baton_queue::Ran;
use tokio::task::JoinHandle;

use super::{MANY, World};

/// A busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    /// A worker does what there is to do; what this returns ends when it is done.
    pub async fn works_beside(&self) -> JoinHandle<Vec<Ran>> {
        self.sim.settle().await;
        let worker = self.worker();
        tokio::spawn(async move { worker.run_until_idle(MANY).await.expect("the queue comes to rest") })
    }

    /// Waits until the task on an issue fetches, and says how far it is.
    pub async fn fetches(&self, issue: u64) -> (Task, Transfer) {
        let begun = Instant::now();
        loop {
            if let Some(task) = self.task(issue).await
                && let Some(transfer) = transfer_of(&self.store, &task, self.now()).await.expect("the store")
            {
                return (task, transfer);
            }
            assert!(begun.elapsed() < PATIENCE, "no fetch is told of");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Time goes by while whoever works goes on.
    pub fn time_goes_by(&self, by: Duration) {
        self.advance_to(self.now().plus(by));
    }

    /// Waits until this stands on an issue, while a second worker does what is due; the whole thread.
    pub async fn comes_to_show(&self, issue: u64, text: &str) -> String {
        let begun = Instant::now();
        loop {
            self.meanwhile().await;
            let thread = self.thread(issue);
            if thread.contains(text) {
                return thread;
            }
            assert!(begun.elapsed() < PATIENCE, "`{text}` is not shown: {thread}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
