//! The credentials on disk: each secret in a file of its own that only its owner may read, and a configuration that
//! names them. Nothing that is there is overwritten, and the configuration comes last, so half a set-up is none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use baton_github::NewApp;
use secrecy::{ExposeSecret as _, SecretString};
use toml_edit::{DocumentMut, Item, Table, value};

use super::{Addresses, Hook, Wanted};

/// What a new configuration file begins with.
const TEMPLATE: &str = "\
# Baton's configuration. Every key: docs/configuration.md. To check it: baton config check

[github]
# To hand issues over by assigning them, too: a machine user's login. (GitHub assigns no issue to an App.)
# assignees = [\"LOGIN\"]

[server]

# One thing is left to do: an agent. For example, with a key of Anthropic's in a file that only you may read:
#
# [providers.anthropic]
# api = \"anthropic\"
# api_key_file = \"/path/to/key\"
#
# [agents.careful]
# kind = \"native\"
# provider = \"anthropic\"
# model = \"MODEL\"                # as the provider names it
";

/// Where the files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    config: PathBuf,
    key: PathBuf,
    secret: PathBuf,
}

/// Why they cannot go there.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It would be overwritten.
    #[error(
        "{0} is there already and may be an App's only key. Move it away, or name another configuration file with \
         --config: the credentials are kept beside it"
    )]
    Exists(PathBuf),
    /// The file system says no.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration that is there cannot be read.
    #[error("{0}: {1}")]
    Config(PathBuf, String),
    /// GitHub gave no secret.
    #[error("GitHub gave no webhook secret, without which no webhook can be trusted")]
    NoSecret,
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> KeepError + '_ {
    move |source| KeepError::Io { path: path.to_owned(), source }
}

impl Place {
    /// Beside this configuration file, which may not be there yet.
    ///
    /// # Errors
    /// [`KeepError::Io`] when its address cannot be found out.
    pub fn beside(config: &Path) -> Result<Self, KeepError> {
        let config = std::path::absolute(config).map_err(io(config))?;
        Ok(Self { key: config.with_file_name("app-key.pem"), secret: config.with_file_name("webhook-secret"), config })
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Sees to it, before GitHub makes anything, that what it will hand out can be kept.
    ///
    /// # Errors
    /// [`KeepError`]
    pub fn check(&self) -> Result<(), KeepError> {
        // A link that leads nowhere is there too: nothing could be written in its place.
        let is_there = |path: &&&PathBuf| fs::symlink_metadata(path).is_ok();
        if let Some(there) = [&self.key, &self.secret].iter().find(is_there).copied() {
            return Err(KeepError::Exists(there.clone()));
        }
        self.document()?;
        let folder = self.config.parent().unwrap_or(Path::new("/"));
        if !folder.exists() {
            use std::os::unix::fs::DirBuilderExt as _;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io(folder))?;
        }
        tempfile::NamedTempFile::new_in(folder).map(drop).map_err(io(folder))
    }

    /// The configuration as it is, or a new one.
    fn document(&self) -> Result<DocumentMut, KeepError> {
        let text = match fs::read_to_string(&self.config) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => TEMPLATE.to_owned(),
            Err(error) => return Err(io(&self.config)(error)),
        };
        text.parse().map_err(|error: toml_edit::TomlError| KeepError::Config(self.config.clone(), error.to_string()))
    }

    /// Writes everything; what was written, and where.
    pub(super) fn keep(
        &self,
        app: &NewApp,
        addresses: &Addresses,
        wanted: &Wanted,
    ) -> Result<Vec<(&'static str, String)>, KeepError> {
        let secret = app.webhook_secret.as_ref().ok_or(KeepError::NoSecret)?;
        let mut document = self.document()?;
        self.name_in(&mut document, app.id, addresses, wanted);
        write_secret(&self.key, &app.pem)?;
        write_secret(&self.secret, secret)?;
        self.replace_config(&document.to_string())?;
        let shown = |path: &Path| path.display().to_string();
        Ok(vec![
            ("configuration", shown(&self.config)),
            ("private key", shown(&self.key)),
            ("webhook secret", shown(&self.secret)),
        ])
    }

    fn name_in(&self, document: &mut DocumentMut, id: i64, addresses: &Addresses, wanted: &Wanted) {
        let text = |path: &Path| value(path.display().to_string());
        let github = section(document, "github");
        github["app_id"] = value(id);
        github["private_key_file"] = text(&self.key);
        github["webhook_secret_file"] = text(&self.secret);
        if addresses.web.host_str() != Some("github.com") {
            github["api_url"] = value(addresses.api.as_str());
            github["web_url"] = value(addresses.web.as_str());
        }
        let server = section(document, "server");
        match &wanted.hook {
            Some(Hook::Public(base)) => server["public_url"] = value(base.as_str()),
            Some(Hook::Tunnel(channel)) => server["tunnel"] = value(channel.as_str()),
            None => {}
        }
    }

    /// In one step: whoever reads it sees the old one or the new one.
    fn replace_config(&self, text: &str) -> Result<(), KeepError> {
        let folder = self.config.parent().unwrap_or(Path::new("/"));
        let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(io(folder))?;
        draft.write_all(text.as_bytes()).and_then(|()| draft.as_file().sync_all()).map_err(io(&self.config))?;
        if let Ok(there) = fs::metadata(&self.config) {
            draft.as_file().set_permissions(there.permissions()).map_err(io(&self.config))?;
        }
        draft.persist(&self.config).map_err(|error| io(&self.config)(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))
    }
}

