//! The worker: claims jobs, keeps their leases alive, and sees to it that each comes to an end. It knows jobs, not what
//! they mean; that is the [`Handler`]'s business.

mod backoff;
mod ending;
mod execute;
mod handler;
mod schedule;
mod stop;
mod watch;
mod worker;

pub use backoff::{Backoff, Jitter, random_jitter};
pub use ending::{Ending, Ran};
pub use handler::{Failure, Handled, Handler, JobContext};
pub use schedule::Recurring;
pub use stop::StopReason;
pub use worker::{Clock, Config, Endless, Worker};
