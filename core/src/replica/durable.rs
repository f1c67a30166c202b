//! What must survive a crash, and how a replica starts from it.
//!
//! | record | is durable before this leaves | because otherwise, after a crash, |
//! |---|---|---|
//! | `PrePrepare` | the pre-prepare (primary), the prepare (backup) | it could vote for another batch at that position |
//! | `Prepared` | the commit | it could forget, in a view change, what others may have committed |
//! | `ViewChange` | the view change | it could vote on in a view that it left, or send a second, different view change |
//! | `NewView` | the new view (primary), the prepares for O (backup) | it could enter the view with another O |
//! | `Checkpoint` | the checkpoint | it could vote for another state there, should it execute another history |
//! | `Forgot` | anything | it could take an empty memory for a true one |
//! | `Batch` | the commit | it could hold a certificate and not show what it is for |
//! | `Stable` | nothing | it would have to fetch the state again |
//! | `Ended` | the checkpoint at an epoch's end | who follows its certificate might find the state nowhere |
//! | `Raft` | see [`raft::Record`] | |
//! | `EpochEnd` | anything of the new epoch | it could go on in an epoch that is over |
//! | `Evidence` | the word that it is spread by | (others would have to tell it again) |
//! | `Fetched` | nothing, and nothing waits for it | (it would have to fetch those parts of the state again) |

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    epochs::EpochEnd,
    gathering::{gather_fetched, gather_stable},
    machine::Replica,
    ordering::{News, Ordering, each},
    outbox::Outbox,
    shell::Shell,
};
use crate::{
    app::Application,
    config::BadConfig,
    crypto::{Authenticator, Digest, Signed},
    detector::evidence::Evidence,
    event::EventKind,
    ids::{Epoch, NodeId, Seq},
    pbft::{
        Batch, Checkpoint, CheckpointCertificate, Config, NewView, PrePrepare, PreparedCertificate,
        StateNode, ViewChange,
    },
    quorum::Membership,
    raft::{self, LogGap},
    sorted::SortedSet,
    state::{Content, Damage, Found, Tree, assemble},
    time::Time,
};

/// One durable fact. Replicas trust their own disk: records are not verified again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A proposal was accepted, or made.
    PrePrepare(Arc<Signed<PrePrepare>>, Arc<Batch>),
    /// A position prepared.
    Prepared(PreparedCertificate),
    /// The replica left its view with this message.
    ViewChange(Arc<Signed<ViewChange>>),
    /// The replica entered a view.
    NewView(Arc<Signed<NewView>>),
    /// The content of a proposal that came without it.
    Batch(Arc<Batch>),
    /// A checkpoint became stable. With it the nodes of its state that the last stable one's
    /// doesn't have.
    Stable(CheckpointCertificate, Arc<Vec<StateNode>>),
    /// The disk had lost something: this life begins without any memory of votes.
    Forgot(u64),
    /// The state at the end of an epoch, before it is stable.
    Ended {
        /// The epoch's last position.
        seq: Seq,
        /// The state's digest.
        root: Digest,
        /// All of it: it must not depend on what else is kept.
        nodes: Arc<Vec<StateNode>>,
    },
    /// An epoch ended, and the next began.
    EpochEnd(Arc<EpochEnd>),
    /// The replica voted for a checkpoint.
    Checkpoint(Checkpoint),
    /// What Raft must not forget of an epoch that it orders.
    Raft(Epoch, raft::Record<Arc<Batch>>),
    /// Somebody was proven guilty: the node's, not the replica's (see [`node`](crate::node)).
    Evidence(Arc<Evidence>),
    /// Parts of a state that is being fetched.
    Fetched {
        /// Of the checkpoint at this position.
        seq: Seq,
        /// The state's digest.
        root: Digest,
        /// Those that came. Each proves itself by its digest, to whoever reads it too.
        nodes: Arc<Vec<StateNode>>,
    },
}

