//! A list that contexts share: what of it was read and written, element by element.

use core::hash::{Hash, Hasher};
use core::ops::{Deref, Index, IndexMut, Range};
use core::sync::atomic::{AtomicU64, Ordering};

use ringfence_base::Access;

use crate::tracked::{Sealed, Sealer, Tracked, Uses};

/// A list that contexts share. Each of the first `64 * WORDS - 1` elements is a resource, and all others together with
/// the length are one: adding an element touches none of those that there are.
///
/// By index, an element is touched; through a slice, or mutably as a whole, everything is.
pub(crate) struct SharedList<T, const WORDS: usize = 1> {
    list: Vec<T>,
    marks: Marks<WORDS>,
    /// Of all together; its fingerprint is that of the length.
    sealed: Sealed,
    /// Of each element.
    elements: Vec<Sealed>,
}

/// One bit for each resource.
struct Marks<const WORDS: usize> {
    read: [AtomicU64; WORDS],
    written: [u64; WORDS],
    changed: [u64; WORDS],
}

impl<const WORDS: usize> Default for Marks<WORDS> {
    fn default() -> Self {
        Self { read: [const { AtomicU64::new(0) }; WORDS], written: [0; WORDS], changed: [0; WORDS] }
    }
}

impl<const WORDS: usize> Marks<WORDS> {
    /// The resource of the length, and of the elements that have none of their own.
    const REST: usize = 64 * WORDS - 1;

    /// Word and bit of an element's resource.
    #[inline]
    const fn place(index: usize) -> (usize, u64) {
        let resource = if index < Self::REST { index } else { Self::REST };
        (resource / 64, 1 << (resource % 64))
    }

    #[inline]
    fn read(&self, index: usize) {
        let (word, bit) = Self::place(index);
        let word = &self.read[word];
        word.store(word.load(Ordering::Relaxed) | bit, Ordering::Relaxed);
    }

    fn read_all(&self) {
        self.read.iter().for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
    }

    #[inline]
    fn change(&mut self, index: usize) {
        let (word, bit) = Self::place(index);
        self.changed[word] |= bit;
    }

    #[inline]
    fn write(&mut self, index: usize) {
        let (word, bit) = Self::place(index);
        self.written[word] |= bit;
        self.changed[word] |= bit;
    }

    #[inline]
    fn is_changed(&self, index: usize) -> bool {
        let (word, bit) = Self::place(index);
        self.changed[word] & bit != 0
    }

    fn write_all(&mut self) {
        self.written = [u64::MAX; WORDS];
        self.changed = [u64::MAX; WORDS];
    }
}

impl<T, const WORDS: usize> SharedList<T, WORDS> {
    /// Which resources of a word were read and written.
    #[inline]
    pub(crate) fn used(&self, word: usize) -> (u64, u64) {
        let written = self.marks.written[word];
        (self.marks.read[word].load(Ordering::Relaxed), written)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.marks.read(usize::MAX);
        self.list.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.marks.read(if index < self.list.len() { index } else { usize::MAX });
        self.list.get(index)
    }

    pub(crate) fn push(&mut self, element: T) {
        self.marks.write(self.list.len());
        self.marks.write(usize::MAX);
        self.list.push(element);
    }

    /// The list, of which everything may be changed.
    pub(crate) fn all_mut(&mut self) -> &mut Vec<T> {
        self.marks.write_all();
        &mut self.list
    }

    /// The list, for those whose look is no step's, or who can say why it need not count: nothing is marked.
    #[inline]
    pub(crate) fn unmarked(&self) -> &Vec<T> {
        &self.list
    }

    /// An element, for those who can say why changing it need not count as writing.
    #[inline]
    pub(crate) fn unmarked_mut(&mut self, index: usize) -> &mut T {
        self.marks.change(index);
        &mut self.list[index]
    }
}

impl<T, const WORDS: usize> SharedList<T, WORDS> {
    /// An element counts as changed.
    #[inline]
    pub(crate) fn mark_changed(&mut self, index: usize) {
        self.marks.change(index);
    }

    /// An element that counts as changed already.
    #[inline]
    pub(crate) fn changed_mut(&mut self, index: usize) -> &mut T {
        debug_assert!({
            let (word, bit) = Marks::<WORDS>::place(index);
            self.marks.changed[word] & bit != 0
        });
        &mut self.list[index]
    }

    /// Something has changed since [`Tracked::reset`] or [`Tracked::seal`].
    #[inline]
    pub(crate) fn is_changed(&self) -> bool {
        self.marks.changed != [0; WORDS]
    }

    /// It is what it was at the start again.
    pub(crate) fn is_reset(&mut self) {
        self.marks = Marks::default();
    }

    /// The list, of which everything may be changed, for those who can say why that need not count as writing.
    pub(crate) fn unmarked_all(&mut self) -> &mut Vec<T> {
        self.marks.changed = [u64::MAX; WORDS];
        &mut self.list
    }

    /// Drops the seals of what is not there any more, and makes room for those of what is new.
    fn fit_seals(&mut self, sealer: &mut Sealer) {
        for &gone in self.elements.get(self.list.len()..).unwrap_or_default() {
            sealer.forget(gone);
        }
        self.elements.resize(self.list.len(), Sealed::default());
    }

    /// An element counts as read.
    pub(crate) fn mark_read(&self, index: usize) {
        self.marks.read(index);
    }

