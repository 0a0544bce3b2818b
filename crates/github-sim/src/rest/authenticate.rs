//! Who is asking: reads `Authorization` and finds the App, installation or person behind it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::access::Identity;
use crate::refusal::Refusal;
use crate::world::World;
use crate::world::app::{Token, TokenKind};

/// GitHub lets an App's token live this long at most.
const LONGEST: i64 = 600;

impl World {
    /// The identity behind an `Authorization` header, or none without one.
    pub(crate) fn identify(&self, header: Option<&str>) -> Result<Identity, Refusal> {
        let Some(header) = header else { return Ok(Identity::Anonymous) };
        let (scheme, credential) = header.split_once(' ').ok_or_else(Refusal::bad_credentials)?;
        let credential = credential.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => self.identify_basic(credential),
            "bearer" if is_jwt(credential) => self.identify_app(credential),
            "bearer" | "token" => self.identify_token(credential),
            _ => Err(Refusal::bad_credentials()),
        }
    }

    /// `x-access-token:TOKEN`, `LOGIN:TOKEN` or `TOKEN:`.
    fn identify_basic(&self, credential: &str) -> Result<Identity, Refusal> {
        let decoded = STANDARD.decode(credential).map_err(|_| Refusal::bad_credentials())?;
        let decoded = String::from_utf8(decoded).map_err(|_| Refusal::bad_credentials())?;
        let (user, password) = decoded.split_once(':').unwrap_or((decoded.as_str(), ""));
        self.identify_token(if password.is_empty() || password == "x-oauth-basic" { user } else { password })
    }

    fn identify_token(&self, text: &str) -> Result<Identity, Refusal> {
        let token = self.tokens.iter().find(|token| token.text == text).ok_or_else(Refusal::bad_credentials)?;
        if token.revoked || token.expires_at.is_some_and(|at| at <= self.now()) {
            return Err(Refusal::bad_credentials());
        }
        Ok(self.identity_of(token))
    }

    fn identity_of(&self, token: &Token) -> Identity {
        match token.kind {
            TokenKind::Personal { user } => Identity::Person { user, token: Some(token.id) },
            TokenKind::Installation { installation, .. } => Identity::Installation { installation, token: token.id },
        }
    }

    /// The clock that judges an App's JWT and stands in `Date`. It is the machine's, not the simulator's, for it is the
    /// client's too; a switch sets it apart.
    pub(crate) fn clock_of_github(&self) -> jiff::Timestamp {
        let ahead = jiff::SignedDuration::from_secs(self.switches.clock_ahead_seconds);
        let now = jiff::Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// A moment of the simulator's clock on the one that stands in `Date`: what headers tell is in one time.
    pub(crate) fn in_githubs_time(&self, at: jiff::Timestamp) -> jiff::Timestamp {
        let now = self.clock_of_github();
        now.checked_add(at.duration_since(self.now())).unwrap_or(now)
    }

    /// Checks an App's JWT.
    fn identify_app(&self, jwt: &str) -> Result<Identity, Refusal> {
        let undecodable = || Refusal::new(401, "A JSON web token could not be decoded");
        let payload = jwt.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = payload.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(undecodable)?;
        let issuer = match claims.get("iss") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(Refusal::new(401, "'Issuer' claim ('iss') must be an Integer")),
        };
        let found = self.apps.iter().find(|app| app.id.to_string() == issuer || app.client_id == issuer);
        let app = found.ok_or_else(|| Refusal::new(404, "Integration not found"))?;
        let key = DecodingKey::from_rsa_pem(app.public_key_pem.as_bytes()).map_err(|_| undecodable())?;
        let mut rules = Validation::new(Algorithm::RS256);
        // The times are judged below, with GitHub's texts.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        jsonwebtoken::decode::<Value>(jwt, &key, &rules).map_err(|_| undecodable())?;
        check_times(&claims, self.clock_of_github().as_second())?;
        Ok(Identity::App { app: app.id })
    }
}

fn is_jwt(credential: &str) -> bool {
    credential.starts_with("eyJ") && credential.split('.').count() == 3
}

fn check_times(claims: &Value, now: i64) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::new(401, text));
    let time = |name: &str| claims.get(name).and_then(|it| it.as_i64().or_else(|| it.as_f64().map(|it| it as i64)));
    let Some(expires) = time("exp") else { return refuse("Missing 'expiration time' claim ('exp') in assertion") };
    if expires <= now {
        return refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        );
    }
    if expires > now + LONGEST {
        return refuse("'Expiration time' claim ('exp') is too far in the future");
    }
    match time("iat") {
        None => refuse("Missing 'issued at' claim ('iat') in assertion"),
        Some(issued) if issued > now => {
            refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_of_a_jwt() {
        let message = |claims: Value| check_times(&claims, 1000).err().map(|refusal| refusal.message);
        assert_eq!(message(json!({"iat": 940, "exp": 1540})), None);
        assert!(message(json!({"iat": 940, "exp": 999})).is_some_and(|it| it.contains("future time")));
        assert!(message(json!({"iat": 940, "exp": 1700})).is_some_and(|it| it.contains("too far")));
        assert!(message(json!({"iat": 1100, "exp": 1500})).is_some_and(|it| it.contains("Issued at")));
        assert!(message(json!({"exp": 1500})).is_some_and(|it| it.contains("iat")));
        assert!(message(json!({"iat": 940})).is_some_and(|it| it.contains("exp")));
    }
}
