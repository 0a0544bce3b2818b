//! Dead jobs: given up on, told to the domain, kept to be seen and replayed.

use baton_core::domain::ids::TaskId;
use baton_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::params;
use crate::enqueue::NewJob;
use crate::error::StoreError;
use crate::job::{Job, JobId};
use crate::json::Json;
use crate::store::{Store, Tx};

/// The kind of the job that tells of a death. It is enqueued in the transaction in which the other dies, so the news
/// cannot be lost, and takes the dead one's place in its lane, so nothing behind it goes before the news is heard.
pub const JOB_DIED: &str = "job_died";

/// The news of a death: the payload of a [`JOB_DIED`] job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Died {
    /// The job that died.
    pub job: JobId,
    /// Its kind.
    pub kind: String,
    /// The task it belonged to.
    pub task: Option<TaskId>,
    /// The effect it was to perform.
    pub effect_key: Option<String>,
    /// What it was to do.
    pub payload: Json,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: String,
}

/// News has to get through: after outages of days it is still worth telling.
const NEWS_ATTEMPTS: u32 = 100;

/// News goes before ordinary work.
const NEWS_PRIORITY: i64 = 100;

const BURY: &str = "
    UPDATE jobs SET state = 'dead', last_error = $2, finished_at = $3, lease_owner = NULL, lease_until = NULL
    WHERE id = $1 RETURNING lane_turn";

const RAISE: &str = "
    UPDATE jobs SET state = 'queued', attempts = 0, losses = 0, run_at = $2, finished_at = NULL,
                    waits_for = CASE WHEN lane IS NULL THEN 0 ELSE 2 END
    WHERE id = $1 AND state = 'dead' RETURNING *";

const DISMISS: &str = "UPDATE jobs SET state = 'cancelled' WHERE id = $1 AND state = 'dead' RETURNING id";

/// Both jobs about a delivery have the same payload, and there are few dead ones to look among.
const DISMISS_ABOUT: &str = "UPDATE jobs SET state = 'cancelled' WHERE state = 'dead' AND payload = $1";

const COUNT: &str = "SELECT COUNT(*) AS n FROM jobs WHERE state = 'dead'";

impl Store {
    /// Queues a dead job again, with all its attempts before it. In its lane it goes first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such dead job, [`StoreError::Conflict`] when another job has taken over
    /// its effect meanwhile.
    pub async fn replay_job(&self, id: JobId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.replay_job(id, now).await?;
        tx.commit().await
    }

    /// Takes a dead job off the list: nobody wants it done any more. It counts as called off.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such dead job.
    pub async fn dismiss_job(&self, id: JobId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let row = tx.session.first(DISMISS, params![id.0]).await?;
        row.ok_or_else(|| StoreError::NotFound(format!("dead job {id}")))?;
        tx.commit().await
    }

    /// How many jobs were given up on and are kept to be seen. Costs little, however many jobs there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn dead_jobs(&self) -> Result<u32, StoreError> {
        self.engine.first(COUNT, &[]).await?.map_or(Ok(0), |row| row.small("n"))
    }
}

impl Tx {
    /// Queues a dead job again, as [`Store::replay_job`] does; the job as it is then.
    ///
    /// # Errors
    /// Those of [`Store::replay_job`].
    pub async fn replay_job(&mut self, id: JobId, now: Timestamp) -> Result<Job, StoreError> {
        let raised = self.session.first(RAISE, params![id.0, now]).await.map_err(|error| {
            if error.is_unique_violation() {
                StoreError::Conflict(format!("job {id} need not be replayed: another job does or did the same work"))
            } else {
                error
            }
        })?;
        let job = Job::from_row(&raised.ok_or_else(|| StoreError::NotFound(format!("dead job {id}")))?)?;
        self.reorder_lane_of(id, now).await?;
        self.note_job_change();
        Ok(job)
    }

    /// Takes the dead jobs about a delivery off the list: another looks into it again.
    pub(crate) async fn dismiss_about(&mut self, payload: &Json) -> Result<(), StoreError> {
        self.session.execute(DISMISS_ABOUT, params![payload]).await.map(drop)
    }

    /// Gives up on a running job and leaves word of it.
    pub(crate) async fn bury(&mut self, job: &Job, error: &str, now: Timestamp) -> Result<(), StoreError> {
        let row = self.session.first(BURY, params![job.id.0, error, now]).await?;
        let lane_turn = row.ok_or_else(|| StoreError::NotFound(format!("job {}", job.id)))?.int("lane_turn")?;
        if job.kind != JOB_DIED {
            self.insert_job(&news_of(job, error)?, lane_turn, now).await?;
        }
        if let Some(lane) = &job.lane {
            self.reorder_lane(lane, now).await?;
        }
        self.note_job_change();
        Ok(())
    }
}

fn news_of(job: &Job, error: &str) -> Result<NewJob, StoreError> {
    let died = Died {
        job: job.id,
        kind: job.kind.clone(),
        task: job.task,
        effect_key: job.effect_key.clone(),
        payload: job.payload.clone(),
        attempts: job.attempts,
        error: error.to_owned(),
    };
    let mut news = NewJob::new(JOB_DIED, &died)?;
    news.task = job.task;
    news.repository.clone_from(&job.repository);
    news.lane.clone_from(&job.lane);
    news.priority = NEWS_PRIORITY;
    news.max_attempts = NEWS_ATTEMPTS;
    Ok(news)
}
