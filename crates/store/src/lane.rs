//! Lanes: which queued job of a lane may go next. Only the head of a lane ever waits for less than its lane.

use baton_core::domain::time::Timestamp;

use crate::engine::params;
use crate::error::StoreError;
use crate::job::JobId;
use crate::store::Tx;

/// Steps back whatever waits in the lane behind another, so that only the head is left to be let through.
pub(crate) const HOLD: &str = "
    UPDATE jobs SET waits_for = 2
    WHERE lane = $1 AND state = 'queued' AND waits_for < 2
      AND id <> (SELECT h.id FROM jobs h WHERE h.lane = $1 AND h.state = 'queued' ORDER BY h.lane_turn, h.id LIMIT 1)";

/// Lets the head of the lane through to its time, or to a worker, unless a job of the lane is running.
pub(crate) const ADVANCE: &str = "
    UPDATE jobs SET waits_for = CASE WHEN run_at <= $2 THEN 0 ELSE 1 END
    WHERE id = (SELECT h.id FROM jobs h WHERE h.lane = $1 AND h.state = 'queued' ORDER BY h.lane_turn, h.id LIMIT 1)
      AND waits_for = 2
      AND NOT EXISTS (SELECT 1 FROM jobs r WHERE r.lane = $1 AND r.state = 'running')";

const LANE_OF: &str = "SELECT lane FROM jobs WHERE id = $1";

impl Tx {
    /// Puts a lane in order after one of its jobs ended or left the queue.
    pub(crate) async fn advance_lane(&mut self, lane: &str, now: Timestamp) -> Result<(), StoreError> {
        self.session.execute(ADVANCE, params![lane, now]).await?;
        Ok(())
    }

    /// Puts a lane in order after a job came into it at a place that may be the front.
    pub(crate) async fn reorder_lane(&mut self, lane: &str, now: Timestamp) -> Result<(), StoreError> {
        self.session.execute(HOLD, params![lane]).await?;
        self.advance_lane(lane, now).await
    }

    /// Puts the lane of a job, if it has one, in order.
    pub(crate) async fn reorder_lane_of(&mut self, id: JobId, now: Timestamp) -> Result<(), StoreError> {
        let row = self.session.first(LANE_OF, params![id.0]).await?;
        match row.map(|row| row.maybe_text("lane")).transpose()?.flatten() {
            Some(lane) => self.reorder_lane(&lane, now).await,
            None => Ok(()),
        }
    }
}