    /// An element counts as written.
    pub(crate) fn mark_written(&mut self, index: usize) {
        self.marks.write(index);
    }
}

impl<T, const WORDS: usize> Index<usize> for SharedList<T, WORDS> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        self.marks.read(index);
        &self.list[index]
    }
}

impl<T, const WORDS: usize> IndexMut<usize> for SharedList<T, WORDS> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.marks.write(index);
        &mut self.list[index]
    }
}

impl<T, const WORDS: usize> Index<Range<usize>> for SharedList<T, WORDS> {
    type Output = [T];

    #[inline]
    fn index(&self, range: Range<usize>) -> &[T] {
        range.clone().for_each(|index| self.marks.read(index));
        &self.list[range]
    }
}

impl<T, const WORDS: usize> Deref for SharedList<T, WORDS> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.marks.read_all();
        &self.list
    }
}

impl<T: Clone + Hash, const WORDS: usize> Tracked for SharedList<T, WORDS> {
    const RESOURCES: u32 = 64 * WORDS as u32;
    const SEALS: u64 = 1;

    #[inline]
    fn collect(&self, uses: &mut Uses<'_>) {
        let first = uses.take(Self::RESOURCES);
        let count = self.list.len();
        for word in 0..WORDS {
            let written = self.marks.written[word];
            let read = self.marks.read[word].load(Ordering::Relaxed) & !written;
            for (bits, access) in [(written, Access::Write), (read, Access::Read)] {
                let mut bits = bits;
                while bits != 0 {
                    let at = word * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if at < count || at == Marks::<WORDS>::REST {
                        uses.add(first + at as u32, access);
                    }
                }
            }
        }
    }

    #[inline]
    fn forget(&mut self) {
        for word in 0..WORDS {
            *self.marks.read[word].get_mut() = 0;
            self.marks.written[word] = 0;
        }
    }

    #[inline]
    fn reset(&mut self, source: &Self) {
        if self.marks.changed[WORDS - 1] >> 63 != 0 {
            self.list.clone_from(&source.list);
        } else {
            for word in 0..WORDS {
                let mut bits = self.marks.changed[word];
                while bits != 0 {
                    let at = word * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    self.list[at].clone_from(&source.list[at]);
                }
            }
        }
        self.marks.changed = [0; WORDS];
        self.forget();
    }

    #[inline]
    fn seal(&mut self, sealer: &mut Sealer) {
        let place = sealer.part();
        if !self.is_changed() && !self.sealed.is_none() {
            return;
        }
        let rest = self.marks.changed[WORDS - 1] >> 63 != 0;
        if rest || self.elements.len() != self.list.len() || self.sealed.is_none() {
            self.fit_seals(sealer);
            sealer.seal(&mut self.sealed, place, &self.list.len());
            // Those that have never been written.
            for (index, sealed) in self.elements.iter_mut().enumerate().filter(|(_, sealed)| sealed.is_none())
            {
                sealer.seal(sealed, place + 1 + index as u64, &self.list[index]);
            }
        } else {
            self.sealed.restamp(sealer);
        }
        for word in 0..WORDS {
            let mut bits = self.marks.changed[word];
            while bits != 0 {
                let at = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let end = if at == Marks::<WORDS>::REST { self.list.len() } else { at + 1 };
                for index in at..end.min(self.list.len()) {
                    sealer.seal(&mut self.elements[index], place + 1 + index as u64, &self.list[index]);
                }
            }
        }
        self.marks.changed = [0; WORDS];
    }

    #[inline]
    fn adopt(&mut self, source: &Self) {
        if !self.is_changed() && self.sealed.is(source.sealed) {
            return;
        }
        if self.elements.len() != self.list.len() || self.list.len() != source.list.len() {
            self.list.clone_from(&source.list);
            self.elements.clone_from(&source.elements);
        } else {
            for (index, (sealed, of)) in self.elements.iter_mut().zip(&source.elements).enumerate() {
                if !sealed.is(*of) || self.marks.is_changed(index) {
                    self.list[index].clone_from(&source.list[index]);
                    *sealed = *of;
                }
            }
        }
        self.sealed = source.sealed;
        self.marks.changed = [0; WORDS];
    }
}

impl<T: Clone, const WORDS: usize> Clone for SharedList<T, WORDS> {
    fn clone(&self) -> Self {
        let marks = Marks { changed: self.marks.changed, ..Marks::default() };
        let (sealed, elements) = (self.sealed, self.elements.clone());
        Self { list: self.list.clone(), marks, sealed, elements }
    }

    fn clone_from(&mut self, source: &Self) {
        self.list.clone_from(&source.list);
        self.marks.changed = [u64::MAX; WORDS];
    }
}

impl<T: PartialEq, const WORDS: usize> PartialEq for SharedList<T, WORDS> {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl<T: Eq, const WORDS: usize> Eq for SharedList<T, WORDS> {}

impl<T: Hash, const WORDS: usize> Hash for SharedList<T, WORDS> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.list.hash(state);
    }
}

impl<T: core::fmt::Debug, const WORDS: usize> core::fmt::Debug for SharedList<T, WORDS> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.list.fmt(f)
    }
}

impl<T, const WORDS: usize> Default for SharedList<T, WORDS> {
    fn default() -> Self {
        Self { list: Vec::new(), marks: Marks::default(), sealed: Sealed::default(), elements: Vec::new() }
    }
}
