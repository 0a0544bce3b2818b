//! What recurs: checkouts nobody needs any more are removed.

use std::time::Duration;

use baton_git::PruneLimits;
use baton_queue::{Failure, Handled, JobContext};

use super::{Engine, error};

/// Checkouts are made again from the mirrors when they are needed: these only bound the disk.
const LIMITS: PruneLimits = PruneLimits { bytes: 20 * 1024 * 1024 * 1024, age: Duration::from_secs(7 * 24 * 60 * 60) };

impl Engine {
    pub(super) async fn tidy(&self, context: &JobContext) -> Result<Handled, Failure> {
        let pruned =
            self.parts().git.prune_checkouts(LIMITS, self.now()).await.map_err(|failure| error::git(&failure))?;
        tracing::debug!(?pruned, "checkouts tidied");
        self.finish(context, vec![]).await
    }
}
