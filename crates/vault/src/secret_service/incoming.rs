use zeroize::Zeroizing;

/// The bytes that were received and not consumed yet.
pub(super) struct Incoming {
    bytes: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Incoming {
    pub(super) fn with_capacity(size: usize) -> Self {
        Incoming { bytes: Zeroizing::new(vec![0; size]), length: 0 }
    }

    /// Marks bytes of [`Incoming::spare`] as received.
    pub(super) fn add(&mut self, count: usize) {
        self.length += count;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn take(&mut self, count: usize) -> Option<Zeroizing<Vec<u8>>> {
        let taken = Zeroizing::new(self.bytes().get(..count)?.to_vec());
        self.bytes.copy_within(count..self.length, 0);
        self.length -= count;
        Some(taken)
    }

    /// The part to read into; a buffer that is replaced by a larger one is wiped.
    pub(super) fn spare(&mut self, needed: usize) -> &mut [u8] {
        if needed > self.bytes.len() {
            let mut larger = Zeroizing::new(vec![0; needed]);
            larger[..self.length].copy_from_slice(&self.bytes[..self.length]);
            self.bytes = larger;
        }
        &mut self.bytes[self.length..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined() {
        let mut incoming = Incoming::with_capacity(4);
        incoming.spare(3)[..4].copy_from_slice(b"abcd");
        incoming.length = 4;
        assert_eq!(incoming.take(6), None);
        incoming.spare(6)[..2].copy_from_slice(b"ef");
        incoming.length = 6;
        assert_eq!(incoming.take(5).unwrap().as_slice(), b"abcde");
        assert_eq!(incoming.bytes(), b"f");
    }
}
