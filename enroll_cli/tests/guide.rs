//! Every command of ours in the guide is one that the command line understands: in blocks and in sentences.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use protocol::request::{Request, Response};
use twostep_cli::arguments::Arguments;

fn pages() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut pages = ["README.md", "SECURITY.md", "packaging/pam/README", "packaging/config.toml"]
        .map(|name| top.join(name))
        .to_vec();
    let docs = fs::read_dir(top.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    pages
}

/// The words of a command line as a shell has them: quotes are taken off, and what ends a command ends it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '|' | '#' | ';' | '>' | '<' | '&') => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// What is typed of ours in a line: all of it, and what stands behind `sudo` or `&&`.
fn ours(line: &str) -> Vec<Vec<String>> {
    let typed = |part: &str| part.trim().trim_start_matches("sudo ").trim_start_matches("$ ").to_owned();
    let parts = line.split("&&").map(typed).filter(|part| part == "twostep" || part.starts_with("twostep "));
    parts.map(|part| words(&part)).collect()
}

/// Inline code that is a command, not the beginning of one.
fn inline(line: &str) -> Vec<Vec<String>> {
    line.split('`').skip(1).step_by(2).flat_map(ours).collect()
}

fn understood(words: &[String]) -> Result<(), clap::Error> {
    match Arguments::try_parse_from(words) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => Err(error),
        _ => Ok(()),
    }
}

#[test]
fn every_command_in_a_block_is_understood() {
    let mut seen = 0;
    for output in pages() {
        let mut is_shell = false;
        for line in fs::read_to_string(&output).unwrap().lines() {
            let line = line.trim();
            if let Some(words) = line.strip_prefix("```") {
                is_shell = words.starts_with("sh");
            } else if is_shell {
                for command in ours(line) {
                    understood(&command).unwrap_or_else(|error| panic!("{}: {line}\n{error}", output.display()));
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 80, "only {seen} commands were looked at");
}

/// A sentence may name a command without what it needs, `twostep app-password create`, so a part that is
/// missing is no mistake there; a word or flag that is not known is one.
#[test]
fn every_command_in_a_sentence_is_one() {
    let mut seen = 0;
    for output in pages() {
        let mut is_block = false;
        for line in fs::read_to_string(&output).unwrap().lines() {
            if line.trim().starts_with("```") {
                is_block = !is_block;
            } else if !is_block {
                for command in inline(&line.replace("\\|", "|")) {
                    let error = understood(&command).err().filter(|error| {
                        !matches!(
                            error.kind(),
                            ErrorKind::MissingRequiredArgument
                                | ErrorKind::MissingSubcommand
                                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        )
                    });
                    assert!(error.is_none(), "{}: {}\n{}", output.display(), command.join(" "), error.unwrap());
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 60, "only {seen} commands were looked at");
}

/// Each block of this kind, with the page that it is in.
fn blocks(kind: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for output in pages() {
        let text = fs::read_to_string(&output).unwrap();
        for block in text.split(&format!("```{kind}\n")).skip(1) {
            let (block, _) = block.split_once("```").unwrap();
            found.push((output.display().to_string(), block.to_owned()));
        }
    }
    found
}

#[test]
fn every_request_and_response_in_the_guide_is_one() {
    let (requests, responses) = (blocks("json request"), blocks("json response"));
    assert!(requests.len() >= 2 && responses.len() >= 2);
    for (output, text) in requests {
        let request = serde_json::from_str::<Request>(&text);
        assert!(matches!(request, Ok(Request::Login(_))), "{output}: {request:?}\n{text}");
    }
    for (output, text) in responses {
        let response = serde_json::from_str::<Response>(&text);
        assert!(matches!(response, Ok(Response::Ask(_) | Response::Done(_))), "{output}: {response:?}\n{text}");
    }
}

#[test]
fn a_command_that_is_none_is_found() {
    for line in [
        "twostep enrol",
        "twostep enroll --colour",
        "sudo twostep admin suspend alice --for 2",
        "cd x && twostep admin reprot",
    ] {
        let found = ours(line);
        assert_eq!(found.len(), 1, "{line}");
        assert!(understood(&found[0]).is_err(), "{line}");
    }
    assert_eq!(
        words("twostep app-password create \"laptop mail\" --service imap | x"),
        ["twostep", "app-password", "create", "laptop mail", "--service", "imap"]
    );
}
