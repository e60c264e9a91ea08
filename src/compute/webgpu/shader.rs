//! WGSL sources with their constants, and the pipelines made of them.
//!
//! A source is text with constants in front and repeated lines: a line that ends in `//@ r c` stands once for every value
//! of `r` and `c`, with `{r}` and `{c}` replaced. Tile sizes are constants of the text and not `override`s, because they
//! are the lengths of what a thread holds in registers: only lines that stand there one by one stay out of memory on every
//! driver.

/// A WGSL file as visitors download it: without its comments, every line where it was.
macro_rules! wgsl {
    ($file:literal) => {{
        const TEXT: &str = include_str!($file);
        const BARE: [u8; crate::compute::webgpu::shader::bare::<0>(TEXT).1] = crate::compute::webgpu::shader::bare(TEXT).0;
        const { crate::compute::webgpu::shader::text(&BARE) }
    }};
}
pub(super) use wgsl;

/// The first `N` bytes of a source without its comments (`//@` is none), and how many there are.
pub(super) const fn bare<const N: usize>(source: &str) -> ([u8; N], usize) {
    let (source, mut kept) = (source.as_bytes(), [0; N]);
    let (mut from, mut to, mut commented) = (0, 0, false);
    while from < source.len() {
        let byte = source[from];
        if byte == b'\n' {
            commented = false;
        } else if byte == b'/' && from + 2 < source.len() && source[from + 1] == b'/' && source[from + 2] != b'@' {
            commented = true;
        }
        if !commented {
            if to < N {
                kept[to] = byte;
            }
            to += 1;
        }
        from += 1;
    }
    (kept, to)
}

/// Bytes of [`bare`] as text, which they are: comments begin and end at whole characters.
pub(super) const fn text(bare: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bare) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// What is bound beside the parameters, in the order of the bindings 1, 2, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    Write,
}

/// Everything that a pipeline is made of, and its key in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The op's stem.
    pub label: &'static str,
    /// WGSL files, one after another.
    pub files: Vec<&'static str>,
    /// `const NAME: u32 = value;`
    pub constants: Vec<(&'static str, u32)>,
    /// How often repeated lines stand.
    pub repeats: Vec<(&'static str, u32)>,
    pub bindings: Vec<Access>,
}

impl Source {
    /// The text as the device gets it.
    pub fn text(&self) -> String {
        let constants: String = self.constants.iter().map(|(name, value)| format!("const {name}: u32 = {value}u;\n")).collect();
        let mut text = String::new();
        for line in self.files.iter().flat_map(|file| file.lines()) {
            match line.split_once("//@") {
                Some((body, names)) => repeat(body.trim_end(), names.split_whitespace(), &self.repeats, &mut text),
                None => {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        module([&constants, &text])
    }
}

/// A module of some parts. What it enables stands before all of them; subgroups only in browsers: naga knows their functions by
/// themselves and not yet the word for them.
pub fn module<const N: usize>(parts: [&str; N]) -> String {
    let lines = || parts.iter().flat_map(|part| part.lines());
    let enables = |line: &&str| line.starts_with("enable ");
    let before = lines().filter(|line| enables(line) && (cfg!(target_arch = "wasm32") || !line.contains("subgroups")));
    before.chain(lines().filter(|line| !enables(line))).flat_map(|line| [line, "\n"]).collect()
}

fn repeat<'a>(body: &str, mut names: impl Iterator<Item = &'a str> + Clone, counts: &[(&str, u32)], text: &mut String) {
    let Some(name) = names.next() else {
        text.push_str(body);
        text.push('\n');
        return;
    };
    let count = counts.iter().find(|(known, _)| *known == name).map_or(0, |found| found.1);
    for value in 0..count {
        repeat(&body.replace(&format!("{{{name}}}"), &value.to_string()), names.clone(), counts, text);
    }
}

/// A compiled source with the layout of its bindings.
pub struct Pipeline {
    pub(crate) compute: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

impl Pipeline {
    pub(crate) fn new(device: &wgpu::Device, source: &Source) -> Self {
        let entry = |binding: usize, ty, dynamic, size| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: dynamic, min_binding_size: std::num::NonZeroU64::new(size) },
            count: None,
        };
        let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform, true, super::run::PARAMS_BYTES)];
        for (at, access) in source.bindings.iter().enumerate() {
            entries.push(entry(at + 1, wgpu::BufferBindingType::Storage { read_only: *access == Access::Read }, false, 0));
        }
        let label = Some(source.label);
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
        let whole = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor { label, bind_group_layouts: &[Some(&layout)], immediate_size: 0 });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source: wgpu::ShaderSource::Wgsl(source.text().into()) });
        let compute = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&whole),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { zero_initialize_workgroup_memory: false, ..Default::default() },
            cache: None,
        });
        Self { compute, layout }
    }
}
