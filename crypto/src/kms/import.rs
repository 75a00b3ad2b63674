//! Material from outside: a key that is pending import takes it, and can lose it again.

use super::{
    KmsCall, KmsError,
    key::{ImportToken, KeyOrigin, KeyRecord, KeyStatus, Material, RotationKind, Secret},
    operation::Operation,
    service::LocalKms,
};
use crate::hex;
use cistern_storage_core::{Days, Timestamp};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, KmsError>;

/// Law: KMS, an import token is valid for 24 hours.
const TOKEN_DAYS: u32 = 1;

impl LocalKms {
    /// The token that lets material in, for a day. There is no wrapping key: material does not leave the
    /// process on its way.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn get_parameters_for_import(&self, call: &KmsCall<'_>, key: &str) -> Result<String> {
        let now = self.clock.now();
        self.change(call, Operation::GetParametersForImport, key, |key| {
            self.check_external(key, "GetParametersForImport")?;
            let mut token = [0; 32];
            self.entropy.fill(&mut token);
            key.import = Some(ImportToken { token, until: now.plus_days(Days(TOKEN_DAYS)) });
            Ok(hex::encode(&token))
        })
    }

    /// Gives a key its material, until `expires` or for ever. What was imported once is the only thing that
    /// can be imported again.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn import_key_material(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        token: &str,
        material: &[u8],
        expires: Option<Timestamp>,
    ) -> Result<()> {
        let now = self.clock.now();
        self.change(call, Operation::ImportKeyMaterial, key, |key| {
            self.check_external(key, "ImportKeyMaterial")?;
            check_token(key, token, now)?;
            if material.len() != key.spec.material_bytes() {
                let message = format!("the material of {} has another length", key.spec.name());
                return Err(KmsError::IncorrectKeyMaterial { message });
            }
            if expires.is_some_and(|at| at <= now) {
                return Err(KmsError::invalid("validTo", "Member must be in the future"));
            }
            let id = self.imported_id(key.id, material);
            if key.materials.first().is_some_and(|known| known.id != id) {
                let message = "the material is not the one that was imported before".into();
                return Err(KmsError::IncorrectKeyMaterial { message });
            }
            let secret = Some(Secret::new(key.spec, Zeroizing::new(material.to_vec())));
            let kind = RotationKind::First;
            key.materials = vec![Material { id, created: now, kind, secret, expires }];
            if key.status == KeyStatus::PendingImport {
                key.status = KeyStatus::Enabled;
            }
            key.import = None;
            Ok(())
        })
    }

    /// Forgets imported material, at once. Importing it again makes the key what it was.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn delete_imported_key_material(&self, call: &KmsCall<'_>, key: &str) -> Result<()> {
        self.change(call, Operation::DeleteImportedKeyMaterial, key, |key| {
            self.check_external(key, "DeleteImportedKeyMaterial")?;
            lose_material(key);
            Ok(())
        })
    }

    /// Takes material whose time is over.
    pub(super) fn end_material(&self, key: &mut KeyRecord, now: Timestamp) {
        let is_over = |material: &Material| material.expires.is_some_and(|at| at <= now);
        if key.materials.iter().any(is_over) {
            lose_material(key);
        }
    }

    fn check_external(&self, key: &KeyRecord, what: &str) -> Result<()> {
        if key.origin == KeyOrigin::External {
            return Ok(());
        }
        let arn = self.arn(key.id);
        let message = format!("{arn} origin is AWS_KMS which is not valid for {what}.");
        Err(KmsError::Unsupported { message })
    }
}

fn lose_material(key: &mut KeyRecord) {
    for material in &mut key.materials {
        (material.secret, material.expires) = (None, None);
    }
    if matches!(key.status, KeyStatus::Enabled | KeyStatus::Disabled) {
        key.status = KeyStatus::PendingImport;
    }
}

fn check_token(key: &KeyRecord, token: &str, now: Timestamp) -> Result<()> {
    let known = key.import.as_ref().ok_or(KmsError::InvalidImportToken)?;
    let given = hex::decode(token).unwrap_or_default();
    let fits: bool = given.ct_eq(&known.token[..]).into();
    match fits {
        false => Err(KmsError::InvalidImportToken),
        true if known.until <= now => Err(KmsError::ExpiredImportToken),
        true => Ok(()),
    }
}