impl Record {
    /// Drops what later records make useless, so that a disk's contents stay bounded: everything
    /// about positions up to the last stable checkpoint, and all but the last view. What is left
    /// is in the order in which it must be read.
    #[must_use]
    pub fn compact(mut records: Vec<Self>) -> Vec<Self> {
        gather_stable(&mut records);
        let forgot = records.iter().rposition(|record| matches!(record, Self::Forgot(_)));
        let stable = |record: &Self| match record {
            Self::Stable(certificate, _) => Some(certificate.seq()),
            _ => None,
        };
        let low = records.iter().filter_map(stable).max().unwrap_or(Seq(0));
        let epoch = records.iter().filter_map(Self::leads_to).max().unwrap_or(Epoch(0));
        let current = |record: &Self| record.said_in().is_none_or(|said| said == epoch);
        let is_view = |record: &Self| {
            matches!(record, Self::ViewChange(_) | Self::NewView(_)) && current(record)
        };
        let last_view = records.iter().rposition(is_view);
        let last_new_view = records
            .iter()
            .rposition(|record| matches!(record, Self::NewView(_)) && current(record));
        let mut at = 0..;
        let mut kept = records;
        kept.retain(|record| {
            let at = at.next();
            // Votes of an earlier life are not to be relied on; what proves itself is.
            if at < forgot
                && !matches!(
                    record,
                    Self::Stable(..) | Self::EpochEnd(_) | Self::Evidence(_) | Self::Fetched { .. }
                )
            {
                return false;
            }
            match record {
                Self::PrePrepare(header, _) => header.body.seq > low && current(record),
                Self::Prepared(certificate) => {
                    certificate.pre_prepare.body.seq > low && current(record)
                }
                Self::Checkpoint(said) => said.seq > low && current(record),
                Self::Ended { seq, .. } | Self::Fetched { seq, .. } => *seq > low,
                Self::ViewChange(_) | Self::NewView(_) => at == last_view || at == last_new_view,
                Self::Raft(said, _) => *said == epoch,
                Self::Batch(_) | Self::Forgot(_) | Self::EpochEnd(_) | Self::Evidence(_) => true,
                Self::Stable(certificate, _) => certificate.seq() == low,
            }
        });
        gather_fetched(&mut kept);
        // A content is worth keeping while a certificate or the view's obligations name it.
        let mut named = SortedSet::new();
        for record in &kept {
            match record {
                Self::Prepared(certificate) => {
                    named.insert(certificate.pre_prepare.body.digest);
                }
                Self::NewView(new_view) => {
                    let owed = new_view.body.pre_prepares.iter().map(|header| header.body);
                    named.extend(owed.filter(|it| it.seq > low).map(|it| it.digest));
                }
                _ => {}
            }
        }
        kept.retain(|record| match record {
            Self::Batch(batch) => named.contains(&batch.digest()),
            _ => true,
        });
        // The checkpoint comes first: it sets the water marks between which the others belong,
        // and some of those were written before it, under earlier marks.
        // Before it come the epochs, which say whose signatures count, and the life that the state
        // may name; contents come last, when all is there that names them.
        kept.sort_by_key(|record| match record {
            Self::EpochEnd(_) | Self::Forgot(_) => 0,
            Self::Stable(..) => 1,
            Self::Batch(_) => 3,
            _ => 2,
        });
        compact_raft(kept, epoch)
    }

    /// The epoch in which it was said, and outside of which it means nothing.
    fn said_in(&self) -> Option<Epoch> {
        match self {
            Self::PrePrepare(header, _) => Some(header.body.epoch),
            Self::Prepared(certificate) => Some(certificate.pre_prepare.body.epoch),
            Self::ViewChange(change) => Some(change.body.epoch),
            Self::NewView(new_view) => Some(new_view.body.epoch),
            Self::Checkpoint(said) => Some(said.epoch),
            Self::Raft(said, _) => Some(*said),
            Self::Batch(_)
            | Self::Stable(..)
            | Self::Forgot(_)
            | Self::Ended { .. }
            | Self::EpochEnd(_)
            | Self::Evidence(_)
            | Self::Fetched { .. } => None,
        }
    }

