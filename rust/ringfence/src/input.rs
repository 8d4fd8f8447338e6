//! Reading lines from files, standard input or memory, compressed or not. I/O stops here.

mod zstd;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest line that is read, in bytes. A longer one is refused and passed over without being kept.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// How much is read at a time, in bytes. That much text in front of damaged data may be lost with it.
const CHUNK_BYTES: usize = 16 << 10;

/// How much is read before decompression, in bytes: little enough for [`Lines::consumed`] to show progress.
const RAW_BYTES: usize = 64 << 10;

/// Most memory that unpacking may take, in bytes. `xz -9` needs 65 MiB; a header may ask for 4 GiB.
const UNPACK_BYTES_MAX: u64 = 256 << 20;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Where traces come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// Memory, under a name for messages.
    Bytes {
        /// What messages call it.
        name: String,
        /// The text, compressed or not.
        data: Arc<[u8]>,
    },
}

impl Input {
    /// What messages call it.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "<stdin>".into(),
            Self::Bytes { name, .. } => name.clone(),
        }
    }

    /// Size before decompression, where it is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Path(path) => {
                let file = path.metadata().ok()?;
                file.is_file().then_some(file.len())
            }
            Self::Stdin => None,
            Self::Bytes { data, .. } => Some(data.len() as u64),
        }
    }
}

/// One line, or why there is none.
#[derive(Debug)]
pub enum Line {
    /// A line without its line feed.
    Text(Vec<u8>),
    /// Longer than [`LINE_BYTES_MAX`]; it was passed over.
    TooLong,
    /// The input broke off: the file can't be read, or its compressed data is damaged or cut short.
    Broken(String),
}

/// The lines of an input, numbered from 1. Blank ones are passed over.
pub struct Lines {
    reader: Box<dyn Read + Send>,
    format: &'static str,
    consumed: Arc<AtomicU64>,
    buffer: Vec<u8>,
    /// Start of what is not handed out yet.
    start: usize,
    number: u64,
    finished: bool,
}

/// Counts the bytes taken from the file, for progress.
struct Counted<R> {
    inner: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Lines {
    /// Opens an input; what it is compressed with is seen from its first bytes, not its name.
    ///
    /// # Errors
    /// The file can't be opened or read.
    pub fn open(input: &Input) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let raw: Box<dyn Read + Send> = match input {
            Input::Path(path) => {
                let mut file = File::open(path)?;
                if file.metadata()?.is_dir() {
                    return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
                }
                // Fails on pipes, which are at their start anyway.
                drop(file.seek(SeekFrom::Start(0)));
                Box::new(file)
            }
            Input::Stdin => Box::new(io::stdin()),
            Input::Bytes { data, .. } => Box::new(Cursor::new(Arc::clone(data))),
        };
        let mut counted =
            BufReader::with_capacity(RAW_BYTES, Counted { inner: raw, consumed: Arc::clone(&consumed) });
        let mut magic = [0; 6];
        let known = read_up_to(&mut counted, &mut magic)?;
        let whole = Cursor::new(magic[..known].to_vec()).chain(counted);
        let (reader, format) = decompressor(&magic[..known], whole);
        Ok(Self { reader, format, consumed, buffer: Vec::new(), start: 0, number: 0, finished: false })
    }

    /// Bytes of the input (before decompression) read so far.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// The next line can be had without waiting for the input.
    pub fn is_ready(&self) -> bool {
        self.finished || memchr(&self.buffer[self.start..]).is_some()
    }

    /// Reads on until a line feed is in the buffer; how far it is, or `None` at the end.
    fn find_line_feed(&mut self) -> io::Result<Option<usize>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr(&self.buffer[searched..]) {
                return Ok(Some(searched + at));
            }
            if self.buffer.len() - self.start > LINE_BYTES_MAX {
                return Ok(None);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK_BYTES, 0);
        let result = loop {
            match self.reader.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(old + *result.as_ref().unwrap_or(&0));
        result
    }

    /// Drops the rest of a line that is too long.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = memchr(&self.buffer[self.start..]) {
                self.start += at + 1;
                return Ok(());
            }
            self.buffer.clear();
            self.start = 0;
            if self.fill()? == 0 {
                return Ok(());
            }
        }
    }

    fn broken(&mut self, error: &io::Error) -> Line {
        self.finished = true;
        Line::Broken(match (self.format, error.kind()) {
            ("plain", _) => format!("can't be read any further: {error}"),
            (format, io::ErrorKind::UnexpectedEof) => {
                format!("the {format} data ends in the middle; expected the whole file")
            }
            (format, io::ErrorKind::OutOfMemory) => {
                let limit = UNPACK_BYTES_MAX >> 20;
                format!("the {format} data takes more than {limit} MiB to unpack; expected a smaller window")
            }
            (format, _) => format!("the {format} data is damaged: {error}"),
        })
    }

    /// Some editors begin a file with a byte order mark, which is no part of its first line.
    fn without_mark(&self, line: Line) -> Line {
        match line {
            Line::Text(mut text) if self.number == 1 && text.starts_with(BYTE_ORDER_MARK) => {
                text.drain(..BYTE_ORDER_MARK.len());
                Line::Text(text)
            }
            line => line,
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let end = self.find_line_feed()?;
        let length = end.unwrap_or(self.buffer.len()) - self.start;
        if length > LINE_BYTES_MAX {
            self.skip_line()?;
            return Ok(Some(Line::TooLong));
        }
        if end.is_none() {
            self.finished = true;
            if length == 0 {
                return Ok(None);
            }
        }
        let text = self.buffer[self.start..self.start + length].to_vec();
        self.start += length + usize::from(end.is_some());
        Ok(Some(Line::Text(text)))
    }
}

impl Iterator for Lines {
    type Item = (u64, Line);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.finished {
            self.number += 1;
            let line = match self.next_line() {
                Ok(line) => line?,
                Err(error) => self.broken(&error),
            };
            match self.without_mark(line) {
                Line::Text(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                line => return Some((self.number, line)),
            }
        }
        None
    }
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut known = 0;
    while known < buffer.len() {
        match reader.read(&mut buffer[known..]) {
            Ok(0) => break,
            Ok(count) => known += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(known)
}

fn decompressor(magic: &[u8], whole: impl Read + Send + 'static) -> (Box<dyn Read + Send>, &'static str) {
    match magic {
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let limit = (UNPACK_BYTES_MAX >> 10) as u32;
            (Box::new(lzma_rust2::XzReader::new_mem_limit(whole, true, limit)), "xz")
        }
        [0x1f, 0x8b, ..] => (Box::new(flate2::read::MultiGzDecoder::new(whole)), "gzip"),
        // A frame, or a skippable one in front of it.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            (Box::new(zstd::ZstdReader::new(whole)), "zstd")
        }
        _ => (Box::new(whole), "plain"),
    }
}
