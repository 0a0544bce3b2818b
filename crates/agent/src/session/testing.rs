//! What the tests of a session share: a request, a port that is served, a scripted model.

use baton_core::domain::ids::RunId;
