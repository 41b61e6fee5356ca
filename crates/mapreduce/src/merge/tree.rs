//! A loser tree: which of many sorted runs has the smallest key next, in one comparison for each level.

/// Keeps the order of `n` players; who beats whom is asked when it matters.
#[derive(Debug, Default)]
pub(crate) struct LoserTree {
    /// At 0 the winner, at every other node who lost there.
    nodes: Vec<usize>,
}

impl LoserTree {
    /// Plays all against each other.
    pub(crate) fn new(players: usize, beats: impl Fn(usize, usize) -> bool) -> Self {
        let mut nodes = vec![0; players.max(1)];
        // Leaf `i` stands at `players + i`; `winners` is who comes up from each node.
        let mut winners = vec![0; 2 * players.max(1)];
        for player in 0..players {
            winners[players + player] = player;
        }
        for node in (1..players).rev() {
            let (a, b) = (winners[2 * node], winners[2 * node + 1]);
            let (winner, loser) = if beats(a, b) { (a, b) } else { (b, a) };
            winners[node] = winner;
            nodes[node] = loser;
        }
        nodes[0] = if players > 1 { winners[1] } else { 0 };
        Self { nodes }
    }

    /// Who has the smallest.
    #[inline]
    pub(crate) fn winner(&self) -> usize {
        self.nodes[0]
    }

    /// The winner has changed: finds the new one.
    #[inline]
    pub(crate) fn replay(&mut self, beats: impl Fn(usize, usize) -> bool) {
        let mut winner = self.nodes[0];
        let mut node = (self.nodes.len() + winner) / 2;
        while node > 0 {
            if beats(self.nodes[node], winner) {
                std::mem::swap(&mut self.nodes[node], &mut winner);
            }
            node /= 2;
        }
        self.nodes[0] = winner;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merges_like_a_sort(mut runs in proptest::collection::vec(proptest::collection::vec(0u8..9, 0..12), 1..20)) {
            let mut expected = Vec::new();
            for (number, run) in runs.iter_mut().enumerate() {
                run.sort_unstable();
                expected.extend(run.iter().map(|v| (*v, number)));
                run.reverse();
            }
            expected.sort_unstable();
            let beats = |runs: &Vec<Vec<u8>>, a: usize, b: usize| match (runs[a].last(), runs[b].last()) {
                (None, _) => false,
                (_, None) => true,
                (Some(x), Some(y)) => (x, a) < (y, b),
            };
            let mut tree = LoserTree::new(runs.len(), |a, b| beats(&runs, a, b));
            let mut merged = Vec::new();
            while let Some(value) = runs[tree.winner()].pop() {
                merged.push((value, tree.winner()));
                tree.replay(|a, b| beats(&runs, a, b));
            }
            prop_assert_eq!(merged, expected);
        }
    }
}
