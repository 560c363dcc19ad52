//! The events that Twostep logs: the first word of each line, how urgent it is, and the name that
//! journald knows it by (systemd.journal-fields(7)). `twostepd --events` prints the table, and
//! `packaging/systemd/twostep.catalog` explains each.

/// How urgent a line is (RFC 5424 section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogSeverity {
    /// Somebody must look after it.
    Error = 3,
    /// Something was lost.
    Warning = 4,
    /// Worth reading.
    Notice = 5,
    /// As it should be.
    Info = 6,
}

/// Word, severity and MESSAGE_ID.
pub type Event = (&'static str, SyslogSeverity, &'static str);

/// All events.
#[rustfmt::skip]
pub const EVENTS: [Event; 34] = [
    ("accepted", SyslogSeverity::Info, "f61d6ae9ed7939293ea0d85b3417bbb8"),
    ("refused", SyslogSeverity::Notice, "b3368f1c267bb9510a687c6a3c7d69c0"),
    ("not-asked", SyslogSeverity::Info, "a1d129fd19326f786091d53c07fc0651"),
    ("error", SyslogSeverity::Error, "ae9c47fb1467eae5f013368ca8755261"),
    ("warning", SyslogSeverity::Error, "84d0a25afd89e1ae92a36f9e0c0ce501"),
    ("configuration", SyslogSeverity::Error, "1c74200955be903cf1596dd9c84bd069"),
    ("dropped", SyslogSeverity::Warning, "b24ccb38308c93f3072d8423af78ac75"),
    ("enrollment-begun", SyslogSeverity::Notice, "8f56b88bb81d0d5c863540130edd6813"),
    ("replacement-begun", SyslogSeverity::Notice, "2b0c2135bd5c1ed95be941ca5d1200c8"),
    ("confirmation-refused", SyslogSeverity::Notice, "a754b1f892eefa1374626dc046a16b78"),
    ("enrolled", SyslogSeverity::Notice, "b8df63eef5f78d28c9a6ce3f20553c70"),
    ("replaced", SyslogSeverity::Notice, "5b4a3a6b8390f4a2c2edfe4d0168f891"),
    ("enrollment-password-refused", SyslogSeverity::Notice, "f47c67831dc08694448283273881b02f"),
    ("enrollment-code-refused", SyslogSeverity::Notice, "b9f1685572450113951b2758b4a37359"),
    ("removed", SyslogSeverity::Notice, "a4484f1f29968ff226054b11dcfc519b"),
    ("resynchronized", SyslogSeverity::Notice, "3c86478ba7a37f344c7167d9667cb619"),
    ("recovery-codes-regenerated", SyslogSeverity::Notice, "5de307f389c6f06e9572dda1d94a9f02"),
    ("app-password-created", SyslogSeverity::Notice, "6b8f724861f7db65613aee5abf5c4e9f"),
    ("app-password-revoked", SyslogSeverity::Notice, "ddb666b8b81e579f32854fea8d46a8cf"),
    ("invited", SyslogSeverity::Notice, "ee07c2682c19acc08967d4c25fa9dbd4"),
    ("recovery-code-issued", SyslogSeverity::Notice, "09ac7fe97444f658b265ef388b5f4d8b"),
    ("suspended", SyslogSeverity::Notice, "06c7689bfbca7a0634215b7bee39a640"),
    ("resumed", SyslogSeverity::Notice, "ade1903369a4c82afdeb2c3093498957"),
    ("unlocked", SyslogSeverity::Notice, "42fed1b693933aa7875faa83743c379f"),
    ("reset", SyslogSeverity::Notice, "14f6c1cfde6b529d7b5d55a3c41d479a"),
    ("imported", SyslogSeverity::Notice, "5983ab472c9e73bd75f7e82ceed2b0d8"),
    ("restored", SyslogSeverity::Notice, "61baa0fc59f5bcbaaf355b84d8c287e1"),
    ("exported", SyslogSeverity::Notice, "d5b4d284c483efcf48ca505c124a1e30"),
    ("pruned", SyslogSeverity::Notice, "f184308f70514b3e09a05347dc83e0b3"),
    ("resealed", SyslogSeverity::Notice, "3987a323f45537edba891b3eb4415243"),
    ("policy-edited", SyslogSeverity::Notice, "87c295debde93ceae51a9f53114ce4ee"),
    ("change-applied", SyslogSeverity::Notice, "a02f76319bc0f8aa8a88ec41024ae38e"),
    ("change-confirmed", SyslogSeverity::Notice, "fb47159097f7229e7358a20543ead1fd"),
    ("change-reverted", SyslogSeverity::Notice, "580f98afe2b9df1fe782e292a13c739c"),
];

