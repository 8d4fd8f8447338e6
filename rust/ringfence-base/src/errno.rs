//! Error numbers, as user space and drivers know them (`include/uapi/asm-generic/errno*.h`,
//! `include/linux/errno.h`).
//!
//! Programs handle them negative, as the kernel returns them; the constants are positive, as the kernel
//! defines them.

macro_rules! errnos {
    ($($name:ident $value:literal $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: i64 = $value;)*

        /// Name and value of each error number, in ascending order.
        pub const ALL: &[(&str, i64)] = &[$((stringify!($name), $value)),*];
    };
}

errnos! {
    EPERM 1 "Operation not permitted.";
    ENOENT 2 "No such file, or no such thing.";
    ESRCH 3 "No such process.";
    EINTR 4 "A signal came.";
    EIO 5 "I/O error.";
    ENXIO 6 "No such device or address.";
    E2BIG 7 "Too many arguments.";
    ENOEXEC 8 "Not an executable.";
    EBADF 9 "Bad file number.";
    ECHILD 10 "No children.";
    EAGAIN 11 "Try again.";
    ENOMEM 12 "Out of memory.";
    EACCES 13 "No permission.";
    EFAULT 14 "Bad address.";
    ENOTBLK 15 "No block device.";
    EBUSY 16 "Busy.";
    EEXIST 17 "It exists already.";
    EXDEV 18 "A link across devices.";
    ENODEV 19 "No such device.";
    ENOTDIR 20 "No directory.";
    EISDIR 21 "A directory.";
    EINVAL 22 "Invalid argument.";
    ENFILE 23 "Too many open files in the system.";
    EMFILE 24 "Too many open files.";
    ENOTTY 25 "No such ioctl.";
    ETXTBSY 26 "The text is in use.";
    EFBIG 27 "File too large.";
    ENOSPC 28 "No space left.";
    ESPIPE 29 "No seeking here.";
    EROFS 30 "Read-only file system.";
    EMLINK 31 "Too many links.";
    EPIPE 32 "Broken pipe.";
    EDOM 33 "Argument outside the domain.";
    ERANGE 34 "Result too large.";
    EDEADLK 35 "It would deadlock: back off.";
    ENAMETOOLONG 36 "Name too long.";
    ENOLCK 37 "No locks available.";
    ENOSYS 38 "No such system call.";
    ENOTEMPTY 39 "Directory not empty.";
    ELOOP 40 "Too many symbolic links.";
    ENOMSG 42 "No such message.";
    EIDRM 43 "Identifier removed.";
    ENODATA 61 "No data.";
    ETIME 62 "Timer expired.";
    ENOLINK 67 "The link is down.";
    ECOMM 70 "Error while sending.";
    EPROTO 71 "Protocol error.";
    EBADMSG 74 "Not a proper message.";
    EOVERFLOW 75 "Too large for its type.";
    EILSEQ 84 "Illegal sequence.";
    EUSERS 87 "Too many users.";
    EMSGSIZE 90 "Message too long.";
    EOPNOTSUPP 95 "Not supported.";
    ENOBUFS 105 "No buffer space.";
    ENOTCONN 107 "Not connected.";
    ESHUTDOWN 108 "Shut down.";
    ETIMEDOUT 110 "Timed out.";
    EHOSTDOWN 112 "Host is down.";
    EALREADY 114 "In progress already, or held already.";
    EINPROGRESS 115 "In progress now.";
    ESTALE 116 "Stale handle.";
    EREMOTEIO 121 "Remote I/O error.";
    ECANCELED 125 "Cancelled.";
    EOWNERDEAD 130 "The owner died.";
    ENOTRECOVERABLE 131 "The state cannot be recovered.";
    EHWPOISON 133 "A page has a hardware error.";
    ERESTARTSYS 512 "A signal came; the system call starts again.";
    ERESTARTNOINTR 513 "The system call starts again in any case.";
    ERESTARTNOHAND 514 "The system call starts again if there is no handler.";
    ENOIOCTLCMD 515 "No such ioctl of this driver.";
    EPROBE_DEFER 517 "Probe again later.";
    ENOTSUPP 524 "Not supported, inside the kernel.";
}

/// The largest error number that a pointer or a result can carry (`MAX_ERRNO`).
pub const MAX_ERRNO: i64 = 4095;

/// The name of an error number; takes positive and negative ones.
pub fn name(errno: i64) -> Option<&'static str> {
    let value = errno.checked_abs()?;
    let index = ALL.binary_search_by_key(&value, |&(_, value)| value).ok()?;
    Some(ALL[index].0)
}

/// The positive error number of this name.
pub fn from_name(name: &str) -> Option<i64> {
    ALL.iter().find(|(known, _)| *known == name).map(|&(_, value)| value)
}