fn section<'a>(document: &'a mut DocumentMut, name: &str) -> &'a mut Item {
    let section = &mut document[name];
    if !section.is_table_like() {
        *section = Item::Table(Table::new());
    }
    section
}

/// A new file that nobody else may read, from its first moment on.
fn write_secret(path: &Path, secret: &SecretString) -> Result<(), KeepError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(KeepError::Exists(path.to_owned())),
        other => other.map_err(io(path))?,
    };
    file.write_all(secret.expose_secret().as_bytes()).and_then(|()| file.sync_all()).map_err(io(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use insta::assert_snapshot;

    use super::*;

    fn app() -> NewApp {
        NewApp {
            id: 42,
            slug: "our-baton".into(),
            name: "Our Baton".into(),
            html_url: None,
            pem: "PEM".into(),
            webhook_secret: Some("SECRET".into()),
        }
    }

    fn addresses(web: &str) -> Addresses {
        Addresses { api: format!("{web}/api/v3").parse().unwrap(), web: web.parse().unwrap() }
    }

    fn kept(before: Option<&str>, web: &str, wanted: &Wanted) -> String {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("new/baton.toml");
        if let Some(before) = before {
            fs::create_dir(config.parent().unwrap()).unwrap();
            fs::write(&config, before).unwrap();
        }
        let place = Place::beside(&config).unwrap();
        place.check().unwrap();
        let files = place.keep(&app(), &addresses(web), wanted).unwrap();
        assert_eq!(files.len(), 3);
        for secret in [&place.key, &place.secret] {
            assert_eq!(fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600, "{}", secret.display());
        }
        assert_eq!(fs::read_to_string(&place.key).unwrap(), "PEM");
        assert_eq!(fs::read_to_string(&place.secret).unwrap(), "SECRET");
        assert!(matches!(place.check(), Err(KeepError::Exists(_))), "a second App would overwrite the first one's key");
        fs::read_to_string(&config).unwrap().replace(&*folder.path().to_string_lossy(), "FOLDER")
    }

    #[test]
    fn a_new_configuration() {
        let wanted = Wanted::read("Our Baton", "", "https://baton.example.com", "").unwrap();
        assert_snapshot!(kept(None, "https://github.com", &wanted), @r#"
        # Baton's configuration. Every key: docs/configuration.md. To check it: baton config check

        [github]
        app_id = 42
        private_key_file = "FOLDER/new/app-key.pem"
        webhook_secret_file = "FOLDER/new/webhook-secret"
        # To hand issues over by assigning them, too: a machine user's login. (GitHub assigns no issue to an App.)
        # assignees = ["LOGIN"]

        [server]
        public_url = "https://baton.example.com/"

        # One thing is left to do: an agent. For example, with a key of Anthropic's in a file that only you may read:
        #
        # [providers.anthropic]
        # api = "anthropic"
        # api_key_file = "/path/to/key"
        #
        # [agents.careful]
        # kind = "native"
        # provider = "anthropic"
        # model = "MODEL"                # as the provider names it
        "#);
    }

    #[test]
    fn one_that_is_there_keeps_what_it_says() {
        let wanted = Wanted::read("Our Baton", "", "", "https://smee.example/abc").unwrap();
        let before = "# mine\n[server]\nlisten = \"127.0.0.1:9\" # ours\n";
        assert_snapshot!(kept(Some(before), "https://github.example.org", &wanted), @r#"
        # mine
        [server]
        listen = "127.0.0.1:9" # ours
        tunnel = "https://smee.example/abc"

        [github]
        app_id = 42
        private_key_file = "FOLDER/new/app-key.pem"
        webhook_secret_file = "FOLDER/new/webhook-secret"
        api_url = "https://github.example.org/api/v3"
        web_url = "https://github.example.org/"
        "#);
    }

    #[test]
    fn a_link_in_the_way_is_said_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::beside(&folder.path().join("baton.toml")).unwrap();
        std::os::unix::fs::symlink("nowhere", &place.secret).unwrap();
        assert!(matches!(place.check(), Err(KeepError::Exists(path)) if path == place.secret));
    }

    #[test]
    fn one_that_cannot_be_read_is_said_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("baton.toml");
        fs::write(&config, "[github\n").unwrap();
        let said = Place::beside(&config).unwrap().check().unwrap_err().to_string();
        assert!(said.contains("baton.toml: TOML parse error at line 1"), "{said}");
    }
}