/// The event that a line with this first word tells of.
#[must_use]
pub fn find(word: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|(known, ..)| *known == word)
}

/// How urgent a line with this first word is. One that the table does not have is worth reading.
#[must_use]
pub fn severity(word: &str) -> SyslogSeverity {
    find(word).map_or(SyslogSeverity::Notice, |(_, severity, _)| *severity)
}

/// The table, one event a line.
#[must_use]
pub fn table() -> String {
    EVENTS.iter().map(|(word, severity, id)| format!("{word} {} {id}\n", *severity as u8)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The entries of a catalog file by their MESSAGE_ID.
    fn entries(catalog: &str) -> BTreeMap<&str, &str> {
        catalog.split("\n-- ").skip(1).map(|entry| entry.split_once('\n').unwrap()).collect()
    }

    #[test]
    fn the_catalog_explains_each_event_and_no_other() {
        let catalog = include_str!("../../../packaging/systemd/twostep.catalog");
        let explained = entries(catalog);
        let known: BTreeSet<&str> = EVENTS.iter().map(|(.., id)| *id).collect();
        assert_eq!(explained.keys().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(known.len(), EVENTS.len(), "an id stands for one event");
        for (id, entry) in explained {
            let (head, text) = entry.split_once("\n\n").unwrap();
            assert!(head.starts_with("Subject: ") && head.contains("\nDefined-By: twostep\n"), "{id}");
            assert!(text.trim().ends_with(['.', ')']) || text.contains("twostep admin"), "{id}");
        }
        assert!(known.iter().all(|id| id.len() == 32 && protocol::hex::decode(id).is_some()));
    }

    #[test]
    fn the_catalog_names_commands_that_there_are() {
        let catalog = include_str!("../../../packaging/systemd/twostep.catalog");
        let commands = include_str!("../../../docs/commands.md");
        let named = catalog.split("twostep admin ").skip(1).map(|rest| rest.split([' ', '`', '\n']).next().unwrap());
        assert!(named.clone().count() > 3);
        for name in named {
            assert!(commands.contains(&format!("\n## twostep admin {name}\n")), "{name}");
        }
    }

    #[test]
    fn the_guide_lists_each_event_and_no_other() {
        let guide = include_str!("../../../docs/log.md");
        let listed = guide.split("## Reasons").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: BTreeSet<&str> = listed.map(|row| row.split('`').next().unwrap()).collect();
        assert_eq!(listed, EVENTS.iter().map(|(word, ..)| *word).collect());
    }

    #[test]
    fn who_is_refused_is_worth_reading_and_a_failure_needs_somebody() {
        assert_eq!(severity("accepted"), SyslogSeverity::Info);
        assert_eq!(severity("enrollment-code-refused"), SyslogSeverity::Notice);
        assert_eq!(severity("what a later version says"), SyslogSeverity::Notice);
        assert_eq!(severity("configuration"), SyslogSeverity::Error);
    }

    #[test]
    fn the_table_is_printed_whole() {
        assert_eq!(table().lines().count(), EVENTS.len());
        assert!(table().starts_with("accepted 6 "));
    }
}
