//! Disk cache of fetched documents. A failure here only costs another fetch.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::pricing::feed::Feed;

/// Largest cache file that is read, bytes: the largest document and a header line.
const LARGEST_FILE: u64 = 33 * 1024 * 1024;

/// The cache folder (`$XDG_CACHE_HOME/planoai`); `None` without a home directory.
pub fn default_folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|strategy| strategy.cache_dir().join("planoai"))
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct CachedDocument {
    pub(super) fetched_unix_secs: i64,
    pub(super) text: String,
}

/// The cache file for one feed at one address: a header line with time and address, then the document.
#[derive(Debug)]
pub(super) struct CacheFile<'a> {
    file: PathBuf,
    url: &'a str,
}

impl<'a> CacheFile<'a> {
    pub(super) fn new(folder: &Path, feed: Feed, url: &'a str) -> Self {
        let mut hasher = foldhash::quality::FixedState::default().build_hasher();
        hasher.write(url.as_bytes());
        Self { file: folder.join(format!("prices-{}-{:016x}.json", feed.name(), hasher.finish())), url }
    }

    /// The document; `None` if it is older than `fresh_secs`, dated in the future, or of another address.
    pub(super) fn load(&self, now_unix_secs: i64, fresh_secs: i64) -> Option<CachedDocument> {
        let mut content = String::new();
        File::open(&self.file).ok()?.take(LARGEST_FILE).read_to_string(&mut content).ok()?;
        let (first, text) = content.split_once('\n')?;
        let (time, url) = first.split_once(' ')?;
        let fetched_unix_secs: i64 = time.parse().ok()?;
        let age_secs = now_unix_secs.checked_sub(fetched_unix_secs)?;
        ((0..fresh_secs).contains(&age_secs) && url == self.url)
            .then(|| CachedDocument { fetched_unix_secs, text: text.to_owned() })
    }

    /// Writes atomically, by renaming a temporary file.
    pub(super) fn store(&self, text: &str, now_unix_secs: i64) -> io::Result<()> {
        if self.url.contains('\n') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let temporary = self.file.with_extension(format!("{}.tmp", std::process::id()));
        let written = write(&temporary, &format!("{now_unix_secs} {}\n", self.url), text)
            .and_then(|()| fs::rename(&temporary, &self.file));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

fn write(file: &Path, first: &str, text: &str) -> io::Result<()> {
    let mut file = File::create(file)?;
    file.write_all(first.as_bytes())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_for_a_day_and_from_its_own_address() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        let entry = CacheFile::new(&deep, Feed::ModelsDev, "http://x/");
        assert_eq!(entry.load(100, 10), None);
        entry.store("{\n}", 100).unwrap();
        let kept = Some(CachedDocument { fetched_unix_secs: 100, text: "{\n}".to_owned() });
        assert_eq!(entry.load(100, 10), kept);
        assert_eq!(entry.load(109, 10), kept);
        assert_eq!(entry.load(110, 10), None);
        assert_eq!(entry.load(99, 10), None);
        assert_eq!(CacheFile::new(&deep, Feed::ModelsDev, "http://y/").load(100, 10), None);
        assert_eq!(CacheFile::new(&deep, Feed::DigitalOcean, "http://x/").load(100, 10), None);
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 1, "no temporary is left behind");
    }

    #[test]
    fn a_broken_file_is_no_document() {
        let folder = tempfile::tempdir().unwrap();
        let entry = CacheFile::new(folder.path(), Feed::ModelsDev, "http://x/");
        for content in
            [&b""[..], b"x", b"\n", b"abc http://x/\n{}", b"99999999999999999999 http://x/\n{}", b"\xff\xfe\n"]
        {
            fs::write(&entry.file, content).unwrap();
            assert_eq!(entry.load(100, 10), None);
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(CacheFile::new(&file, Feed::ModelsDev, "http://x/").store("{}", 1).is_err());
        let entry = CacheFile::new(folder.path(), Feed::ModelsDev, "http://x/");
        fs::create_dir(&entry.file).unwrap();
        assert!(entry.store("{}", 1).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary is left behind");
    }
}
