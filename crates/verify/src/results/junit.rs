//! JUnit XML, in the flavours of surefire, Gradle, pytest, nextest, jest-junit, Vitest, Node and PHPUnit.

use baton_core::domain::evidence::TestStatus;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Reading;

/// Deeper suites are not named.
const MAX_DEPTH: usize = 32;

/// Reads one JUnit XML file.
pub(crate) fn read(xml: &str) -> Reading {
    let mut reader = Reader::from_str(xml);
    let mut report = Report::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => report.open(&start),
            Ok(Event::Empty(start)) => {
                report.open(&start);
                report.close(start.local_name().as_ref());
            }
            Ok(Event::End(end)) => report.close(end.local_name().as_ref()),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => {
                report.reading.incomplete = true;
                break;
            }
        }
    }
    report.finish()
}

#[derive(Default)]
struct Report {
    reading: Reading,
    suites: Vec<String>,
    case: Option<Case>,
    seen_root: bool,
    open: usize,
}

struct Case {
    name: String,
    failed: bool,
    skipped: bool,
    to_do: bool,
}

impl Report {
    fn open(&mut self, start: &BytesStart<'_>) {
        match start.local_name().as_ref() {
            "testsuites" => self.seen_root = true,
            "testsuite" => {
                self.seen_root = true;
                self.open += 1;
                if self.suites.len() < MAX_DEPTH {
                    self.suites.push(attribute(start, "name"));
                }
            }
            "testcase" => {
                self.case = Some(Case { name: self.name(start), failed: false, skipped: false, to_do: false });
            }
            "failure" | "error" => {
                if let Some(case) = &mut self.case {
                    case.failed = true;
                }
            }
            "skipped" => {
                if let Some(case) = &mut self.case {
                    case.skipped = true;
                    case.to_do |= attribute(start, "type") == "todo";
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, tag: &str) {
        match tag {
            "testsuite" => {
                self.open = self.open.saturating_sub(1);
                self.suites.truncate(self.open);
            }
            "testcase" => {
                if let Some(case) = self.case.take() {
                    self.reading.add(&case.name, case.status());
                }
            }
            _ => {}
        }
    }

    /// `classname::name`. Where the class says nothing (Node writes `test`) the suites around the test stand for it.
    fn name(&self, start: &BytesStart<'_>) -> String {
        let name = attribute(start, "name");
        let class = attribute(start, "classname");
        let class = class.trim();
        let file = attribute(start, "file");
        let place = if class == name.trim() {
            // jest-junit's default: both are the whole title.
            String::new()
        } else if class.is_empty() || class == "test" {
            let named: Vec<_> = self.suites.iter().filter(|suite| !suite.is_empty()).map(String::as_str).collect();
            named.join(" > ")
        } else {
            class.to_owned()
        };
        [file.as_str(), &place, name.trim()]
            .into_iter()
            .enumerate()
            .filter(|(at, part)| !part.is_empty() && (*at != 0 || !place.contains(part)))
            .map(|(_, part)| part)
            .collect::<Vec<_>>()
            .join("::")
    }

    fn finish(mut self) -> Reading {
        self.reading.incomplete |= !self.seen_root || self.case.is_some() || self.open > 0;
        self.reading
    }
}

impl Case {
    fn status(&self) -> TestStatus {
        if self.to_do || (self.skipped && !self.failed) {
            TestStatus::Skipped
        } else if self.failed {
            TestStatus::Failed
        } else {
            TestStatus::Passed
        }
    }
}

/// An attribute's value; one with an unknown entity as it stands.
fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    match start.try_get_attribute(name) {
        Ok(Some(attribute)) => match attribute.normalized_value(XmlVersion::Implicit1_0) {
            Ok(value) => value.into_owned(),
            Err(_) => attribute.value.to_string(),
        },
        Ok(None) | Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TestStatus::{Failed, Passed, Skipped};

    fn cases(xml: &str) -> Vec<(String, TestStatus)> {
        read(xml).cases
    }

    #[test]
    fn a_test_that_surefire_ran_again_counts_by_its_end() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="org.shop.CartTest" tests="4">
              <properties><property name="java.version" value="21"/></properties>
              <testcase name="flaky" classname="org.shop.CartTest"><flakyFailure message="once">trace</flakyFailure></testcase>
              <testcase name="fails" classname="org.shop.CartTest"><failure message="m"/><rerunFailure message="m"/></testcase>
              <testcase name="breaks" classname="org.shop.CartTest"><error><![CDATA[<testcase name="forged"/>]]></error></testcase>
              <testcase name="waits" classname="org.shop.CartTest"><skipped message="later"/></testcase>
            </testsuite>"#;
        let named = |name: &str, status| (format!("org.shop.CartTest::{name}"), status);
        assert_eq!(
            cases(xml),
            [named("flaky", Passed), named("fails", Failed), named("breaks", Failed), named("waits", Skipped)]
        );
        assert!(!read(xml).incomplete);
    }

    #[test]
    fn a_file_stands_in_front_where_the_class_does_not_name_it() {
        let xml = r#"<testsuites><testsuite name="s"><testcase file="test/a.js" classname="test" name="x"/></testsuite></testsuites>"#;
        assert_eq!(cases(xml), [("test/a.js::s::x".to_owned(), Passed)]);
        let xml = r#"<testsuite><testcase file="a.py" classname="a.py" name="x"/></testsuite>"#;
        assert_eq!(cases(xml), [("a.py::x".to_owned(), Passed)]);
    }

    #[test]
    fn what_is_cut_off_is_incomplete_and_keeps_what_was_read() {
        let cut =
            read(r#"<testsuite name="s"><testcase classname="C" name="a"/><testcase classname="C" name="b"><fail"#);
        assert_eq!(cut.cases, [("C::a".to_owned(), Passed)]);
        assert!(cut.incomplete);
        assert!(read("").incomplete);
        assert!(read("no xml at all").incomplete);
        assert!(read("<html><body>Not found</body></html>").incomplete);
    }

    #[test]
    fn an_unknown_entity_is_kept_as_it_stands() {
        assert_eq!(
            cases("<testsuite><testcase classname='C' name='a &amp; &b;'/></testsuite>"),
            [("C::a &amp; &b;".to_owned(), Passed)]
        );
        assert_eq!(
            cases("<testsuite><testcase classname='C' name='a &amp; b'/></testsuite>"),
            [("C::a & b".to_owned(), Passed)]
        );
    }
}
