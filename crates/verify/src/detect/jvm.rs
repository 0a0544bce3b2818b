//! Java and its relatives: Maven and Gradle, by their wrappers where there are any.

use super::{Found, Project};
use crate::language::Language;

pub(super) fn find(project: &Project<'_>) -> Option<Found> {
    let mut found = Found { language: Some(Language::Jvm), ..Found::default() };
    if project.has("pom.xml") {
        let program = if project.has("mvnw") { "./mvnw" } else { "mvn" };
        found.tests(format!("{program} -B -fae test"));
        found.reason = project.place("pom.xml");
    } else {
        let script = project.first(&["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"])?;
        let program = if project.has("gradlew") { "./gradlew" } else { "gradle" };
        found.tests(format!("{program} test --continue --console=plain"));
        found.reason = project.place(script);
    }
    Some(found)
}
