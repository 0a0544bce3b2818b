//! What the documentation says of the configuration is what the program says: the tables are made from the one declaration.

use std::fs;

use super::house::root;

/// The text between the marks of a table in a file; nothing where the marks are missing.
fn shown(file: &str, table: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let begin = format!("<!-- begin: baton config reference {table} -->\n\n");
    let rest = text.split_once(&begin).map_or("", |(_, rest)| rest);
    rest.split_once("\n<!-- end -->").map_or("", |(shown, _)| shown).trim().to_owned()
}

#[track_caller]
fn same(file: &str, table: &str, told: &str) {
    let shown = shown(file, table);
    let stale = shown.lines().zip(told.lines()).find(|(shown, told)| shown != told);
    assert!(
        shown == told.trim(),
        "{file} is stale; put the output of `baton config reference {table}` there. First difference: {stale:#?}"
    );
}

#[test]
fn the_readme_has_the_declared_sections() {
    same("README.md", "sections", &baton::config::section_table());
}

#[test]
fn the_documentation_has_the_declared_keys() {
    same("docs/configuration.md", "keys", &baton::config::operator_tables());
    same("docs/configuration.md", "repository", &baton::config::repository_table());
}
