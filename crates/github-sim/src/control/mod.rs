//! The control API under `/_sim`.

use std::sync::Mutex;

use crate::rest::serve::{Incoming, Reply};
use crate::world::World;

pub(crate) fn serve(_: &Mutex<World>, _: &Incoming) -> Reply {
    Reply::text(404, "text/html", "Not Found")
}
