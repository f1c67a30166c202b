//! Proofs in a file.

use super::*;
use crate::{
    detector::evidence::{NotProven, OffenceKind},
    node::{BadExport, Export, MAX_EXPORT_BYTES},
};

fn stranger() -> Arc<Simulated> {
    Arc::new(Simulated::new(Principal::Client(crate::ids::ClientId(9)), 7))
}

#[test]
fn what_a_node_exports_convinces_whoever_has_the_keys() {
    let mut one = One::new();
    one.hear(3, Message::Evidence(against(2).into()));
    let file = one.node.export().encode();
    let judged = Export::decode(&file).unwrap().judge(four(), stranger()).unwrap();
    let [(evidence, Ok(offence))] = &judged[..] else { panic!("{judged:?}") };
    assert_eq!((offence.by, offence.kind), (NodeId(2), OffenceKind::TwoPrepares));
    let said = evidence.statements();
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|it| it.by == Principal::Node(NodeId(2))));
    assert!(said.iter().all(|it| it.what.seq == Some(Seq(3)) && it.what.view == Some(View(0))));
    assert_ne!(said[0].what.digest, said[1].what.digest);
}

#[test]
fn other_keys_and_other_memberships_are_convinced_of_nothing() {
    let mut one = One::new();
    one.hear(3, Message::Evidence(against(2).into()));
    let export = one.node.export();
    let other = Arc::new(Simulated::new(Principal::Client(crate::ids::ClientId(9)), 8));
    let judged = export.judge(four(), other).unwrap();
    assert_eq!(judged[0].1, Err(NotProven::Signature { by: Principal::Node(NodeId(2)) }));
    let later = Prepare { epoch: Epoch(3), view: View(0), seq: Seq(1), digest: Digest::default() };
    let [a, b] =
        [1, 2].map(|of: u8| Signed::new(Prepare { digest: Digest::of(&of), ..later }, &*keys(2)));
    let unknown = Export { proofs: alloc::vec![Evidence::Prepares(a, b).into()], ..export };
    let judged = unknown.judge(four(), stranger()).unwrap();
    let (found, expected) = (Epoch(3), Epoch(0));
    assert_eq!(judged[0].1, Err(NotProven::Epoch { found, expected }));
}

#[test]
fn a_file_is_read_whole_or_not_at_all() {
    let mut one = One::new();
    one.hear(3, Message::Evidence(against(2).into()));
    let file = one.node.export().encode();
    for end in 0..file.len() {
        assert!(Export::decode(&file[..end]).is_err(), "cut off after {end}");
    }
    let longer = [&file[..], &[0]].concat();
    assert_eq!(Export::decode(&longer), Err(BadExport::Malformed));
    assert_eq!(Export::decode(b"something else"), Err(BadExport::Header));
    let found = MAX_EXPORT_BYTES + 1;
    assert_eq!(Export::decode(&alloc::vec![0; found]), Err(BadExport::TooLong { found }));
    // What was changed anywhere is no file, or proves nothing.
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 4;
        let proven = Export::decode(&changed).ok().and_then(|it| it.judge(four(), stranger()).ok());
        let proven = proven.into_iter().flatten().filter(|(_, verdict)| verdict.is_ok());
        assert_eq!(proven.count(), 0, "byte {at}");
    }
}