    fn as_end(&self) -> Option<&EpochEnd> {
        match self {
            Self::EpochEnd(end) => Some(end),
            _ => None,
        }
    }

    /// The epoch that a replica is in at least once it has read this.
    fn leads_to(&self) -> Option<Epoch> {
        match self {
            Self::EpochEnd(end) => Some(end.next.members.epoch()),
            other => other.said_in(),
        }
    }
}

/// Leaves of Raft's records of this epoch those that stand for all of them. Records with a gap are
/// left as they are: whoever restores from them says what is wrong.
fn compact_raft(mut records: Vec<Record>, epoch: Epoch) -> Vec<Record> {
    let start = records.iter().rev().find_map(|record| match record {
        Record::EpochEnd(end) => Some(end.next.members.start()),
        _ => None,
    });
    let of_raft = records.iter().filter_map(|record| match record {
        Record::Raft(_, record) => Some(record.clone()),
        _ => None,
    });
    if let Ok(compact) = raft::Record::compact(start.unwrap_or(Seq(0)), of_raft)
        && !compact.is_empty()
    {
        records.retain(|record| !matches!(record, Record::Raft(..)));
        records.extend(compact.into_iter().map(|record| Record::Raft(epoch, record)));
    }
    records
}

/// The state that nodes from a disk make, each of them checked: disks change bytes.
fn tree_of(root: Digest, nodes: &[StateNode]) -> Result<Tree, Damage> {
    let intact = nodes.iter().filter(|node| Digest::of_bytes(&node.bytes) == node.digest);
    let mut contents: Vec<_> =
        intact.filter_map(|node| Some((node.digest, Content::decode(&node.bytes)?))).collect();
    contents.sort_unstable_by_key(|(digest, _)| *digest);
    let find = |digest| contents.binary_search_by_key(&digest, |(known, _)| *known).ok();
    assemble(root, &|_, digest| find(digest).map(|at| Found::Content(&contents[at].1)))
}

/// Records from which no replica can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The configuration can't work.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// The state of a checkpoint isn't what a quorum signed: the disk lost or changed some of it,
    /// or the data belongs to another application.
    #[error("the state of the checkpoint at {seq} can't be restored: {why}")]
    State {
        /// Which checkpoint.
        seq: Seq,
        /// What is wrong.
        why: Damage,
    },
    /// The disk lost some of Raft's log.
    #[error(transparent)]
    Log(#[from] LogGap),
}

impl<A: Application> Replica<A> {
    /// A replica as it was when it last made its records durable. It neither contradicts what it
    /// said nor forgets what it prepared; what it had executed beyond its last stable checkpoint
    /// it executes again once others show the proof.
    pub fn restore(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        genesis: A,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let mut replica = Self::new(id, members, config, authenticator, genesis)?;
        replica.shell.is_reading = true;
        let records = Record::compact(records.into_iter().collect());
        let ends = records.iter().filter_map(Record::as_end).map(EpochEnd::epoch);
        let ends: SortedSet<_> = ends.collect();
        for record in records {
            replica.replay(record)?;
        }
        replica.restored(&ends)?;
        Ok(replica)
    }

