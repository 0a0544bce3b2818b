//! The memory that bodies take while they come in: bounded, whoever sends however much. When it is full, the largest body
//! gives way, which is never one of GitHub's usual deliveries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Bytes that all bodies together may hold: two of the largest, and thousands of ordinary ones.
pub(super) const ROOM: usize = 64 * 1024 * 1024;

/// The bodies that are coming in, and how much each holds.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    bytes: usize,
    next: u64,
    held: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    bytes: usize,
    /// It was signed by GitHub: nobody takes its room.
    proven: bool,
    give_way: CancellationToken,
}

/// There is no room for more of this body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// One body's share; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    bodies: Arc<Bodies>,
    id: u64,
    give_way: CancellationToken,
}

impl Bodies {
    /// A share, empty at first.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        let give_way = CancellationToken::new();
        let mut open = self.open();
        let id = open.next;
        open.next += 1;
        open.held.insert(id, Held { bytes: 0, proven: false, give_way: give_way.clone() });
        Share { bodies: Arc::clone(self), id, give_way }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Room for so many bytes more. Where there is none, a larger body than this one gives way; if this is the largest, it
    /// is refused itself.
    pub(super) fn grow(&self, by: usize) -> Result<(), NoRoom> {
        let mut open = self.bodies.open();
        let own = open.held.get(&self.id).map_or(0, |held| held.bytes);
        while open.bytes.saturating_add(by) > ROOM {
            let others = open.held.iter_mut().filter(|(id, held)| **id != self.id && !held.proven);
            let Some((_, largest)) = others.max_by_key(|(_, held)| held.bytes) else { return Err(NoRoom) };
            if largest.bytes <= own.saturating_add(by) {
                return Err(NoRoom);
            }
            largest.give_way.cancel();
            let freed = std::mem::take(&mut largest.bytes);
            open.bytes -= freed;
        }
        if self.give_way.is_cancelled() {
            return Err(NoRoom);
        }
        open.bytes += by;
        if let Some(held) = open.held.get_mut(&self.id) {
            held.bytes += by;
        }
        Ok(())
    }

    /// From now on nobody takes this body's room.
    pub(super) fn prove(&self) {
        if let Some(held) = self.bodies.open().held.get_mut(&self.id) {
            held.proven = true;
        }
    }

    /// Fires when the body has to give way to a smaller one.
    pub(super) async fn told_to_give_way(&self) {
        self.give_way.cancelled().await;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.bodies.open();
        if let Some(held) = open.held.remove(&self.id) {
            open.bytes -= held.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn the_largest_gives_way_to_the_small_and_never_the_other_way_round() {
        let bodies = Arc::new(Bodies::default());
        let (large, larger, small) = (bodies.share(), bodies.share(), bodies.share());
        assert_eq!((large.grow(20 * MIB), larger.grow(40 * MIB)), (Ok(()), Ok(())));
        assert_eq!(large.grow(5 * MIB), Ok(()), "the larger one gave way");
        assert_eq!((larger.give_way.is_cancelled(), large.give_way.is_cancelled()), (true, false));
        assert_eq!(larger.grow(1), Err(NoRoom), "who gave way stays away");
        drop(larger);
        let third = bodies.share();
        assert_eq!(third.grow(ROOM - 25 * MIB), Ok(()));
        assert_eq!(third.grow(1), Err(NoRoom), "it is the largest itself");
        assert_eq!(small.grow(64 * 1024), Ok(()));
        assert!(third.give_way.is_cancelled() && !large.give_way.is_cancelled());
        drop((large, third, small));
        assert_eq!(bodies.open().bytes, 0);
    }

    #[test]
    fn what_github_signed_keeps_its_room() {
        let bodies = Arc::new(Bodies::default());
        let (signed, stranger) = (bodies.share(), bodies.share());
        assert_eq!(signed.grow(ROOM), Ok(()));
        signed.prove();
        assert_eq!(stranger.grow(1), Err(NoRoom));
        assert!(!signed.give_way.is_cancelled());
        drop(signed);
        assert_eq!(stranger.grow(1), Ok(()));
    }
}
