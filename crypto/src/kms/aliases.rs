//! Names for keys.

use super::{
    KmsCall, KmsError,
    key::KeyUuid,
    operation::Operation,
    record,
    service::{About, LocalKms},
};

type Result<T> = std::result::Result<T, KmsError>;

/// A name, and what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// `alias/name`.
    pub name: String,
    /// The whole name.
    pub arn: String,
    /// The id of the key.
    pub key: String,
}

const ALIASES_MAX: usize = 50;

impl LocalKms {
    /// Gives a key another name.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn create_alias(&self, call: &KmsCall<'_>, alias: &str, key: &str) -> Result<()> {
        self.name(call, Operation::CreateAlias, alias, key, |known| match known {
            None => Ok(()),
            Some(_) => Err(KmsError::AlreadyExists { arn: self.alias_arn(alias) }),
        })
    }

    /// Lets a name name another key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn update_alias(&self, call: &KmsCall<'_>, alias: &str, key: &str) -> Result<()> {
        self.name(call, Operation::UpdateAlias, alias, key, |known| match known {
            Some(_) => Ok(()),
            None => Err(self.no_alias(alias)),
        })
    }

    fn name(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        alias: &str,
        key: &str,
        judge: impl FnOnce(Option<KeyUuid>) -> Result<()>,
    ) -> Result<()> {
        let about = About { key: Some(key), context: None };
        self.run(call, operation, about, |trace| {
            check_name(alias)?;
            if key.contains("alias/") {
                return Err(KmsError::invalid("targetKeyId", "Aliases must refer to keys"));
            }
            let found = self.permitted(call, operation, key, None, trace)?;
            let _changing = self.changing.lock();
            // It may be gone, or going, meanwhile.
            let fresh = self.fresh(found.id)?;
            operation.check_state(&fresh, &self.arn(found.id))?;
            let (known, count) = {
                let state = self.state.read();
                let count = state.aliases.values().filter(|id| **id == found.id).count();
                (state.aliases.get(alias).copied(), count)
            };
            judge(known)?;
            if count >= ALIASES_MAX && known != Some(found.id) {
                let message = format!("a key has at most {ALIASES_MAX} aliases");
                return Err(KmsError::LimitExceeded { message });
            }
            self.put_alias(alias, found.id)
        })
    }

    /// The caller holds `changing`.
    pub(super) fn put_alias(&self, alias: &str, key: KeyUuid) -> Result<()> {
        let row = record::alias_row(alias);
        let value = self.seal_row(&row, &key.0);
        self.save(&[(row, Some(value))])?;
        self.state.write().aliases.insert(alias.to_owned(), key);
        self.changed();
        Ok(())
    }

    /// Takes a name away. The key stays.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn delete_alias(&self, call: &KmsCall<'_>, alias: &str) -> Result<()> {
        let about = About { key: Some(alias), context: None };
        self.run(call, Operation::DeleteAlias, about, |trace| {
            check_name(alias)?;
            let _changing = self.changing.lock();
            let id = self.state.read().aliases.get(alias).copied();
            let key = self.fresh(id.ok_or_else(|| self.no_alias(alias))?)?;
            self.permit(call, Operation::DeleteAlias, &key, None, trace)?;
            self.save(&[(record::alias_row(alias), None)])?;
            self.state.write().aliases.remove(alias);
            self.changed();
            Ok(())
        })
    }

    /// All names, in order; of one key, when one is named.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn list_aliases(&self, call: &KmsCall<'_>, key: Option<&str>) -> Result<Vec<Alias>> {
        let about = About { key, context: None };
        self.run(call, Operation::ListAliases, about, |_| {
            self.authorise(call, Operation::ListAliases, None, "*", None)?;
            let key = key.map(|key| self.resolve(call, key)).transpose()?;
            let state = self.state.read();
            let wanted = |id: &KeyUuid| key.as_ref().is_none_or(|key| key.id == *id);
            let aliases = state.aliases.iter().filter(|(_, id)| wanted(id)).map(|(name, id)| {
                Alias { name: name.clone(), arn: self.alias_arn(name), key: id.to_string() }
            });
            Ok(aliases.collect())
        })
    }

    fn no_alias(&self, alias: &str) -> KmsError {
        KmsError::NotFound { message: format!("Alias {} is not found.", self.alias_arn(alias)) }
    }
}

/// Law: KMS, an alias is `alias/` and up to 250 of a-z, A-Z, 0-9, `/`, `_`, `-`; `alias/aws/` is reserved.
fn check_name(alias: &str) -> Result<()> {
    let wrong = |message: &str| Err(KmsError::InvalidAliasName { message: message.into() });
    let Some(name) = alias.strip_prefix("alias/") else {
        return wrong("Alias must start with the prefix \"alias/\"");
    };
    if name.starts_with("aws/") {
        return Err(KmsError::Unsupported {
            message: "names under alias/aws/ are the service's".into(),
        });
    }
    let plain = |one: char| one.is_ascii_alphanumeric() || "/_-".contains(one);
    if name.is_empty() || alias.len() > 256 || !name.chars().all(plain) {
        return wrong("Alias must be of a-z, A-Z, 0-9, /, _ and -");
    }
    Ok(())
}
