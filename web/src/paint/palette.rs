//! Colours: the custom properties of the style sheet, so that there is one source for both.

use conclave_core::pbft::MessageKind;

/// The colours of the current theme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Palette {
    pub(crate) panel: String,
    pub(crate) sunken: String,
    pub(crate) ink: String,
    pub(crate) ink2: String,
    pub(crate) ink3: String,
    pub(crate) line: String,
    pub(crate) accent: String,
    pub(crate) crown: String,
    pub(crate) lie: String,
    pub(crate) cut: String,
    pub(crate) bad: String,
    pub(crate) good: String,
    pub(crate) phases: [String; 4],
    pub(crate) on_phases: [String; 4],
    pub(crate) client: String,
    pub(crate) pre_prepare: String,
    pub(crate) prepare: String,
    pub(crate) commit: String,
    pub(crate) view_change: String,
    pub(crate) checkpoint: String,
    pub(crate) repair: String,
}

impl Palette {
    /// Reads it from the page.
    pub(crate) fn read() -> Option<Self> {
        let window = web_sys::window()?;
        let root = window.document()?.document_element()?;
        let style = window.get_computed_style(&root).ok()??;
        let get = |name: &str| {
            style.get_property_value(name).map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        Some(Self {
            panel: get("--panel"),
            sunken: get("--sunken"),
            ink: get("--ink"),
            ink2: get("--ink-2"),
            ink3: get("--ink-3"),
            line: get("--line"),
            accent: get("--accent"),
            crown: get("--crown"),
            lie: get("--lie"),
            cut: get("--cut"),
            bad: get("--bad"),
            good: get("--good"),
            phases: ["--phase-1", "--phase-2", "--phase-3", "--phase-4"].map(get),
            on_phases: ["--on-phase-1", "--on-phase-2", "--on-phase-3", "--on-phase-4"].map(get),
            client: get("--m-client"),
            pre_prepare: get("--m-pre-prepare"),
            prepare: get("--m-prepare"),
            commit: get("--m-commit"),
            view_change: get("--m-view-change"),
            checkpoint: get("--m-checkpoint"),
            repair: get("--m-repair"),
        })
    }

    /// The colour of a kind of message.
    pub(crate) fn of(&self, kind: MessageKind) -> &str {
        match kind {
            MessageKind::Request
            | MessageKind::Reply
            | MessageKind::Read
            | MessageKind::ReadReply
            | MessageKind::Busy => &self.client,
            MessageKind::PrePrepare | MessageKind::Append => &self.pre_prepare,
            MessageKind::Prepare | MessageKind::Appended => &self.prepare,
            MessageKind::Commit => &self.commit,
            MessageKind::ViewChange
            | MessageKind::NewView
            | MessageKind::Vote
            | MessageKind::Evidence => &self.view_change,
            MessageKind::Checkpoint
            | MessageKind::Stable
            | MessageKind::FetchState
            | MessageKind::State
            | MessageKind::EpochEnds
            | MessageKind::FetchEpochEnds => &self.checkpoint,
            MessageKind::Status
            | MessageKind::FetchBatch
            | MessageKind::Batch
            | MessageKind::Decided
            | MessageKind::Pace
            | MessageKind::RecoveryRequest
            | MessageKind::ReadIndex => &self.repair,
        }
    }
}
