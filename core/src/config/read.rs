//! The keys of the configuration file, table by table. What is not there has its default.

use super::{AppPassword, Auto, Config, Policy, Recovery, Seal, ThrottleKeys, Totp};
use crate::app_password;
use crate::document::{Fields, Misfit, Record};

impl Record for Config {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self {
            version: fields.need("version")?,
            totp: fields.or("totp", Totp::default())?,
            policy: fields.or("policy", Policy::default())?,
            throttle: fields.or("throttle", ThrottleKeys::default())?,
            recovery: fields.or("recovery", Recovery::default())?,
            app_password: fields.or("app_password", AppPassword::default())?,
            seal: fields.or("seal", Seal::default())?,
        })
    }
}

impl Record for Totp {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        let default = Self::default();
        Ok(Self {
            issuer: fields.take("issuer")?,
            algorithm: fields.or("algorithm", default.algorithm)?,
            digits: fields.or("digits", default.digits)?,
            period: fields.or("period", default.period)?,
            window: fields.or("window", default.window)?,
            resync_range: fields.or("resync_range", default.resync_range)?,
            max_authenticators: fields.or("max_authenticators", default.max_authenticators)?,
        })
    }
}

impl Record for ThrottleKeys {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        let default = Self::default();
        Ok(Self {
            failures: fields.or("failures", default.failures)?,
            wait: fields.or("wait", default.wait)?,
            max_wait: fields.or("max_wait", default.max_wait)?,
            cap: fields.or("cap", default.cap)?,
        })
    }
}

impl Record for Recovery {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { count: fields.or("count", Self::default().count)? })
    }
}

impl Record for AppPassword {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        let default = Self::default();
        let services: Option<Vec<String>> = fields.take("interactive_services")?;
        Ok(Self {
            interactive_services: services.map_or(default.interactive_services, lower_case),
            max: fields.or("max", default.max)?,
            unused: fields.or("unused", default.unused)?,
            auto: fields.or("auto", default.auto)?,
        })
    }
}

impl Record for Auto {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        let auto = Self {
            name: fields.need("name")?,
            services: lower_case(fields.need("services")?),
            expires: fields.take("expires")?,
        };
        match auto.is_out_of_bounds() {
            None => Ok(auto),
            Some(what) => Err(Misfit::impossible(fields, what)),
        }
    }
}

impl Record for Seal {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { key_file: fields.or("key_file", Self::default().key_file)? })
    }
}

/// libpam turns the names of services to small letters.
pub(super) fn lower_case(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

impl Auto {
    fn is_out_of_bounds(&self) -> Option<&'static str> {
        let Self { name, services, expires } = self;
        let is_file_name = (1..=64).contains(&name.len())
            && !name.starts_with('.')
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
        let checks = [
            (is_file_name, "name must be 1 to 64 of a-z, 0-9, '.', '_' and '-', and not begin with '.'"),
            (app_password::are_services(services), "services must be 1 to 16 names of PAM services"),
            (expires.is_none_or(|after| !after.is_zero()), "expires must not be zero"),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }
}
