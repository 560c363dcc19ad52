//! Numbers and texts as bytes, for the small files of `/run`.

/// Bytes that are being written.
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins with these.
    pub fn new(magic: &[u8]) -> Self {
        Self(magic.to_vec())
    }

    /// All of them.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Eight bytes, the lowest first.
    pub fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Four bytes, the lowest first.
    pub fn u32(&mut self, number: usize) {
        self.0.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    /// A length and as many bytes of UTF-8.
    pub fn text(&mut self, text: &str) {
        self.u32(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Bytes that are being read. Each part is `None` where the bytes end before it does.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// What follows the first bytes, if these are the right ones.
    pub fn new(bytes: &'a [u8], magic: &[u8]) -> Option<Self> {
        bytes.strip_prefix(magic).map(Self)
    }

    /// A count of at most `most`, and as many of what `read` reads.
    pub fn many<T>(&mut self, most: usize, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.u32()?).ok().filter(|count| *count <= most)?;
        (0..count).map(|_| read(self)).collect()
    }

    /// So many bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Eight bytes, the lowest first.
    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// Four bytes, the lowest first.
    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Eight bytes of a number that fits into four.
    pub fn count(&mut self) -> Option<u32> {
        u32::try_from(self.u64()?).ok()
    }

    /// A length and as many bytes of UTF-8.
    pub fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.u32()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}
