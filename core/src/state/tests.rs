//! The rules of the tree.

use alloc::{collections::BTreeMap, format, vec, vec::Vec};

use super::*;
use crate::{crypto::Digest, sorted::SortedMap};

fn piece(index: u32) -> PieceId {
    PieceId { section: Section::Application, index }
}

fn pieces(range: impl IntoIterator<Item = u32>) -> SortedMap<PieceId, Option<Vec<u8>>> {
    range.into_iter().map(|index| (piece(index), Some(format!("piece {index}").into()))).collect()
}

/// Every node by digest, as a peer or a disk would have it.
fn contents(tree: &Tree) -> BTreeMap<Digest, Content> {
    by_digest(tree.nodes_new_to(None))
}

fn by_digest(nodes: Vec<(Digest, Vec<u8>)>) -> BTreeMap<Digest, Content> {
    let content = |(digest, bytes): (Digest, Vec<u8>)| {
        assert_eq!(digest, Digest::of_bytes(&bytes), "a node goes by its own digest");
        (digest, Content::decode(&bytes).unwrap())
    };
    nodes.into_iter().map(content).collect()
}

fn assembled(root: Digest, from: &BTreeMap<Digest, Content>) -> Result<Tree, Damage> {
    assemble(root, &|_, digest| from.get(&digest).map(Found::Content))
}

#[test]
fn a_state_has_one_digest_however_it_came_about() {
    let at_once = Tree::default().update(pieces(0..500)).tree;
    let mut by_and_by = Tree::default().update(pieces(600..700)).tree;
    for index in (0..500).rev() {
        by_and_by = by_and_by.update(pieces([index])).tree;
    }
    let gone = (600..700).map(|index| (piece(index), None)).collect();
    by_and_by = by_and_by.update(gone).tree;
    assert_eq!(at_once, by_and_by);
    assert_ne!(at_once, Tree::default().update(pieces(0..499)).tree);
    assert_eq!(at_once.totals(), by_and_by.totals());
}

#[test]
fn emptying_everything_gives_the_empty_state() {
    let tree = Tree::default().update(pieces([7])).tree;
    assert_eq!(tree.update(SortedMap::from_iter([(piece(7), None)])).tree, Tree::default());
    assert_eq!(tree.update(SortedMap::from_iter([(piece(8), None)])).tree, tree);
}

#[test]
fn what_a_checkpoint_hashes_is_proportional_to_what_changed_not_to_the_state() {
    let full = Tree::default().update(pieces(0..4_096)).tree;
    assert_eq!(full.totals().nodes, 4_096 + 256 + 16 + 1 + 1);
    let change = |count: u32| {
        let all = (0..count).map(|k| (piece(k * 4_096 / count), Some(vec![1]))).collect();
        full.update(all).hashed
    };
    assert_eq!(change(1), 5, "the piece, three levels of its section, the root");
    assert!(change(10) <= 50 && change(100) <= 500, "{} and {}", change(10), change(100));
    assert_eq!(full.update(SortedMap::new()).hashed, 0);
    // The same content again: its piece must be looked at, nothing above it.
    assert_eq!(full.update(pieces([7])).hashed, 1);
}

#[test]
fn two_states_differ_in_exactly_the_pieces_that_differ() {
    let old = Tree::default().update(pieces(0..100)).tree;
    let mut changes = pieces([200]);
    changes.insert(piece(3), Some(b"other".to_vec()));
    changes.insert(piece(99), None);
    changes.insert(PieceId { section: Section::Membership, index: 0 }, Some(vec![4]));
    let new = old.update(changes.clone()).tree;
    let expected: Vec<_> = changes.keys().copied().collect();
    assert_eq!(new.differences(&old), expected);
    assert_eq!(old.differences(&new), expected);
    for (id, content) in changes {
        assert_eq!(new.piece(id), content);
    }
    assert_eq!(new.piece(piece(4)), Some(b"piece 4".to_vec()));
}

#[test]
fn a_state_is_assembled_from_the_nodes_that_are_new_and_what_was_there() {
    let old = Tree::default().update(pieces(0..300)).tree;
    let new = old.update(SortedMap::from_iter([(piece(5), Some(vec![9]))])).tree;
    let travels = new.nodes_new_to(Some(&old));
    assert_eq!(travels.len(), 5);
    let fetched = by_digest(travels);
    let found = |path: &Path, digest| {
        let own = || old.find(path, digest).cloned().map(Found::Whole);
        fetched.get(&digest).map(Found::Content).or_else(own)
    };
    let tree = assemble(new.digest(), &found).unwrap();
    assert_eq!(tree.differences(&new), []);
    assert_eq!(tree.totals(), new.totals());
    assert_eq!(tree.piece(piece(5)), Some(vec![9]));
}

#[test]
fn a_state_with_a_missing_node_is_damage_that_says_what_is_missing() {
    let tree = Tree::default().update(pieces(0..20)).tree;
    let mut nodes = contents(&tree);
    assert_eq!(assembled(tree.digest(), &nodes), Ok(tree.clone()));
    let digest = tree.node(&piece(4).path()).unwrap().digest();
    nodes.remove(&digest);
    assert_eq!(assembled(tree.digest(), &nodes), Err(Damage::Missing { digest }));
}

#[test]
fn a_piece_longer_than_a_leaf_is_many_nodes_none_of_them_long() {
    let long: Vec<u8> = (0..40 * MAX_LEAF_BYTES + 7).map(|at| (at % 251) as u8).collect();
    let tree = Tree::default().update(SortedMap::from_iter([(piece(1), Some(long.clone()))])).tree;
    let nodes = tree.nodes_new_to(None);
    assert!(nodes.iter().all(|(_, node)| node.len() <= MAX_NODE_BYTES));
    assert!(nodes.len() > 41);
    let again = assembled(tree.digest(), &contents(&tree)).unwrap();
    assert_eq!(again.piece(piece(1)), Some(long));
}

#[test]
fn every_node_is_canonical_and_nothing_else_is_read() {
    let tree = Tree::default().update(pieces(0..40)).tree;
    for (_, node) in tree.nodes_new_to(None) {
        assert!(Content::decode(&node).is_some());
    }
    let root = tree.node(&Path::default()).unwrap().encode();
    let swapped = [&root[..1], &[2], &root[2..34], &[1], &root[2..34]].concat();
    for bytes in [&[][..], &[2], &root[..root.len() - 1], &swapped, &vec![0; MAX_NODE_BYTES + 1]] {
        assert_eq!(Content::decode(bytes), None);
    }
}

#[test]
fn nodes_that_name_themselves_too_deep_are_damage_not_a_stack_overflow() {
    let endless = Content::Inner(vec![(0, Digest([7; 32]))]);
    let result = assemble(Digest([7; 32]), &|_, _| Some(Found::Content(&endless)));
    assert_eq!(result, Err(Damage::TooDeep { digest: Digest([7; 32]) }));
}

#[test]
fn the_paths_of_pieces_are_distinct_and_lead_back() {
    for section in [Section::Application, Section::Sessions, Section::Agreed, Section::Membership] {
        for index in 0..section.pieces() {
            let id = PieceId { section, index };
            assert_eq!(super::layout::PieceId::at(&id.path().0), Some(id));
        }
    }
}
