//! Reads the source into absolute paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};

/// A file and every path that its code names.
pub(crate) struct SourceFile {
    /// Relative to `src/`.
    pub name: String,
    /// Where it stands, like `crate::query::filter`. The binary's root is `crate::main`.
    pub module: String,
    /// Absolute paths. One begins with `crate` if it leads into this package, else with another crate or a local name.
    pub references: BTreeSet<String>,
}

/// All files of the package that are compiled without `cfg(test)`, from `lib.rs` and `main.rs` on.
pub(crate) fn read(src: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for (name, module) in [("lib.rs", "crate"), ("main.rs", "crate::main")] {
        read_below(src, Path::new(name), module, &mut files);
    }
    files
}

fn read_below(src: &Path, name: &Path, module: &str, files: &mut Vec<SourceFile>) {
    let text = fs::read_to_string(src.join(name)).unwrap();
    let (file, children) = parse_with_children(name.to_str().unwrap(), module, &text);
    files.push(file);
    let is_root = name.parent() == Some(Path::new("")) && matches!(name.to_str(), Some("lib.rs" | "main.rs"));
    let folder = if is_root { PathBuf::new() } else { name.with_extension("") };
    let parent = if is_root { "crate" } else { module };
    for child in children {
        read_below(src, &folder.join(format!("{child}.rs")), &format!("{parent}::{child}"), files);
    }
}

/// Every Rust file in a folder and below.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The text of one file as the module of this path.
pub(crate) fn parse(name: &str, module: &str, text: &str) -> SourceFile {
    parse_with_children(name, module, text).0
}

fn parse_with_children(name: &str, module: &str, text: &str) -> (SourceFile, Vec<String>) {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    // The root of the binary resolves `crate` and its modules like the root of the library.
    let place = module.strip_suffix("::main").unwrap_or(module);
    let mut scope = Scope::new(place);
    for item in &parsed.items {
        scope.visit_item(item);
    }
    let children = scope.children.clone();
    (SourceFile { name: name.to_owned(), module: module.to_owned(), references: scope.resolved() }, children)
}

/// What one module, inline or a file, names before its imports are known.
struct Scope {
    module: Vec<String>,
    /// Local names of imported paths.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Modules declared here.
    children: Vec<String>,
    named: Vec<Vec<String>>,
    nested: BTreeSet<String>,
}

impl Scope {
    fn new(module: &str) -> Self {
        Self {
            module: module.split("::").map(str::to_owned).collect(),
            imports: BTreeMap::new(),
            globs: Vec::new(),
            children: Vec::new(),
            named: Vec::new(),
            nested: BTreeSet::new(),
        }
    }

    fn resolved(self) -> BTreeSet<String> {
        let absolute = self.named.iter().flat_map(|path| self.absolute(path, 0));
        absolute.map(|path| path.join("::")).chain(self.nested.iter().cloned()).collect()
    }

    /// What a path may stand for: a local name that a glob can bring in has a candidate for each glob.
    fn absolute(&self, path: &[String], depth: usize) -> Vec<Vec<String>> {
        let Some((first, rest)) = path.split_first() else { return vec![Vec::new()] };
        let from = |start: &[String]| [start, rest].concat();
        match first.as_str() {
            "crate" | "planoai" => vec![normal(&from(&["crate".to_owned()]))],
            "self" | "super" => vec![normal(&[&self.module[..], path].concat())],
            name => match self.imports.get(name) {
                // An import may lead through another one, but not through itself.
                Some(target) if depth < 8 && target.first() != Some(first) => self.absolute(&from(target), depth + 1),
                Some(target) => vec![from(target)],
                None if self.children.iter().any(|child| child == name) => vec![[&self.module[..], path].concat()],
                None if depth == 0 => {
                    let by_glob = self.globs.iter().flat_map(|glob| self.absolute(&[&glob[..], path].concat(), 1));
                    by_glob.chain([path.to_vec()]).collect()
                }
                None => vec![path.to_vec()],
            },
        }
    }

    fn import(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(prefix, tree)),
            syn::UseTree::Name(name) if name.ident == "self" => {
                let local = prefix.last().cloned().unwrap_or_default();
                self.add_import(local, prefix.to_vec());
            }
            syn::UseTree::Name(name) => self.add_import(name.ident.to_string(), with(&name.ident)),
            syn::UseTree::Rename(name) if name.ident == "self" => {
                self.add_import(name.rename.to_string(), prefix.to_vec());
            }
            syn::UseTree::Rename(name) => self.add_import(name.rename.to_string(), with(&name.ident)),
            syn::UseTree::Glob(_) => {
                self.named.push(prefix.to_vec());
                self.globs.push(prefix.to_vec());
            }
        }
    }

    fn add_import(&mut self, local: String, path: Vec<String>) {
        self.named.push(path.clone());
        self.imports.insert(local, path);
    }

    /// Paths among tokens, for the arguments of macros.
    fn scan_tokens(&mut self, mut cursor: Cursor<'_>) {
        while !cursor.eof() {
            if let Some((inside, _, _, next)) = cursor.any_group() {
                self.scan_tokens(inside);
                cursor = next;
            } else if let Some((first, next)) = cursor.ident() {
                let mut path = vec![first.to_string()];
                cursor = next;
                while let Some((segment, next)) = after_colons(cursor) {
                    path.push(segment);
                    cursor = next;
                }
                self.named.push(path);
            } else if let Some((_, next)) = cursor.token_tree() {
                cursor = next;
            } else {
                return;
            }
        }
    }
}

/// `::segment` at this place.
fn after_colons(cursor: Cursor<'_>) -> Option<(String, Cursor<'_>)> {
    let (first, cursor) = cursor.punct()?;
    let (second, cursor) = cursor.punct()?;
    let (segment, cursor) = cursor.ident()?;
    (first.as_char() == ':' && second.as_char() == ':').then(|| (segment.to_string(), cursor))
}

/// Takes `self` and `super` out of an absolute path.
fn normal(path: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for segment in path {
        match segment.as_str() {
            "self" => {}
            "super" => {
                found.pop();
            }
            _ => found.push(segment.clone()),
        }
    }
    found
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Scope {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let Some((_, items)) = &item.content else { return self.children.push(name) };
        let mut inner = Scope::new(&[&self.module[..], &[name]].concat().join("::"));
        for item in items {
            inner.visit_item(item);
        }
        self.nested.extend(inner.resolved());
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let local = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename).to_string();
        self.add_import(local, vec![item.ident.to_string()]);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.named.push(segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.visit_path(&mac.path);
        self.scan_tokens(TokenBuffer::new2(mac.tokens.clone()).begin());
    }
}
