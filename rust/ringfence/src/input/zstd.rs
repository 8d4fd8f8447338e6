//! zstd files as they come: any number of frames one after the other, skippable ones among them. The decoder
//! knows single frames only, and leaves their checksums to its caller.

use std::io::{self, Cursor, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{UNPACK_BYTES_MAX, read_up_to};

/// Notes when there is nothing left to read, to tell a file that was cut short from one that is damaged.
struct Source<R> {
    inner: R,
    ran_dry: bool,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.ran_dry |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

/// The text of all frames.
pub(super) struct ZstdReader<R> {
    source: Source<R>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: Read> ZstdReader<R> {
    pub(super) fn new(inner: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(UNPACK_BYTES_MAX);
        Self { source: Source { inner, ran_dry: false }, decoder, in_frame: false }
    }

    fn error(&self, error: FrameDecoderError) -> io::Error {
        match error {
            _ if self.source.ran_dry => io::ErrorKind::UnexpectedEof.into(),
            FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::OutOfMemory.into(),
            error => io::Error::other(error),
        }
    }

    /// Begins the next frame, if there is one.
    fn open_frame(&mut self) -> io::Result<bool> {
        loop {
            let mut magic = [0; 4];
            let known = read_up_to(&mut self.source, &mut magic)?;
            if known == 0 {
                return Ok(false);
            }
            match self.decoder.init(Cursor::new(&magic[..known]).chain(&mut self.source)) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.source).take(u64::from(length));
                    if io::copy(&mut skipped, &mut io::sink())? < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    fn close_frame(&mut self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum is another one"));
        }
        Ok(())
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                self.in_frame = self.open_frame()?;
                if !self.in_frame {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks =
                    self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                blocks.map_err(|error| self.error(error))?;
            }
            let count = self.decoder.read(buffer)?;
            if count != 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.close_frame()?;
            self.in_frame = false;
        }
    }
}
