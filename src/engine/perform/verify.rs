//! A patch is judged by policy, brought up to date with its base, and tested: the base, the branch, what failed once more,
//! and the branch's tests on the base's source.

use std::collections::BTreeMap;

use baton_core::domain::event::Event;
use baton_core::domain::evidence::{Evidence, TestRun};
use baton_core::domain::ids::RepositoryId;
use baton_core::domain::patch::Patch;
use baton_core::domain::patch::notices::notices;
use baton_core::domain::patch::policy::{PatchVerdict, judge};
use baton_core::domain::plan::Plan;
use baton_core::domain::task::{Approval, PatchRef, Task};
use baton_git::{CheckoutOf, RebaseError};
use baton_github::Repository;
use baton_queue::{Failure, Handled, JobContext};
use baton_verify::{
    Comparison, ConfigChange, commands_to_rerun, compare, config_changes, is_test_config, is_test_file,
};

use crate::engine::project::Commands;
use crate::engine::{Engine, error};

impl Engine {
    pub(super) async fn verify(
        &self,
        context: &JobContext,
        github: &Repository,
        patch: &PatchRef,
        approval: &Approval,
        plan: &Plan,
    ) -> Result<Handled, Failure> {
        let task = self.task_of(context).await?;
        let id = github.reference().id;
        if let Some(because) = self.void_approval(github, task.issue.number, approval).await? {
            return self.finish(context, vec![Event::ApprovalVoided { because }]).await;
        }
        let asked = patch.head.clone();
        let patch = match self.up_to_date(github, &task, patch).await? {
            Ok(current) => current,
            Err(files) => return self.finish(context, vec![Event::BaseConflicted { head: asked, files }]).await,
        };
        if patch.head == patch.base {
            return self.finish(context, vec![Event::BaseHasIt { head: asked }]).await;
        }
        // What is judged is what would be pushed.
        let judged = self.parts().git.patch(id, &patch.base, &patch.head).await.map_err(|e| error::git(&e))?;
        if let PatchVerdict::Refused { findings } = judge(&judged, &task.effective_policy().patch) {
            let findings = findings.iter().map(ToString::to_string).collect();
            return self.finish(context, vec![Event::PatchRefused { head: asked, findings }]).await;
        }
        let commands = self.commands_at(id, &plan.base, &task.settings).await?;
        let stop = context.cancel.clone();
        let evidence = tokio::select! {
            evidence = self.evidence(&task, &patch, &judged, &commands) => evidence?,
            () = stop.cancelled() => return Ok(Handled::Stopped),
        };
        let notices = notices(&judged).iter().map(ToString::to_string).chain(beyond_the_plan(&judged, plan)).collect();
        let event = Event::EvidenceTaken { head: asked, patch, evidence: Box::new(evidence), notices };
        self.finish(context, vec![event]).await
    }

    /// The patch on top of what its base has become; the files in conflict if that cannot be.
    async fn up_to_date(
        &self,
        github: &Repository,
        task: &Task,
        patch: &PatchRef,
    ) -> Result<Result<PatchRef, Vec<String>>, Failure> {
        let id = github.reference().id;
        let (_, base) = self.fetch_default(github, Some(task.id)).await?;
        if base == patch.base {
            return Ok(Ok(patch.clone()));
        }
        match self.parts().git.rebase(id, task.id, &patch.base, &patch.head, &base).await {
            Ok(head) => Ok(Ok(PatchRef { base, head, summary: patch.summary.clone() })),
            Err(RebaseError::Conflicts { paths }) => Ok(Err(paths)),
            Err(failure @ RebaseError::NotABranch) => Err(Failure::bug(failure)),
            Err(RebaseError::Git(failure)) => Err(error::git(&failure)),
        }
    }

    async fn evidence(
        &self,
        task: &Task,
        patch: &PatchRef,
        judged: &Patch,
        commands: &Commands,
    ) -> Result<Evidence, Failure> {
        let id = task.repository.id;
        let label = |what: &str| format!("test-{}-{what}", task.id);
        let base_of = CheckoutOf::Commit(patch.base.clone());
        let branch_of = CheckoutOf::Commit(patch.head.clone());
        let base = self.run_tests(label("base"), id, &base_of, commands, None).await?;
        let branch = self.run_tests(label("branch"), id, &branch_of, commands, None).await?;
        let again = commands_to_rerun(&base, &branch);
        let rerun: Option<TestRun> = if again.is_empty() {
            None
        } else {
            let only: Vec<usize> = test_places(&branch, &again);
            Some(self.run_tests(label("rerun"), id, &branch_of, commands, Some(&only)).await?)
        };
        let on_base = self.branch_tests_on_base(task, patch, judged, commands).await?;
        let config_changed = self.config_changed(id, patch, judged).await?;
        Ok(compare(Comparison {
            base: &base,
            branch: &branch,
            rerun: rerun.as_ref(),
            branch_tests_on_base: on_base.as_ref(),
            config_changed: &config_changed,
        }))
    }

    /// The branch's test files on the base's source: a new test that passes there proves nothing.
    async fn branch_tests_on_base(
        &self,
        task: &Task,
        patch: &PatchRef,
        judged: &Patch,
        commands: &Commands,
    ) -> Result<Option<TestRun>, Failure> {
        let tests: Vec<String> = judged
            .files
            .iter()
            .filter(|file| is_test_file(&file.path, &commands.languages))
            .map(|file| file.path.clone())
            .collect();
        if tests.is_empty() {
            return Ok(None);
        }
        let id = task.repository.id;
        let tree =
            self.parts().git.compose_tree(id, &patch.base, &patch.head, tests).await.map_err(Failure::permanent)?;
        let label = format!("test-{}-mixed", task.id);
        self.run_tests(label, id, &CheckoutOf::Tree(tree), commands, None).await.map(Some)
    }

    /// Files of the patch that change which tests run and how.
    async fn config_changed(&self, id: RepositoryId, patch: &PatchRef, judged: &Patch) -> Result<Vec<String>, Failure> {
        let mut texts: BTreeMap<&str, (Option<String>, Option<String>)> = BTreeMap::new();
        for file in judged.files.iter().filter(|file| is_test_config(&file.path)) {
            let old = self.text_at(id, &patch.base, &file.path).await?;
            let new = self.text_at(id, &patch.head, &file.path).await?;
            texts.insert(&file.path, (old, new));
        }
        let changes: Vec<ConfigChange<'_>> = texts
            .iter()
            .map(|(path, (old, new))| ConfigChange { path, old: old.as_deref(), new: new.as_deref() })
            .collect();
        Ok(config_changes(&changes))
    }
}

/// From places among all commands of a run to places among its test commands.
fn test_places(run: &TestRun, places: &[usize]) -> Vec<usize> {
    use baton_core::domain::evidence::CommandRole;
    let setups = run.commands.iter().filter(|command| command.role == CommandRole::Setup).count();
    places.iter().filter_map(|place| place.checked_sub(setups)).collect()
}

/// Files the approved plan did not name: allowed, and worth a look.
fn beyond_the_plan(judged: &Patch, plan: &Plan) -> Vec<String> {
    judged
        .files
        .iter()
        .filter(|file| !plan.draft.files.iter().any(|named| named.trim_start_matches("./") == file.path))
        .map(|file| format!("`{}` is not among the files the plan named", file.path))
        .collect()
}
