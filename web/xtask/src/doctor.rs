//! `cargo xtask doctor`: what this machine has of what Conclave needs. Changes nothing.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    apt,
    browser::Browser,
    process, say,
    say::{Paint, paint},
    toolchain::{self, WASM},
    workspace::Workspace,
};

/// Prints what is there and what is missing. Fails if something is missing that nobody can install.
pub(crate) fn report(workspace: &Workspace) -> Result<ExitCode> {
    let mut sound = true;
    let mut line = |name: &str, found: std::result::Result<String, String>, needed: bool| {
        let (mark, text) = match found {
            Ok(text) => (paint("ok     ", Paint::Good), text),
            Err(text) if needed => {
                sound = false;
                (paint("missing", Paint::Bad), text)
            }
            Err(text) => ("without".to_owned(), text),
        };
        println!("{mark}  {name:<22} {text}");
    };

    for (name, program, arguments, advice) in [
        ("Rust", "rustc", &["--version"][..], "install Rust from https://rustup.rs"),
        ("C compiler", "cc", &["--version"], "install gcc or clang"),
        ("rustfmt", "cargo-fmt", &["--version"], "`rustup component add rustfmt`"),
        ("clippy", "cargo-clippy", &["--version"], "`rustup component add clippy`"),
    ] {
        let mut command = workspace.command(program);
        command.args(arguments);
        let found = process::ask(command, program, process::QUESTION_LIMIT)
            .map(|said| said.lines().next().unwrap_or_default().to_owned())
            .map_err(|_| advice.to_owned());
        line(name, found, true);
    }

    let can_install = apt::can_install();
    let found = toolchain::look(workspace)?.map(|toolchain| toolchain.to_string());
    let missing = if can_install || apt::find_program("rustup").is_some() {
        "not here; `cargo xtask` will fetch or install it"
    } else {
        "`rustup target add wasm32-unknown-unknown`"
    };
    line(WASM, found.ok_or_else(|| missing.to_owned()), !can_install);
    let missing = if can_install {
        "not here; `cargo xtask test` will install it"
    } else {
        "install Chromium and chromedriver"
    };
    let browser = Browser::find().map(|browser| browser.to_string());
    line("browser for tests", browser.ok_or_else(|| missing.to_owned()), !can_install);
    for (program, otherwise) in [
        ("cargo-nextest", "tests run one crate after the other, with `cargo test`"),
        ("wasm-opt", "the lab is a little larger"),
    ] {
        let found = apt::find_program(program).map(|path| path.display().to_string());
        line(program, found.ok_or_else(|| otherwise.to_owned()), false);
    }
    if sound {
        return Ok(ExitCode::SUCCESS);
    }
    say::step("Something is missing; the lines above say what to do.");
    Ok(ExitCode::FAILURE)
}