    /// A replica whose disk lost something that was safe. Of what is left it uses the latest
    /// stable checkpoint, which proves itself, and says nothing that counts until an epoch knows it by
    /// this life.
    ///
    /// `life` must be higher than at every start before: a host that has a clock uses it.
    pub fn restore_damaged(
        id: NodeId,
        members: Membership,
        config: Config,
        authenticator: Arc<dyn Authenticator>,
        genesis: A,
        records: impl IntoIterator<Item = Record>,
        life: u64,
    ) -> Result<Self, RestoreError> {
        let mut records: Vec<_> = records.into_iter().collect();
        records.push(Record::Forgot(life));
        let restore = move |records| {
            let (config, authenticator) = (config.clone(), authenticator.clone());
            Self::restore(id, members, config, authenticator, genesis.clone(), records)
        };
        let mut replica = match restore(records.clone()) {
            // Of the state something is missing: it is fetched anew, like everything else.
            Err(RestoreError::State { .. }) => {
                records.retain(|record| !matches!(record, Record::Stable(..)));
                restore(records)?
            }
            restored => restored?,
        };
        replica.shell.outbox.persist(Record::Forgot(life));
        Ok(replica)
    }

    fn replay(&mut self, record: Record) -> Result<(), RestoreError> {
        let Self { shell, order } = self;
        if record.said_in().is_some_and(|said| said != shell.epoch()) {
            return Ok(());
        }
        match record {
            Record::Stable(certificate, nodes) => {
                let (seq, root) = (certificate.seq(), certificate.digest());
                let tree = shell.load(seq, root, &nodes)?;
                shell.low = shell.low.max(seq);
                shell.stable = Some((certificate.clone(), tree));
                each!(order, it => it.begin_after(shell));
                shell.after_stable(&certificate);
                self.turn();
                if self.shell.news.pop_front() == Some(News::Arrived) {
                    self.resume();
                }
                self.take_part();
            }
            Record::Forgot(life) => {
                shell.memory.life = life;
                shell.look_up_life();
            }
            Record::Ended { seq, root, nodes } if seq > shell.executed => {
                shell.load(seq, root, &nodes)?;
                shell.keep_own();
                each!(order, it => it.begin_after(shell));
            }
            Record::EpochEnd(end) if end.epoch() == shell.epoch() => self.begin(end),
            Record::Checkpoint(said) => shell.checkpoints.remember(said),
            Record::Fetched { root, nodes, .. } => shell.kept.read(root, &nodes),
            Record::Ended { .. } | Record::EpochEnd(_) | Record::Evidence(_) => {}
            record => {
                each!(order, it => it.replay(shell, record));
                // What became stable with it, its ordering knows.
                shell.news.clear();
                self.turn();
            }
        }
        Ok(())
    }

    /// After a start from disk: ask at once what was missed.
    fn restored(&mut self, ends: &SortedSet<Epoch>) -> Result<(), RestoreError> {
        let Self { shell, order } = self;
        shell.is_reading = false;
        // What replaying wanted written is what was read, but for ends of epochs.
        shell.outbox = Outbox::default();
        shell.write_missing_ends(ends);
        shell.status_at = Time::ZERO;
        if shell.is_recovering() {
            shell.event(EventKind::Recovering { life: shell.memory.life });
            return Ok(());
        }
        shell.vote_again();
        Ok(each!(order, it => it.restored(shell))?)
    }
}

impl<A: Application> Shell<A> {
    /// Whoever crashed between an epoch's last checkpoint and the end that it proves has read of the
    /// epoch's end, and not its proof. Once there is a later checkpoint nothing else would tell of it,
    /// and all that was said since would be taken for another epoch's.
    fn write_missing_ends(&mut self, written: &SortedSet<Epoch>) {
        for end in self.chain.iter().filter(|end| !written.contains(&end.epoch())) {
            self.outbox.persist(Record::EpochEnd(end.clone()));
        }
    }

    fn load(&mut self, seq: Seq, root: Digest, nodes: &[StateNode]) -> Result<Tree, RestoreError> {
        let tree = tree_of(root, nodes)
            .and_then(|tree| self.install(&tree).map(|()| tree))
            .map_err(|why| RestoreError::State { seq, why })?;
        self.learn_keys();
        self.executed = seq;
        Ok(tree)
    }
}
