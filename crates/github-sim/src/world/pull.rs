//! What a pull request has beyond an issue: branches, reviews, review threads, the merge.

use jiff::Timestamp;

#[derive(Debug)]
pub(crate) struct Pull {
    pub id: u64,
    pub head_repo: u64,
    pub head_ref: String,
    pub head_sha: String,
    pub base_ref: String,
    pub base_sha: String,
    pub draft: bool,
    pub maintainer_can_modify: bool,
    pub merge: Option<Merge>,
    pub requested_reviewers: Vec<u64>,
    pub reviews: Vec<Review>,
    pub review_comments: Vec<ReviewComment>,
}

#[derive(Debug, Clone)]
pub(crate) struct Merge {
    pub at: Timestamp,
    pub by: u64,
    pub sha: String,
}

#[derive(Debug)]
pub(crate) struct Review {
    pub id: u64,
    pub author: u64,
    pub body: String,
    pub state: ReviewState,
    pub commit: String,
    pub submitted_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReviewState {
    Pending,
    Approved,
    ChangesRequested,
    Commented,
}

impl ReviewState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
        }
    }

    /// The state a review's `event` field asks for.
    pub(crate) fn of_event(event: &str) -> Option<Self> {
        match event {
            "APPROVE" => Some(Self::Approved),
            "REQUEST_CHANGES" => Some(Self::ChangesRequested),
            "COMMENT" => Some(Self::Commented),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct ReviewComment {
    pub id: u64,
    pub review: u64,
    pub author: u64,
    pub body: String,
    pub path: String,
    pub line: Option<u64>,
    pub side: String,
    pub commit: String,
    /// The first comment of the thread this one answers; `None` for the first itself.
    pub in_reply_to: Option<u64>,
    /// Only meaningful on a thread's first comment.
    pub resolved_by: Option<u64>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
