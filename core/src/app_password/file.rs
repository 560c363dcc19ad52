//! Application passwords as the account's file holds them.

use super::{AppPassword, AppPasswords};
use crate::document::{Fields, Misfit, Record, Writer};

impl AppPasswords {
    /// Writes them as a table of their own.
    pub(crate) fn write(&self, to: &mut Writer) {
        to.table("app_passwords");
        to.set("salt", &self.salt);
        for one in &self.list {
            one.write(to);
        }
    }
}

impl AppPassword {
    fn write(&self, to: &mut Writer) {
        to.next_table("app_passwords.list");
        to.set("id", &self.id);
        to.set("label", &self.label);
        to.set("services", &self.services);
        let networks: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        to.set_some("networks", Some(networks).filter(|networks| !networks.is_empty()));
        to.set("created_at", self.created_at);
        to.set_some("expires_at", self.expires_at);
        to.set("preset", self.preset);
        to.set("hash", &self.hash);
        for (path, step) in
            [("app_passwords.list.first_use", &self.first_use), ("app_passwords.list.last_use", &self.last_use)]
        {
            if let Some(step) = step {
                to.table(path);
                step.write(to);
            }
        }
    }
}

impl Record for AppPasswords {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { salt: fields.need("salt")?, list: fields.or("list", Vec::new())? })
    }
}

impl Record for AppPassword {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self {
            id: fields.need("id")?,
            label: fields.need("label")?,
            services: fields.need("services")?,
            networks: fields.or("networks", Vec::new())?,
            created_at: fields.need("created_at")?,
            expires_at: fields.take("expires_at")?,
            preset: fields.need("preset")?,
            hash: fields.need("hash")?,
            first_use: fields.take("first_use")?,
            last_use: fields.take("last_use")?,
        })
    }
}
