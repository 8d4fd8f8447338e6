//! Reading lines from files, standard input or memory, compressed or not. I/O stops here.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest line that is read, in bytes. A longer one is refused and passed over without being kept.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// How much is read at a time, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

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
            BufReader::with_capacity(CHUNK_BYTES, Counted { inner: raw, consumed: Arc::clone(&consumed) });
        let mut magic = [0; 6];
        let known = read_up_to(&mut counted, &mut magic)?;
        let whole = Cursor::new(magic[..known].to_vec()).chain(counted);
        let (reader, format) = decompressor(&magic[..known], whole)?;
        Ok(Self { reader, format, consumed, buffer: Vec::new(), start: 0, number: 0, finished: false })
    }

    /// Bytes of the input (before decompression) read so far.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
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
        let cut_short = error.kind() == io::ErrorKind::UnexpectedEof;
        Line::Broken(match (self.format, cut_short) {
            ("plain", _) => format!("can't be read any further: {error}"),
            (format, true) => format!("the {format} data ends in the middle; expected the whole file"),
            (format, false) => format!("the {format} data is damaged: {error}"),
        })
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
            match line {
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

fn decompressor(
    magic: &[u8],
    whole: impl Read + Send + 'static,
) -> io::Result<(Box<dyn Read + Send>, &'static str)> {
    Ok(match magic {
        [0xfd, b'7', b'z', b'X', b'Z', 0] => (Box::new(lzma_rust2::XzReader::new(whole, true)), "xz"),
        [0x1f, 0x8b, ..] => (Box::new(flate2::read::MultiGzDecoder::new(whole)), "gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(whole).map_err(io::Error::other)?;
            (Box::new(decoder), "zstd")
        }
        _ => (Box::new(whole), "plain"),
    })
}
