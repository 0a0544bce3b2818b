//! What a write is worth when there is not room for all: the order in which they go, and how much of the budget each
//! kind leaves to what matters more.

use crate::operations::{
    ADD_LABELS, CREATE_CHECK_RUN, CREATE_PULL, MARK_DRAFT, MARK_READY, MINIMIZE_COMMENT, Operation, REACT_TO_COMMENT,
    REACT_TO_ISSUE, REMOVE_LABEL, REQUEST_REVIEWERS, UPDATE_CHECK_RUN, UPDATE_COMMENT, UPDATE_PULL,
};

/// How important a write is; the first goes first.
///
/// A person who asked waits for the answer; the pull request is what all the work was for; its check run tells whether to
/// trust it; a plan is waited for, but nobody sits in front of it; progress is overtaken by the next progress; and a
/// reaction says only that something else will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Importance {
    /// An answer to a person, and what follows from an approval.
    Answer,
    /// A pull request, its reviewers and labels.
    Pull,
    /// A check run.
    Check,
    /// A plan.
    Plan,
    /// Progress, and tidying up.
    Progress,
    /// 👀.
    Reaction,
}

impl Importance {
    /// All, the most important first.
    pub const ALL: [Self; 6] = [Self::Answer, Self::Pull, Self::Check, Self::Plan, Self::Progress, Self::Reaction];

    /// How many writes that could be made at once stay free for what is more important.
    pub(crate) fn leaves_at_once(self) -> u32 {
        match self {
            Self::Answer | Self::Pull => 0,
            Self::Check | Self::Plan => 2,
            Self::Progress => 6,
            Self::Reaction => 10,
        }
    }

    /// How many hundredths of an hour's writes it may fill; the rest stays for what is more important.
    pub(crate) fn share_of_the_hour(self) -> usize {
        match self {
            Self::Answer => 100,
            Self::Pull => 96,
            Self::Check | Self::Plan => 90,
            Self::Progress => 70,
            Self::Reaction => 60,
        }
    }

    /// What a write is worth on its own, where nobody said what it is for.
    pub(crate) fn of(operation: &'static Operation) -> Self {
        let is = |list: &[&'static Operation]| list.iter().any(|one| std::ptr::eq(*one, operation));
        if is(&[&CREATE_PULL, &UPDATE_PULL, &REQUEST_REVIEWERS, &MARK_READY, &MARK_DRAFT, &ADD_LABELS, &REMOVE_LABEL]) {
            Self::Pull
        } else if is(&[&CREATE_CHECK_RUN, &UPDATE_CHECK_RUN]) {
            Self::Check
        } else if is(&[&UPDATE_COMMENT, &MINIMIZE_COMMENT]) {
            Self::Progress
        } else if is(&[&REACT_TO_COMMENT, &REACT_TO_ISSUE]) {
            Self::Reaction
        } else {
            Self::Answer
        }
    }
}
