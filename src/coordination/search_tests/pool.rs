//! Names for what comes up again and again, and a set of worlds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Quick, and the same in every run.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u128(&mut self, word: u128) {
        self.write(&word.to_le_bytes());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(super) type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// Things that are told apart by their keys, each kept once.
pub(super) struct Pool<K, V> {
    ids: Map<K, u16>,
    pub(super) values: Vec<V>,
}

impl<K: Hash + Eq, V> Pool<K, V> {
    pub(super) fn new() -> Self {
        Self {
            ids: Map::default(),
            values: Vec::new(),
        }
    }

    /// The name of what has this key; the first to come with it stands for all.
    pub(super) fn id(&mut self, key: K, value: impl FnOnce() -> V) -> u16 {
        let next = u16::try_from(self.values.len()).expect("few parts differ");
        *self.ids.entry(key).or_insert_with(|| {
            self.values.push(value());
            next
        })
    }

    pub(super) fn get(&self, id: u16) -> &V {
        &self.values[usize::from(id)]
    }
}

/// What has been found, in the order in which it was, and each once.
pub(super) struct Found<T> {
    pub(super) all: Vec<T>,
    /// Places in `all`, from 1; open addressing, never more than half full.
    table: Vec<u32>,
}

impl<T: Hash + Eq> Found<T> {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            table: vec![0; 1 << 10],
        }
    }

    /// Whether it is new.
    pub(super) fn add(&mut self, item: T) -> bool {
        let mut at = self.slot(&item);
        while self.table[at] != 0 {
            if self.all[self.table[at] as usize - 1] == item {
                return false;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
        self.all.push(item);
        self.table[at] = u32::try_from(self.all.len()).unwrap();
        if self.all.len() * 2 > self.table.len() {
            self.grow();
        }
        true
    }

    fn slot(&self, item: &T) -> usize {
        let mut mix = Mix::default();
        item.hash(&mut mix);
        usize::try_from(mix.finish()).unwrap() & (self.table.len() - 1)
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 4];
        for place in 0..self.all.len() {
            let mut at = self.slot(&self.all[place]);
            while self.table[at] != 0 {
                at = (at + 1) & (self.table.len() - 1);
            }
            self.table[at] = u32::try_from(place + 1).unwrap();
        }
    }
}
