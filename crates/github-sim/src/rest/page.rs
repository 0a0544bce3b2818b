//! Pages of a list: `per_page` up to 100, `page`, and a `Link` header with absolute URLs.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};

impl Call<'_> {
    /// Answers with one page of the list.
    pub(crate) fn page(&self, list: Vec<Value>) -> Outcome {
        let (page, link) = self.cut(list);
        Ok(Answer { status: 200, body: Some(page.into()), headers: link })
    }

    /// One page inside an object with `total_count`.
    pub(crate) fn counted_page(&self, name: &str, list: Vec<Value>) -> Outcome {
        let total = list.len();
        let (page, link) = self.cut(list);
        Ok(Answer { status: 200, body: Some(json!({"total_count": total, name: page})), headers: link })
    }

    fn cut(&self, list: Vec<Value>) -> (Vec<Value>, Vec<(&'static str, String)>) {
        let number = |name: &str, or: usize| self.query(name).and_then(|text| text.parse().ok()).unwrap_or(or).max(1);
        let (size, page) = (number("per_page", 30).min(100), number("page", 1));
        let last = list.len().div_ceil(size).max(1);
        let page_of = list.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        let mut links = Vec::new();
        if page > 1 {
            links.push(self.link(page.min(last + 1) - 1, "prev"));
        }
        if page < last {
            links.push(self.link(page + 1, "next"));
            links.push(self.link(last, "last"));
        }
        if page > 1 {
            links.push(self.link(1, "first"));
        }
        let header = (!links.is_empty()).then(|| ("link", links.join(", ")));
        (page_of, header.into_iter().collect())
    }

    fn link(&self, page: usize, rel: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let others = self.query.iter().filter(|(name, _)| name != "page");
        let mut query: Vec<String> =
            others.map(|(name, value)| format!("{}={}", name, encode(value).replace("%5F", "_"))).collect();
        query.push(format!("page={page}"));
        format!("<{}?{}>; rel=\"{rel}\"", self.url, query.join("&"))
    }
}
