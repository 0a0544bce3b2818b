//! .NET, Ruby, PHP and Elixir.

use super::{Found, Project};
use crate::language::Language;

pub(super) fn dotnet(project: &Project<'_>) -> Option<Found> {
    let endings = [".sln", ".slnx", ".csproj", ".fsproj", ".vbproj"];
    let manifest =
        project.listing().find(|path| !path.contains('/') && endings.iter().any(|ending| path.ends_with(ending)))?;
    let mut found = Found { language: Some(Language::DotNet), reason: project.place(manifest), ..Found::default() };
    found.setup.push("dotnet restore".to_owned());
    found.tests("dotnet test --no-restore");
    found.lint.push("dotnet format --verify-no-changes --no-restore".to_owned());
    Some(found)
}

pub(super) fn ruby(project: &Project<'_>) -> Option<Found> {
    let has_gemfile = project.has("Gemfile");
    let manifest = project.first(&["Gemfile", "Rakefile", ".rspec"])?;
    let run = if has_gemfile { "bundle exec " } else { "" };
    let mut found = Found { language: Some(Language::Ruby), reason: project.place(manifest), ..Found::default() };
    if has_gemfile {
        found.setup.push("bundle install".to_owned());
    }
    let has = |front: &str, end: &str| project.listing().any(|path| path.starts_with(front) && path.ends_with(end));
    if has("spec/", "_spec.rb") {
        found.tests(format!("{run}rspec"));
    } else if project.has("bin/rails") && has("test/", "_test.rb") {
        found.tests("bin/rails test");
    } else if project.text("Rakefile").is_some_and(|rakefile| rakefile.contains("TestTask")) {
        found.tests(format!("{run}rake test"));
    } else if has("test/", "_test.rb") {
        found.tests(format!(
            "{run}ruby -Ilib -Itest -e 'Dir[\"test/**/*_test.rb\"].sort.each {{ |file| require \"./#{{file}}\" }}'"
        ));
    }
    Some(found)
}

pub(super) fn php(project: &Project<'_>) -> Option<Found> {
    let manifest = project.text("composer.json")?;
    let mut found = Found { language: Some(Language::Php), reason: project.place("composer.json"), ..Found::default() };
    found.setup.push("composer install --no-interaction --no-progress".to_owned());
    if let Some(configuration) = project.first(&["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"]) {
        found.tests("mkdir -p .baton-reports && vendor/bin/phpunit --log-junit .baton-reports/phpunit.xml");
        found.reason = format!("{} and `{configuration}`", found.reason);
    } else {
        let manifest: serde_json::Value = serde_json::from_str(&manifest).ok()?;
        if manifest.get("scripts").and_then(|scripts| scripts.get("test")).is_some() {
            found.tests("composer test");
        }
    }
    Some(found)
}

pub(super) fn elixir(project: &Project<'_>) -> Option<Found> {
    let manifest = project.text("mix.exs")?;
    let mut found = Found { language: Some(Language::Elixir), reason: project.place("mix.exs"), ..Found::default() };
    if manifest.contains("{:") && project.has("mix.lock") {
        found.setup.push("mix deps.get".to_owned());
    }
    found.tests("mix test");
    found.lint.push("mix format --check-formatted".to_owned());
    Some(found)
}
