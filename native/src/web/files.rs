//! The lab's files, from one directory and nowhere else.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};

use super::WebOptions;
use crate::http::sentence;

/// The largest file that is served: the lab as a whole is below one megabyte.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What visitors see where the lab was not built.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>Conclave</title><h1>The lab is not here</h1>\
    <p>This server has no files of the lab. <code>cargo xtask run</code> builds and serves it; \
    <code>--web DIR</code> names a directory that has it.</p></html>\n";

/// Where the lab's files are if nobody says: in `web` beside the program, or in `web/dist` of the
/// workspace that one stands in.
pub fn default_directory() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("web")));
    let candidates = [beside, Some(PathBuf::from("web/dist"))];
    candidates.into_iter().flatten().find(|directory| directory.join("index.html").is_file())
}

pub(super) async fn serve(
    State(options): State<Arc<WebOptions>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return sentence(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read.");
    }
    let Some(directory) = options.directory.clone() else {
        let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        return (StatusCode::NOT_FOUND, html, NOT_BUILT).into_response();
    };
    let Some(relative) = relative_path(uri.path()) else {
        return sentence(StatusCode::NOT_FOUND, "There is no such file.");
    };
    let codings = Coding::accepted(&headers);
    let mime = mime_of(&relative);
    let reading = tokio::task::spawn_blocking(move || read(&directory, &relative, &codings));
    match reading.await {
        Ok(Ok(Found { bytes, coding })) => {
            let mut response = ([(header::CONTENT_TYPE, mime)], bytes).into_response();
            let headers = response.headers_mut();
            // Files keep their names from one build to the next: browsers must ask each time.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
            if let Some(coding) = coding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            }
            response
        }
        Ok(Err(why)) if why.kind() == io::ErrorKind::NotFound => {
            sentence(StatusCode::NOT_FOUND, "There is no such file.")
        }
        Ok(Err(why)) => {
            sentence(StatusCode::INTERNAL_SERVER_ERROR, format!("It can't be read: {why}."))
        }
        Err(_) => sentence(StatusCode::INTERNAL_SERVER_ERROR, "It can't be read."),
    }
}

/// The file that a path names. The lab's names are plain; a path with anything else in it (`..`,
/// a hidden name, an encoded character) names none.
fn relative_path(path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some("index.html".into());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut relative = PathBuf::new();
    let path =
        path.strip_suffix('/').map_or_else(|| path.into(), |dir| format!("{dir}/index.html"));
    for segment in path.split('/') {
        if segment.is_empty() || segment.starts_with('.') || !segment.chars().all(plain) {
            return None;
        }
        relative.push(segment);
    }
    Some(relative)
}

/// How a file is compressed beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// The smaller first.
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Those that a browser takes.
    fn accepted(headers: &HeaderMap) -> Vec<Self> {
        let list = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let takes = |coding: &Self| {
            list.unwrap_or("").split(',').any(|entry| {
                let mut parts = entry.split(';').map(str::trim);
                parts.next() == Some(coding.name())
                    && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
            })
        };
        Self::ALL.into_iter().filter(takes).collect()
    }
}

struct Found {
    bytes: Vec<u8>,
    coding: Option<Coding>,
}

fn read(directory: &Path, relative: &Path, codings: &[Coding]) -> io::Result<Found> {
    let root = directory.canonicalize()?;
    let wanted = root.join(relative);
    for coding in codings {
        let mut compressed = wanted.clone().into_os_string();
        compressed.push(coding.extension());
        let compressed = PathBuf::from(compressed);
        // One that is older than its file is left from another build.
        let fresh = match (fs::metadata(&compressed), fs::metadata(&wanted)) {
            (Ok(small), Ok(whole)) => small.modified()? >= whole.modified()?,
            _ => false,
        };
        if fresh {
            return Ok(Found { bytes: read_inside(&root, &compressed)?, coding: Some(*coding) });
        }
    }
    Ok(Found { bytes: read_inside(&root, &wanted)?, coding: None })
}

/// Reads a file that lies under `root` even when links are followed.
fn read_inside(root: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let path = path.canonicalize()?;
    let metadata = fs::metadata(&path)?;
    if !path.starts_with(root) || !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("over the limit of 64 MiB for one file"));
    }
    fs::read(path)
}

fn mime_of(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webmanifest") => "application/manifest+json",
        Some("woff2") => "font/woff2",
        Some("txt" | "toml" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_directory() {
        for path in [
            "/../secret",
            "/a/../../secret",
            "/.git/config",
            "/%2e%2e/secret",
            "/a//b",
            "//etc",
            "/a\\..\\b",
            "relative",
            "/a/./b",
            "/a/..",
        ] {
            assert_eq!(relative_path(path), None, "{path}");
        }
        assert_eq!(relative_path("/"), Some("index.html".into()));
        assert_eq!(relative_path("/a/b-1.wasm"), Some("a/b-1.wasm".into()));
        assert_eq!(relative_path("/embed/"), Some("embed/index.html".into()));
    }

    #[test]
    fn a_link_out_of_the_directory_is_not_followed() {
        let root = std::env::temp_dir().join(format!("conclave-web-{}", std::process::id()));
        let (inside, outside) = (root.join("inside"), root.join("outside"));
        fs::create_dir_all(&inside).unwrap();
        fs::write(&outside, "secret").unwrap();
        fs::write(inside.join("a.js"), "whole").unwrap();
        fs::write(inside.join("a.js.gz"), "small").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("b.js")).unwrap();

        let get = |name, codings: &[Coding]| read(&inside, Path::new(name), codings);
        let found = get("a.js", &Coding::ALL).unwrap();
        assert_eq!((found.bytes.as_slice(), found.coding), (&b"small"[..], Some(Coding::Gzip)));
        assert_eq!(get("a.js", &[]).unwrap().bytes, b"whole");
        let link = get("b.js", &[]).err().map(|why| why.kind());
        assert_eq!(link, Some(io::ErrorKind::NotFound));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_compressed_is_sent_only_where_it_is_accepted() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            Coding::accepted(&headers)
        };
        assert_eq!(accepted("gzip, deflate, br"), Coding::ALL);
        assert_eq!(accepted("br;q=1.0, gzip;q=0.5"), Coding::ALL);
        assert_eq!(accepted("gzip;q=0, br"), [Coding::Brotli]);
        assert_eq!(accepted("gzip"), [Coding::Gzip]);
        assert_eq!(accepted("deflate"), []);
    }

    #[test]
    fn webassembly_has_its_own_type() {
        assert_eq!(mime_of(Path::new("x.wasm")), "application/wasm");
        assert_eq!(mime_of(Path::new("x")), "application/octet-stream");
    }
}
